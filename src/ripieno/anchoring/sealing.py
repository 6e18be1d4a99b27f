"""The keys of a data folder under a passphrase: AES-256-GCM under what scrypt (RFC 7914) makes of it."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ripieno.anchoring.manifest import BackupError

__all__ = ["opened", "sealed"]

COST: Final = 2**17
"""With 8 blocks: 128 MiB and some tenths of a second for each guess, as OWASP recommends at least."""

BLOCKS: Final = 8
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
FORM: Final = "ripieno keys 1"
SHORTEST: Final = 12


def sealed(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """Seal files by name; raises `BackupError` for a passphrase that is too short to keep anything."""
    if len(passphrase) < SHORTEST:
        msg = f"the passphrase has {len(passphrase)} characters; it keeps every recorded value secret"
        raise BackupError(msg, remedy=f"take {SHORTEST} characters or more, best from a password manager")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    text = json.dumps({name: b64encode(data).decode() for name, data in files.items()})
    data = AESGCM(derived(passphrase, salt)).encrypt(nonce, text.encode(), FORM.encode())
    parts = {"form": FORM, "salt": salt, "nonce": nonce, "sealed": data}
    said = {name: part if isinstance(part, str) else b64encode(part).decode() for name, part in parts.items()}
    return json.dumps(said).encode() + b"\n"


def opened(data: bytes, passphrase: str) -> dict[str, bytes]:
    """Give the files again; raises `BackupError` for another passphrase, or what is no sealed file."""
    try:
        found = cast("dict[str, Any]", json.loads(data))
        if found["form"] != FORM:
            msg = f"keys.sealed has the form {found['form']!r}, this version of Ripieno reads {FORM!r}"
            raise BackupError(msg, remedy="use the version of Ripieno that wrote it")
        salt, nonce, text = (b64decode(found[name], validate=True) for name in ("salt", "nonce", "sealed"))
        plain = AESGCM(derived(passphrase, salt)).decrypt(nonce, text, FORM.encode())
        return {name: b64decode(part) for name, part in json.loads(plain).items()}
    except InvalidTag as error:
        msg = "the passphrase is not the one that its keys were sealed with"
        raise BackupError(msg, remedy="give the one of the day on which the backup was made") from error
    except (ValueError, KeyError, TypeError) as error:
        msg = f"keys.sealed cannot be read: {error}"
        raise BackupError(msg, remedy="take the keys from elsewhere with --keys") from error


def derived(passphrase: str, salt: bytes) -> bytes:
    """Give the key that a passphrase stands for."""
    return Scrypt(salt=salt, length=32, n=COST, r=BLOCKS, p=1).derive(passphrase.encode())
