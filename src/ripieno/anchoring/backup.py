"""A backup of a data folder while it is in use: one consistent moment, signed, verified, whole or not at all.

A folder with the journal, a manifest and, where that is asked for, the keys. It is written beside its
place and gets its name once it was read back.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
from contextlib import closing
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

from ripieno.anchoring.manifest import ANOTHER, MANIFEST, BackupError, Manifest, Stored
from ripieno.anchoring.sealing import opened, sealed
from ripieno.journal.keys import WRAPPED_BYTES, MasterKey, UnknownMasterError
from ripieno.journal.master_file import ID_BYTES
from ripieno.journal.on_disk import synced
from ripieno.journal.records import ENDED
from ripieno.journal.signing import PUBLIC_KEY, SIGNING_KEY, signer_at
from ripieno.journal.sql.tree import StoredTree
from ripieno.journal.sqlite.failures import reading
from ripieno.journal.sqlite.read_only import read_only
from ripieno.journal.sqlite.schema import FORMAT
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.model.errors import NotFoundError, StoreError
from ripieno.proof.notes import NoteError, Verifier

__all__ = [
    "JOURNAL",
    "KEYS",
    "MASTER",
    "SEALED",
    "back_up",
    "check",
    "copied",
    "fits",
    "own_key",
    "write",
]

EACH_MASTER: Final = f"""
    SELECT id, wrapped FROM (
        SELECT id, wrapped FROM runs UNION ALL SELECT lower(hex(stream)), wrapped FROM tenants
    ) WHERE wrapped <> x''
    GROUP BY iif(length(wrapped) >= {WRAPPED_BYTES}, substr(wrapped, 1, {ID_BYTES}), x'')
"""  # noqa: S608 - only our own numbers are put into it
"""One key for each master key that has wrapped any."""

JOURNAL: Final = "journal.sqlite"
MASTER: Final = "master.key"
SEALED: Final = "keys.sealed"
KEYS: Final = (MASTER, SIGNING_KEY)

PAGES: Final = 1000
"""How many pages of 4 KiB are copied at a time."""

BLOCK_BYTES: Final = 1 << 20

ROTATED: Final = "it was rotated while the backup was made: make it again"


def back_up(
    home: Path,
    to: Path,
    *,
    origin: str | None = None,
    with_keys: bool = False,
    passphrase: str | None = None,
    clock: Clock | None = None,
) -> Manifest:
    """Back a data folder up to a folder that is not there yet; takes the thread that calls it.

    Other processes go on meanwhile. Raises `BackupError`, and `StoreError` where the journal cannot be
    read; nothing is there then that could be taken for a backup.
    """
    if not (home / JOURNAL).exists():
        msg = f"no log at {home / JOURNAL}"
        raise NotFoundError(msg, remedy="give the data folder with --home or RIPIENO_HOME")
    if os.path.lexists(to):
        msg = f"{to} is there already"
        raise BackupError(msg, remedy="a backup is written to a place of its own: name one that is not there")
    MasterKey.read(home / MASTER)
    signer = signer_at(home, origin)
    draft = to.absolute().with_name(f".{to.name}.unfinished-{secrets.token_hex(4)}")
    try:
        draft.mkdir(mode=0o700)
        facts = snapshot(home / JOURNAL, draft / JOURNAL, (clock or SystemClock()).now())
        write(draft / PUBLIC_KEY, f"{signer.verifier}\n".encode())
        keys = {name: (home / name).read_bytes() for name in KEYS}
        fits(draft / JOURNAL, home / MASTER, ROTATED)  # which is younger than the copy
        kind = "apart"
        if passphrase is not None:
            kind = "sealed"
            write(draft / SEALED, sealed(keys, passphrase))
        elif with_keys:
            kind = "plain"
            for name, data in keys.items():
                write(draft / name, data)
        files = {file.name: digested(file) for file in sorted(draft.iterdir())}
        manifest = Manifest(**facts, library=installed("ripieno"), keys=kind, files=files)
        write(draft / MANIFEST, manifest.signed(signer).encode())
        synced(draft)
        check(draft, signer.verifier)
        place(draft, to)
    except OSError as error:
        msg = f"cannot write {to}: {error.strerror}"
        raise BackupError(msg, remedy="see to space and rights there; nothing was left of it") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def snapshot(source: Path, to: Path, now: int) -> dict[str, Any]:
    """Copy the journal as it is at one moment, and give what it holds then.

    The read transaction keeps that moment while others go on writing; memory stays the same whatever its
    size.
    """
    try:
        with closing(read_only(source)) as log, closing(sqlite3.connect(to, isolation_level=None)) as copy:
            log.execute("BEGIN")
            facts = held(log, now)
            if facts["data_format"] != FORMAT:
                msg = f"{source} has format {facts['data_format']}, this version of Ripieno writes {FORMAT}"
                raise BackupError(msg, remedy="open the folder with this version once: that brings it up")
            log.backup(copy, pages=PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            if copy.execute("SELECT 1 FROM erasures WHERE scrubbing IS NOT NULL LIMIT 1").fetchone():
                copy.execute("VACUUM")  # free pages still hold what was erased a moment ago
        to.chmod(0o600)
        synced(to)
    except sqlite3.Error as error:
        if "full" in str(error) or "disk I/O" in str(error):
            msg = f"cannot write {to.parent}: {error}"
            raise BackupError(msg, remedy="free some space there; nothing was left of it") from error
        raise reading(source, error) from error
    return facts


def fits(journal: Path, key: Path, remedy: str) -> None:
    """Raise `BackupError` where the master keys in a file are not those by which a journal's are wrapped."""
    master = MasterKey.read(key)
    with closing(sqlite3.connect(journal)) as log:
        rows = log.execute(EACH_MASTER).fetchall()
    for stream, wrapped in rows:
        try:
            master.unwrap(bytes.fromhex(stream), wrapped)
        except UnknownMasterError as error:
            msg = f"its keys are wrapped by the master key {error.name}, and master.key is another one"
            raise BackupError(msg, remedy=remedy) from error


