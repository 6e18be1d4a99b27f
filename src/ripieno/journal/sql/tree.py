"""The Merkle tree over the log as the tables have it: any subtree by a bounded number of reads.

Leaves are kept one by one, and of what is above them each eighth level: 256 hashes below each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ripieno.model.errors import StoreError
from ripieno.proof.checkpoints import event_leaf
from ripieno.proof.merkle import Frontier, consistency_proof, inclusion_proof, root_at

__all__ = ["EVERY", "StoredTree"]

EVERY: Final = 8
"""Of how many levels one is kept."""

DAMAGED: Final = "the tables of the tree were changed: ripieno audit verify names what was"


class StoredTree:
    """Reads the tree; `rows` runs a statement and gives its rows."""

    def __init__(self, rows: Callable[..., Sequence[Any]]) -> None:
        self._rows = rows

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._rows("SELECT coalesce(max(leaf), -1) + 1 FROM leaves")[0][0]

    @property
    def position(self) -> int:
        """The place in the log of the last event that has a leaf; 0 when none has."""
        return self._rows("SELECT coalesce(max(position), 0) FROM leaves")[0][0]

    def leaf_of(self, position: int) -> int | None:
        """Give the leaf of the event at a place of the log; None when it has none yet."""
        found = self._rows("SELECT leaf FROM leaves WHERE position = ?", position)
        return found[0][0] if found else None

    def frontier(self, size: int) -> Frontier:
        """Give what is needed to append to the first `size` leaves."""
        return Frontier.of(size, self.node_at)

    def root(self, size: int) -> bytes:
        """Give the root of the first `size` leaves."""
        return root_at(size, self.node_at)

    def inclusion(self, leaf: int, size: int) -> list[bytes]:
        """Give the proof that a leaf is among the first `size`."""
        return inclusion_proof(leaf, size, self.node_at)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Give the proof that the first `first` leaves begin the first `second`."""
        return consistency_proof(first, second, self.node_at)

    def node_at(self, level: int, index: int) -> bytes:
        """Give the hash of a whole subtree; raises `StoreError` where the tables do not have it."""
        kept = level - level % EVERY
        width = 1 << (level - kept)
        start, end = index * width, (index + 1) * width
        if kept:
            rows = self._rows(
                "SELECT hash FROM tree_nodes WHERE level = ? AND number >= ? AND number < ? ORDER BY number",
                kept,
                start,
                end,
            )
            hashes = [row[0] for row in rows]
        else:
            rows = self._rows(
                "SELECT stream, seq, hash FROM leaves WHERE leaf >= ? AND leaf < ? ORDER BY leaf", start, end
            )
            hashes = [event_leaf(*row) for row in rows]
        if len(hashes) != width:
            msg = f"the tree over the log lacks {width - len(hashes)} of {width} hashes at {start} to {end}"
            raise StoreError(msg, remedy=DAMAGED)
        frontier = Frontier()
        for hashed in hashes:
            frontier.append(hashed)
        return frontier.root()
