"""`ripieno runs limit`: another limit for running work."""

from __future__ import annotations

from typing import Final

from ripieno.cli.definitions import workflow_of
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.runs.operations import Command, carry_out
from ripieno.cli.runs.selection import EVERY, Selection
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.kernel.operators import limit
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.spending import micros
from ripieno.participants.limiting import declared_limits

__all__ = ["limit_run"]

TIMES: Final = ("active", "deadline")


def limit_run(
    *what: str,
    at: str = "",
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Set limits of a run, or of many, such as tokens=20000 cost_usd=1.50 deadline=2h.

    Only limits that the workflow declares can be set, others are refused. What waits for more goes on if it
    is enough now.

    Parameters
    ----------
    what
        The run, then NAME=VALUE of active, deadline, model_calls, tokens, cost_usd, handoffs or rounds.
    at
        The path of the step whose limits they are, or its name while it is at work; by default the whole run.
    reason
        Why, for the log.

    """
    settings = options.settle()
    runs = [text for text in what if "=" not in text]
    limits = dict(read(text) for text in what if "=" in text)
    if len(runs) > 1 or not limits:
        msg = "expected at most one run, and a limit as NAME=VALUE"
        raise InputError(msg, remedy="such as ripieno runs limit 9be2d4 tokens=20000")

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        workflow = await workflow_of(store, row) if at else None
        await limit(
            store,
            SystemClock(),
            row,
            limits,
            by=settings.principal,
            reason=reason,
            at=at,
            declared=None if workflow is None else declared_limits(workflow.everyone()),
            operation=operation,
        )
        return f"limits set: {', '.join(text for text in what if '=' in text)}"

    run = runs[0] if runs else None
    return carry_out(settings, Command("limit", run, selection, reason), to_one)


def read(text: str) -> tuple[str, int]:
    """Read a limit as it was typed, in the units of the log."""
    name, _, value = text.partition("=")
    try:
        if name in TIMES:
            return name, int(seconds(value) * MICROSECONDS)
        return ("cost", micros(value)) if name == "cost_usd" else (name, int(value))
    except (ValueError, DefinitionError):
        msg = f"limit {name}: expected a number, or a time such as 2h, got {value!r}"
        raise InputError(msg) from None
