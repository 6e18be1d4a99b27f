"""Keeps the key sets of providers in the data folder, so that a command need not fetch them each time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from pathlib import Path
from typing import Final

from ripieno.identity.key_sets import Kept
from ripieno.journal.keys import StreamKey
from ripieno.model.errors import StoreError

__all__ = ["KeptKeys"]

FOLDER: Final = "providers"


class KeptKeys:
    """One sealed file per issuer: what cannot be opened with the tenant's key counts as not there."""

    def __init__(self, home: Path, key: StreamKey) -> None:
        self._folder = home / FOLDER
        self._key = key

    def read(self, issuer: str) -> Kept | None:
        """Give what is kept of an issuer; None where nothing is, or it cannot be trusted."""
        try:
            data = self._file(issuer).read_bytes()
            found = json.loads(self._key.open(data[:32], data[32:]))
        except (OSError, StoreError, ValueError):
            return None
        return Kept(found["keys"], found["at"]) if found["issuer"] == issuer else None

    def write(self, issuer: str, kept: Kept) -> None:
        """Keep the key set of an issuer; where that cannot be written it is fetched again next time."""
        data = json.dumps({"issuer": issuer, "keys": list(kept.keys), "at": kept.at}).encode()
        commitment = self._key.commit(data)
        file = self._file(issuer)
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            draft.write_bytes(commitment + self._key.seal(commitment, data))
            draft.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()

    def _file(self, issuer: str) -> Path:
        return self._folder / f"{hashlib.sha256(issuer.encode()).hexdigest()[:24]}.keys"
