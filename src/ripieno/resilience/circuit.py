"""A breaker as a machine of states, driven by the times that it is told: no clock, no waiting.

`closed` lets everything through; `open` nothing until its time has come; then it is `half_open` and lets one
call through, on which it depends whether it closes or opens again, for longer. What was sent before it opened
and ends after it says nothing about how the system is now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ripieno.kernel.clock import MICROSECONDS
from ripieno.model.durations import seconds
from ripieno.model.failure import Failure
from ripieno.resilience.policy import Breaker

__all__ = ["Change", "Circuit", "Closed", "Pass", "State"]

State = Literal["closed", "open", "half_open"]

PROBING: Final = MICROSECONDS
"""Who does not wait while one call finds out is told to come again after this time."""


class Pass(NamedTuple):
    """That a call may go out; given back with what became of it."""

    generation: int
    probe: bool


class Closed(NamedTuple):
    """That a call may not go out."""

    wait: int
    """Microseconds after which it may be let through."""
    failure: Failure


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker that has changed its state."""

    state: State
    failure: Failure | None = None
    """For what it is open."""
    until: int | None = None
    """Microseconds since 1970; until when nothing is let through."""
    failures: int = 0
    """How many there were."""


class Circuit:
    """The breaker of one system. All times are microseconds, and never go back."""

    def __init__(self, declared: Breaker) -> None:
        self._declared = declared
        self._within = int(seconds(declared.within) * MICROSECONDS)
        self.state: State = "closed"
        self.until = 0
        self.failure: Failure = "unknown"
        self.changes: list[Change] = []
        """What is to be told of it; whoever tells it takes it out."""
        self.listening: list[Callable[[], None]] = []
        """Who waits for what a call finds out that was let through; called once."""
        self._opened = 0
        """How often in a row it has opened."""
        self._generation = 0
        self._probing = False
        self._ended: deque[tuple[int, bool]] = deque()
        """When calls ended lately, and whether they failed."""
        self._failed = 0

    def look(self, now: int) -> Closed | None:
        """Tell whether a call would be refused now, without letting one through."""
        if self.state == "closed" or (self.state == "open" and now >= self.until):
            return None
        if self.state == "half_open" and not self._probing:
            return None
        return Closed(PROBING if self.state == "half_open" else self.until - now, self.failure)

    def admit(self, now: int) -> Pass | Closed:
        """Let a call through, or say for how long it is not."""
        refused = self.look(now)
        if refused is not None:
            return refused
        if self.state == "closed":
            return Pass(self._generation, probe=False)
        if self.state == "open":
            self._change(Change("half_open", self.failure))
        self._probing = True
        return Pass(self._generation, probe=True)

    def succeeded(self, given: Pass, now: int) -> None:
        """Take in that the system has answered, with whatever it was that says nothing against it."""
        if given.generation != self._generation:
            return
        if given.probe:
            self._opened = 0
            self._forget()
            self._change(Change("closed"))
        else:
            self._note(now, failed=False)

    def failed(self, given: Pass, now: int, failure: Failure, retry_after: float | None) -> None:
        """Take in how a call failed."""
        asked = None if retry_after is None else int(retry_after * MICROSECONDS)
        if failure not in self._declared.at_once and failure not in self._declared.on:
            self.succeeded(given, now)
            return
        if given.generation != self._generation:
            if self.state == "open" and asked is not None:
                self.until = max(self.until, now + asked)
            return
        if given.probe:
            self._open(now, failure, asked)
            return
        self._note(now, failed=True)
        shut = failure in self._declared.at_once or (asked is not None and asked > 0)
        many = self._failed >= self._declared.failures
        if shut or (many and self._failed >= self._declared.share * len(self._ended)):
            self._open(now, failure, asked)

    def forgotten(self, given: Pass) -> None:
        """Take in that nobody knows what became of a call: the next one finds out."""
        if given.probe and given.generation == self._generation:
            self._probing = False
            self._call()

    def _open(self, now: int, failure: Failure, asked: int | None) -> None:
        base = self._declared.lasting if failure in self._declared.at_once else self._declared.cooldown
        longest = max(seconds(self._declared.longest), seconds(base))
        wait = int(min(seconds(base) * 2 ** min(self._opened, 40), longest) * MICROSECONDS)
        if asked:
            wait = max(asked, wait) if failure in self._declared.at_once or self._opened else asked
        self._opened += 1
        self.failure, self.until = failure, now + wait
        self._change(Change("open", failure, self.until, self._failed))
        self._forget()

    def _change(self, change: Change) -> None:
        if change.state != "half_open":
            self._generation += 1
        self.state, self._probing = change.state, False
        self.changes.append(change)
        if change.state != "half_open":
            self._call()

    def _call(self) -> None:
        listening, self.listening = self.listening, []
        for one in listening:
            one()

    def _note(self, now: int, *, failed: bool) -> None:
        self._ended.append((now, failed))
        self._failed += failed
        while self._ended and self._ended[0][0] <= now - self._within:
            self._failed -= self._ended.popleft()[1]

    def _forget(self) -> None:
        self._ended.clear()
        self._failed = 0
