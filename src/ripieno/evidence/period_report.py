"""What an auditor asks about a stretch of time: what ran, who decided, what was changed, what was denied."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ripieno.evidence.restored import LogRestored, restores_of
from ripieno.evidence.run_report import Elsewhere, elsewhere, newest_first
from ripieno.evidence.story import Story
from ripieno.evidence.telling import tell
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import moment

__all__ = ["Period", "PeriodReport", "report_period"]

PAGE: Final = 200
"""So many runs are read at once."""

COUNTED: Final = frozenset({"data.read", "login", "act.denied"})
"""Events of the tenant's log that are counted rather than listed."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when, in microseconds since 1970; the end is left out of it."""

    since: int
    until: int

    def holds(self, at: int) -> bool:
        """Tell whether a moment lies within it."""
        return self.since <= at < self.until


@dataclass(slots=True)
class PeriodReport:
    """What the log of a tenant tells of a stretch of time: names and numbers, no values."""

    tenant: str
    period: Period
    runs: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """Runs requested in it, by workflow, version and how they stand."""
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """Answers of people, by who, in which role, and workflow."""
    changes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter[tuple[str, str, str, str]])
    """Calls, by workflow, tool, effect and what became of them."""
    denials: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """What was denied, by workflow or who asked, what, and the policies that denied it."""
    policies: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Acts, by version of the policies and policy."""
    reads: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """Looks at labelled data, by who, command and classes."""
    logins: Counter[str] = field(default_factory=Counter[str])
    """By who."""
    events: Sequence[Elsewhere] = ()
    """What was changed outside of runs, oldest first: roles, keys, versions, policies, stops, emergencies."""
    restores: Sequence[LogRestored] = ()
    """How the log was put back from backups in it, or from backups that were made in it."""
    verdict: str = ""
    """What a verification of the log shows, in a line."""
    problems: Sequence[str] = ()
    """What it found."""

    def document(self) -> dict[str, Any]:
        """Give it as programs read it."""
        return {
            "tenant": self.tenant,
            "since": moment(self.period.since).isoformat(),
            "until": moment(self.period.until).isoformat(),
            "runs": rows(self.runs, "workflow", "version", "status"),
            "decisions": rows(self.decisions, "by", "role", "workflow"),
            "changes": rows(self.changes, "workflow", "tool", "effect", "became"),
            "denials": rows(self.denials, "where", "what", "policies"),
            "policies": rows(self.policies, "version", "policy"),
            "reads": rows(self.reads, "by", "what", "classes"),
            "logins": dict(self.logins),
            "events": [{**asdict(one), "at": moment(one.at).isoformat()} for one in self.events],
            "restores": [asdict(one) for one in self.restores],
            "verdict": self.verdict,
            "problems": list(self.problems),
        }


def rows(counter: Counter[Any], *names: str) -> list[dict[str, Any]]:
    """Give what was counted, a document each."""
    return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(counter.items())]


async def report_period(store: Store, tenant: str, period: Period) -> PeriodReport:
    """Read what the log of a tenant has of a stretch of time."""
    report = PeriodReport(tenant, period)
    async for row in requested(store, tenant, period):
        report.runs[row.workflow, row.version, row.status] += 1
        take_story(report, row, await tell(store, row.id))
    events: list[Elsewhere] = []
    async for event in newest_first(store, tenant):
        if not period.holds(event.at):
            continue
        if event.kind in COUNTED:
            take_counted(report, event.kind, event.body)
        else:
            events.append(elsewhere(store, event))
    report.events = events[::-1]
    report.restores = [
        one for one in await restores_of(store) if one.at >= period.since and (one.backup or 0) < period.until
    ]
    return report


async def requested(store: Store, tenant: str, period: Period) -> AsyncGenerator[RunRow]:
    """Give the runs that were requested in a period, newest first, in bounded pieces."""
    wanted = RunFilter(tenant=tenant, since=period.since, until=period.until, limit=PAGE)
    while True:
        page = await store.runs(wanted)
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        wanted = replace(wanted, before=page[-1].id)


def take_story(report: PeriodReport, row: RunRow, story: Story) -> None:
    """Count what happened in a run."""
    for posed in story.questions:
        if posed.answered_by and posed.answer is not None:
            report.decisions[posed.answered_by, posed.role or "in person", row.workflow] += 1
    for effect in story.effects:
        became = "undone" if effect.standing == "undone" else effect.status
        report.changes[row.workflow, effect.tool, effect.effect, became] += 1
    for refused in story.refused:
        report.denials[row.workflow, refused.what, ", ".join(refused.policies)] += 1
    for one in (*story.steps, *story.effects, *story.refused):
        for policy in one.policies:
            report.policies[one.policy or "", policy] += 1


def take_counted(report: PeriodReport, kind: str, body: Any) -> None:
    """Count an event of the tenant's log."""
    by = str(body.get("by") or body.get("principal") or "")
    if kind == "data.read":
        report.reads[by, str(body["what"]), ", ".join(body["classes"])] += 1
    elif kind == "login":
        report.logins[by] += 1
    else:
        report.denials[by, str(body.get("verb")), ", ".join(body.get("policies", ()))] += 1
