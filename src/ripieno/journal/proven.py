"""Compares the log with the tree over it, and the tree with what was signed of it.

This shows more than the chains: whoever rewrites the log, its chains and its tables cannot make it fit
a checkpoint that stands elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ripieno.journal.stored import StoredCheckpoint, StoredLeaf, Verifiable
from ripieno.proof.checkpoints import Checkpoint, event_leaf
from ripieno.proof.merkle import EMPTY, Frontier
from ripieno.proof.notes import NoteError, Verifier
from ripieno.proof.restores import Restore, explained
from ripieno.proof.succession import KeyChain

__all__ = ["Anchor", "Proven"]

KEPT_LEVELS: Final = 8
"""Of how many levels of the tree one is kept."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Up to where the log is what was signed."""

    number: int
    """0 for a checkpoint that was handed in, and is not one of the log's own."""
    size: int
    """How many events it covers."""
    published: Sequence[str]
    """The sinks outside the store that have it, as the store says."""
    given: bool = False
    """True where it was handed in: nobody who can write to the data folder could have changed it."""
    held: str = ""
    """The sink that was asked and has it."""

    def __str__(self) -> str:
        number = f" {self.number}" if self.number else ""
        if self.given:
            return f"anchored up to checkpoint{number}, which was handed in"
        if self.held:
            return f"anchored up to checkpoint{number}, which {self.held} has"
        if self.published:
            return f"signed up to checkpoint{number}, which the log says was published"
        return f"signed up to checkpoint{number}, which nobody else has"


