"""Keys: one secret per run or tenant, wrapped by the data folder's master key.

A value is committed by HMAC-SHA-256 and encrypted with AES-256-GCM, both under keys derived from
the run's secret: destroy the secret and neither the values nor their commitments tell anything.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ripieno.journal.drawing import Drawn
from ripieno.journal.key_services import KeyService
from ripieno.journal.master_file import ID_BYTES, draw, identity, keys_at, make
from ripieno.model.errors import StoreError

__all__ = ["WRAPPED_BYTES", "MasterKey", "StreamKey", "UnknownMasterError", "nonces", "wrapped_by"]

SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
WRAPPED_BYTES: Final = ID_BYTES + NONCE_BYTES + SECRET_BYTES + TAG_BYTES
"""Of a key that names what has wrapped it, at least; what earlier versions wrote is shorter."""
ROUND_BYTES: Final = 8
BLOCK_BYTES: Final = 64
INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))

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

    Each use has a key of its own, SHA-256 over the stream's 32-byte random secret and a label. Values that
    were encrypted anew have a secret of their own, with the number of the round in which that was; what was
    encrypted before is opened still.
    """

    __slots__ = ("_before", "_cipher", "_commitment", "material", "secret", "stream")

    def __init__(self, stream: bytes, material: bytes) -> None:
        """`material`: the secret, then, where values were encrypted anew, another one and the round."""
        self.stream = stream
        self.material = material
        self.secret = material[:SECRET_BYTES]
        self._commitment = Hmac(self.commitment_key)
        self._before: AESGCM | None = None
        self._cipher = encryption(self.secret)
        if len(material) > SECRET_BYTES:
            self._before, self._cipher = self._cipher, encryption(material[SECRET_BYTES : 2 * SECRET_BYTES])

    @property
    def round(self) -> int:
        """The round in which values were encrypted anew last; 0 for none."""
        return int.from_bytes(self.material[2 * SECRET_BYTES :])

    def renewed(self, number: int) -> StreamKey:
        """Give the same with another secret that values are encrypted by, in the round with this number."""
        return StreamKey(self.stream, self.secret + os.urandom(SECRET_BYTES) + number.to_bytes(ROUND_BYTES))

    @property
    def commitment_key(self) -> bytes:
        """The key of the commitments, for whoever is given the values to check them: it opens none."""
        return hashlib.sha256(self.secret + b"ripieno commitment 1").digest()

    def commit(self, data: bytes) -> bytes:
        """Give the 32-byte commitment of an encoded value: HMAC-SHA-256 (RFC 2104)."""
        return self._commitment.digest(data)

    def derive(self, purpose: str) -> bytes:
        """Give 32 bytes that are the same on every replay and that nobody without the key can tell."""
        return Hmac(hashlib.sha256(self.secret + b"ripieno derivation 1").digest()).digest(purpose.encode())

    def vouch(self, data: bytes) -> bytes:
        """Give the 32-byte code that shows that whoever wrote `data` held this key."""
        return Hmac(hashlib.sha256(self.secret + b"ripieno message 1").digest()).digest(data)

    def seal(self, commitment: bytes, data: bytes, nonce: bytes | None = None) -> bytes:
        """Encrypt an encoded value, bound to its stream and commitment.

        `nonce` is one of `nonces`, for who encrypts many values at once.
        """
        nonce = nonce or os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, self.stream + commitment)

    def open(self, commitment: bytes, sealed: bytes) -> bytes:
        """Decrypt a value and check it against its commitment; raises `StoreError` when either fails."""
        try:
            data = self._opened(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.stream + commitment)
        except (InvalidTag, ValueError) as error:
            msg = f"value {commitment.hex()[:12]} of {self.stream.hex()} was changed in the store"
            raise StoreError(msg) from error
        if not hmac.compare_digest(self.commit(data), commitment):
            msg = f"value {commitment.hex()[:12]} of {self.stream.hex()} does not match its commitment"
            raise StoreError(msg)
        return data

    def _opened(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        if self._before is None:
            return self._cipher.decrypt(nonce, data, bound)
        try:
            return self._cipher.decrypt(nonce, data, bound)
        except InvalidTag:
            return self._before.decrypt(nonce, data, bound)


def encryption(secret: bytes) -> AESGCM:
    """Give what values are encrypted with that have this secret."""
    return AESGCM(hashlib.sha256(secret + b"ripieno encryption 1").digest())


def nonces(count: int) -> Iterator[bytes]:
    """Draw so many nonces at once: to be used at once as well, and each once.

    Each draw gives up the interpreter lock, as `hmac.digest` does.
    """
    drawn = os.urandom(NONCE_BYTES * count)
    return (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))


class UnknownMasterError(StoreError):
    """A key was wrapped by a master key that is not known here: the file is to be read again."""

    def __init__(self, message: str, *, name: str, remedy: str | None) -> None:
        super().__init__(message, remedy=remedy)
        self.name = name
        """The master key's id, in hexadecimal."""


