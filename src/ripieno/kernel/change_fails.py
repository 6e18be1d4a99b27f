"""How often a change of a workflow's version failed: counted from the log, nothing else.

A change is that a version got new runs which it did not have: promoted to production, or given its first
share. It failed when it was rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ripieno.journal.deployments import Stage
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.births import UNDOING
from ripieno.kernel.clock import moment
from ripieno.kernel.deployments import Past, deployed, history

__all__ = ["Record", "VersionRecord", "count", "record"]


@dataclass(slots=True)
class VersionRecord:
    """What became of one version of a workflow."""

    version: str
    stage: Stage | None = None
    """None for a draft, and for one that another took the place of."""
    share: int = 0
    """Per cent of new runs that it gets now."""
    since: datetime | None = None
    """Since when it has been in that stage with that share; for a draft, when it was registered."""
    changes: int = 0
    """How often it got new runs that it did not have."""
    failed_changes: int = 0
    """How often it was rolled back."""
    runs: int = 0
    """Those that took back what others did are not counted."""
    failures: int = 0
    """Of these runs, those that ended as failed."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of the versions of a workflow."""

    workflow: str
    versions: Sequence[VersionRecord] = field(default_factory=tuple[VersionRecord, ...])
    """Newest first."""

    @property
    def changes(self) -> int:
        """How often a version got new runs that it did not have."""
        return sum(one.changes for one in self.versions)

    @property
    def failed_changes(self) -> int:
        """How many of these were rolled back."""
        return sum(one.failed_changes for one in self.versions)

    @property
    def fail_rate(self) -> float | None:
        """The part of the changes that were rolled back; None while there was none."""
        return self.failed_changes / self.changes if self.changes else None


async def record(store: Store, tenant: str, workflow: str) -> Record:
    """Give what became of every registered version of a workflow."""
    rows = await store.versions(tenant, workflow)
    past = await history(store, tenant, workflow)
    found = {row.version: VersionRecord(row.version, since=moment(row.registered_at)) for row in rows}
    count(found, past)
    stand(found, store, rows, past)
    for version, status, runs in store.runs_by_version(tenant, workflow, besides=UNDOING):
        one = found.setdefault(version, VersionRecord(version))
        one.runs += runs
        one.failures += runs if status == "failed" else 0
    return Record(workflow, list(found.values()))


def count(found: dict[str, VersionRecord], past: Sequence[Past]) -> None:
    """Count changes, and those of them that were rolled back: one that grows from a share is one."""
    candidate: str | None = None
    for change in past:
        version, stage = change.body["version"], change.body["stage"]
        if change.move == "roll back":
            gone = version if stage == "staging" else change.body["before"]
            found.setdefault(gone, VersionRecord(gone)).failed_changes += 1
        elif change.body["share"] > 0 and version != candidate:
            found.setdefault(version, VersionRecord(version)).changes += 1
        if stage == "staging":
            serves = change.move == "share" and change.body["share"] > 0
            candidate = version if serves else None


def stand(
    found: dict[str, VersionRecord], store: Store, rows: Sequence[VersionRow], past: Sequence[Past]
) -> None:
    """Note what stands where, and since when; in both stages counts as in production."""
    if not rows:
        return
    when = {change.event.seq: moment(change.event.at) for change in past}
    now = deployed(store, rows[0].tenant, rows[0].workflow)
    for held in (now.staging, now.production):
        if held is None or held.version not in found:
            continue
        one = found[held.version]
        one.stage, one.since = held.stage, when.get(held.event)
        one.share = held.share
    if now.production is not None and now.candidate is not None and now.production.version in found:
        found[now.production.version].share -= now.candidate.share
