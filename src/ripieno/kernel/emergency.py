"""Break-glass: an approval in the stead of those whom a policy names, by a role made for emergencies.

It is in the tenant's log, for review, before it counts; a review is an event by somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ripieno.journal.records import QuestionRow, why_closed
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_answer, check_review, check_tenant
from ripieno.kernel.approving import SEALED, sealed, unsealed
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import asked_for, check_barred, check_in_time
from ripieno.kernel.erased import ERASED
from ripieno.kernel.messages import send
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal
from ripieno.model.value import decode

__all__ = ["Emergency", "break_glass", "emergencies", "reason_in", "review"]

PAGE: Final = 1000
"""So many events are read at a time."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """One approval that was given by breaking the glass."""

    event: int
    """Its number in the tenant's stream."""
    task: str
    """Such as `t-58`."""
    run: str
    by: str
    at: int
    """Microseconds since 1970-01-01 UTC."""
    reason: str
    reviewed_by: str | None = None
    review: str | None = None
    """What the review came to, in the words of whoever made it."""


async def break_glass(store: Store, clock: Clock, row: QuestionRow, *, by: Principal, reason: str) -> None:
    """Approve an act that policies ask about, whoever else they name; durable when this returns.

    It counts for every approval that the act still lacks. Raises `NotAllowedError` where policy does not let
    `by` (in the shipped packs: without the role `break-glass`), or for who proposed the act or gains by it;
    `InputError` without a reason; and `RefusedError` for a task that is no approval, or not open any more.
    """
    if not reason.strip():
        msg = f"to break the glass for t-{row.number} needs a reason: it is reviewed afterwards"
        raise InputError(msg)
    row = await store.question(row.number)
    check_tenant(await store.run(row.run), by)
    by = await check_answer(store, row, by, "break-glass", given={}, reason=reason)
    if row.state != "open":
        raise RefusedError(
            why_closed(row.number, row.state, row.answered_by, row.answered_at, row.answered_for)
        )
    asked = asked_for(store, row)
    if not asked.barred:
        msg = f"t-{row.number} is no approval that a policy asks for; it is for {row.role or row.person}"
        raise RefusedError(msg)
    check_barred(row, asked.barred, {by.id})
    check_in_time(asked, clock.now())
    body = {"task": f"t-{row.number}", "run": row.run, "by": by.id}
    sealed_reason = {SEALED: sealed(store, row.run, {"reason": reason})}
    await store.record(by.tenant, "emergency", body, reason=sealed_reason)
    said = {"value": {"proceed": True}, "reason": reason, "emergency": True}
    await send(store, clock, row.run, by=by, kind="answer", said=said, question=row, closes="answered")


async def emergencies(store: Store, tenant: str) -> Sequence[Emergency]:
    """Give every emergency of a tenant, oldest first, with its review where there was one."""
    stream, found, after = await store.tenant_stream(tenant), dict[int, Emergency](), 0
    while page := await store.events(stream, after=after, limit=PAGE):
        after = page[-1].seq
        for event in page:
            if event.kind not in ("emergency", "emergency.reviewed"):
                continue
            body, said = event.body, reason_in(store, decode(store.payload(stream, event.body["reason"])))
            if event.kind == "emergency":
                found[event.seq] = Emergency(event.seq, body["task"], body["run"], body["by"], event.at, said)
            else:
                of = found[body["emergency"]]
                found[of.event] = replace(of, reviewed_by=body["by"], review=said)
    return list(found.values())


def reason_in(store: Store, said: Any) -> str:
    """Give a reason in a tenant's log; one that is sealed by the key of a run is gone once that is erased."""
    if not isinstance(said, dict):
        return str(said)
    return str(unsealed(store, cast("dict[str, Any]", said)).get("reason", ERASED))


async def review(store: Store, task: str, *, by: Principal, said: str) -> Emergency:
    """Close the review of an emergency: `said` is what it came to. Durable when this returns.

    Raises `NotAllowedError` for whoever has passed, started the run or is not let by policy (in the shipped
    packs: without the role `auditor`, `administrator` or `operator`), `NotFoundError` where nobody broke
    the glass for the task, `InputError` without a word, and `RefusedError` where it was reviewed.
    """
    known = [one for one in await emergencies(store, by.tenant) if one.task == task]
    if not known:
        msg = f"nobody has broken the glass for {task}"
        raise NotFoundError(msg, remedy="ripieno audit emergencies shows what is to be reviewed")
    one = known[-1]
    run = await store.run(one.run)
    check_tenant(run, by)
    by = await check_review(store, run, task, by, said)
    if by.id in (one.by, run.principal):
        msg = f"{by.id} has passed {task} in an emergency, or gains by it: somebody else reviews it"
        raise NotAllowedError(msg)
    if not said.strip():
        msg = f"the review of {task} says what it came to"
        raise InputError(msg)
    if one.reviewed_by is not None:
        msg = f"{task} was reviewed by {one.reviewed_by}: {one.review}"
        raise RefusedError(msg)
    body = {"emergency": one.event, "task": task, "run": one.run, "by": by.id}
    words: str | dict[str, object] = said
    if store.erasure(one.run) is None:
        words = {SEALED: sealed(store, one.run, {"reason": said})}
    await store.record(by.tenant, "emergency.reviewed", body, reason=words)
    return replace(one, reviewed_by=by.id, review=said)