class MasterKey:
    """Wraps the secrets of runs and tenants; kept in a file of its owner's alone, or by a key service.

    While another takes its place there are two: both open what they have wrapped, and the newer one wraps.
    What is wrapped begins with the id of what has wrapped it; what earlier versions wrote does not.
    """

    __slots__ = ("_ciphers", "_drawn", "_path", "id")

    def __init__(self, *keys: bytes, path: Path | None = None) -> None:
        """`keys`: the one that wraps first. `path`: the file to read again where another one is met."""
        self._ciphers = {identity(key): AESGCM(key) for key in keys}
        self._path = path
        self._drawn = Drawn()
        self.id = next(iter(self._ciphers))
        """Of the key by which new secrets are wrapped."""

    @classmethod
    def at(cls, path: Path, service: KeyService | None = None) -> MasterKey:
        """Read the key file, making it with a random key when there is none, which `service` keeps."""
        if not path.exists():
            _, data = draw(service)
            try:
                make(path, data)
            except OSError as error:
                msg = f"cannot make the key file {path}: {error.strerror}"
                raise StoreError(msg, remedy="the folder has to exist and be yours to write") from error
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """Read a key file that has to be there; raises `StoreError` when it is not, or is no key."""
        return cls(*keys_at(path), path=path)

    def choose(self, name: bytes) -> None:
        """Wrap by this key from now on; raises `UnknownMasterError` where it is not known."""
        self._cipher(name)
        self.id = name

    def renew(self) -> None:
        """Read the file again, which may ask a key service; raises `StoreError`."""
        if self._path is not None:
            found = {identity(key): AESGCM(key) for key in keys_at(self._path)}
            self._ciphers = {**self._ciphers, **found}

    def new(self, stream: bytes) -> tuple[bytes, StreamKey]:
        """Give a new random secret for `stream`: wrapped, and as the key to use; for one thread."""
        drawn = self._drawn.take(NONCE_BYTES + SECRET_BYTES)
        key = StreamKey(stream, drawn[NONCE_BYTES:])
        return self._wrapped(drawn[:NONCE_BYTES], key, self.id), key

    def new_under(self, stream: bytes, name: bytes | None) -> bytes:
        """Give a new random secret wrapped by this master key, by the one that wraps where None.

        Raises `UnknownMasterError`.
        """
        return self.wrap(StreamKey(stream, os.urandom(SECRET_BYTES)), name or self.id)

    def wrap(self, key: StreamKey, under: bytes) -> bytes:
        """Give the secret of a key wrapped by the master key with this id; raises `UnknownMasterError`."""
        return self._wrapped(os.urandom(NONCE_BYTES), key, under)

    def _wrapped(self, nonce: bytes, key: StreamKey, under: bytes) -> bytes:
        return under + nonce + self._cipher(under).encrypt(nonce, key.material, under + key.stream)

    def _cipher(self, name: bytes) -> AESGCM:
        cipher = self._ciphers.get(name)
        if cipher is None:
            there = ", ".join(one.hex() for one in self._ciphers)
            msg = f"the master key {name.hex()} is not in {self._path or 'memory'}, which holds {there}"
            remedy = "put master.key back as it was when that key was in it, such as from a backup"
            raise UnknownMasterError(msg, name=name.hex(), remedy=remedy)
        return cipher

    def unwrap(self, stream: bytes, wrapped: bytes) -> StreamKey:
        """Give the key of `stream`; raises `StoreError` when it was wrapped with another master key."""
        name = wrapped_by(wrapped)
        if name is None:
            tried, bound, rest = list(self._ciphers.values()), stream, wrapped
        else:
            try:
                tried = [self._cipher(name)]
            except UnknownMasterError as error:
                msg = f"the key of {stream.hex()} cannot be unwrapped: {error.message}"
                raise UnknownMasterError(msg, name=error.name, remedy=error.remedy) from error
            bound, rest = name + stream, wrapped[ID_BYTES:]
        for cipher in tried:
            try:
                material = cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], bound)
            except (InvalidTag, ValueError):
                continue
            return StreamKey(stream, material)
        msg = f"the key of {stream.hex()} cannot be unwrapped"
        raise StoreError(msg, remedy=OTHER)

    def reach(self, stream: bytes, wrapped: bytes) -> StreamKey:
        """Give the same, reading the file again where another master key has wrapped it meanwhile."""
        try:
            return self.unwrap(stream, wrapped)
        except UnknownMasterError:
            self.renew()
            return self.unwrap(stream, wrapped)


def wrapped_by(wrapped: bytes) -> bytes | None:
    """Give the id of the master key that has wrapped it; None for what an earlier version wrote."""
    return wrapped[:ID_BYTES] if len(wrapped) >= WRAPPED_BYTES else None
