"""Running again what failed: a new run that begins with everything that did not depend on the failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import Clock
from ripieno.kernel.forks import begin, finished
from ripieno.kernel.limits_anew import begun, led_to_by_limits
from ripieno.kernel.recording import ENDS, origin, scopes_around
from ripieno.model.errors import NotFoundError, RefusedError
from ripieno.model.event import Event
from ripieno.model.principal import Principal

__all__ = ["kept", "retry"]


async def retry(
    store: Store,
    clock: Clock,
    run: RunRow,
    *,
    by: Principal,
    reason: str | None = None,
    operation: str | None = None,
) -> RunRow:
    """Run a run again from the step that failed, and give the new run.

    What was finished before that step ended, or beside it, is taken over and not done again; what came
    of the failure is not. Of a run that was cancelled everything finished is taken over. A run is
    retried once: whoever wants it again retries the new one. Raises `RefusedError` for a run that still
    goes on, is complete, or was retried.
    """
    if run.tenant != by.tenant or not by.scope.reaches(run.workflow):
        msg = f"no run {run.id!r}"
        raise NotFoundError(msg)
    by = await check_command(store, run, by, "retry", given={}, reason=reason)
    if not run.ended or run.status == "complete":
        state = "is complete" if run.ended else f"has not ended ({run.status})"
        msg = f"run {run.id[-6:]} {state}: there is nothing to retry"
        raise RefusedError(msg)
    events = await store.events(run.id)
    created = await begin(
        store,
        clock,
        run,
        events,
        kept(events),
        by=by,
        key=f"retry of {run.id}",
        reason=reason,
        operation=operation,
    )
    if created.existed:
        row = created.row
        msg = f"run {run.id[-6:]} was retried as run {row.id[-6:]} ({row.status})"
        raise RefusedError(msg, remedy="retry that one, if it failed as well")
    return created.row


@dataclass(frozen=True, slots=True)
class Visit:
    """How a visit ended, and when it was begun."""

    path: str
    participant: str
    status: str
    started: int
    """Microseconds."""
    at: int
    seq: int
    ran_away: bool
    """True where something within it did, whatever else came of it."""

    @property
    def well(self) -> bool:
        """True when it is no reason for a failure around it; one that was stopped is none."""
        return self.status in ("complete", "cancelled") and not self.ran_away


def kept(events: Sequence[Event]) -> list[Event]:
    """Give what a retry takes over: what is finished and had begun before the failure was known."""
    visits = {visit.path: visit for visit in map(visit_of, events) if visit is not None}
    top = [visit for path, visit in visits.items() if "/" not in path]
    failed = {path for visit in top if not visit.well for path in causes(visit, visits)}
    if not failed:
        return finished(events)
    known = min((visits[path] for path in failed), key=lambda visit: visit.seq)
    again = {around for path in failed for around in (path, *scopes_around(path))}
    first = begun(events)
    limited = led_to_by_limits(events, again.__contains__)

    def stays(event: Event) -> bool:
        what = origin(event) if event.kind == "imported" else event
        if what.kind in ENDS and what.path in again:
            return False
        if again_as_child(what.path, visits, again) or event.seq in limited:
            return False
        if any(timed(path, visits, again) for path in (what.path, *scopes_around(what.path))):
            return False
        visit = visits.get(what.path) if what.kind in ENDS else None
        return first[what.path] < known.seq or (visit is not None and visit.started < known.at)

    return [event for event in finished(events) if stays(event)]


def visit_of(event: Event) -> Visit | None:
    """Read the end of a visit; None for anything else."""
    what = origin(event) if event.kind == "imported" else event
    if what.kind not in ENDS:
        return None
    body = what.body
    status, ran_away = body["outcome"]["status"], "ran_away" in body
    return Visit(what.path, body["participant"], status, body["started"], event.at, event.seq, ran_away)


def causes(visit: Visit, visits: Mapping[str, Visit]) -> set[str]:
    """Give the visits within one that made it fail: the last that failed, and those beside it.

    One within which nothing failed is itself the cause.
    """
    within = [
        other for other in visits.values() if not other.well and other.path.rpartition("/")[0] == visit.path
    ]
    if not within:
        return {visit.path}
    last = max(within, key=lambda other: other.seq)
    beside = [other for other in within if other is last or other.at > last.started]
    return {path for other in beside for path in causes(other, visits)}


def timed(path: str, visits: Mapping[str, Visit], again: set[str]) -> bool:
    """Tell whether a visit is the timer of something that is done again: its time begins anew."""
    visit = visits.get(path)
    return visit is not None and visit.participant == "timer" and path.rpartition("/")[0] in again


def again_as_child(path: str, visits: Mapping[str, Visit], again: set[str]) -> bool:
    """Tell whether a path is the wait for a child run that did not end well: another one is run."""
    visit, _, act = path.rpartition("/child/")
    return act.isdecimal() and visit in again and visits[visit].participant == "workflow"
