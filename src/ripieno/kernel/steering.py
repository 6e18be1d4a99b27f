"""What operators have told a resident run, as far as it was folded: to pause, to go on, to skip a step.

A pause holds whatever would begin something new: a visit, a claim, a question, and whoever has just
been answered. It records nothing of its own and decides nothing, so that replay holds at the same places.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ripieno.kernel.turnstile import Branch
from ripieno.model.event import Event
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Signal

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = ["Skip", "Steering"]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A branch that waits before something new."""

    branch: Branch
    future: asyncio.Future[None]
    owed: bool
    """True where it belongs to an effect, which a cancellation lets finish what it owes."""


@dataclass(frozen=True, slots=True)
class Skip:
    """An operator's word on how a visit ends."""

    event: Event
    outcome: Outcome

    @property
    def seq(self) -> int:
        """Where it was folded into the chain."""
        return self.event.seq


class Steering:
    """The commands of operators that are in force in one resident run."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._paused: Event | None = None
        self._leaving = self._cancelled = False
        self._held: list[Held] = []
        self._skips: dict[str, Skip] = {}
        """By the path of the visit."""
        self._named: dict[str, Skip] = {}
        """By the name of a participant: for the visit that is next."""
        self.signals: dict[str, Signal] = {}
        """What was given from outside, by name; given again, the first stands."""
        self._used: list[tuple[str, int, int]] = []
        """Of skips that had their effect: the path, and the places of command and effect."""
        self.heeded = False
        """True when there is anything that a visit, claim or question has to heed."""

    # -- what is said -----------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Heed a command; one that has had its effect already is left out of what replay needs."""
        match event.body["what"]:
            case "pause":
                self._paused = self._paused or event
            case "continue":
                self._continue(event)
            case "skip":
                self._skip(event)
            case "limit":
                said = self._execution.stored(event.body["content"]).decode()
                for name, value in said["limits"].items():
                    self._execution.set_limit(event.path, name, value, event.seq)
            case "signal":
                self._signal(event)
            case _:
                pass
        self._look()

    def _continue(self, event: Event) -> None:
        self._paused = None
        messages = self._execution.recording.messages
        messages[:] = [item for item in messages if item.body["what"] != "pause" and item is not event]
        if not self._leaving:
            self._let_go(self._held)

    def _signal(self, event: Event) -> None:
        said = self._execution.stored(event.body["content"])
        given = Signal(event.body["by"], said)
        if self.signals.setdefault(said.decode()["signal"], given) is not given:
            self._execution.recording.messages.remove(event)

    def _skip(self, event: Event) -> None:
        execution = self._execution
        messages = execution.recording.messages
        ended = execution.recording.skipped.get(event.seq)
        if ended is not None:
            self._used.append((event.path, event.seq, ended))
            messages.remove(event)
            return
        named = "@" not in event.path
        path = self._open_visit(event.path) if named else event.path
        if self._twice(event, path or event.path):
            messages.remove(event)
            return
        (self._named if path is None else self._skips)[path or event.path] = Skip(event, self._said(event))
        self.interrupt()
        execution.when_live(self.interrupt)

    def _twice(self, event: Event, target: str) -> bool:
        """Tell whether the same was said already, and had not had its effect when it was said again."""
        if target in self._skips or event.path in self._named:
            return True
        return any(path == event.path and first < event.seq < end for path, first, end in self._used)

    def _open_visit(self, name: str) -> str | None:
        """Give the path of the visit that a participant is at."""
        return min((scope.path for scope in self._execution.open_scopes if scope.name == name), default=None)

    def _said(self, event: Event) -> Outcome:
        said = self._execution.stored(event.body["content"]).decode()
        by = event.body["by"]
        return Outcome(
            "complete",
            said.get("output"),
            confidence=Confidence(1.0, f"skipped by {by}"),
            reason=f"skipped by {by}: {said['reason']}",
        )

    def cancelled(self) -> None:
        """End a pause for good; whoever owes nothing to the world waits for its own cancellation."""
        self._paused, self._cancelled = None, True
        self._look()
        self._let_go([held for held in self._held if held.owed])

    def leave(self) -> None:
        """Let this process finish what it is at and begin nothing new; the run itself is not paused."""
        self._leaving = True
        self._look()

    def _let_go(self, held: list[Held]) -> None:
        for item in list(held):
            self._execution.turnstile.resume(item.branch, item.future)

    # -- what comes of it -------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """True while nothing new may begin because somebody said so."""
        return self._paused is not None

    @property
    def leaving(self) -> bool:
        """True when this process is to give the run up although it could go on."""
        return self._leaving and bool(self._held)

    def _look(self) -> None:
        """Tell whether there is anything left to heed."""
        self.heeded = bool(self._paused or self._skips or self._named or self._cancelled or self._leaving)

    async def hold(
        self, branch: Branch, *, owed: bool = False, after: int | None = None, new: bool = False
    ) -> None:
        """Wait while the run is paused; with `after`, only if the pause came before that event.

        A `new` visit of a cancelled run waits for its cancellation: were it begun, what it does before it
        is blocked would keep the replay from coming to where the cancellation takes effect.
        """
        while self._holds(after) or (new and self._cancelled):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            held = Held(branch, future, owed)
            self._held.append(held)
            try:
                await self._execution.turnstile.wait(branch, future)
            finally:
                self._held.remove(held)

    def _holds(self, after: int | None) -> bool:
        if self._leaving:
            return after is None or not self._execution.turnstile.replaying
        return self._paused is not None and (after is None or after > self._paused.seq)

    async def before(self, path: str, name: str, branch: Branch) -> bool:
        """Hold a visit that has not begun; tell whether it is to be skipped without beginning."""
        if self._execution.recording.entered(path):
            self._claim_name(path, name)
            return False
        await self.hold(branch, new=True)
        self._claim_name(path, name)
        return path in self._skips

    def _claim_name(self, path: str, name: str) -> None:
        skip = self._named.pop(name, None)
        if skip is not None:
            self._skips.setdefault(path, skip)
            self._look()

    def skips(self, path: str) -> bool:
        """Tell whether a visit is to end by an operator's word."""
        return path in self._skips

    def skip(self, path: str) -> Skip | None:
        """Give how a visit ends by an operator's word, if one was said; it is used up by this."""
        skip = self._skips.pop(path, None)
        if skip is not None:
            self._execution.recording.messages.remove(skip.event)
            self._look()
        return skip

    def interrupt(self) -> None:
        """Let the open visits that are to be skipped unwind; what they have claimed is awaited.

        While the run replays, only those of which nothing is recorded: the others are replayed first.
        """
        execution = self._execution
        for scope in list(execution.open_scopes):
            replayed = execution.turnstile.replaying and execution.recording.entered(scope.path)
            if scope.path in self._skips and not scope.interrupted and not replayed:
                scope.interrupted = True
                self._execution.turnstile.interrupt(scope.branch)

    def absorb(self, scope: Scope) -> bool:
        """Tell whether a cancellation within a visit was its being skipped; it ends there then."""
        execution = self._execution
        above = scope.parent is not None and scope.parent.cancelled_above
        if scope.path not in self._skips or execution.rest is not None or above or scope.branch.cancelled:
            return False
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()
        return True
