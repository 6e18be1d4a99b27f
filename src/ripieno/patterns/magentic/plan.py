"""The plan: items with an id, an owner and a state, and what differs between two plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ripieno.model.event import Json

__all__ = ["MOST_ITEMS", "ItemState", "PlanItem", "carried_over", "changes", "with_states"]

ItemState = Literal["open", "doing", "done", "failed"]

MOST_ITEMS: Final = 50
"""A plan of more is not one that a person can review."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One thing to be done."""

    id: str
    """Unique in the plan; the key under which its owner's work is recorded."""
    what: str
    owner: str
    """Name of the worker meant for it."""
    state: ItemState = "open"

    def document(self) -> dict[str, Json]:
        """Give it as plain data."""
        return {"id": self.id, "what": self.what, "owner": self.owner, "state": self.state}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> PlanItem:
        """Read what `document` gave."""
        return cls(kept["id"], kept["what"], kept["owner"], kept["state"])


def carried_over(before: Iterable[PlanItem], planned: Iterable[PlanItem]) -> list[PlanItem]:
    """Give a new plan in which items that are still the same keep the state they had."""
    known = {item.id: item for item in before}
    return [
        replace(item, state=known[item.id].state)
        if item.id in known and known[item.id].what == item.what
        else item
        for item in planned
    ]


def with_states(plan: Iterable[PlanItem], states: Mapping[str, ItemState]) -> list[PlanItem]:
    """Give a plan with some items in another state."""
    return [replace(item, state=states.get(item.id, item.state)) for item in plan]


def changes(before: Sequence[PlanItem], after: Sequence[PlanItem]) -> dict[str, Json]:
    """Give what differs between two plans: what was added, removed, and changed from what to what."""
    old, new = ({item.id: item for item in plan} for plan in (before, after))
    return {
        "added": [item.document() for item in after if item.id not in old],
        "removed": [item.document() for item in before if item.id not in new],
        "changed": [
            {"id": item.id, "from": old[item.id].document(), "to": item.document()}
            for item in after
            if item.id in old and old[item.id] != item
        ],
    }
