"""Keys: one secret per run or tenant, wrapped by the data folder's master key.

A value is committed by HMAC-SHA-256 and encrypted with AES-256-GCM, both under keys derived from
the run's secret: destroy the secret and neither the values nor their commitments tell anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ripieno.journal.drawing import Drawn
from ripieno.journal.key_services import KeyService, opened, sealed
from ripieno.model.errors import StoreError

__all__ = ["MasterKey", "StreamKey", "make", "move", "nonces"]

SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 12
BLOCK_BYTES: Final = 64
INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))

RESTORE: Final = "restore it from a backup; without it no recorded value can be read"
OTHER: Final = "the master key is another one, or the wrapped key was changed"


class Hmac:
    """HMAC-SHA-256 by its two halves, begun once per key.

    `hmac.digest` gives up the interpreter lock at every call; for small values, waiting to get it
    back costs thirty times the hashing.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(INNER_PAD))
        self._outer = hashlib.sha256(padded.translate(OUTER_PAD))

    def digest(self, data: bytes) -> bytes:
        """Give the 32-byte code of `data`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


class StreamKey:
    """Commits to, encrypts and decrypts the values of one run or tenant.

    Each use has a key of its own, SHA-256 over the stream's 32-byte random secret and a label.
    """

    __slots__ = ("_cipher", "_commitment", "_secret", "stream")

    def __init__(self, stream: bytes, secret: bytes) -> None:
        self.stream = stream
        self._secret = secret
        self._commitment = Hmac(self.commitment_key)
        self._cipher = AESGCM(hashlib.sha256(secret + b"ripieno encryption 1").digest())

    @property
    def commitment_key(self) -> bytes:
        """The key of the commitments, for whoever is given the values to check them: it opens none."""
        return hashlib.sha256(self._secret + b"ripieno commitment 1").digest()

    def commit(self, data: bytes) -> bytes:
        """Give the 32-byte commitment of an encoded value: HMAC-SHA-256 (RFC 2104)."""
        return self._commitment.digest(data)

    def derive(self, purpose: str) -> bytes:
        """Give 32 bytes that are the same on every replay and that nobody without the key can tell."""
        return Hmac(hashlib.sha256(self._secret + b"ripieno derivation 1").digest()).digest(purpose.encode())

    def seal(self, commitment: bytes, data: bytes, nonce: bytes | None = None) -> bytes:
        """Encrypt an encoded value, bound to its stream and commitment.

        `nonce` is one of `nonces`, for who encrypts many values at once.
        """
        nonce = nonce or os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, self.stream + commitment)

    def open(self, commitment: bytes, sealed: bytes) -> bytes:
        """Decrypt a value and check it against its commitment; raises `StoreError` when either fails."""
        try:
            data = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.stream + commitment)
        except (InvalidTag, ValueError) as error:
            msg = f"value {commitment.hex()[:12]} of {self.stream.hex()} was changed in the store"
            raise StoreError(msg) from error
        if not hmac.compare_digest(self.commit(data), commitment):
            msg = f"value {commitment.hex()[:12]} of {self.stream.hex()} does not match its commitment"
            raise StoreError(msg)
        return data


def nonces(count: int) -> Iterator[bytes]:
    """Draw so many nonces at once: to be used at once as well, and each once.

    Each draw gives up the interpreter lock, as `hmac.digest` does.
    """
    drawn = os.urandom(NONCE_BYTES * count)
    return (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


class MasterKey:
    """Wraps the secrets of runs and tenants; kept in a file of its owner's alone, or by a key service."""

    __slots__ = ("_cipher", "_drawn")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._drawn = Drawn()

    @classmethod
    def at(cls, path: Path, service: KeyService | None = None) -> MasterKey:
        """Read the key file, making it with a random key when there is none, which `service` keeps."""
        if not path.exists():
            key = secrets.token_bytes(SECRET_BYTES)
            data = key if service is None else sealed(key, service)
            try:
                make(path, data)
            except OSError as error:
                msg = f"cannot make the key file {path}: {error.strerror}"
                raise StoreError(msg, remedy="the folder has to exist and be yours to write") from error
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """Read a key file that has to be there; raises `StoreError` when it is not, or is no key."""
        try:
            key = path.read_bytes()
        except OSError as error:
            msg = f"cannot read the key file {path}: {error.strerror}"
            raise StoreError(msg, remedy=RESTORE) from error
        key = opened(key) or key
        if len(key) != SECRET_BYTES:
            msg = f"the key file {path} holds {len(key)} bytes, expected {SECRET_BYTES}"
            raise StoreError(msg, remedy=RESTORE)
        return cls(key)

    def new(self, stream: bytes) -> tuple[bytes, StreamKey]:
        """Give a new random secret for `stream`: wrapped, and as the key to use."""
        drawn = self._drawn.take(NONCE_BYTES + SECRET_BYTES)
        nonce, secret = drawn[:NONCE_BYTES], drawn[NONCE_BYTES:]
        return nonce + self._cipher.encrypt(nonce, secret, stream), StreamKey(stream, secret)

    def unwrap(self, stream: bytes, wrapped: bytes) -> StreamKey:
        """Give the key of `stream`; raises `StoreError` when it was wrapped with another master key."""
        try:
            secret = self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], stream)
        except (InvalidTag, ValueError) as error:
            msg = f"the key of {stream.hex()} cannot be unwrapped"
            raise StoreError(msg, remedy=OTHER) from error
        return StreamKey(stream, secret)


def move(path: Path, service: KeyService | None) -> None:
    """Let another service keep the master key, or the file itself; whole or not at all.

    What stood in the file before is overwritten where it stood. Raises `StoreError` when either service does
    not do its part: then nothing has changed.
    """
    before = path.read_bytes()
    key = opened(before) or before
    data = key if service is None else sealed(key, service)
    if (opened(data) or data) != key:
        msg = f"{service.name if service else path} gives another key back than it was given"
        raise StoreError(msg)
    with path.open("r+b") as old:
        make(path, data, instead=True)
        old.write(bytes(len(before)))
        old.flush()
        os.fsync(old.fileno())


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
