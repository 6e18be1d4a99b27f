"""Tools whose other side is the log's own store: what they are told of where their call is made.

Such a tool has an attribute `housed`; what it does to the store it does under the call's key, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.tracing import ASKING, input_of
from ripieno.model.action import Call
from ripieno.model.errors import ToolError
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["HERE", "Here", "here", "put_here"]

HERE: Final = "here"
"""Under this name `call.given` holds it."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where a call is made that is to the store itself."""

    store: Store
    clock: Clock
    run: RunRow
    input: Value
    """What the run was asked to do."""
    participant: str
    """Who has it called: for a call that an agent asks for, the agent."""
    arguments: str
    """Commitment of the arguments in the run."""
    sources: str
    """Commitment of where they come from in the run; empty for what writes nothing of its own."""


def put_here(scope: Scope, call: Call, arguments: Value, sources: str = "") -> Call:
    """Tell a call to the store where it is made."""
    execution = scope.execution
    call.given[HERE] = Here(
        execution.store,
        execution.clock,
        execution.row,
        execution.stored(input_of(execution)),
        caller(scope),
        arguments.ref,
        sources,
    )
    return call


def here(call: Call) -> Here:
    """Give where a call is made; raises `ToolError` for one that is made beside any run."""
    found = call.given.get(HERE)
    if found is None:
        msg = "it is an act upon the log: within a run, await context.use(...)"
        raise ToolError(msg, failure="bad_request")
    return cast("Here", found)


def caller(scope: Scope) -> str:
    """Give the participant that a call is made for; nobody takes a call back."""
    above = scope.parent
    asking = scope if above is None or above.kind not in ASKING else above
    return "" if asking.participant is None else asking.participant.name
