"""Erasing what was kept for long enough: only runs that have ended, the oldest first, so many at a time.

Whoever said for how long data is kept had leave for that; an erasure names the rule and by whom it was set.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ripieno.journal.records import RunRow, VersionRow
from ripieno.journal.retention import Doomed, RetentionRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.labels import declared_by, held_by
from ripieno.model.errors import RefusedError
from ripieno.model.principal import Principal
from ripieno.retention.erasing import plan_of
from ripieno.retention.keeping import ANY, Rule, rule_for, span

__all__ = ["AT_ONCE", "BY", "Sweeper", "Swept", "classes_in"]

AT_ONCE: Final = 50
"""Runs that are looked at, and erased in one commit at most."""

BY: Final = "system:retention"


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look came to."""

    erased: Sequence[RunRow] = ()
    """What was erased, or would be."""
    kept: Sequence[tuple[RunRow, str]] = ()
    """What is over and stays, and why."""
    looked: int = 0
    """How many runs were looked at; fewer than asked for when there are no more."""


@dataclass(slots=True)
class Sweeper:
    """Goes through the runs of a store whose time is over, a portion at each turn."""

    store: Store
    clock: Clock
    _after: dict[tuple[str, str], tuple[int, str]] = field(
        default_factory=dict[tuple[str, str], tuple[int, str]]
    )
    """By tenant and version, the last run that was looked at: what stays is looked at once in a round."""

    async def turn(self, tenant: str, *, limit: int = AT_ONCE, dry_run: bool = False) -> Swept:
        """Erase up to `limit` runs of a tenant whose time is over, the oldest of each version first.

        A round is over once a turn looked at fewer.
        """
        rows = self.store.retention(tenant)
        if not rows:
            return Swept()
        due: list[tuple[RunRow, Rule]] = []
        looked = 0
        for version in await self.store.versions(tenant):
            after = earliest(rows, classes_in(version))
            if after is None:
                continue
            found = self._over(version, after, limit - looked)
            looked += len(found)
            due += [(row, rule) for row in found if (rule := await self._rule(rows, row)) is not None]
        if looked < limit:
            self._after.clear()  # the next round begins anew: a hold may have been released
        ready: list[tuple[RunRow, Doomed]] = []
        kept: list[tuple[RunRow, str]] = []
        for row, rule in due:
            doomed = await self._doomed(row, rule)
            if isinstance(doomed, str):
                kept.append((row, doomed))
            else:
                ready.append((row, doomed))
        erased = [row for row, _ in ready] if dry_run else await self._erase(tenant, ready, kept)
        return Swept(erased, kept, looked)

    def _over(self, version: VersionRow, after: int, limit: int) -> Sequence[RunRow]:
        place = (version.tenant, version.version)
        last = self._after.get(place, (0, ""))
        found = self.store.over(*place, self.clock.now() - after, limit, last)
        if found:
            self._after[place] = (found[-1].ended_at or 0, found[-1].id)
        return found

    async def _rule(self, rows: Sequence[RetentionRow], row: RunRow) -> Rule | None:
        """Give what a run is erased by, of all classes that it holds; None while its time is not over."""
        rule = rule_for(rows, await held_by(self.store, row))
        over = rule.after is not None and (row.ended_at or 0) <= self.clock.now() - rule.after
        return rule if over else None

    async def _doomed(self, row: RunRow, rule: Rule) -> Doomed | str:
        """Give what is to be erased of a run; why it stays where it does."""
        plan = await plan_of(self.store, row, by=Principal("system", "retention", row.tenant), alone=True)
        if plan.obstacle is not None:
            return plan.obstacle
        lost = [(one.entry.path, one.entry.tool) for one in plan.undo]
        return Doomed(row.id, lost, rule=rule.erase)

    async def _erase(
        self, tenant: str, ready: Sequence[tuple[RunRow, Doomed]], kept: list[tuple[RunRow, str]]
    ) -> list[RunRow]:
        """Erase all at once; where something came in between, one after the other."""
        if not ready:
            return []
        try:
            await self.store.erase(tenant, [one for _, one in ready], by=BY, reason=why(ready[0][1]))
        except RefusedError as error:
            if len(ready) == 1:
                kept.append((ready[0][0], error.message))
                return []
            return [row for one in ready for row in await self._erase(tenant, [one], kept)]
        return [row for row, _ in ready]


def why(doomed: Doomed) -> str:
    """Say why it is erased."""
    assert doomed.rule is not None, "it is erased by a rule"
    return f"the time for which its data is kept is over: {doomed.rule.data}, {span(doomed.rule.keep)}"


def classes_in(version: VersionRow) -> Sequence[str]:
    """Give the classes of data that a version declares; of earlier ones nothing is known."""
    return declared_by(json.loads(version.about))


def earliest(rows: Sequence[RetentionRow], classes: Sequence[str]) -> int | None:
    """Give after what time a run of a version may be over at the soonest, whatever its log tells of."""
    declared = rule_for(rows, classes).after
    others = [row.keep for row in rows if row.keep is not None and row.data not in (ANY, *classes)]
    return min([*others, *([] if declared is None else [declared])], default=None)
