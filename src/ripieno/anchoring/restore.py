"""Puts a backup back, and says what it lacks: the log from then on knows of what it cannot know.

The folder is made beside its place and gets its name at the end; what stood there is moved aside.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.anchoring.backup import (
    JOURNAL,
    KEYS,
    MASTER,
    SEALED,
    check,
    copied,
    fits,
    own_key,
    write,
)
from ripieno.anchoring.done_since import Known, Repeated, known_in, remembered_by, repeat
from ripieno.anchoring.manifest import ANOTHER, BackupError, Manifest
from ripieno.anchoring.sealing import opened
from ripieno.anchoring.sink import Sink, SinkError, sink_at
from ripieno.journal.on_disk import synced
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import keep_latest, signer_at
from ripieno.journal.sqlite.restoring import RestoringStore
from ripieno.kernel.clock import Clock, SystemClock, moment
from ripieno.model.event import Json
from ripieno.model.ids import new_id
from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import NoteError, Signer, Verifier
from ripieno.proof.restores import Restore, explained
from ripieno.proof.succession import KeyChain, size_of

__all__ = ["Keys", "Restored", "restore"]

KEPT: Final = (
    "if it was rotated after the backup, name the folder that ripieno keys rotate --keep-old has made"
)

IN_USE: Final = ("owners", "doorbells")
"""Folders that mean something to living processes alone."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the keys come from that are not in the backup."""

    folder: Path | None = None
    """One that holds `master.key` and `checkpoint.key`."""
    passphrase: str | None = None
    """That they were sealed with."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore came to."""

    restore: Restore
    manifest: Manifest
    runs: Sequence[str]
    """Those that had not ended."""
    tasks: int
    """How many wait for a person, each with a remark."""
    repeated: Repeated
    """What was erased, deleted and held after the backup, and is again."""
    told_by: Sequence[str]
    """Who told that; nobody where it is not known what was."""
    compared: Sequence[str]
    """With what the backup was compared."""
    aside: Path | None
    """Where what stood there before is now."""


def restore(
    backup: Path,
    home: Path,
    *,
    by: str,
    key: Verifier | None = None,
    keys: Keys | None = None,
    checkpoints: Mapping[str, str] | None = None,
    sinks: Sequence[str] = (),
    unchecked: bool = False,
    replace: bool = False,
    erasures: Path | None = None,
    clock: Clock | None = None,
) -> Restored:
    """Put a backup into a data folder, and give what is lost; takes the thread that calls it, and a loop.

    `checkpoints`: notes that were published after the backup, by what they are called; of each of `sinks`
    the newest is asked for. `unchecked`: go on where one cannot be asked. `replace`: move aside what is
    there. What was erased, deleted or put under a hold after the backup is so again, as far as the sinks tell
    it, the folder that is moved aside, and `erasures`: an export that is younger than the backup. Raises
    `BackupError` where that cannot be; what was there before is then as it was.
    """
    manifest = check(backup, key)
    in_use = (home / JOURNAL).exists() or (home.exists() and any(home.iterdir()))
    if in_use and not replace:
        msg = f"{home} is not empty"
        raise BackupError(msg, remedy="name a new folder with --home, or --replace to have it moved aside")
    draft = home.absolute().with_name(f".{home.name}.unfinished-{secrets.token_hex(4)}")
    try:
        draft.mkdir(mode=0o700)
        unpack(backup, manifest, draft, keys or Keys())
        signer = signer_at(draft)
        if signer.verifier != (key or own_key(backup)):
            msg = f"the keys are those of {signer.name}, the backup is of another log"
            raise BackupError(msg, remedy="name the folder of the keys that belong to it with --keys")
        places = [sink_at(place) for place in sinks]
        notes = dict(checkpoints or {}) | newest_of(places, unchecked=unchecked)
        now = clock or SystemClock()
        told = compare(draft, signer, manifest, notes, now.now())
        known = known_in(erasures, home, signer.verifier)
        remembered = remembered_by(places, signer, told.size, unchecked=unchecked)
        known.duties |= remembered.duties
        known.told_by |= remembered.told_by
        done = asyncio.run(written(draft, told, signer, by, known=known, clock=now))
        settled(draft, notes, told)
        check_alone(home)
        aside = moved(home, draft)
    except OSError as error:
        msg = f"cannot write {home}: {error.strerror}"
        raise BackupError(msg, remedy="see to space and rights there; nothing was left of it") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    told_by, compared = sorted(known.told_by), sorted(notes)
    return Restored(told, manifest, done.runs, done.tasks, done.repeated, told_by, compared, aside)


def unpack(backup: Path, manifest: Manifest, draft: Path, keys: Keys) -> None:
    """Put the journal and the keys into a folder; what is copied is compared once more."""
    for name in (JOURNAL, *(KEYS if manifest.keys == "plain" else ())):
        if copied(backup / name, draft / name) != manifest.files[name]:
            msg = f"{backup}: {name} was changed while it was copied"
            raise BackupError(msg, remedy=ANOTHER)
    if manifest.keys != "plain":
        for name, data in other_keys(backup, manifest, keys).items():
            write(draft / name, data)
    fits(draft / JOURNAL, draft / MASTER, KEPT)


def other_keys(backup: Path, manifest: Manifest, keys: Keys) -> Mapping[str, bytes]:
    """Give the keys that do not stand in a backup in clear."""
    if keys.folder is not None:
        try:
            return {name: (keys.folder / name).read_bytes() for name in KEYS}
        except OSError as error:
            msg = f"cannot read the keys in {keys.folder}: {error.strerror}"
            raise BackupError(msg, remedy=f"it has to hold {' and '.join(KEYS)}") from error
    if manifest.keys == "sealed":
        if keys.passphrase is None:
            msg = "its keys are sealed by a passphrase"
            raise BackupError(msg, remedy="give it with --passphrase-file or RIPIENO_BACKUP_PASSPHRASE")
        found = opened((backup / SEALED).read_bytes(), keys.passphrase)
        return {name: found[name] for name in KEYS}
    msg = "the keys are not in the backup: without them no recorded value can be read"
    raise BackupError(msg, remedy=f"name the folder that holds {' and '.join(KEYS)} with --keys")


