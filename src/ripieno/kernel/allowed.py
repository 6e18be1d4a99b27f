"""Who may command running work."""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import RunRow
from ripieno.model.errors import NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal

__all__ = ["ROLE", "check_operator", "check_operator_or_owner", "check_role"]

ROLE: Final = "operator"
"""The role that may command running work."""


def check_role(by: Principal, what: str) -> None:
    """Raise `NotAllowedError` unless `by` is an operator."""
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
    if by.id != run.principal:
        check_role(by, what)
    check_going(run)


def check_tenant(run: RunRow, by: Principal) -> None:
    """Raise `NotFoundError` for a run of another tenant."""
    if run.tenant != by.tenant:
        msg = f"no run {run.id!r}"
        raise NotFoundError(msg)


def check_going(run: RunRow) -> None:
    """Raise `RefusedError` for a run that has ended."""
    if run.ended:
        msg = f"run {run.id[-6:]} has ended ({run.status})"
        raise RefusedError(msg)
