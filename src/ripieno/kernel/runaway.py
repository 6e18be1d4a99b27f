"""Runs that run away: the same call over and over, more at once than is allowed, faster than is allowed.

A trip is a recorded choice where it happened, and ends the visit that acted: as `escalated`, or `partial`
where that is declared. Nothing that a participant catches lets it go on. Whatever the patterns around it
make of that, the run does not end as complete, and its reason tells of the first trip.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.turnstile import Branch
from ripieno.model.durations import seconds
from ripieno.model.event import Event, Json
from ripieno.model.outcome import Outcome, Status
from ripieno.model.runaway import CallRate, Runaway
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = [
    "RanAway",
    "Repeats",
    "TrippedError",
    "check_call",
    "ended_after",
    "ran_away_body",
    "ran_away_from",
    "rate_of",
    "rated",
    "runaway_of",
    "too_many",
    "trip",
    "tripped",
]

DEFAULT: Final = Runaway()
TRIPPED: Final = "runaway"
KEPT: Final = 512
"""So many different calls are known behind a segment: those made most often, and of these the latest."""

KEPT_OF_ONE: Final = 64
"""So many of them were made once: a loop that calls something else in each round has segments that stay
small, and one that repeats itself is found all the same, since what it repeats is counted twice soon."""

DIGITS: Final = 16


class RanAway(NamedTuple):
    """The first act within a visit that ran away."""

    status: Status
    """What that ends in."""
    because: Value
    """What is said of it."""


def ran_away_body(scope: Scope) -> dict[str, Json]:
    """Give what ran away within a visit, as its end or a segment of it says; nothing for nothing."""
    found = scope.ran_away
    return {} if found is None else {"ran_away": {"status": found.status, "because": found.because.ref}}


def ran_away_from(scope: Scope, body: Mapping[str, Any]) -> None:
    """Tell a visit of what a recorded end or segment says that ran away in it."""
    said = body.get("ran_away")
    if said is not None and scope.ran_away is None:
        scope.ran_away = RanAway(said["status"], scope.execution.stored(said["because"]))


class TrippedError(BaseException):
    """Unwinds a participant that has run away to its visit, past whatever it catches."""

    def __init__(self, found: RanAway, reason: str) -> None:
        super().__init__(reason)
        self.found = found
        self.outcome = Outcome(found.status, reason=reason)


class Repeats:
    """How often a run has made each call, through segments and restarts."""

    __slots__ = ("_counts",)

    def __init__(self, events: Sequence[Event]) -> None:
        self._counts: Counter[str] = Counter()
        last = max((event for event in events if event.kind == "segment"), key=place, default=None)
        if last is not None:
            self._counts.update(last.body.get("repeats", {}))
        for event in events:
            if event.kind == "intent" and (last is None or event.seq > last.seq):
                self._note(event)

    def _note(self, event: Event) -> None:
        if event.body["attempt"] == 1 and not event.path.endswith(UNDO):
            self.count(event.body["tool"], event.body["arguments"])

    def count(self, tool: str, arguments: str) -> int:
        """Count a call, and give how often it was made with this one."""
        call = hashlib.sha256(f"{tool} {arguments}".encode()).hexdigest()[:DIGITS]
        self._counts[call] += 1
        return self._counts[call]

    def document(self) -> dict[str, Json]:
        """Give the counts as they stand in a segment, and forget others: nothing where nothing is called."""
        if not self._counts:
            return {}
        latest = list(self._counts.items())[::-1]
        once = [item for item in latest if item[1] == 1][:KEPT_OF_ONE]
        often = sorted((item for item in latest if item[1] > 1), key=lambda item: -item[1])
        kept = dict([*often, *once][:KEPT][::-1])
        self._counts = Counter(kept)
        return {"repeats": kept}


def place(event: Event) -> int:
    """Give the place of an event in its run."""
    return event.seq


def runaway_of(execution: Execution) -> Runaway:
    """Give what is declared for the run's workflow."""
    bounds = execution.definition.bounds
    return DEFAULT if bounds is None or bounds.runaway is None else bounds.runaway


async def tripped(scope: Scope, path: str, branch: Branch) -> None:
    """Unwind where it is recorded that the act at a path has run away."""
    for event in scope.take(f"{path}/{TRIPPED}", frozenset({"choice"})):
        await scope.execution.turnstile.recorded(branch, event.seq)
        because = scope.execution.stored(event.body["because"])
        raise TrippedError(RanAway(event.body["chosen"], because), because.decode()["reason"])


async def trip(scope: Scope, path: str, branch: Branch, reason: str) -> None:
    """Record that the act at a path has run away, and unwind."""
    execution = scope.execution
    await execution.turnstile.live(branch)
    chosen: Status = "partial" if runaway_of(execution).then == "stop" else "escalated"
    payloads: list[tuple[bytes, bytes]] = []
    because = execution.value({"reason": reason, "at": path})
    body: dict[str, Json] = {
        "what": TRIPPED,
        "chosen": chosen,
        "offered": ["escalated", "partial"],
        "because": execution.keep(because, payloads),
    }
    scope.needs(execution.append("choice", f"{path}/{TRIPPED}", body, payloads=payloads))
    raise TrippedError(RanAway(chosen, because), reason)


def ended_after(found: RanAway, outcome: Outcome) -> Outcome:
    """Give what a run ends in within which something ran away: never a success, and never without a word."""
    said: Any = found.because.decode()
    why, before = str(said["reason"]), outcome.reason or ""
    reason = before if why in before else "; ".join(part for part in (before, why) if part)
    output, evidence, _ = outcome.parts
    status = found.status if outcome.ok else outcome.status
    return Outcome(status, output, confidence=outcome.confidence, evidence=evidence, reason=reason)


async def check_call(scope: Scope, path: str, branch: Branch, call: tuple[str, str, str]) -> None:
    """Count the first attempt at a call of a tool, and unwind where it was made too often.

    `call`: the tool's name, its effect, and the commitment of the arguments.
    """
    execution = scope.execution
    if execution.turnstile.replaying:
        await tripped(scope, path, branch)
        await execution.turnstile.live(branch)
    tool, effect, arguments = call
    times, allowed = execution.repeats.count(tool, arguments), runaway_of(execution).allows(effect)
    if times > allowed:
        await trip(
            scope,
            path,
            branch,
            f"it has run away: {tool} was called with the same arguments {allowed} times, as often as"
            f" this workflow allows, and was to be called again by {path}",
        )


def rate_of(execution: Execution, tool: str) -> CallRate | None:
    """Give how often the run's principal may call a tool; None where nothing is declared."""
    declared = runaway_of(execution).rates.get(tool)
    if declared is None:
        return None
    calls, per = declared
    return CallRate(tool, calls, int(seconds(per) * MICROSECONDS))


def rated(rate: CallRate | None) -> dict[str, Json]:
    """Give a rate as an intent says it, so that the row that is kept for it can be verified."""
    return {} if rate is None else {"rate": [rate.calls, rate.per]}


def too_many(limit: int, path: str) -> str:
    """Say that more was begun at once than may be."""
    return (
        f"it has run away: {limit} branches are under way at once, as many as may be, and {path} was to be"
        " one more"
    )
