"""What a log says of itself that was put back from a backup: signed, so that a fork has a reason.

Checkpoints that were signed after the backup cover events that are lost. A log that says so, by the key
that signed them, is not taken for one that was changed in silence; how much is lost is told each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self, cast

from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import NoteError, Signer, Verifier

__all__ = ["Restore", "explained", "restores_in"]

FIRST: Final = "ripieno restore 1"
"""Begins the text: no checkpoint begins so, as no origin has a space in it."""


@dataclass(frozen=True, slots=True)
class Restore:
    """One restore of a log."""

    id: str
    made_at: int
    """Microseconds; when the backup was made."""
    at: int
    """Microseconds; when it was restored."""
    size: int
    """How many events the backup has: what was signed of these holds."""
    root: str
    """Of the tree over them, in hexadecimal."""
    known: int
    """How many events the newest checkpoint covers that was known then."""
    known_root: str
    compared: bool
    """False where no place outside could be asked: what is lost cannot be said then."""

    @property
    def lost(self) -> int:
        """How many events are known to have existed, and are lost; there may have been more after them."""
        return max(0, self.known - self.size)

    def signed(self, by: Signer) -> str:
        """Give it as a signed note."""
        return by.sign(f"{FIRST}\n{json.dumps(asdict(self), sort_keys=True)}\n")

    @classmethod
    def opened(cls, note: str, key: Verifier) -> Self:
        """Read a note that `key` has signed; raises `NoteError`."""
        first, text, *_ = (*key.open(note).split("\n"), "")
        if first != FIRST:
            msg = f"expected what a restore says of itself, got {first[:60]!r}"
            raise NoteError(msg)
        try:
            found: Any = json.loads(text)
            return cls(**cast("Mapping[str, Any]", found))
        except (ValueError, TypeError) as error:
            msg = f"what it says of a restore cannot be read: {error}"
            raise NoteError(msg) from error

    def explains(self, checkpoint: Checkpoint) -> bool:
        """Tell whether a checkpoint that the log does not fit covers events that this restore lost."""
        if checkpoint.size == self.known:
            return self.lost > 0 and checkpoint.root.hex() == self.known_root
        return self.size < checkpoint.size < self.known

    def __str__(self) -> str:
        if self.lost:
            known = f"{self.lost:,} event{'' if self.lost == 1 else 's'} lost for certain"
            lost = f"{known} ({self.size + 1:,} to {self.known:,} of the log), what came after them unknown"
        elif self.compared:
            lost = "no event is known to be lost, what came after it unknown"
        else:
            lost = "what was lost is not known, it was compared with no place outside"
        return f"restored at {time_of(self.at)} from a backup of {time_of(self.made_at)}: {lost}"


def time_of(microseconds: int) -> str:
    """Give a time for people."""
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%dT%H:%MZ}"


def restores_in(bodies: Iterable[Mapping[str, Any]], key: Verifier) -> list[Restore]:
    """Give what the bodies of events `log.restored` say that this key has signed; others say nothing."""
    found: list[Restore] = []
    for body in bodies:
        try:
            found.append(Restore.opened(str(body.get("statement")), key))
        except NoteError:
            continue
    return found


def explained(known: Sequence[Restore], checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint covers what one of these restores has lost."""
    return any(one.explains(checkpoint) for one in known)
