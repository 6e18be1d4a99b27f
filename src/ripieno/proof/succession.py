"""One key that signs in the place of another: both say so, and from then on the old one signs nothing.

Whoever has either of them from elsewhere knows the other by that. A log that somebody signed anew with a key
of their own has no such statement, as nobody can make one without the key whose place is taken.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import NoteError, Signer, Verifier, decoded

__all__ = ["KeyChain", "Succession", "size_of"]

FIRST: Final = "ripieno key 1"
"""Begins the text: no checkpoint begins so, as no origin has a space in it."""


@dataclass(frozen=True, slots=True)
class Succession:
    """That one key took the place of another."""

    old: str
    """The public key, as it is handed out."""
    new: str
    size: int
    """How many events the log had; the old key signs for none after these."""
    root: str
    """Of the tree over them, in base64."""
    at: int
    """Microseconds; when that was, by the clock of whoever did it."""

    def signed(self, old: Signer, new: Signer) -> str:
        """Give it as a note that both have signed."""
        text = f"{FIRST}\n{json.dumps(asdict(self), sort_keys=True)}\n"
        return old.sign(text) + new.sign(text).rpartition("\n\n")[2]

    @classmethod
    def opened(cls, note: str) -> Self:
        """Read a note that both keys have signed that it names; raises `NoteError`."""
        try:
            said: Any = json.loads(note.split("\n")[1])
            found = cls(**said)
            old, new = found.keys
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            msg = f"what it says of keys cannot be read: {error}"
            raise NoteError(msg) from error
        first, _, _ = (*old.open(note).split("\n"), "")[:3]
        new.open(note)
        if first != FIRST or old.name != new.name or type(found.size) is not int:
            msg = f"expected that a key took the place of another of one log, got {first[:60]!r}"
            raise NoteError(msg)
        return found

    @property
    def keys(self) -> tuple[Verifier, Verifier]:
        """The old key and the new one."""
        return Verifier.read(self.old), Verifier.read(self.new)

    @property
    def checkpoint(self) -> Checkpoint:
        """What it says of the log."""
        return Checkpoint(self.keys[0].name, self.size, decoded(self.root))


@dataclass(frozen=True, slots=True)
class KeyChain(Verifier):
    """A public key, and those that it is known to have come from or to have been followed by."""

    others: tuple[tuple[Verifier, int | None], ...] = ()
    """Each with the size of the log after which it signs nothing; None for the newest."""
    limit: int | None = None
    """The same of the key itself."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """What was said of the log whenever one took the place of another."""

    @classmethod
    def of(cls, key: Verifier, notes: Iterable[str]) -> Self:
        """Follow what notes say of keys from one of them; what both keys have not signed says nothing.

        Raises `NoteError` where two keys are said to have taken the place of one: one of both was made by
        somebody else, who has the old one.
        """
        known = list(dict.fromkeys(one for note in notes for one in succession(note)))
        key = Verifier(key.name, key.public)
        limits: dict[Verifier, int | None] = {}
        one: Verifier | None = key
        while one is not None and one not in limits:
            after = [step for step in known if step.keys[0] == one]
            if len({step.new for step in after}) > 1:
                msg = f"two keys are said to have taken the place of {one}: one of them is not of this log"
                raise NoteError(msg)
            limits[one] = min((step.size for step in after), default=None)
            one = after[0].keys[1] if after else None
        earlier = [key]
        for one in earlier:  # it grows meanwhile
            for step in known:
                old, new = step.keys
                if new == one and old not in limits:
                    limits[old] = step.size
                    earlier.append(old)
        said = tuple(step.checkpoint for step in known if step.keys[0] in limits)
        limit = limits.pop(key)
        return cls(key.name, key.public, tuple(limits.items()), limit, said)

    def open(self, note: str) -> str:
        """Give the text of a note that one of them has signed, while it was its turn; raises `NoteError`."""
        mine = Verifier(self.name, self.public)
        for one, limit in ((mine, self.limit), *self.others):
            try:
                text = Verifier.open(one, note)
            except NoteError:
                continue
            if limit is not None and size_of(text) > limit:
                msg = f"signed by {one}, whose place another key took when the log had {limit:,} events"
                raise NoteError(msg)
            return text
        return Verifier.open(mine, note)


def succession(note: str) -> Sequence[Succession]:
    """Give what a note says of keys; nothing where it is none that both have signed."""
    with contextlib.suppress(NoteError):
        return [Succession.opened(note)]
    return []


def size_of(text: str) -> int:
    """Give how many events what was signed is about: a checkpoint, or what a restore says of itself."""
    second = (*text.split("\n"), "")[1]
    if second.isdecimal():
        return int(second)
    try:
        said: Any = json.loads(second)
        return int(said["known"])
    except (ValueError, TypeError, KeyError):
        return 0
