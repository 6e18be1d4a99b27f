"""A provider of models in a process of its own: the test server, which answers after a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).parents[2] / "tests"
sys.path.insert(0, str(TESTS))

from providers import server  # noqa: E402 - found once its folder is
from providers.replies import Asked, Calls, Says  # noqa: E402 - as above


class Slow(server.Provider):
    """Answers after some seconds."""

    seconds = 0.0

    async def _reply(self, asked: Asked) -> Any:
        await asyncio.sleep(self.seconds)
        return self.script(asked)


def with_tools(asked: Asked) -> Calls | Says:
    """Ask for two calls, twice, and then answer."""
    if asked.turn < 2:  # noqa: PLR2004 - twice
        return Calls([("price", {"of": f"tea {asked.turn}"}), ("price", {"of": f"coffee {asked.turn}"})])
    return Says("tea is cheaper")


def answers(asked: Asked) -> Says:
    """Answer at once."""
    del asked
    return Says("tea")


SCRIPTS: Final[dict[str, Callable[[Asked], Any]]] = {"with_tools": with_tools, "answers": answers}


async def main(script: str, seconds: str) -> None:
    """Serve until the process is ended; the port is printed."""
    server.Provider, Slow.seconds = Slow, float(seconds)
    async with server.serving(SCRIPTS[script]) as provider:
        print(provider.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
