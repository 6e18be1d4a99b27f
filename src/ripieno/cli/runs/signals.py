"""`ripieno runs signal`: a word from outside, for which a group chat may wait."""

from __future__ import annotations

import asyncio
from functools import partial

from ripieno.cli.definitions import load_version
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.runs.operations import Command, carry_out
from ripieno.cli.runs.selection import EVERY, Selection
from ripieno.cli.runs.steering import parsed
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.bulk import Act
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.operators import signal
from ripieno.model.errors import InputError, RipienoError
from ripieno.patterns.group_chat import GroupChat

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
    by = settings.principal
    if len(what) != (1 if selection.filters else 2):
        msg = "expected a run and the name of a signal, or a filter and the name"
        raise InputError(msg, remedy="such as ripieno runs signal 9be2d4 recall")
    value = parsed(content)
    name, run = what[-1], None if selection.filters else what[0]

    def act(store: Store) -> Act:
        async def to_one(row: RunRow, operation: str | None) -> str:
            names = await signals_of(store, row)
            give = partial(signal, store, SystemClock(), row, name, by=by, names=names)
            await give(reason=reason, content=value, operation=operation)
            return f"signal {name} given"

        return to_one

    return asyncio.run(carry_out(settings, Command("signal", run, selection, reason), act))


async def signals_of(store: Store, row: RunRow) -> frozenset[str] | None:
    """Give the signals that a run's workflow waits for; None where its code is not here."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version:
            try:
                workflow = load_version(version)
            except RipienoError:
                return None
            if workflow is not None:
                chats = [one for one in workflow.root.everyone() if isinstance(one, GroupChat)]
                return frozenset(name for chat in chats for name in chat.until.signals())
    return None
