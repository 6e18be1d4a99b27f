"""Who may do what with a task: by role, by name, by holding it, or standing in for somebody who is away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ripieno.journal.records import QuestionRow, RunRow, why_closed
from ripieno.journal.store import Store
from ripieno.journal.tasks import Absence, standing_in
from ripieno.kernel.clock import moment
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.ids import short
from ripieno.model.principal import Principal

__all__ = ["APPROVAL", "OPERATOR", "Standing", "address", "meant", "standing", "standings"]

OPERATOR: Final = "operator"
"""The role that may move tasks which others hold."""

BREAK_GLASS: Final = "break-glass"
"""Who holds this role is shown what they may have to approve in an emergency."""

APPROVAL: Final = "/approval/"
"""What the path of a task has in it that asks for leave to do something."""

ADDRESS: Final = re.compile(r"(?:person:[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}|role:.+)")


def address(text: str) -> str:
    """Give whom `person:bob`, `role:clerk` or, for a person, `bob` names; raises `InputError`."""
    whom = text if ":" in text else f"person:{text}"
    if not ADDRESS.fullmatch(whom):
        msg = f"expected a person or a role, such as 'person:bob' or 'role:clerk', got {text!r}"
        raise InputError(msg)
    return whom


@dataclass(frozen=True, slots=True)
class Standing:
    """What a principal is to a task at a moment."""

    row: QuestionRow
    run: RunRow
    by: Principal
    now_with: str
    """Who has it: whoever claimed it, the person it is for, or its role; a substitute where they are away."""

    @property
    def name(self) -> str:
        """What people call the task."""
        return f"t-{self.row.number}"

    @property
    def holder(self) -> str | None:
        """The one who has it, away or not: by claim, or because it is for them alone."""
        return self.row.claimed_by or self.row.person

    @property
    def whom(self) -> str:
        """Give the one it is with, or the role that it is for."""
        return self.holder or f"role:{self.row.role}"

    @property
    def holds(self) -> bool:
        """True for the holder, and for whoever stands in for them now."""
        return self.holder is not None and (self.holder == self.by.id or self.stands_in)

    @property
    def stands_in(self) -> bool:
        """True for whoever has it now because somebody is away."""
        return self.now_with != self.whom and meant(self.now_with, self.by)

    @property
    def entitled(self) -> bool:
        """True for everybody who might do it if nobody held it."""
        if self.row.person is not None:
            return self.row.person == self.by.id or self.stands_in
        return self.row.role is None or self.by.holds(self.row.role) or self.stands_in

    @property
    def operates(self) -> bool:
        """True for an operator."""
        return self.by.holds(OPERATOR)

    @property
    def may_see(self) -> bool:
        """True for everybody whom the task concerns."""
        concerned = self.by.id in (self.row.claimed_by, self.row.person, self.row.delegated_by)
        return concerned or self.entitled

    @property
    def may_pass(self) -> bool:
        """True for whoever could approve it in an emergency, for whomever it is."""
        return APPROVAL in self.row.path and self.by.holds(BREAK_GLASS)

    @property
    def on_behalf_of(self) -> str | None:
        """Give for whom an answer of this principal counts, where that is somebody else."""
        if self.stands_in:
            return self.holder
        if self.row.person not in (None, self.by.id):
            return self.row.person  # a substitute has claimed it
        return self.row.delegated_by

    def check_open(self) -> None:
        """Raise `RefusedError`, naming who was first and when, where it takes no answer any more."""
        row = self.row
        if row.state == "open":
            return
        if not (self.may_see or self.operates):
            self.check_may_act()
        if row.state == "closed" and self.run.ended:
            msg = f"run {short(row.run)} has ended ({self.run.status}); it takes no more messages"
            raise RefusedError(msg)
        raise RefusedError(
            why_closed(row.number, row.state, row.answered_by, row.answered_at, row.answered_for)
        )

    def check_may_act(self) -> None:
        """Raise `NotAllowedError`, naming whose it is, unless the principal may answer it now."""
        self.by.check_scope("task.answer", self.run.workflow)
        if self.holder is None:
            if not self.entitled:
                msg = f"{self.name} is for role {self.row.role!r}; {self.by.id} does not hold it"
                raise NotAllowedError(msg)
        elif not self.holds:
            raise NotAllowedError(self.taken, remedy=self.way_to_take)

    @property
    def taken(self) -> str:
        """Say who has it."""
        if self.row.claimed_by is not None:
            since = moment(self.row.claimed_at or 0)
            said = f"{self.name} was claimed by {self.row.claimed_by}, {since:%Y-%m-%d %H:%M} UTC"
        else:
            said = f"{self.name} is for {self.row.person}; you are {self.by.id}"
        if self.now_with != self.whom:
            said += f"; {self.now_with} stands in"
        return said

    @property
    def way_to_take(self) -> str | None:
        """Say what the principal could do about it."""
        if self.row.claimed_by is not None and self.entitled:
            return f"ripieno inbox claim {self.name} --take-over takes it from them"
        if self.operates:
            return f"ripieno inbox reassign {self.name} {self.by.name} --reason ... gives it to you"
        return None


def meant(whom: str, by: Principal) -> bool:
    """Tell whether `person:bob` or `role:clerk` means a principal."""
    kind, _, name = whom.partition(":")
    return by.holds(name) if kind == "role" else whom == by.id


async def standing(
    store: Store, row: QuestionRow, by: Principal, now: int, *, own_word: bool = False
) -> Standing:
    """Give what a principal is to a task; raises `NotFoundError` for one of another tenant.

    With `own_word` nobody stands in for somebody who has not said so themselves.
    """
    run = await store.run(row.run)
    if run.tenant != by.tenant or not by.scope.reaches(run.workflow):
        msg = f"no task t-{row.number}"
        raise NotFoundError(msg, remedy="ripieno inbox list shows the tasks there are")
    by = store.rights.fresh(by.tenant).narrowed(by)
    away = await store.absences(run.tenant, after=now)
    return stands(row, run, by, [one for one in away if not own_word or one.set_by == one.person], now)


async def standings(store: Store, rows: Sequence[QuestionRow], by: Principal, now: int) -> list[Standing]:
    """Give what a principal is to each of many tasks of their tenant."""
    away = await store.absences(by.tenant, after=now)
    by = store.rights.fresh(by.tenant).narrowed(by)
    runs: dict[str, RunRow] = {}
    for row in rows:
        if row.run not in runs:
            runs[row.run] = await store.run(row.run)
    return [
        stands(row, runs[row.run], by, away, now) for row in rows if by.scope.reaches(runs[row.run].workflow)
    ]


def stands(row: QuestionRow, run: RunRow, by: Principal, away: Sequence[Absence], now: int) -> Standing:
    """Give what a principal is to a task, with who is away."""
    whom = row.claimed_by or row.person or f"role:{row.role}"
    return Standing(row, run, by, standing_in(away, whom, now))
