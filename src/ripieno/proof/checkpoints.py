"""Checkpoints as C2SP specifies them (https://c2sp.org/tlog-checkpoint): how long a log was, and its root.

What a leaf of the log hashes stands here, too.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final, Self

from ripieno.proof.merkle import leaf_hash
from ripieno.proof.notes import NoteError, Signer, Verifier, decoded

__all__ = ["Checkpoint", "event_leaf"]

LEAF: Final = b"ripieno leaf 1\n"
"""Begins what a leaf hashes, so that no other data of this length is ever taken for one."""

ROOT_BYTES: Final = 32
SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def event_leaf(stream: bytes, seq: int, event: bytes) -> bytes:
    """Give the hash of an event's leaf: the 16 bytes of its stream, its number there, its SHA-256."""
    return leaf_hash(LEAF + stream + seq.to_bytes(8, signed=True) + event)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment."""

    origin: str
    size: int
    """How many leaves it had."""
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, by: Signer) -> str:
        """Give it as a signed note."""
        return by.sign(self.text)

    @classmethod
    def opened(cls, note: str, key: Verifier) -> Self:
        """Read a note that `key` has signed; raises `NoteError`.

        The origin has to be the key's name: one who signs for several logs has a key for each.
        """
        origin, size, root, *_ = (*key.open(note).split("\n"), "", "")
        if origin != key.name:
            msg = f"the checkpoint is of {origin!r}, the key of {key.name!r}"
            raise NoteError(msg)
        hashed = decoded(root)
        if not SIZE.fullmatch(size) or len(hashed) != ROOT_BYTES:
            msg = f"expected the size of a log and its root, got {size[:30]!r} and {root[:50]!r}"
            raise NoteError(msg)
        return cls(origin, int(size), hashed)
