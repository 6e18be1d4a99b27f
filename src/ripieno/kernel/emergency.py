"""Break-glass: an approval in the stead of those whom a policy names, by a role made for emergencies.

It is in the tenant's log, for review, before it counts.
"""

from __future__ import annotations

from ripieno.journal.records import QuestionRow, why_closed
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_answer, check_tenant
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import asked_for, check_barred
from ripieno.kernel.messages import send
from ripieno.model.errors import InputError, RefusedError
from ripieno.model.principal import Principal

__all__ = ["break_glass"]


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
    by = await check_answer(store, row, by, "break-glass")
    if row.state != "open":
        raise RefusedError(
            why_closed(row.number, row.state, row.answered_by, row.answered_at, row.answered_for)
        )
    asked = asked_for(store, row)
    if not asked.barred:
        msg = f"t-{row.number} is no approval that a policy asks for; it is for {row.role or row.person}"
        raise RefusedError(msg)
    check_barred(row, asked.barred, {by.id})
    body = {"task": f"t-{row.number}", "run": row.run, "by": by.id}
    await store.record(by.tenant, "emergency", body, reason=reason)
    said = {"value": {"proceed": True}, "reason": reason, "emergency": True}
    await send(store, clock, row.run, by=by, kind="answer", said=said, question=row, closes="answered")
