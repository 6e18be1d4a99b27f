"""A process that serves a data folder, for the scenarios that look at one from outside or kill it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from harness.long_runs import BENCH, slow_steps, waiting
from ripieno.workflows.embedded import open_host

__all__ = ["main"]


async def serve(home: Path, start: int) -> None:
    """Serve the folder until killed; start so many runs of slow steps first."""
    async with open_host(home) as host:
        slow = slow_steps(50)
        await host.enter(slow, BENCH)
        host.register(waiting())
        await asyncio.gather(*(host.start(slow, {"run": n}, principal=BENCH) for n in range(start)))
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Be the command line: the folder, and how many runs to start."""
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
