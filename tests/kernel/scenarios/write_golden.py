"""Write the golden journals of this version; once per release, when the format or the kernel changed.

python -m kernel.scenarios.write_golden FOLDER        (from tests)
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from .golden import export
from .golden_workflows import GOLDEN
from .hand_clock import HandClock
from .house import asked, begin, ended, parked, reply, serving, turned

NOTED = {"proceed": True, "note": ""}
INPUT = {"amount": 50}


async def write(name: str, home: Path) -> str:
    """Run one of the workflows to its end and give its journal."""
    clock, workflow = HandClock(), GOLDEN[name]
    async with serving(home, workflow, clock=clock) as host:
        run = await begin(host, workflow, INPUT)
        if name == "approval":
            await parked(host, run)
            await turned(host, clock, run, 5 * 3600)
            await reply(host, await asked(host, run, "ask/2"), NOTED, reason="seen")
        elif name == "branches":
            await parked(host, run)
            await turned(host, clock, run, 3600)
        else:
            for number in range(1, 8):
                question = await asked(host, run, f"body@{number}/")
                await parked(host, run)
                await reply(host, question, {"proceed": True, "note": "done" if number == 7 else ""})
        await ended(host, run)
        return await export(host.store, run)


def main(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in GOLDEN:
        with tempfile.TemporaryDirectory() as home:
            text = asyncio.run(write(name, Path(home)))
        (folder / f"{name}.jsonl").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
