"""`ripieno holds`: what is not erased, by whomever, until it is released."""

from __future__ import annotations

import asyncio
from typing import Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import find_run, opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.journal.retention import Holdable
from ripieno.journal.store import Store
from ripieno.kernel.clock import moment
from ripieno.retention.holds import held, hold, release

__all__ = ["list_holds", "release_hold", "set_hold"]


def set_hold(what: Holdable, name: str = "", /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let nothing of what is named be erased: not by hand, and not because its time is over.

    It reaches what is to come as well: runs of a workflow or business key, child runs, forks and retries.

    Parameters
    ----------
    what
        What is held.
    name
        A run's id, short end or business key; a business key; a workflow's name. A tenant is one's own.
    reason
        Why, for whoever asks what keeps it.

    """
    return asyncio.run(_change(options.settle(), (what, name), reason, stands=True))


def release_hold(what: Holdable, name: str = "", /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let what was held be erased again.

    Parameters
    ----------
    what
        What was held.
    name
        Its name, as ripieno holds list shows it.
    reason
        Why, for the log.

    """
    return asyncio.run(_change(options.settle(), (what, name), reason, stands=False))


async def _change(settings: Settings, what: tuple[Holdable, str], reason: str, *, stands: bool) -> int:
    kind, name = what
    async with opened_or_new(settings) as store:
        name = await exact(store, settings, kind, name)
        change = hold if stands else release
        changed = await change(store, kind, name, by=settings.principal, reason=reason)
    state = "held" if stands else "released"
    table = listing("", "")
    table.add_row(clean(f"{kind} {name}".strip(), style="bold"), state)
    write(settings.output, {"what": kind, "name": name or None, "state": state, "changed": changed}, table)
    if not changed:
        note("it was so already")
    return Exit.OK


async def exact(store: Store, settings: Settings, what: Holdable, name: str) -> str:
    """Give the whole id of a run, and any other name as it is."""
    return (await find_run(settings, store, name)).id if what == "run" and name else name


def list_holds(*, options: Options = DEFAULTS) -> int:
    """List what is held, since when, by whom and why."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    documents: list[dict[str, Any]] = []
    table = listing("", "", "since", "by", "why")
    async with opened(settings) as store:
        for one in held(store, settings.principal):
            why, since = store.reason_of(one.tenant, one.reason), moment(one.at)
            documents.append(
                {"what": one.what, "name": one.name, "since": since.isoformat(), "by": one.by, "reason": why}
            )
            at = f"{since.astimezone():%Y-%m-%d %H:%M:%S}"
            table.add_row(one.what, clean(one.name), at, one.by, clean(why))
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("nothing is held")
    return Exit.OK
