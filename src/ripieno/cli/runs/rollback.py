"""`ripieno runs rollback`: what a run did is taken back, or what that would come to is said."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.definitions import load_registered
from ripieno.cli.exits import Exit
from ripieno.cli.inbox import go_on
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import console, note, write
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_run
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.rollback import Planned, rehearsal_of, roll_back
from ripieno.model.errors import InputError, RipienoError
from ripieno.model.ids import short
from ripieno.workflows.workflow import Workflow

__all__ = ["in_words", "roll_back_run"]

SHORT: Final = 40
"""So long may a value be that is named in a plan."""


def roll_back_run(
    run: str,
    /,
    *,
    to: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Take back what a run did to other systems, the latest first; a run under way is ended first.

    What cannot be taken back is put to an operator. The run itself stays in the log as it ended.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    to
        What was done up to the end of this step stands: its path, or its name.
    dry_run
        Only say what would be done.
    reason
        Why, for the log; needed unless with --dry-run.

    """
    settings = options.settle()
    if dry_run:
        return asyncio.run(_rehearse(settings, run, to))
    if reason is None:
        msg = "rolling a run back needs a --reason"
        raise InputError(msg, remedy=f"ripieno runs rollback {run} --dry-run says what would be done")
    return run_through(_roll_back(settings, (run, to), reason))


async def _roll_back(settings: Settings, what: tuple[str, str | None], reason: str) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, what[0])
        undoing = await roll_back(store, SystemClock(), row, by=settings.principal, reason=reason, to=what[1])
    note(f"run {short(undoing.id)} takes back what {short(row.id)} did")
    return await go_on(settings, undoing.id)


async def _rehearse(settings: Settings, text: str, to: str | None) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        await read_run(store, row, "runs rollback", by=settings.principal)
        workflow = await workflow_of(store, row)
        plan = await rehearsal_of(store, row, workflow, by=settings.principal, to=to)
    if settings.output == "table":
        console(sys.stdout).print(Text(in_words(row, plan)), soft_wrap=True)
    else:
        write(settings.output, [document(one) for one in plan], None)
    if not row.ended:
        note(f"run {short(row.id)} is {row.status}: it would be ended first, and what is under way awaited")
    return Exit.OK


async def workflow_of(store: Store, row: RunRow) -> Workflow | None:
    """Give the workflow of a run, as far as its code is here."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version:
            try:
                return await load_registered(store, version)
            except RipienoError as error:
                note(f"the code of {row.workflow} cannot be loaded: {error.message}")
    return None


def in_words(row: RunRow, plan: Sequence[Planned]) -> str:
    """Say what would be done, in the order in which it would be."""
    if not plan:
        return f"nothing that run {short(row.id)} did stands"
    would = [f"{words(one)} ({where(row, one)})" for one in plan if one.do == "undo"]
    stays = [f"{one.tool} ({where(row, one)}): {one.why}" for one in plan if one.do == "ask"]
    first = f"would {', '.join(would)}; " if would else ""
    if not stays:
        return f"{first}nothing irreversible"
    asked = "; ".join(stays)
    return f"{first}{len(stays)} irreversible, an operator would be asked about: {asked}"


def words(one: Planned) -> str:
    """Say what a tool would do that takes something back: its name as words, and what it would be given."""
    name = one.by.rpartition(".")[2].replace("_", " ").replace("-", " ")
    return " ".join([name, *values(one.arguments or {})])


def values(arguments: Mapping[str, Any]) -> list[str]:
    """Give the short ones among arguments, by which people know what is meant."""
    found = [str(value) for value in arguments.values() if isinstance(value, str | int)]
    return [value for value in found if len(value) <= SHORT]


def where(row: RunRow, one: Planned) -> str:
    """Say where an effect was made: its path, and its run where that is a child."""
    path = "/".join(part.removesuffix("@1") for part in one.path.split("/"))
    return path if one.run == row.id else f"{path} of run {short(one.run)}"


def document(one: Planned) -> dict[str, Any]:
    """Give it as programs read it."""
    found = {"run_id": one.run, "path": one.path, "tool": one.tool, "would": one.do}
    if one.do == "undo":
        return {**found, "by": one.by, "arguments": dict(one.arguments or {})}
    return {**found, "why": one.why}
