"""The proof that one event is in a checkpoint, as C2SP specifies it (https://c2sp.org/tlog-proof).

The event itself travels in the line of extra data: what it is then proved to be is read out of it.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from ripieno.proof.chains import Event, event_of
from ripieno.proof.checkpoints import Checkpoint, event_leaf
from ripieno.proof.merkle import ProofError, verify_inclusion
from ripieno.proof.notes import NoteError, Verifier, decoded

__all__ = ["EventProof"]

FORM: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class EventProof:
    """An event, where it stands in the tree, and the checkpoint that it is in."""

    envelope: bytes
    leaf: int
    hashes: Sequence[bytes]
    note: str

    @property
    def text(self) -> str:
        """The proof as it is written."""
        lines = [FORM, f"extra {encoded(self.envelope)}", f"index {self.leaf}", *map(encoded, self.hashes)]
        return "\n".join([*lines, "", self.note])

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a proof; raises `ProofError` for what is none."""
        head, separator, note = text.partition("\n\n")
        lines = head.split("\n")
        form, extra, index = (*lines, "", "")[:3]
        number = index.removeprefix("index ")
        fits = form == FORM and extra.startswith("extra ") and index.startswith("index ")
        if not separator or not fits or not number.isdecimal() or str(int(number)) != number:
            msg = "expected c2sp.org/tlog-proof@v1, extra, index, hashes, and a checkpoint"
            raise ProofError(msg)
        try:
            envelope = decoded(extra.removeprefix("extra "))
            return cls(envelope, int(number), [decoded(one) for one in lines[3:]], note)
        except NoteError as error:
            raise ProofError(str(error)) from error

    def verify(self, key: Verifier) -> tuple[Event, Checkpoint]:
        """Give the event and the checkpoint that it is in; raises `ProofError` where that is not shown."""
        try:
            checkpoint = Checkpoint.opened(self.note, key)
            event = event_of(self.envelope)
            leaf = event_leaf(bytes.fromhex(event.stream), event.seq, hashlib.sha256(self.envelope).digest())
        except (ValueError, OverflowError) as error:
            raise ProofError(str(error)) from error
        verify_inclusion(
            leaf=leaf, index=self.leaf, size=checkpoint.size, proof=self.hashes, root=checkpoint.root
        )
        return event, checkpoint


def encoded(data: bytes) -> str:
    """Give base64."""
    return b64encode(data).decode()
