"""`ripieno breakers`: which tools and models are left alone, for what, and until when."""

from __future__ import annotations

import asyncio
from typing import Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.kernel.clock import SystemClock, moment
from ripieno.model.errors import NotFoundError
from ripieno.resilience.states import breakers

__all__ = ["list_breakers"]


def list_breakers(*, options: Options = DEFAULTS) -> int:
    """List breakers as the log tells of them: open, due (the next call is let through), half open, closed.

    Each process has its own; what is shown is what any of them told last.
    """
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    documents: list[dict[str, Any]] = []
    table = listing("", "", "since", "until", "for", "opened")
    try:
        async with opened(settings) as store:
            for one in await breakers(store, settings.principal.tenant, SystemClock().now()):
                until = None if one.until is None else moment(one.until)
                since = moment(one.at)
                documents.append(
                    {
                        "target": one.target,
                        "state": one.state,
                        "since": since.isoformat(),
                        "until": None if until is None else until.isoformat(),
                        "failure": one.failure,
                        "opened": one.opened,
                    }
                )
                table.add_row(
                    clean(one.target),
                    one.state.replace("_", " "),
                    f"{since.astimezone():%Y-%m-%d %H:%M:%S}",
                    "" if until is None else f"{until.astimezone():%Y-%m-%d %H:%M:%S}",
                    one.failure or "",
                    str(one.opened),
                )
    except NotFoundError as error:
        note(str(error))
    write(settings.output, documents, table if documents else None)
    if not documents:
        note("no breaker has opened")
    return Exit.OK
