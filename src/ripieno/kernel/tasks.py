"""What people do with a task short of answering it: claim, release, delegate, reassign, comment.

Each is an event in the run's chain, with who and why, and wakes nobody. Of two who take a task at once
one gets it, and the other is told who.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ripieno.journal.records import Message, MessageKind, QuestionRow
from ripieno.journal.store import Store
from ripieno.journal.tasks import Holding
from ripieno.kernel.addressees import Standing, address, standing
from ripieno.kernel.allowed import check_answer, refusing
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import asked_for, check_approver, check_barred
from ripieno.kernel.erased import value_of
from ripieno.model.errors import ChangedError, InputError, NotAllowedError, RefusedError, RipienoError
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal
from ripieno.model.value import encode

__all__ = [
    "Moved",
    "TaskFilter",
    "TaskNote",
    "claim",
    "comment",
    "delegate",
    "history",
    "reassign",
    "reassign_all",
    "release",
    "selected",
]

ATTEMPTS: Final = 20
"""How often one looks again because somebody else was first."""


@dataclass(frozen=True, slots=True)
class Change:
    """What comes of an act, once it was found allowed."""

    holding: Holding | None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What one wants to do with a task."""

    kind: MessageKind
    by: Principal
    said: str | None
    decide: Callable[[Standing], Change]
    """Gives what comes of it as the task stands, or raises."""
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """All that makes it another act."""


async def claim(
    store: Store,
    clock: Clock,
    row: QuestionRow,
    *,
    by: Principal,
    take_over: bool = False,
    reason: str | None = None,
) -> QuestionRow:
    """Take a task, so that others leave it; with `take_over` also from whoever has it.

    Raises `NotAllowedError` when it is not for `by`, and `RefusedError` when somebody else has it.
    """

    def decide(now: Standing) -> Change:
        if not now.entitled:
            now.check_may_act()
        if now.row.claimed_by == by.id:
            msg = f"{now.name} is yours already"
            raise RefusedError(msg)
        if now.row.claimed_by is not None and not (take_over or now.stands_in):
            raise RefusedError(now.taken, remedy=now.way_to_take)
        return Change(replace(holding(now.row), claimed_by=by.id), now.row.claimed_by)

    return await _move(store, clock, row, Act("claim", by, reason, decide, {"take over": take_over}))


async def release(
    store: Store, clock: Clock, row: QuestionRow, *, by: Principal, reason: str | None = None
) -> QuestionRow:
    """Give a task back to those it is for; a delegated one to whoever delegated it.

    Raises `NotAllowedError` unless `by` holds it, has delegated it, or is an operator.
    """

    def decide(now: Standing) -> Change:
        held, had = now.row, holding(now.row)
        if held.claimed_by is None and held.delegated_by is None:
            msg = f"{now.name} was claimed by nobody"
            raise RefusedError(msg)
        if not (now.holds or now.operates or held.delegated_by == by.id):
            raise NotAllowedError(now.taken)
        back = held.delegated_by
        if back is None:
            return Change(replace(had, claimed_by=None))
        if held.role is None:
            return Change(Holding(None, person=back), back)
        return Change(Holding(held.role, claimed_by=back), back)

    return await _move(store, clock, row, Act("release", by, reason, decide))


async def delegate(
    store: Store, clock: Clock, row: QuestionRow, *, by: Principal, to: str, reason: str | None = None
) -> QuestionRow:
    """Let another person do what one holds; the answer is recorded as theirs for `by`.

    Raises `NotAllowedError` unless `by` holds it, and `InputError` unless `to` is another person.
    """
    whom = address(to)

    def decide(now: Standing) -> Change:
        if now.holder is None and now.entitled:
            msg = f"{now.name} is held by nobody yet; who delegates it has to hold it"
            raise RefusedError(msg, remedy=f"ripieno inbox claim {now.name}")
        now.check_may_act()
        if not whom.startswith("person:") or whom in (now.holder, by.id):
            msg = f"{now.name} can be delegated to another person, not to {whom}"
            raise InputError(msg, remedy=f"ripieno inbox reassign {now.name} {whom} gives it away for good")
        return Change(Holding(now.row.role, person=whom, delegated_by=now.holder), whom)

    return await _move(store, clock, row, Act("delegate", by, reason, decide, {"to": whom}))


async def reassign(
    store: Store, clock: Clock, row: QuestionRow, *, by: Principal, to: str, reason: str
) -> QuestionRow:
    """Give a task to another role or person for good; whoever held it does not any more.

    Raises `NotAllowedError` unless `by` holds it or is an operator, and `InputError` without a reason.
    """
    whom = address(to)
    if not reason.strip():
        msg = "who reassigns a task says why"
        raise InputError(msg)
    kind, _, name = whom.partition(":")
    new = Holding(name) if kind == "role" else Holding(None, person=whom)

    def decide(now: Standing) -> Change:
        if not (now.operates or now.holds):
            msg = f"{now.name} can be reassigned by whoever holds it, or an operator; {by.id} is neither"
            remedy = f"ripieno inbox claim {now.name}" if now.holder is None and now.entitled else None
            raise NotAllowedError(msg, remedy=remedy)
        if holding(now.row) == new:
            msg = f"{now.name} is for {whom} already"
            raise RefusedError(msg)
        return Change(new, whom)

    return await _move(store, clock, row, Act("reassign", by, reason, decide, {"to": whom}))


