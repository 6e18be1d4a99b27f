"""Signed notes as C2SP specifies them (https://c2sp.org/signed-note), with Ed25519 keys.

No library of PyPI that is kept up does this; it is text with a signature under it.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["NoteError", "Signer", "Verifier"]

ED25519: Final = b"\x01"
KEY_BYTES: Final = 32
ID_BYTES: Final = 4
LARGEST: Final = 1_000_000
"""Bytes of a note that are read at most."""

NAME: Final = re.compile(r"[^\s+]+")
SIGNATURE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class NoteError(ValueError):
    """A note, or a key, is not what the specification asks for, or was not signed by this key."""


def key_id(name: str, public: bytes) -> bytes:
    """Give the four bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:ID_BYTES]


def check_name(name: str) -> None:
    """Raise `NoteError` for what no key may be called."""
    if not NAME.fullmatch(name) or any(ord(character) < ord(" ") for character in name):
        msg = f"a key's name is not empty and has neither spaces nor plus signs, got {name!r}"
        raise NoteError(msg)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key: tells whether a note was signed by whoever has the private one."""

    name: str
    public: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a key as it is handed out, `name+id+key`; raises `NoteError`."""
        name, _, rest = text.strip().partition("+")
        named, _, encoded = rest.partition("+")
        check_name(name)
        key = decoded(encoded)
        if len(key) != 1 + KEY_BYTES or key[:1] != ED25519:
            msg = f"expected an Ed25519 key as name+id+key, got {text.strip()!r}"
            raise NoteError(msg)
        if named != key_id(name, key[1:]).hex():
            msg = (
                f"the key of {name} was changed: its id would be {key_id(name, key[1:]).hex()}, not {named!r}"
            )
            raise NoteError(msg)
        return cls(name, key[1:])

    def __str__(self) -> str:
        encoded = b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{key_id(self.name, self.public).hex()}+{encoded}"

    def open(self, note: str) -> str:
        """Give the text of a note that this key has signed; raises `NoteError`."""
        text, signatures = parts(note)
        identity = key_id(self.name, self.public)
        found = False
        for name, signature in signatures:
            if name != self.name or signature[:ID_BYTES] != identity:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[ID_BYTES:], text.encode())
            except (InvalidSignature, ValueError) as error:
                msg = f"the signature of {self.name} does not fit the note: it was changed"
                raise NoteError(msg) from error
            found = True
        if not found:
            signed = ", ".join(f"{name}+{signature[:ID_BYTES].hex()}" for name, signature in signatures)
            msg = f"not signed by {self.name}+{identity.hex()}, but by {signed}"
            raise NoteError(msg)
        return text


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with the name that it signs under."""

    name: str
    secret: bytes

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, halves(self.secret)[1])

    def sign(self, text: str) -> str:
        """Give a text as a note that is signed; the text ends in a newline."""
        if not text.endswith("\n") or not legible(text):
            msg = "the text of a note ends in a newline and has no other control characters"
            raise NoteError(msg)
        signature = halves(self.secret)[0].sign(text.encode())
        identity = key_id(self.name, self.verifier.public)
        return f"{text}\n— {self.name} {b64encode(identity + signature).decode()}\n"


@lru_cache(maxsize=4)
def halves(secret: bytes) -> tuple[Ed25519PrivateKey, bytes]:
    """Give a private key and its public half: made once for many notes, as a process has one or two."""
    private = Ed25519PrivateKey.from_private_bytes(secret)
    return private, private.public_key().public_bytes_raw()


def parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Give the text of a note and who signed it: name, and key id with signature."""
    if len(note) > LARGEST or not legible(note) or not note.endswith("\n"):
        msg = f"a note is text of at most {LARGEST:,} characters that ends in a newline"
        raise NoteError(msg)
    text, separator, rest = note.rpartition("\n\n")
    if not separator or not rest:
        msg = "a note has an empty line between its text and its signatures"
        raise NoteError(msg)
    signatures: list[tuple[str, bytes]] = []
    for line in rest.removesuffix("\n").split("\n"):
        found = SIGNATURE.fullmatch(line)
        if found is None:
            msg = f"expected '— name signature', got {line[:100]!r}"
            raise NoteError(msg)
        signature = decoded(found[2])
        if len(signature) <= ID_BYTES:
            msg = f"the signature of {found[1]} is too short"
            raise NoteError(msg)
        signatures.append((found[1], signature))
    return text + "\n", signatures


def legible(text: str) -> bool:
    """Tell whether a text is valid and holds no control characters but newlines."""
    try:
        text.encode()
    except UnicodeError:
        return False
    return all(character >= " " or character == "\n" for character in text)


def decoded(text: str) -> bytes:
    """Read base64 as it is written: nothing else in it, no bits beyond the last byte."""
    try:
        found = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"not base64: {text[:100]!r}"
        raise NoteError(msg) from error
    if b64encode(found).decode() != text:
        msg = f"not base64 as it is written: {text[:100]!r}"
        raise NoteError(msg)
    return found
