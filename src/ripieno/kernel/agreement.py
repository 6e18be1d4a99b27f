"""How often shadows agreed with people, counted from what the runs of a workflow recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ripieno.journal.records import RunFilter
from ripieno.journal.store import Store

__all__ = ["Agreement", "agreement"]


@dataclass(slots=True)
class Agreement:
    """What became of one participant's shadows."""

    participant: str
    verdicts: Counter[str] = field(default_factory=Counter[str])
    """How many visits ended with each verdict: agrees, differs, incomplete, stopped, unanswered."""
    runs: set[str] = field(default_factory=set[str])

    @property
    def compared(self) -> int:
        """Visits in which the person decided, and the shadow was done or failed to be."""
        return self.verdicts.total() - self.verdicts["unanswered"]

    @property
    def rate(self) -> float | None:
        """Share of those compared in which the shadow agreed; one that was not done did not agree."""
        return self.verdicts["agrees"] / self.compared if self.compared else None


async def agreement(
    store: Store, tenant: str, workflow: str, *, limit: int = 1000
) -> Mapping[str, Agreement]:
    """Count how often each participant's shadow agreed, over the newest `limit` runs of a workflow.

    Nothing is decrypted: the verdicts themselves stand in the log in clear.
    """
    found: dict[str, Agreement] = {}
    for run in await store.runs(RunFilter(tenant=tenant, workflow=workflow, limit=limit)):
        for event in await store.events(run.id):
            if event.kind == "choice" and event.body["what"] == "shadow":
                visit = event.path.rpartition("/choice/")[0].rpartition("/")[2]
                name = visit.partition("@")[0]
                one = found.setdefault(name, Agreement(name))
                one.verdicts[event.body["chosen"]] += 1
                one.runs.add(run.id)
    return dict(sorted(found.items()))
