"""What is confidential is covered before it is recorded, and the event says of what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.event import Json
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["covered", "redacted"]


def covered(execution: Execution, value: object) -> Value:
    """Give a value as it may be recorded.

    For what comes from outside and is new, never for what replay compares: which values are
    confidential depends on what this process has asked for so far.
    """
    given = value if isinstance(value, Value) else execution.value(value)
    if not CONFIDENTIAL.known or not given.held:
        return given
    names = CONFIDENTIAL.found(given.data)
    if not names:
        return given
    clean = execution.value(CONFIDENTIAL.without(given.decode()))
    clean.redacted = names
    return clean


def redacted(*values: object) -> dict[str, Json]:
    """Give what an event says of values that were covered; nothing for nothing."""
    found = [value.redacted for value in values if isinstance(value, Value) and value.redacted]
    if not found:
        return {}
    names: list[Json] = [*sorted({name for names in found for name in names})]
    return {"redacted": names}