class Proven:
    """One pass over the leaves."""

    def __init__(
        self,
        store: Verifiable,
        found: Callable[[str, str], None],
        *,
        key: Verifier | None = None,
        given: Sequence[str] = (),
        sinks: Mapping[str, str] | None = None,
    ) -> None:
        """`key` is one that stands elsewhere than the data folder, `given` are notes from elsewhere.

        `sinks`: the newest note of each sink that was asked, by its name.
        """
        self._store = store
        self._found = found
        self._key = key
        self._given = given
        self._sinks = sinks or {}
        self._frontier = Frontier()
        self._position = 0
        self.restored: Sequence[Restore] = ()
        """How the log was put back from backups: what was signed of events that this lost does not fit it."""
        self._roots: dict[int, bytes] = {0: EMPTY}
        self._nodes: Iterator[tuple[int, int, bytes]] = iter(())

    def check(self) -> Anchor | None:
        """Compare all of it, and give the last checkpoint that the log fits."""
        key = self._chain(self._key or self._folders_key())
        self.restored = [] if key is None else self._store.restores(key)
        own = list(self._store.checkpoints())
        opened = [(one, self._opened(f"checkpoint {one.number}", one.note, key)) for one in own]
        elsewhere = [
            (f"checkpoint handed in {number}", note, True, "") for number, note in enumerate(self._given, 1)
        ]
        elsewhere += [("checkpoint.latest", note, False, "") for note in self._store.latest()]
        elsewhere += [
            (f"newest checkpoint of {sink}", note, False, sink) for sink, note in self._sinks.items()
        ]
        others = [(name, self._opened(name, note, key), given, held) for name, note, given, held in elsewhere]
        rekeyed: Sequence[Checkpoint] = () if key is None else key.checkpoints
        wanted = {one.size for _, one in opened if one} | {one.size for _, one, *_ in others if one}
        wanted |= {one.size for one in rekeyed}
        self._numbered(own)
        self._leaves(wanted)
        for number, one in enumerate(rekeyed, 1):
            self._fits(f"change {number} of the key that signs", one)
        anchors = [self._own(stored, found) for stored, found in opened]
        anchors += [self._other(name, found, given=given, held=held) for name, found, given, held in others]
        return max(
            (one for one in anchors if one),
            key=lambda one: (one.given, one.held != "", one.size),
            default=None,
        )

    def _chain(self, key: Verifier | None) -> KeyChain | None:
        """Give a key with those that both it and they say came before or after it."""
        if key is None:
            return None
        try:
            return KeyChain.of(key, self._store.successions())
        except NoteError as error:
            self._found("public key", str(error))
            return KeyChain.of(key, ())

    def _folders_key(self) -> Verifier | None:
        try:
            return self._store.public_key()
        except NoteError as error:
            self._found("public key", str(error))
            return None

    def _opened(self, name: str, note: str, key: Verifier | None) -> Checkpoint | None:
        if key is None:
            self._found(name, "cannot be checked: the public key is not there; --key names one")
            return None
        try:
            return Checkpoint.opened(note, key)
        except NoteError as error:
            self._found(name, str(error))
            return None

    # -- the tree -----------------------------------------------------------------------------------

    def _leaves(self, wanted: set[int]) -> None:
        kept: dict[int, list[bytes]] = {}
        for leaf in self._store.leaves():
            if leaf.leaf != self._frontier.size:
                self._found("tree", f"leaf {self._frontier.size} is missing: the next one is {leaf.leaf}")
                return
            self._compare(leaf)
            for node in self._frontier.append(event_leaf(bytes.fromhex(leaf.stream), leaf.seq, leaf.hash)):
                if node.level and not node.level % KEPT_LEVELS:
                    kept.setdefault(node.level, []).append(node.hash)
            if self._frontier.size in wanted:
                self._roots[self._frontier.size] = self._frontier.root()
        for level, hashes in self._store.tree_nodes():
            if kept.pop(level, []) != hashes:
                self._found("tree", f"its nodes of level {level} are not those of its leaves")
        for level in kept:
            self._found("tree", f"its nodes of level {level} are gone")

    def _compare(self, leaf: StoredLeaf) -> None:
        if leaf.position <= self._position:
            self._found("tree", f"leaf {leaf.leaf} stands before the one that it follows")
        elif leaf.position > self._position + 1:
            for place in self._store.unsequenced(self._position + 1, leaf.position - 1):
                self._found(place, "was put into the log where its place in the tree had been passed")
        self._position = leaf.position
        place = self._store.named(leaf.stream, leaf.seq)
        event = leaf.event
        if event is None:
            self._found(place, f"is gone, and the tree has it as leaf {leaf.leaf}")
        elif (event.stream, event.seq) != (leaf.stream, leaf.seq):
            there = self._store.named(event.stream, event.seq)
            self._found(place, f"is leaf {leaf.leaf} of the tree, and {there} stands in its place")
        elif hashlib.sha256(event.envelope).digest() != leaf.hash:
            self._found(place, f"was changed after it became leaf {leaf.leaf} of the tree, or the leaf was")

    # -- what was signed ------------------------------------------------------------------------------

    def _numbered(self, own: Sequence[StoredCheckpoint]) -> None:
        """Name the first checkpoint of which the next ones say by their numbers that it was there."""
        for number, one in enumerate(own, 1):
            if one.number != number:
                self._found(f"checkpoint {number}", f"is gone: the next one is {one.number}")
                return

    def _own(self, stored: StoredCheckpoint, checkpoint: Checkpoint | None) -> Anchor | None:
        name = f"checkpoint {stored.number}"
        if checkpoint is not None and checkpoint.size != stored.size:
            self._found(name, f"its row says {stored.size} events, it says {checkpoint.size}")
        if checkpoint is None or not self._fits(name, checkpoint):
            return None
        sinks = [one.sink for one in self._store.sinks() if one.number == stored.number]
        return Anchor(stored.number, checkpoint.size, sinks)

    def _other(self, name: str, checkpoint: Checkpoint | None, *, given: bool, held: str) -> Anchor | None:
        if checkpoint is None or not self._fits(name, checkpoint):
            return None
        own = [one for one in self._store.checkpoints() if one.size == checkpoint.size]
        number = own[-1].number if own else 0
        sinks = [one.sink for one in self._store.sinks() if number and one.number == number]
        return Anchor(number, checkpoint.size, sinks, given, held)

    def _fits(self, name: str, checkpoint: Checkpoint) -> bool:
        fits = self._roots.get(checkpoint.size) == checkpoint.root
        if not fits and explained(self.restored, checkpoint):
            return False
        if checkpoint.size > self._frontier.size:
            covers = f"covers {checkpoint.size:,} events, the tree has {self._frontier.size:,}"
            self._found(name, f"{covers}: the log was cut off behind it, or an earlier state was put back")
        elif self._roots[checkpoint.size] != checkpoint.root:
            self._found(name, f"the first {checkpoint.size:,} events are not those that were signed")
        else:
            return True
        return False
