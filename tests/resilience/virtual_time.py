"""An event loop whose time jumps to whatever is next, and a clock that goes with it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from ripieno.kernel.clock import MICROSECONDS

__all__ = ["LoopClock", "in_virtual_time"]

START = 1_800_000_000 * MICROSECONDS


class Jumping(selectors.SelectSelector):
    """Waits for nothing: the time goes on by as long as it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everybody waits for somebody"
            self.now += max(timeout, 0)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what is to be run at its time, at once."""

    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


class LoopClock:
    """Tells the time of the loop; fits `ripieno.kernel.clock.Clock`."""

    def now(self) -> int:
        return START + round(asyncio.get_running_loop().time() * MICROSECONDS)


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run work to its end, however long it says that it takes."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())
