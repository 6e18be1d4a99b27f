"""A log whose events have leaves, of which something was signed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import keep_latest, signer_at
from ripieno.journal.stored import StoredSink
from ripieno.proof.checkpoints import Checkpoint

__all__ = ["AT", "ORIGIN", "sequenced", "sign"]

AT = 1_800_000_000_000_000
ORIGIN = "example.com/log"


def sequenced(home: Path, most: int = 500) -> int:
    """Give every event its leaf; tell how many there are."""
    with Sequencer(home) as sequencer:
        assert sequencer.elect(), "nobody else is at it"
        while sequencer.advance(most):
            pass
        return sequencer.tree.size


def sign(home: Path, sizes: Iterable[int], *, sinks: Iterable[str] = ()) -> list[str]:
    """Sign the log at these sizes, once all have leaves; give the notes."""
    sequenced(home)
    signer = signer_at(home, ORIGIN)
    notes: list[str] = []
    with Sequencer(home) as sequencer:
        for size in sizes:
            note = Checkpoint(signer.name, size, sequencer.tree.root(size)).signed(signer)
            stored = sequencer.keep(size, AT, note)
            for sink in sinks:
                sequencer.published(StoredSink(sink, stored.number, AT, None, None))
            keep_latest(home, note)
            notes.append(note)
    return notes
