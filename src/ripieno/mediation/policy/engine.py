"""Cedar itself: what is asked of it, and what it answers, with types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cedarpy import (
    Decision,
    PolicySet,
    Schema,
    is_authorized,  # pyright: ignore[reportUnknownVariableType]  # its dicts say nothing of what is in them
    validate_policies,  # pyright: ignore[reportUnknownVariableType]  # the same
)

__all__ = ["Answer", "ask", "type_errors"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cedar says of a request."""

    allowed: bool
    reasons: tuple[int, ...]
    """Which policies determined it, by their place in the set."""
    errors: tuple[str, ...]
    """What could not be evaluated; the policies that it concerns were skipped."""


def ask(policies: PolicySet, request: Mapping[str, Any], entities: str) -> Answer:
    """Ask whether a request is permitted."""
    found = is_authorized(dict(request), policies, entities)
    told = found.diagnostics
    errors = tuple(sorted(told.errors))
    if found.decision is Decision.NoDecision and not errors:
        errors = ("the request was not understood",)
    reasons = tuple(sorted(int(name.removeprefix("policy")) for name in told.reasons))
    return Answer(found.allowed, reasons, errors)


def type_errors(text: str, schema: Schema) -> Sequence[str]:
    """Give what is wrong with a policy under a schema, each thing once."""
    return list(dict.fromkeys(error.error for error in validate_policies(text, schema).errors))
