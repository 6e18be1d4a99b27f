"""The event loop of a process that serves runs: no code that it runs ends it by the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar, cast

__all__ = ["run_through"]

T = TypeVar("T")


class LastingLoop(asyncio.SelectorEventLoop):
    """Goes on where a task or callback of its own calls `sys.exit()`.

    asyncio lets such an exit through to whoever runs the loop, from whatever task. Who awaits that task
    is told of it nevertheless, which for a participant or tool ends its step as it would have by itself.
    """

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Run until what is asked for is done, whoever else exits meanwhile."""
        whole: asyncio.Future[T] = asyncio.ensure_future(cast("Awaitable[T]", future), loop=self)
        while True:
            try:
                return super().run_until_complete(whole)
            except SystemExit as error:
                if whole.done():
                    raise
                code = "" if error.code is None else repr(error.code)
                said = f"a task that a workflow's code started called sys.exit({code}); the process goes on"
                self.call_exception_handler({"message": said})


def run_through(main: Coroutine[Any, Any, T]) -> T:
    """Run a command that serves runs, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=LastingLoop) as runner:
        return runner.run(main)