def held(log: sqlite3.Connection, now: int) -> dict[str, Any]:
    """Give what a journal holds, as a manifest says it."""

    def rows(statement: str, *values: Any) -> list[Any]:
        return log.execute(statement, values).fetchall()

    found: dict[str, Any] = {"made_at": now, "data_format": rows("PRAGMA user_version")[0][0]}
    if found["data_format"] != FORMAT:
        return found
    tree = StoredTree(rows)
    position, events = rows("SELECT coalesce(max(position), 0), count(*) FROM events")[0]
    note = rows("SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1")
    ended = ", ".join(f"'{status}'" for status in sorted(ENDED))
    runs, over = rows(f"SELECT count(*), count(*) FILTER (WHERE status IN ({ended})) FROM runs")[0]  # noqa: S608 - ours
    size = tree.size
    return found | {
        "position": position,
        "events": events,
        "leaves": size,
        "root": tree.root(size).hex(),
        "checkpoint": note[0][0] if note else None,
        "runs": runs,
        "going": runs - over,
    }


def check(backup: Path, key: Verifier | None = None, *, passphrase: str | None = None) -> Manifest:
    """Read a backup in full, and give its manifest; raises `BackupError` for what is not whole.

    Without a `key` from elsewhere the one in the backup is taken: then nothing shows that not all of it
    was exchanged.
    """
    try:
        note = (backup / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        msg = f"{backup} is no backup: its manifest cannot be read"
        raise BackupError(msg, remedy="name the folder that ripieno backup has written") from error
    try:
        manifest = Manifest.opened(note, key or own_key(backup))
    except BackupError as error:
        msg = f"{backup}: {error.message}"
        raise BackupError(msg, remedy=error.remedy) from error
    for name, stored in manifest.files.items():
        compare(backup, name, stored)
    if manifest.data_format != FORMAT:
        older = manifest.data_format < FORMAT
        msg = f"{backup}: its journal has format {manifest.data_format}, this version reads format {FORMAT}"
        remedy = f"it was made by {manifest.library}: restore it with that version"
        raise BackupError(msg, remedy=f"{remedy}, and open it with this one" if older else remedy)
    whole(backup, manifest)
    if passphrase is not None and SEALED in manifest.files:
        opened((backup / SEALED).read_bytes(), passphrase)
    return manifest


def own_key(backup: Path) -> Verifier:
    """Give the public key that stands in a backup."""
    try:
        return Verifier.read((backup / PUBLIC_KEY).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, NoteError) as error:
        msg = f"its public key cannot be read: {error}"
        raise BackupError(msg, remedy=ANOTHER) from error


def compare(backup: Path, name: str, stored: Stored) -> None:
    """Raise `BackupError` where a file is not the one that the manifest names."""
    if name != Path(name).name:
        msg = f"{backup}: its manifest names {name!r}, which is no file in it"
        raise BackupError(msg, remedy=ANOTHER)
    try:
        found = digested(backup / name)
    except OSError as error:
        msg = f"{backup}: {name} cannot be read: {error.strerror}"
        raise BackupError(msg, remedy=ANOTHER) from error
    if found.bytes != stored.bytes:
        msg = f"{backup}: {name} has {found.bytes:,} bytes, the manifest says {stored.bytes:,}"
        raise BackupError(msg, remedy=ANOTHER)
    if found.sha256 != stored.sha256:
        msg = f"{backup}: {name} was damaged or changed: its SHA-256 is another one"
        raise BackupError(msg, remedy=ANOTHER)


def whole(backup: Path, manifest: Manifest) -> None:
    """Raise `BackupError` where SQLite finds fault with the journal, or it holds something else."""
    address = f"{(backup / JOURNAL).absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as log:
            problems = [str(row[0]) for row in log.execute("PRAGMA integrity_check(5)")]
            facts = held(log, manifest.made_at)
    except (sqlite3.Error, StoreError) as error:
        problems, facts = [str(error)], {}
    wrong = [name for name, value in facts.items() if getattr(manifest, name) != value]
    if problems != ["ok"] or wrong:
        found = (
            "; ".join(problems) if problems != ["ok"] else f"{', '.join(wrong)} are not as the manifest says"
        )
        msg = f"{backup}: its journal does not hold together: {found}"
        raise BackupError(msg, remedy=ANOTHER)


# -- files ----------------------------------------------------------------------------------------------


def copied(source: Path, to: Path) -> Stored:
    """Copy a file durably, and give what was copied."""
    hashed, size = hashlib.sha256(), 0
    with (
        source.open("rb") as old,
        os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new,
    ):
        while block := old.read(BLOCK_BYTES):
            hashed.update(block)
            size += len(block)
            new.write(block)
        new.flush()
        os.fsync(new.fileno())
    return Stored(size, hashed.hexdigest())


def write(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, durably, for its owner alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def digested(file: Path) -> Stored:
    """Give size and digest of a file, read in blocks."""
    hashed, size = hashlib.sha256(), 0
    with file.open("rb") as opened_file:
        while block := opened_file.read(BLOCK_BYTES):
            hashed.update(block)
            size += len(block)
    return Stored(size, hashed.hexdigest())


def place(draft: Path, to: Path) -> None:
    """Give a finished folder its name, durably; raises `OSError` where something has that name by now."""
    draft.rename(to)
    synced(to.absolute().parent)
