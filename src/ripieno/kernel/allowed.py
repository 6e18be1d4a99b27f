"""Who may command running work."""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import RunRow
from ripieno.model.errors import NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal

__all__ = ["ROLE", "check_operator", "check_role"]

ROLE: Final = "operator"
"""The role that may command running work."""


def check_role(by: Principal, what: str) -> None:
    """Raise `NotAllowedError` unless `by` is an operator."""
    if not by.holds(ROLE):
        msg = f"to {what} is for role {ROLE!r}; {by.id} does not hold it"
        raise NotAllowedError(msg)


def check_operator(run: RunRow, by: Principal, what: str) -> None:
    """Raise `NotAllowedError` unless `by` is an operator of a run, `RefusedError` when it has ended."""
    if run.tenant != by.tenant:
        msg = f"no run {run.id!r}"
        raise NotFoundError(msg)
    check_role(by, what)
    if run.ended:
        msg = f"run {run.id[-6:]} has ended ({run.status})"
        raise RefusedError(msg)
