"""The report of a stretch of time as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ripieno.evidence.markdown import Page, cell
from ripieno.evidence.period_report import PeriodReport
from ripieno.evidence.restored import LogRestored
from ripieno.kernel.clock import moment

__all__ = ["period_page"]


def period_page(report: PeriodReport) -> str:
    """Give the page."""
    since, until = moment(report.period.since), moment(report.period.until)
    page = Page(f"Tenant {report.tenant}, {since:%Y-%m-%d %H:%MZ} to {until:%Y-%m-%d %H:%MZ}")
    page.heading("What ran")
    page.table(("workflow", "version", "stands at", "runs"), counts(report.runs), "Nothing was requested.")
    page.heading("Who decided")
    page.table(("who", "as", "in", "answers"), counts(report.decisions), "No person was asked and answered.")
    page.heading("What was changed")
    page.table(("workflow", "to", "effect", "became", "calls"), counts(report.changes), "Nothing was called.")
    page.heading("What was not allowed")
    head = ("where, or who", "what", "policies", "times")
    page.table(head, counts(report.denials), "Nothing was denied.")
    page.heading("By which policies")
    page.table(("version of the policies", "policy", "acts"), counts(report.policies), "None was asked.")
    page.heading("Who looked at labelled data")
    page.table(("who", "by", "classes", "times"), counts(report.reads), "Nobody did.")
    page.heading("Who came")
    logins = ((who, count) for who, count in sorted(report.logins.items()))
    page.table(("who", "logins"), logins, "Nobody signed in by key or token.")
    page.heading("What was changed outside of runs")
    page.table(
        ("when", "who", "what", "", "why"),
        (
            (f"{moment(one.at):%Y-%m-%d %H:%M:%SZ}", one.by, one.kind, one.what, one.reason)
            for one in report.events
        ),
        "Nothing.",
    )
    page.heading("Restored from backups")
    page.table(
        ("when", "who", "backup of", "runs under way", "events lost", "erased again"),
        (restored(one) for one in report.restores),
        "The log was not put back from a backup.",
    )
    page.heading("Proof")
    page.text(f"The whole log: {cell(report.verdict)}.")
    if report.problems:
        page.text("**The log does not hold together:**")
        page.listed((one, one) for one in report.problems)
    return str(page)


def restored(one: LogRestored) -> Sequence[object]:
    """Give the row of a restore."""
    times = (one.at, one.backup)
    when, made = (None if time is None else f"{moment(time):%Y-%m-%d %H:%MZ}" for time in times)
    lost = f"{one.lost:,} for certain" if one.compared else "not known"
    erased = f"{one.erased:,}" if one.told_by else "nothing told what was"
    return (when, one.by, made, one.runs, lost, erased)


def counts(counter: Counter[Any]) -> Iterator[Sequence[object]]:
    """Give a row for each thing that was counted, digests cut short."""
    for key, count in sorted(counter.items()):
        yield (*(part[:12] if len(part) == 64 else part for part in key), count)  # noqa: PLR2004 - a SHA-256
