"""What a backup says it holds: signed, so that a damaged, exchanged or foreign one is refused before use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, cast

from ripieno.model.errors import RipienoError
from ripieno.proof.notes import NoteError, Signer, Verifier

__all__ = ["FORM", "MANIFEST", "BackupError", "Manifest", "Stored"]

MANIFEST: Final = "manifest"
FORM: Final = 1
"""Of the manifest and the files beside it."""

FIRST: Final = "ripieno backup "
ANOTHER: Final = "take another backup: ripieno backup --verify tells which of them are whole"

Keys = Literal["apart", "plain", "sealed"]


class BackupError(RipienoError):
    """A backup cannot be made, or is not what it has to be; what was there before is as it was."""

    code = "backup"


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was backed up, and when."""

    made_at: int
    """Microseconds; just before the moment that the backup shows."""
    library: str
    """The version of Ripieno that made it."""
    data_format: int
    """Of the journal."""
    position: int
    """Of the last event in the log."""
    events: int
    leaves: int
    """How many of them have their place in the tree."""
    root: str
    """Of the tree over these, in hexadecimal."""
    checkpoint: str | None
    """The last one that was signed."""
    runs: int
    going: int
    """How many runs had not ended."""
    keys: Keys
    """`apart`: not in it. `plain`: whoever has the backup reads every value. `sealed`: by a passphrase."""
    files: Mapping[str, Stored]

    def signed(self, by: Signer) -> str:
        """Give it as a signed note."""
        return by.sign(f"{FIRST}{FORM}\n{json.dumps(asdict(self), sort_keys=True)}\n")

    @classmethod
    def opened(cls, note: str, key: Verifier) -> Self:
        """Read a manifest that `key` has signed; raises `BackupError`."""
        if not note.startswith(FIRST):
            msg = f"its manifest is none: it does not begin with {FIRST.strip()!r}"
            raise BackupError(msg, remedy=ANOTHER)
        form = note.partition("\n")[0].removeprefix(FIRST)
        if form != str(FORM):
            msg = f"it has form {form[:20]!r}, this version of Ripieno reads form {FORM}"
            raise BackupError(msg, remedy="use the version of Ripieno that wrote it")
        try:
            text = key.open(note).split("\n")[1]
        except NoteError as error:
            msg = f"its manifest is not signed by the key {key.name}: {error}"
            raise BackupError(msg, remedy="it was changed, or is the backup of another log") from error
        try:
            found = cast("dict[str, Any]", json.loads(text))
            files = {name: Stored(**one) for name, one in found.pop("files").items()}
            return cls(**found, files=files)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"its manifest cannot be read: {error}"
            raise BackupError(msg, remedy=ANOTHER) from error
