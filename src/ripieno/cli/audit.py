"""`ripieno audit verify`: whether the log is whole."""

from __future__ import annotations

import asyncio
import sys

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, note, write
from ripieno.cli.settings import Settings
from ripieno.model.errors import NotAllowedError
from ripieno.model.stop import EVERYTHING

__all__ = ["verify"]


def verify(*, options: Options = DEFAULTS) -> int:
    """Follow every chain, open every value, and name each place that was changed.

    This shows that chains, values and tables agree. It cannot show that nobody who has the keys
    rewrote all of them.
    """
    from ripieno.journal.sqlite.audit import SqliteAudit  # noqa: PLC0415 - only here
    from ripieno.journal.verify import verify as verify_log  # noqa: PLC0415 - only here

    settings = options.settle()
    if settings.credential is not None:
        asyncio.run(check_alone(settings))
    with SqliteAudit(settings.home) as log:
        report = verify_log(log)
    document = {
        "sound": report.sound,
        "events": report.events,
        "runs": report.runs,
        "values": report.values,
        "findings": [{"place": found.place, "problem": found.problem} for found in report.findings],
    }
    if settings.output != "table":
        write(settings.output, document, None)
        return Exit.OK if report.sound else Exit.FAILED
    screen = console(sys.stdout)
    first, *found = str(report).splitlines()
    screen.print(clean(first, style="bold green" if report.sound else "bold red"), soft_wrap=True)
    for line in found:
        screen.print(Text.assemble("  ", clean(line.strip())), soft_wrap=True)
    if not report.sound:
        note(
            f"{settings.home} does not hold together: compare with a backup before anything else is run on it"
        )
    return Exit.OK if report.sound else Exit.FAILED


async def check_alone(settings: Settings) -> None:
    """Let somebody who came with a key or token verify what holds no other tenant; else `NotAllowedError`."""
    from ripieno.cli.audit_log import check_reader  # noqa: PLC0415 - only here
    from ripieno.cli.session import opened  # noqa: PLC0415 - a log that cannot be opened can be verified

    async with opened(settings) as store:
        check_reader(settings.principal)
        others = set(store.tenants()) - {settings.principal.tenant, EVERYTHING}
    if others:
        msg = "the data folder holds other tenants as well: a verification reads all of it"
        raise NotAllowedError(msg, remedy="whoever operates the data folder can, on its machine")