async def comment(store: Store, clock: Clock, row: QuestionRow, *, by: Principal, text: str) -> QuestionRow:
    """Add a remark that everybody sees whom the task concerns."""
    if not text.strip():
        msg = "a comment says something"
        raise InputError(msg)

    def decide(now: Standing) -> Change:
        if not (now.may_see or now.operates):
            msg = f"{now.name} is for {now.whom}; {by.id} has no part in it"
            raise NotAllowedError(msg)
        return Change(None)

    return await _move(store, clock, row, Act("comment", by, text, decide, {"text": text}))


async def _move(store: Store, clock: Clock, row: QuestionRow, act: Act) -> QuestionRow:
    """Do it as the task stands now; when somebody was first, look again and decide anew."""
    payloads: list[tuple[bytes, bytes]] = []
    if act.said is not None:
        data = encode(act.said)
        payloads.append((store.key(row.run).commit(data), data))
    content = payloads[0][0].hex() if payloads else None
    for _ in range(ATTEMPTS):
        row, at = await store.question(row.number), clock.now()
        asked = asked_for(store, row)
        now = await standing(store, row, act.by, at, own_word=asked.asks is not None)
        act.by.check_scope("task.answer", now.run.workflow)
        now.check_open()
        async with refusing(store, row, act.by, act.kind):
            if act.kind in ("claim", "delegate"):  # who may not approve hands nothing on either
                check_barred(row, asked.barred, {act.by.id})
        by = (await check_answer(store, row, act.by, act.kind, given=act.given, reason=act.said)).id
        async with refusing(store, row, act.by, act.kind):
            change = act.decide(now)
            if act.kind == "delegate":
                check_approver(asked, now)
        message = Message(new_id(), row.run, act.kind, by, at, row.id, row.path, content, target=change.to)
        moved = None if change.holding is None else (row.revision, change.holding)
        try:
            await store.move(message, payloads, change=moved)
        except ChangedError:
            continue
        return await store.question(row.number)
    msg = f"t-{row.number} changes hands too often"
    raise RefusedError(msg)


def holding(row: QuestionRow) -> Holding:
    """Give whom a task is with."""
    return Holding(row.role, row.person, row.claimed_by, row.delegated_by)


# -- many at once ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which open tasks: all conditions that are given."""

    role: str | None = None
    person: str | None = None
    """Id of whoever it is for or has claimed it."""
    workflow: str | None = None
    asked_before: int | None = None
    """Microseconds."""

    def fits(self, row: QuestionRow) -> bool:
        """Tell whether a task is meant, its workflow apart."""
        return (
            (self.role is None or (row.person is None and row.role == self.role))
            and (self.person is None or self.person in (row.claimed_by, row.person))
            and (self.asked_before is None or row.asked_at < self.asked_before)
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one task of many."""

    row: QuestionRow
    error: RipienoError | None = None
    """Why it stayed where it was."""


async def selected(store: Store, tenant: str, wanted: TaskFilter) -> Sequence[QuestionRow]:
    """Give the open tasks that a filter means, due first."""
    rows = [row for row in await store.questions(tenant=tenant) if wanted.fits(row)]
    if wanted.workflow is None:
        return rows
    return [row for row in rows if (await store.run(row.run)).workflow == wanted.workflow]


async def reassign_all(
    store: Store, clock: Clock, wanted: TaskFilter, *, by: Principal, to: str, reason: str
) -> Sequence[Moved]:
    """Reassign every task that a filter means, one by one; what cannot be moved says why."""
    moved: list[Moved] = []
    for row in await selected(store, by.tenant, wanted):
        try:
            moved.append(Moved(await reassign(store, clock, row, by=by, to=to, reason=reason)))
        except (NotAllowedError, RefusedError) as error:
            moved.append(Moved(row, error))
    return moved


# -- what was done ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskNote:
    """One thing that was done with a task, or a reminder of it."""

    at: int
    what: str
    by: str
    to: str | None
    said: str | None
    """The comment, or why."""


async def history(store: Store, row: QuestionRow) -> Sequence[TaskNote]:
    """Give what was done with a task since it was asked, in order, its answer apart."""
    notes: list[TaskNote] = []
    for event in await store.events(row.run):
        if event.kind == "task" and event.body["question"] == row.id:
            body = event.body
            said: Any = value_of(store, row.run, body["content"]) if "content" in body else None
            notes.append(TaskNote(body["sent"], body["what"], body["by"], body.get("to"), said))
    return notes
