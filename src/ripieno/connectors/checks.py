"""The checks of a tool, as they are declared."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.mediation.validation.check import Check
from ripieno.mediation.validation.rules import CitesRule
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json

__all__ = ["declared_checks", "described"]


def declared_checks(tool: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    """Give the checks of a tool; raises `DefinitionError` for one that a tool cannot have."""
    for check in checks:
        if not isinstance(check, Check):  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a program gives
            msg = f"tool {tool}: expected on_arguments(...) or on_result(...), got {check!r}"
            raise DefinitionError(msg)
        if check.of == "input":
            msg = f"tool {tool}: an input is that of a participant"
            raise DefinitionError(msg, remedy="check what a call is given with on_arguments(...)")
        if check.rule is None:
            msg = f"tool {tool}: a participant reviews participants, not calls"
            raise DefinitionError(msg, remedy="let a role decide: otherwise=escalate(...)")
        if isinstance(check.rule, CitesRule):
            msg = f"tool {tool}: what a call gives cites nothing"
            raise DefinitionError(msg, remedy="ask the participant that uses it for evidence")
    return tuple(checks)


def described(checks: Sequence[Check]) -> list[Json]:
    """Give checks as they stand in a definition."""
    return [check.describe() for check in checks]