# -- what is lost -----------------------------------------------------------------------------------------


def newest_of(sinks: Sequence[Sink], *, unchecked: bool) -> dict[str, str]:
    """Give the newest checkpoint of every place; raises `BackupError` where one cannot be asked."""
    found: dict[str, str] = {}
    for sink in sinks:
        try:
            note = sink.newest(0)
        except SinkError as error:
            if unchecked:
                continue
            msg = f"what the backup lacks cannot be told: {error.message}"
            remedy = "see to it, give its newest checkpoint with --checkpoint, or go on with --unchecked"
            raise BackupError(msg, remedy=remedy) from error
        if note is not None:
            found[sink.name] = note
    return found


def compare(draft: Path, signer: Signer, manifest: Manifest, notes: Mapping[str, str], now: int) -> Restore:
    """Give every event of a backup its leaf, and tell what is lost of what was signed elsewhere."""
    with Sequencer(draft) as sequencer:
        sequencer.elect()
        while sequencer.advance():
            pass
        tree = sequencer.tree
        key = chained(sequencer, signer)
        size, before = tree.size, sequencer.restores(key)
        root = tree.root(size)
        newest = Checkpoint(signer.name, size, root)
        for name, note in notes.items():
            try:
                found = Checkpoint.opened(note, key)
            except NoteError as error:
                if f"— {signer.name} " in note and str(error).startswith("not signed by"):
                    raise signed_since(name, signer) from error
                msg = f"the checkpoint of {name} is none of this log: {error}"
                raise BackupError(msg, remedy="leave it away, or take the backup of that log") from error
            if found.size > newest.size:
                newest = found
            elif found.size <= size and tree.root(found.size) != found.root and not explained(before, found):
                first = f"its first {found.size:,} events are others"
                msg = f"the backup does not fit the checkpoint of {name}: {first}"
                raise BackupError(msg, remedy="it was changed, or is the backup of another log")
    return Restore(
        new_id(),
        manifest.made_at,
        now,
        size,
        root.hex(),
        newest.size,
        newest.root.hex(),
        compared=bool(notes),
    )


def chained(sequencer: Sequencer, signer: Signer) -> KeyChain:
    """Give the key of a backup with those whose place it took; raises `BackupError`."""
    try:
        return KeyChain.of(signer.verifier, sequencer.successions())
    except NoteError as error:
        raise BackupError(str(error), remedy=ANOTHER) from error


def signed_since(name: str, signer: Signer) -> BackupError:
    """Give the error where another key took the place of the backup's, and has signed what is compared."""
    msg = f"the checkpoint of {name} was signed by another key of {signer.name} than the backup has"
    remedy = (
        "if that took its place after the backup, take a younger backup; or unset checkpoint_sinks, and what"
        " is lost is not told. The log goes on with a place for checkpoints of its own then"
    )
    return BackupError(msg, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into the log."""

    runs: Sequence[str]
    tasks: int
    repeated: Repeated


async def written(
    draft: Path, told: Restore, signer: Signer, by: str, *, known: Known, clock: Clock
) -> Written:
    """Do again what was done since, and write into the log what is lost, and whom it concerns."""
    store = RestoringStore(draft)
    await store.open()
    try:
        runs = await store.mark(told, by)
        remark = (
            f"restored from a backup of {moment(told.made_at):%Y-%m-%d %H:%M} UTC: an answer that was given"
            " after it is lost, and has to be given again"
        )
        tasks = await store.remark(told, remark)
        again = await repeat(store, clock, known.since(told.size))
        said: dict[str, Json] = {
            "by": by,
            "runs": len(runs),
            "lost": told.lost,
            "erased": len(again.erased),
            "deleted": list(again.deleted),
            "holds": again.holds,
            "forgotten": again.forgotten,
            "removed": again.removed,
            "kept": len(again.kept),
            "told_by": len(known.told_by),
        }
        await store.tell(told, told.signed(signer), said)
    finally:
        await store.close()
    return Written(runs, tasks, again)


def settled(draft: Path, notes: Mapping[str, str], told: Restore) -> None:
    """Leave nothing beside the journal that belongs to this process, and have all of it on disk."""
    with closing(sqlite3.connect(draft / JOURNAL, isolation_level=None)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in IN_USE:
        shutil.rmtree(draft / name, ignore_errors=True)
    for note in notes.values():
        if told.lost and size_of(note) == told.known:
            keep_latest(draft, note)
    for file in draft.iterdir():
        synced(file)
    synced(draft)


def check_alone(home: Path) -> None:
    """Raise `BackupError` where a process still uses a data folder."""
    for file in (home / IN_USE[0]).iterdir() if (home / IN_USE[0]).is_dir() else ():
        descriptor = os.open(file, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"{file.read_text('utf-8')} uses {home}"
            raise BackupError(msg, remedy="end every process that uses the folder first") from error
        finally:
            os.close(descriptor)


def moved(home: Path, draft: Path) -> Path | None:
    """Give the new folder its name, and what had it before another, which is given."""
    aside: Path | None = None
    if home.exists():
        if any(home.iterdir()):
            aside = home.absolute().with_name(f"{home.name}.before-{new_id()[-12:]}")
            home.rename(aside)
        else:
            home.rmdir()
    draft.rename(home)
    synced(home.absolute().parent)
    return aside
