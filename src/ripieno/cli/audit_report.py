"""`ripieno audit report`: what auditors ask of a run or a stretch of time, answered in one document."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ripieno.cli.audit_log import check_reader
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.reach import check_whole
from ripieno.cli.runs.times import when
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.evidence.period_page import period_page
from ripieno.evidence.period_report import Period, PeriodReport, report_period
from ripieno.evidence.run_page import run_page
from ripieno.evidence.run_report import RunReport, report_run
from ripieno.identity.reading import read_run, read_runs
from ripieno.kernel.clock import SystemClock
from ripieno.model.errors import InputError

__all__ = ["report"]


def report(
    *,
    run: str | None = None,
    period: str | None = None,
    values: Annotated[bool, Parameter(negative="--no-values")] = True,
    to: Path | None = None,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Answer from the log what ran, for whom, who decided on what evidence, and what was changed.

    It is Markdown, or JSON with --output json. The whole log is verified with it: exit code 1 where it does
    not hold together.

    Parameters
    ----------
    run
        About one run: its id, its short end, or its business key.
    period
        About what was requested in a stretch of time: two times with .. between them, such as
        2026-11-01..2026-12-01, or one, up to now, such as 4w.
    values
        Show what the data of a run was; without, only what happened, for auditors who may not see it.
    to
        The file to write it to.
    reason
        Why you look at labelled data, for the log.

    """
    if (run is None) == (period is None):
        msg = "a report is about a run or a period"
        raise InputError(msg, remedy="give one of --run and --period")
    settings = options.settle()
    if run is not None:
        about = asyncio.run(_about_run(settings, run, reason, values=values))
        page, problems = run_page(about, values=values), about.problems
        document = about.document() if values else None
    else:
        whole = asyncio.run(_about_period(settings, read_period(str(period))))
        page, problems, document = period_page(whole), whole.problems, whole.document()
    if settings.output != "table":
        if document is None:
            msg = "JSON of a run's report holds its values"
            raise InputError(msg, remedy="leave out --no-values, or --output json")
        write(settings.output, document, None)
    elif to is not None:
        to.write_text(page, encoding="utf-8")
        note(f"{to}")
    else:
        sys.stdout.write(page)
    return Exit.FAILED if problems else Exit.OK


def read_period(text: str) -> Period:
    """Read a stretch of time as people type it."""
    first, _, last = text.partition("..")
    period = Period(when(first), when(last) if last else SystemClock().now())
    if period.since >= period.until:
        msg = f"expected a period such as '2026-11-01..2026-12-01', got {text!r}, which ends before it begins"
        raise InputError(msg)
    return period


async def _about_run(settings: Settings, text: str, reason: str | None, *, values: bool) -> RunReport:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        if values:
            await read_run(store, row, "audit report", by=settings.principal, reason=reason)
        else:
            await check_reader(store, settings.principal, "audit report")
            await read_runs(store, [row], "audit report", by=settings.principal, reason=reason)
        found = await report_run(store, row)
    found.verdict, found.problems = verified(settings)
    prove(settings, found)
    return found


async def _about_period(settings: Settings, period: Period) -> PeriodReport:
    async with opened(settings) as store:
        check_whole(settings.principal)
        await check_reader(store, settings.principal, "audit report")
        found = await report_period(store, settings.principal.tenant, period)
    found.verdict, found.problems = verified(settings)
    return found


def verified(settings: Settings) -> tuple[str, list[str]]:
    """Give what a verification of the whole log shows, and what it found."""
    from ripieno.journal.places import snapshot_at  # noqa: PLC0415 - only here
    from ripieno.journal.sql.audit import Audit  # noqa: PLC0415 - only here
    from ripieno.journal.verify import verify  # noqa: PLC0415 - only here

    with Audit(snapshot_at(settings.home)) as log:
        found = verify(log)
    return str(found).partition("\n")[0], [str(finding) for finding in found.findings]


def prove(settings: Settings, found: RunReport) -> None:
    """Attach what vouches for a run: its last event's hash, and the proof that it is in what was signed."""
    from ripieno.anchoring.export import prove as proof_of  # noqa: PLC0415 - only here
    from ripieno.journal.places import snapshot_at  # noqa: PLC0415 - only here
    from ripieno.journal.sql.extract import Extract  # noqa: PLC0415 - only here

    with Extract(snapshot_at(settings.home)) as log:
        last = log.place(found.row.id, found.row.head_seq)
        if last is not None:
            found.head = hashlib.sha256(last.envelope).hexdigest()
        try:
            found.inclusion = proof_of(log, found.row.id, found.row.head_seq)
        except InputError:  # no checkpoint holds it yet
            found.inclusion = None
