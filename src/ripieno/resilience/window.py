"""How much went out in the time just passed: a window that slides, so that no time of its length has more.

A bucket that is refilled lets through twice as much in the time around its refilling; this remembers when
what went out did, one entry for each, and so can take back what was reserved and not needed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["Taken", "Window"]


@dataclass(slots=True)
class Taken:
    """What one call has taken of a window."""

    at: int
    amount: int
    passed: bool = False
    """True once it counts no more."""


class Window:
    """At most so much in any time of this length. All times are microseconds, and never go back."""

    def __init__(self, limit: int, per: int) -> None:
        self.limit = limit
        self._per = per
        self._taken: deque[Taken] = deque()
        self._total = 0

    def wait(self, now: int, amount: int) -> int:
        """Give the microseconds until so much may go out, if nothing else does meanwhile.

        What is more than the whole is let through alone, once nothing else counts: the most that a call may
        need is seldom what it needs.
        """
        self._pass(now)
        over = self._total + min(amount, self.limit) - self.limit
        going = iter(self._taken)
        until = now
        while over > 0:
            oldest = next(going)  # what counts is at least what is over
            over -= oldest.amount
            until = oldest.at + self._per
        return until - now

    def take(self, now: int, amount: int) -> Taken:
        """Count what goes out now; whoever takes it has found that it need not wait."""
        taken = Taken(now, min(amount, self.limit))
        self._taken.append(taken)
        self._total += taken.amount
        return taken

    def settle(self, taken: Taken, amount: int) -> None:
        """Count what it really was, were it more; what has passed counts no more."""
        if not taken.passed:
            self._total += amount - taken.amount
            taken.amount = amount

    def _pass(self, now: int) -> None:
        while self._taken and self._taken[0].at <= now - self._per:
            gone = self._taken.popleft()
            gone.passed = True
            self._total -= gone.amount
