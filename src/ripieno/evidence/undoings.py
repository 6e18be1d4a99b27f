"""What became of a run's effects by runs that rolled it back, told where the run is shown."""

from __future__ import annotations

from typing import Any

from ripieno.evidence.story import Story
from ripieno.evidence.telling import tell
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.undo_runs import undoers

__all__ = ["take_in"]


async def take_in(store: Store, row: RunRow, story: Story) -> list[dict[str, Any]]:
    """Note in a run's story what was taken back of it by others, and give these, oldest first."""
    found: list[dict[str, Any]] = []
    for other in await undoers(store, row.id):
        found.append({"run_id": other.id, "status": other.status})
        became = {
            one.path: one.standing for one in (await tell(store, other.id)).elsewhere if one.run == row.id
        }
        for effect in story.effects:
            effect.standing = became.get(effect.path, effect.standing)
    return found
