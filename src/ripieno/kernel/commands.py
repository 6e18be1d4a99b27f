"""What people and programs other than the owner say to a run: answers and cancellations.

None of these needs the process that runs the run, nor waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.addressees import Standing, meant, standing
from ripieno.kernel.allowed import check_answer, check_operator, is_approval, refusing
from ripieno.kernel.approving import unsealed
from ripieno.kernel.clock import Clock, moment
from ripieno.kernel.conclusion import conclude
from ripieno.kernel.erased import ERASED, value_of
from ripieno.kernel.labels import check_shown
from ripieno.kernel.messages import send
from ripieno.kernel.proposals import rights
from ripieno.model.errors import ChangedError, InputError, NotAllowedError, RefusedError
from ripieno.model.outcome import Evidence
from ripieno.model.principal import Principal

__all__ = [
    "AskedFor",
    "answer",
    "asked_for",
    "cancel",
    "check_approver",
    "check_barred",
    "check_form",
    "check_in_time",
    "check_meant",
]


ATTEMPTS: Final = 20
"""How often one looks again because a task changed hands meanwhile."""


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A question with what the person needs to see in order to answer it."""

    row: QuestionRow
    title: str
    form: Mapping[str, Any]
    about: Any
    evidence: tuple[Evidence, ...]
    barred: frozenset[str] = frozenset()
    """Who may not answer, by principal: nobody approves what they propose."""
    asks: str | None = None
    """Whose approval a policy asks for, whoever has the task by now; None for what is no such approval."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where what it shows comes from, as far as nobody answers for it and a policy reads it."""

    @property
    def id(self) -> str:
        """What people call it by."""
        return f"t-{self.row.number}"


def asked_for(store: Store, row: QuestionRow) -> AskedFor:
    """Give a question with its content, decrypted."""
    assert row.content is not None, "questions to people have content"
    content: Any = value_of(store, row.run, row.content)
    if content == ERASED:
        return AskedFor(row, ERASED, {}, ERASED, ())
    evidence = tuple(Evidence(**item) for item in content["evidence"])
    return AskedFor(
        row,
        content["title"],
        content["form"],
        unsealed(store, content["about"]) if isinstance(content["about"], dict) else content["about"],
        evidence,
        frozenset(content.get("barred", ())),
        content.get("asks"),
        content.get("sources", {}),
    )


async def answer(
    store: Store,
    clock: Clock,
    row: QuestionRow,
    *,
    by: Principal,
    value: object,
    reason: str | None = None,
) -> None:
    """Answer a question; the answer is durable when this returns.

    Raises `NotAllowedError` when it is not for `by`, who may not be shown what it is about or somebody else
    holds it, `InputError` when the value
    does not fit the form, and `RefusedError` when it was answered, has expired or is no longer asked.
    """
    said: dict[str, object] = {"value": value} if reason is None else {"value": value, "reason": reason}
    asked = asked_for(store, row)
    for _ in range(ATTEMPTS):
        row = await store.question(row.number)
        now = await standing(store, row, by, clock.now(), own_word=asked.asks is not None)
        now.check_open()
        async with refusing(store, row, by, "answer"):
            now.check_may_act()
            makers = behind(store, row, by)
            check_barred(row, asked.barred, {by.id, now.on_behalf_of, *makers})
            check_in_time(asked, clock.now())
            check_approver(asked, now)
        let = await check_answer(store, row, by, given={"value": value}, reason=reason, use=False)
        await check_shown(store, await store.run(row.run), "answer", by)  # nobody decides unseen
        check_form(asked, value)
        if "approval" in (let.leave or {}):
            let = await check_answer(store, row, by, given={"value": value}, reason=reason)
        by = let
        try:
            await send(
                store,
                clock,
                row.run,
                by=by,
                kind="answer",
                said=said | held_by_editor(by, value) | ({"behind": sorted(makers)} if makers else {}),
                question=row,
                closes="answered",
                behalf=now.on_behalf_of,
                checked=True,
            )
        except ChangedError:  # it changed hands meanwhile: whose it is now is looked up again
            continue
        return
    msg = f"t-{row.number} changes hands too often to be answered"
    raise RefusedError(msg)


