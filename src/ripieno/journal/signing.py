"""The key that signs checkpoints, kept in the data folder, and the newest checkpoint beside the store.

The public half stands in a file of its own, to be handed out: whoever verifies takes it from elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Final

from ripieno.journal.on_disk import synced
from ripieno.model.errors import SettingsError, StoreError
from ripieno.model.ids import new_id
from ripieno.proof.notes import NoteError, Signer, decoded

__all__ = [
    "LATEST",
    "NEXT",
    "PUBLIC_KEY",
    "SIGNING_KEY",
    "draw",
    "keep_latest",
    "put_next",
    "signer_at",
    "withdraw",
]

SIGNING_KEY: Final = "checkpoint.key"
PUBLIC_KEY: Final = "checkpoint.pub"
LATEST: Final = "checkpoint.latest"
NEXT: Final = "checkpoint.key.next"
"""A key that is about to take the place of the one that signs."""

MARK: Final = "PRIVATE+KEY+"
SECRET_BYTES: Final = 32
RESTORE: Final = "restore it from a backup; a new key would leave what the old one signed without one"


def signer_at(home: Path, origin: str | None = None, *, name: str = SIGNING_KEY) -> Signer:
    """Give the key of a data folder, making it where there is none.

    `origin` names the log for the world, such as `example.com/ripieno`; by default the name is drawn once.
    Raises `SettingsError` where the key was made for another origin, `StoreError` where it is none.
    """
    path = home / name
    if not path.exists():
        try:
            signer = draw(origin or f"ripieno/{new_id()[-12:]}")
        except NoteError as error:
            msg = f"checkpoint_origin: {error}"
            raise SettingsError(msg, remedy="an origin is such as example.com/ripieno") from error
        write(path, private(signer), only_once=True)
    signer = read(path)
    if origin is not None and signer.name != origin:
        msg = f"checkpoints here are signed as {signer.name!r}, the setting says {origin!r}"
        remedy = "an origin is for good: leave the setting away, or as it was"
        raise SettingsError(msg, remedy=remedy)
    public = home / PUBLIC_KEY
    if not public.exists():
        write(public, f"{signer.verifier}\n", only_once=True)
    return signer


def draw(name: str) -> Signer:
    """Give a new random key with a name; raises `NoteError` for what is none."""
    return Signer(name, secrets.token_bytes(SECRET_BYTES))


def private(signer: Signer) -> str:
    """Give a key as it stands in its file."""
    encoded = b64encode(b"\x01" + signer.secret).decode()
    identity = str(signer.verifier).split("+")[1]
    return f"{MARK}{signer.name}+{identity}+{encoded}\n"


def put_next(home: Path, signer: Signer) -> None:
    """Put a key beside the one that signs, where none is; it is there for good once this returns."""
    write(home / NEXT, private(signer), only_once=True)


def withdraw(home: Path, *, stands: bool) -> None:
    """Let the key beside the one that signs take its place, which is destroyed, or be destroyed itself."""
    signer = read(home / NEXT)
    gone = home / (SIGNING_KEY if stands else NEXT)
    with gone.open("r+b") as file:
        length = len(file.read())
        if stands:
            (home / NEXT).replace(gone)
            write(home / PUBLIC_KEY, f"{signer.verifier}\n")
        else:
            gone.unlink()
        synced(home)  # before what had the name is overwritten
        file.seek(0)
        file.write(bytes(length))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Signer:
    """Read a key file; raises `StoreError` where it holds none."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        msg = f"cannot read the key that signs checkpoints, {path}: {error}"
        raise StoreError(msg, remedy=RESTORE) from error
    name, _, rest = text.removeprefix(MARK).partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        secret = decoded(encoded)
        signer = Signer(name, secret[1:])
        fits = text.startswith(MARK) and str(signer.verifier).split("+")[1] == identity
    except ValueError as error:
        msg = f"{path} does not hold a key that signs checkpoints"
        raise StoreError(msg, remedy=RESTORE) from error
    if not fits:
        msg = f"{path} does not hold the key that it names"
        raise StoreError(msg, remedy=RESTORE)
    return signer


def keep_latest(home: Path, note: str) -> None:
    """Keep the newest checkpoint beside the store, so that a store that was put back alone is known."""
    write(home / LATEST, note)


def write(path: Path, text: str, *, only_once: bool = False) -> None:
    """Write a file, whole or not at all; `only_once`: of several that try one wins, and it is there for good.

    Else a crash of the machine may leave what was there before: of checkpoints that says less, and holds.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if only_once:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            synced(path.parent)
        else:
            draft.replace(path)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise StoreError(msg, remedy="the folder has to exist and be yours to write") from error
    finally:
        draft.unlink(missing_ok=True)
