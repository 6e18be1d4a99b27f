"""`ripieno runs signal`: a word from outside, for which a group chat may wait."""

from __future__ import annotations

from functools import partial

from ripieno.cli.definitions import workflow_of
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.runs.operations import Command, carry_out
from ripieno.cli.runs.selection import EVERY, Selection
from ripieno.cli.runs.steering import parsed
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.operators import signal
from ripieno.model.errors import InputError
from ripieno.patterns.group_chat import GroupChat
from ripieno.workflows.workflow import Workflow

__all__ = ["signal_run"]


def signal_run(
    *what: str,
    content: str = "null",
    reason: str | None = None,
    selection: Selection = EVERY,
    options: Options = DEFAULTS,
) -> int:
    """Give a run, or many, a signal: a chat that waits for it ends after the turn it is at.

    Parameters
    ----------
    what
        The run, then the signal's name, as in `external: NAME`. With a filter, the name alone.
    content
        What goes with it, as JSON: whoever has the last word in the chat is shown it.
    reason
        Why, for the log.

    """
    settings = options.settle()
    if len(what) != (1 if selection.filters else 2):
        msg = "expected a run and the name of a signal, or a filter and the name"
        raise InputError(msg, remedy="such as ripieno runs signal 9be2d4 recall")
    value = parsed(content)
    name, run = what[-1], None if selection.filters else what[0]

    async def to_one(store: Store, row: RunRow, operation: str | None) -> str:
        workflow = await workflow_of(store, row)
        names = None if workflow is None else signals_of(workflow)
        give = partial(signal, store, SystemClock(), row, name, by=settings.principal, names=names)
        await give(reason=reason, content=value, operation=operation)
        return f"signal {name} given"

    return carry_out(settings, Command("signal", run, selection, reason), to_one)


def signals_of(workflow: Workflow) -> frozenset[str]:
    """Give the signals that a workflow waits for."""
    chats = [one for one in workflow.root.everyone() if isinstance(one, GroupChat)]
    return frozenset(name for chat in chats for name in chat.until.signals())
