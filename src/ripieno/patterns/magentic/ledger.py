"""The task ledger and the counters of one magentic: all that its rounds know, small and bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ripieno.model.event import Json
from ripieno.model.outcome import Evidence, Outcome
from ripieno.patterns.magentic.evidence import Entry, digest, kept
from ripieno.patterns.magentic.facts import Fact, merged
from ripieno.patterns.magentic.plan import ItemState, PlanItem, with_states
from ripieno.patterns.magentic.reserve import Reserve

__all__ = ["Ledger"]


@dataclass(slots=True)
class Ledger:
    """Facts, plan and evidence; rounds, stalls and replans."""

    facts: list[Fact] = field(default_factory=list[Fact])
    plan: list[PlanItem] = field(default_factory=list[PlanItem])
    evidence: list[Entry] = field(default_factory=list[Entry])
    visits: dict[str, int] = field(default_factory=dict[str, int])
    """How often an item was worked on, by worker and item."""
    round: int = 0
    """Turns of workers so far."""
    stalls: int = 0
    replans: int = 0
    plans: int = 0
    """Plans made so far, those that a person rejected among them."""
    speaker: str | None = None
    """Who worked last."""
    began: int = 0
    """Microseconds since 1970; 0 where no time is limited."""
    reserve: Reserve = field(default_factory=Reserve)
    """What limits outside leave."""

    def judge(self, *, looping: bool, progressing: bool) -> None:
        """Count a stall for a round in a loop or without progress; one that goes well takes one back."""
        stalled = looping or not progressing
        self.stalls = self.stalls + 1 if stalled else max(0, self.stalls - 1)

    def item(self, item_id: str) -> PlanItem:
        """Give an item of the plan."""
        return next(item for item in self.plan if item.id == item_id)

    def learn(self, facts: Sequence[Fact], states: Mapping[str, ItemState]) -> None:
        """Take in what a look at the progress has found."""
        self.facts = merged(self.facts, facts)
        self.plan = with_states(self.plan, states)

    def begin(self, worker: str, item_id: str) -> str:
        """Count a turn and give its key: the item's id, and `+2` for the second visit of the same worker."""
        self.round += 1
        self.speaker = worker
        self.plan = with_states(self.plan, {item_id: "doing"})
        visited = f"{worker}@{item_id}"
        count = self.visits[visited] = self.visits.get(visited, 0) + 1
        return item_id if count == 1 else f"{item_id}+{count}"

    def end(self, worker: str, item_id: str, *, asked: str, outcome: Outcome) -> None:
        """Take in how a worker's turn ended."""
        entry = digest(f"e{self.round}", worker, item_id, asked=asked, outcome=outcome)
        self.evidence = kept([*self.evidence, entry])
        self.plan = with_states(self.plan, {item_id: "done" if outcome.ok else "failed"})

    def earlier(self, worker: str) -> list[Entry]:
        """Give what a worker did before."""
        return [entry for entry in self.evidence if entry.by == worker]

    def missing(self) -> list[str]:
        """Say what is not there: items not done, and facts that nobody has looked up or derived."""
        latest = {entry.item: entry.said for entry in self.evidence if entry.status != "complete"}
        undone = [
            f"{item.id}: {item.what} ({item.state}{f': {latest[item.id]}' if item.id in latest else ''})"
            for item in self.plan
            if item.state != "done"
        ]
        unknown = [f"not known: {fact.text}" for fact in self.facts if fact.kind in ("look_up", "derive")]
        return ([] if self.plan else ["a plan"]) + undone + unknown

    def proofs(self) -> list[Evidence]:
        """Give the firm facts as the evidence of an outcome."""
        return [Evidence(fact.text, fact.source or "input") for fact in self.facts if fact.firm]

    def shown(self) -> dict[str, Json]:
        """Give what managers are shown."""
        return {
            "facts": [fact.document() for fact in self.facts],
            "plan": [item.document() for item in self.plan],
            "evidence": [entry.document() for entry in self.evidence],
            "round": self.round,
            "stalls": self.stalls,
            "replans": self.replans,
        }

    def document(self) -> dict[str, Json]:
        """Give it as a segment keeps it."""
        return {
            **self.shown(),
            "visits": dict(self.visits),
            "plans": self.plans,
            "speaker": self.speaker,
            "began": self.began,
            "reserve": self.reserve.document(),
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Ledger:
        """Read what a segment kept."""
        return cls(
            facts=[Fact.read(fact) for fact in kept["facts"]],
            plan=[PlanItem.read(item) for item in kept["plan"]],
            evidence=[Entry.read(entry) for entry in kept["evidence"]],
            reserve=Reserve.read(kept.get("reserve", {})),
            **{
                name: kept[name]
                for name in ("visits", "round", "stalls", "replans", "plans", "speaker", "began")
            },
        )
