"""The file of the master key: one key, or two while the one takes the place of the other.

A key stands in it as it is, or as a key service has wrapped it. What is written is written whole or not
at all, and what stood there before is overwritten where it stood.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ripieno.journal.key_services import KeyService, keeper_of, opened, sealed
from ripieno.model.errors import StoreError

__all__ = [
    "ID_BYTES",
    "RESTORE",
    "contents",
    "draw",
    "identity",
    "keeper",
    "keys_at",
    "make",
    "put",
]

RING: Final = b"ripieno master keys 1\n"
"""How a file begins that holds two keys."""

SECRET_BYTES: Final = 32
ID_BYTES: Final = 8

RESTORE: Final = "restore it from a backup; without it no recorded value can be read"


def identity(key: bytes) -> bytes:
    """Give the bytes by which what a master key has wrapped names it; they tell nothing of the key."""
    return hashlib.sha256(b"ripieno master key id 1\n" + key).digest()[:ID_BYTES]


def draw(service: KeyService | None) -> tuple[bytes, bytes]:
    """Give the id of a new random key, and what stands in the file of it; raises `StoreError`."""
    key = secrets.token_bytes(SECRET_BYTES)
    data = key if service is None else sealed(key, service)
    if (opened(data) or data) != key:
        msg = f"{service.name if service else 'the file'} gives another key back than it was given"
        raise StoreError(msg)
    return identity(key), data


def keeper(data: bytes) -> str:
    """Give who keeps a key of which this stands in the file: `file`, or the name of a service."""
    return keeper_of(data) or "file"


def keys_at(path: Path) -> list[bytes]:
    """Give the keys in a file, the older one first; raises `StoreError` where one cannot be had."""
    keys: list[bytes] = []
    for data in contents(path).values():
        key = opened(data) or data
        if len(key) != SECRET_BYTES:
            msg = f"the key file {path} holds {len(key)} bytes, expected {SECRET_BYTES}"
            raise StoreError(msg, remedy=RESTORE)
        keys.append(key)
    return keys


def contents(path: Path, only: str = "") -> dict[str, bytes]:
    """Give what stands in the file of each key, the older one first, by its id in hexadecimal.

    `only` is the id of a single one, which does not stand there. Raises `StoreError`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"cannot read the key file {path}: {error.strerror}"
        raise StoreError(msg, remedy=RESTORE) from error
    if not data.startswith(RING):
        return {only: data}
    try:
        found: Any = json.loads(data[len(RING) :])
        return {str(one["id"]): b64decode(one["content"], validate=True) for one in found["keys"]}
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        msg = f"the key file {path} was changed: {error}"
        raise StoreError(msg, remedy=RESTORE) from error


def put(path: Path, keys: Mapping[str, bytes]) -> None:
    """Put keys in the place of those that stand in a file, and overwrite these where they stood."""
    if len(keys) == 1:
        (data,) = keys.values()
    else:
        listed = [{"id": name, "content": b64encode(one).decode()} for name, one in keys.items()]
        data = RING + json.dumps({"keys": listed}, indent=1).encode() + b"\n"
    try:
        with path.open("r+b") as old:
            length = len(old.read())
            make(path, data, instead=True)
            old.seek(0)
            old.write(bytes(length))
            old.flush()
            os.fsync(old.fileno())
    except OSError as error:
        msg = f"cannot write the key file {path}: {error.strerror}"
        raise StoreError(msg, remedy="the folder has to exist and be yours to write") from error


def make(path: Path, data: bytes, *, instead: bool = False) -> None:
    """Write a key, whole or not at all; of several processes that try, one wins, unless `instead`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if instead:
            draft.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
