"""What is kept beside the log, encrypted: a few small documents of a tenant, such as the tokens of a person.

Each file has a key of its own, wrapped by the data folder's master key as those of runs and tenants are. It
goes with its tenant, and another master key wraps it anew. No backup holds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.master_file import keys_at
from ripieno.model.errors import StoreError

__all__ = ["SealedFile", "delete_sealed_files", "rewrap_sealed_files"]

FOLDER: Final = "sealed"
MASTER: Final = "master.key"
FORMAT: Final = 1
ID_BYTES: Final = 16
SECRET_BYTES: Final = 32


class SealedFile:
    """One document of a tenant, under a name."""

    def __init__(self, home: Path, tenant: str, name: str) -> None:
        self._home = home
        self._stream = hashlib.sha256(f"{tenant}\0{name}".encode()).digest()[:ID_BYTES]
        self.path = folder_of(home, tenant) / f"{name}.sealed"

    def read(self) -> dict[str, Any] | None:
        """Give what it holds; None where there is none. Raises `StoreError` where it cannot be opened."""
        try:
            found: Any = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise unreadable(self.path, type(error).__name__) from error
        return json.loads(opened(self.path, master_of(self._home), self._stream, found))

    def write(self, content: Mapping[str, Any]) -> None:
        """Keep this in place of what it held, for its owner alone; raises `StoreError`."""
        put(self.path, master_of(self._home), self._stream, json.dumps(content).encode())

    def remove(self) -> bool:
        """Let there be none; tell whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True


def folder_of(home: Path, tenant: str) -> Path:
    """Give the folder of a tenant: its name may hold what no file's name may."""
    return home / FOLDER / hashlib.sha256(tenant.encode()).hexdigest()[: 2 * ID_BYTES]


def delete_sealed_files(home: Path, tenant: str) -> None:
    """Remove all that is kept of a tenant; raises `StoreError` where that cannot be done."""
    try:
        shutil.rmtree(folder_of(home, tenant))
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"cannot remove {error.filename}: {error.strerror}"
        raise StoreError(msg, remedy="the data folder has to be yours to write") from error


def rewrap_sealed_files(home: Path) -> int:
    """Encrypt each by a new key, which the newest master key wraps; give how many.

    What cannot be opened stays: it could not be before, either.
    """
    count = 0
    for path in sorted((home / FOLDER).glob("*/*.sealed")):
        with suppress(StoreError, OSError, ValueError, KeyError, TypeError):
            master, found = master_of(home), json.loads(path.read_bytes())
            stream = b64decode(found["stream"])
            put(path, master, stream, opened(path, master, stream, found))
            count += 1
    return count


def master_of(home: Path) -> MasterKey:
    """Give the master key as it stands in its file now, the newest of two wrapping; raises `StoreError`."""
    keys = keys_at(home / MASTER)
    return MasterKey(*reversed(keys), path=home / MASTER)


def opened(path: Path, master: MasterKey, stream: bytes, found: Any) -> bytes:
    """Decrypt what a file holds; raises `StoreError`."""
    try:
        if found["format"] != FORMAT or b64decode(found["stream"]) != stream:
            raise unreadable(path, "it is of another tenant, name or format")
        wrapped, sealed = b64decode(found["key"]), b64decode(found["content"])
        commitment = b64decode(found["commitment"])
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(path, "it is cut or was changed") from error
    return master.unwrap(stream, wrapped).open(commitment, sealed)


def put(path: Path, master: MasterKey, stream: bytes, data: bytes) -> None:
    """Encrypt and write a file, whole or not at all."""
    key = StreamKey(stream, secrets.token_bytes(SECRET_BYTES))
    commitment = key.commit(data)
    parts = {
        "stream": stream,
        "key": master.wrap(key, master.id),
        "commitment": commitment,
        "content": key.seal(commitment, data),
    }
    document = {"format": FORMAT, **{name: b64encode(part).decode() for name, part in parts.items()}}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            json.dump(document, out)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        msg = f"cannot write {path}: {error.strerror}"
        raise StoreError(msg, remedy="the data folder has to be yours to write") from error


def unreadable(path: Path, why: str) -> StoreError:
    """Give the error for a file that cannot be read."""
    return StoreError(f"{path} cannot be read: {why}", remedy="remove it; what it held is to be had anew")