def behind(store: Store, row: QuestionRow, by: Principal) -> set[str]:
    """Give who approves by way of a service or agent: whoever made a key of it, or changed it last.

    Where that is a service or agent in turn, so are those by whom that one was made.
    """
    if by.kind == "person" or not is_approval(row):
        return set()
    made = [(key.principal, key.by) for key in store.keys(by.tenant)]
    made += [(entry.id, entry.by) for entry in store.principals(by.tenant)]
    found: set[str] = set()
    new = {by.id}
    while new:
        new = {maker for whom, maker in made if whom in new} - found
        found |= new
    return found


def held_by_editor(by: Principal, value: object) -> dict[str, object]:
    """Give what an answer keeps of the rights of whoever edits arguments: they propose these."""
    edits = isinstance(value, dict) and "arguments" in value
    return {"rights": rights(by)} if edits else {}


def check_barred(row: QuestionRow, barred: frozenset[str], whose: set[str | None]) -> None:
    """Raise `NotAllowedError` when it is an approval that one of these may not give."""
    for who in whose & barred:
        msg = f"t-{row.number}: {who} proposed it, gains by it or has approved it, and cannot approve it"
        raise NotAllowedError(msg, remedy="somebody else who holds the role has to")


def check_in_time(asked: AskedFor, now: int) -> None:
    """Raise `RefusedError` for an approval that comes too late, whether or not that was noticed by then."""
    row = asked.row
    if asked.asks is not None and row.due_at is not None and now >= row.due_at:
        msg = f"{asked.id} was to be approved by {moment(row.due_at):%Y-%m-%d %H:%M} UTC: it is too late"
        raise RefusedError(msg)


def check_approver(asked: AskedFor, now: Standing) -> None:
    """Raise `NotAllowedError` where the policy that asks for an approval does not mean who would give it.

    Whoever of a role has it may hand it on: by delegating it, or by naming who stands in. Who was given the
    task by others has to be meant themselves, and so has whom a policy asks by name.
    """
    row = now.row
    handed_on = row.delegated_by is not None or now.stands_in
    if row.role is None or f"role:{row.role}" != asked.asks or not handed_on:
        check_meant(asked, now.by)


def check_meant(asked: AskedFor, by: Principal) -> None:
    """Raise `NotAllowedError` where it is an approval that a policy asks of somebody else."""
    if asked.asks is not None and not meant(asked.asks, by):
        msg = f"{asked.id}: a policy asks {asked.asks} for this approval, and that is not {by.id}"
        raise NotAllowedError(msg, remedy="whoever it means approves or delegates it, or breaks the glass")


def check_form(asked: AskedFor, value: object) -> None:
    """Raise `InputError`, naming the field, when a value does not fit the form."""
    import jsonschema  # noqa: PLC0415 - a fifth of a second that no other command should wait for

    problems = sorted(
        cast("Any", jsonschema.Draft202012Validator(asked.form)).iter_errors(value),
        key=lambda problem: list(problem.absolute_path),
    )
    if problems:
        place = ".".join(str(part) for part in problems[0].absolute_path) or "the answer"
        msg = f"{asked.id}: {place}: {problems[0].message}"
        raise InputError(msg, remedy=f"ripieno inbox show {asked.id} shows the form")


async def cancel(
    store: Store,
    clock: Clock,
    run: RunRow,
    *,
    by: Principal,
    reason: str | None = None,
    operation: str | None = None,
    undo: bool = False,
) -> None:
    """Ask a run to end as cancelled; what it has claimed is awaited and recorded first.

    With `undo` all that it has done is then taken back, the latest first, as its tools declare; a
    person of role `operator` is asked about what cannot be. That needs the run's code: where it is not
    here, the run ends once it is, unless it is cancelled again without `undo`.

    A run whose code is not here, or does not fit, ends at once; unless a call of it is in doubt, which
    only its code can settle: then it ends when the code is back.
    """
    by = await check_operator(store, run, by, "cancel", given={"undo": undo}, reason=reason)
    said = {"reason": reason, "undo": True} if undo else reason
    await send(store, clock, run.id, by=by, kind="cancel", said=said, operation=operation)
    if not undo and run.status in ("blocked", "needs_version"):
        why = f"cancelled by {by.id}" + (f": {reason}" if reason else "")
        await conclude(store, clock, run, why)
