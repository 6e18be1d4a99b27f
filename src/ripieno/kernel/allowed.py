"""Who may command running work."""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import RunRow
from ripieno.model.errors import NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal

__all__ = ["ROLE", "check_operator", "check_operator_or_owner", "check_role", "check_tenant"]

ROLE: Final = "operator"
"""The role that may command running work."""


def check_role(by: Principal, what: str, act: str = "run.command", workflow: str | None = None) -> None:
    """Raise `NotAllowedError` unless `by` is an operator, and its credential good for the act."""
    by.check_scope(act, workflow)
    if not by.holds(ROLE):
        msg = f"to {what} is for role {ROLE!r}; {by.id} does not hold it"
        raise NotAllowedError(msg)


def check_operator(run: RunRow, by: Principal, what: str) -> None:
    """Raise `NotAllowedError` unless `by` is an operator of a run, `RefusedError` when it has ended."""
    check_tenant(run, by)
    check_role(by, what)
    check_going(run)


def check_operator_or_owner(run: RunRow, by: Principal, what: str) -> None:
    """Raise `NotAllowedError` unless `by` is an operator, or the one for whom the run acts; else as above."""
    check_tenant(run, by)
    by.check_scope("run.command", run.workflow)
    if by.id != run.principal:
        check_role(by, what)
    check_going(run)


def check_tenant(run: RunRow, by: Principal) -> None:
    """Raise `NotFoundError` for a run of another tenant, or one that a credential does not reach."""
    if run.tenant != by.tenant or not by.scope.reaches(run.workflow):
        msg = f"no run {run.id!r}"
        raise NotFoundError(msg)


def check_going(run: RunRow) -> None:
    """Raise `RefusedError` for a run that has ended."""
    if run.ended:
        msg = f"run {run.id[-6:]} has ended ({run.status})"
        raise RefusedError(msg)
