"""`ripieno backup` and `ripieno restore`: a copy while work goes on, and what is lost when it is put back."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ripieno.cli.audit import key_of, text_of
from ripieno.cli.audit_log import check_reader
from ripieno.cli.exits import Exit
from ripieno.cli.in_folder import only_in_a_folder
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.kernel.clock import moment
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.ids import short

if TYPE_CHECKING:
    from ripieno.anchoring.done_since import Repeated
    from ripieno.anchoring.manifest import Manifest
    from ripieno.anchoring.restore import Restored

__all__ = ["backup", "restore"]

PASSPHRASE: Final = "RIPIENO_BACKUP_PASSPHRASE"  # noqa: S105 - where one is, not one
RUNS_SHOWN: Final = 20
RUN: Final = re.compile(r"[0-9a-f]{32}")

UNKNOWN: Final = (
    "what was erased, deleted or put under a hold after the backup is not known, and not done again: erased"
    " data is back. A younger export (--erasures) or checkpoint_sinks in a folder or s3:// would have told it"
)

KEPT: Final = {
    "apart": "the keys are not in it: keep master.key and checkpoint.key elsewhere, or no value can be read",
    "plain": "the keys are in it in clear: whoever has it reads every recorded value",
    "sealed": "the keys are in it under the passphrase: without that no value can be read",
}

OF_A_DATABASE: Final = (
    "pg_dump and pg_restore do it for a database; keep master.key and checkpoint.key as well"
)


def backup(
    to: str | None = None,
    /,
    *,
    with_keys: Annotated[bool, Parameter(negative="")] = False,
    passphrase_file: Path | None = None,
    verify: str | None = None,
    key: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Back up the data folder while it is in use: one consistent moment, signed, and read back.

    Without the keys nobody can read a recorded value, so they are not in it unless that is asked for. With
    a passphrase, also in RIPIENO_BACKUP_PASSPHRASE, they are sealed.

    Parameters
    ----------
    to
        The folder to write, which must not be there yet, or s3://bucket/prefix in object storage.
    with_keys
        Put the keys into it in clear.
    passphrase_file
        Put the keys into it, sealed by the passphrase that this file holds.
    verify
        Write nothing, and verify this backup.
    key
        For --verify: the public key, from elsewhere than the backup: its text, or a file that holds it.

    """
    from ripieno.anchoring.backup import back_up, check  # noqa: PLC0415 - only here
    from ripieno.anchoring.object_backups import back_up_to_objects, fetched, is_object  # noqa: PLC0415 - only here

    if (to is None) == (verify is None):
        msg = "name either the folder to write, or with --verify a backup to verify"
        raise InputError(msg)
    phrase = passphrase_in(passphrase_file)
    if verify is not None:
        settings = options.settle()
        by = None if key is None else key_of(key)
        with fetched(verify, settings.home) if is_object(verify) else nullcontext(Path(verify)) as folder:
            manifest = check(folder, by, passphrase=phrase)
        shown(settings, verify, manifest)
        if key is None:
            note("signed by the key that is in it: --key KEY shows that not all of it was exchanged")
        return Exit.OK
    assert to is not None, "one of both was named"
    if with_keys and phrase is not None:
        msg = "--with-keys puts the keys into it in clear, and a passphrase is given to seal them"
        raise InputError(msg, remedy="leave one of both away")
    settings = options.settle()
    only_in_a_folder("ripieno backup", OF_A_DATABASE)
    asyncio.run(sign_in(settings))
    origin = settings.anchoring.origin
    keys: dict[str, Any] = {"origin": origin, "with_keys": with_keys, "passphrase": phrase}
    if is_object(to):
        manifest = back_up_to_objects(settings.home, to, **keys)
    else:
        manifest = back_up(settings.home, Path(to), **keys)
    shown(settings, to, manifest)
    note(KEPT[manifest.keys])
    return Exit.OK


def restore(
    source: str,
    /,
    *,
    keys: Path | None = None,
    passphrase_file: Path | None = None,
    key: str | None = None,
    checkpoint: Annotated[Sequence[Path], Parameter(negative="")] = (),
    unchecked: Annotated[bool, Parameter(negative="")] = False,
    replace: Annotated[bool, Parameter(negative="")] = False,
    erasures: Path | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Put a backup back into the data folder that --home names, and say what is lost.

    It is compared with the newest checkpoint in each of checkpoint_sinks. Every run that had not ended
    finds out about each effect before it makes it: it may have been made after the backup.

    Parameters
    ----------
    source
        The backup: a folder, or s3://bucket/prefix in object storage.
    keys
        The folder that holds master.key and checkpoint.key, where they are not in the backup.
    passphrase_file
        The file that holds the passphrase by which they are sealed in it.
    key
        The public key, from elsewhere than the backup: its text, or a file that holds it.
    checkpoint
        A checkpoint that was published: a file. May be given more than once.
    unchecked
        Go on where a place for checkpoints cannot be asked.
    replace
        Move aside what is in the data folder.
    erasures
        A younger export: what it says was erased, deleted or held after the backup is so again.

    """
    from ripieno.anchoring.object_backups import fetched, is_object  # noqa: PLC0415 - only here
    from ripieno.anchoring.restore import Keys  # noqa: PLC0415 - only here
    from ripieno.anchoring.restore import restore as put_back  # noqa: PLC0415 - only here

    settings = options.settle()
    only_in_a_folder("ripieno restore", OF_A_DATABASE)
    if settings.credential is not None:
        msg = "a backup is put back by whoever operates the machine, and a key or token was given"
        raise NotAllowedError(msg, remedy="unset RIPIENO_API_KEY and RIPIENO_TOKEN")
    with fetched(source, settings.home) if is_object(source) else nullcontext(Path(source)) as folder:
        done = put_back(
            folder,
            settings.home,
            by=settings.claimed.id,
            key=None if key is None else key_of(key),
            keys=Keys(keys, passphrase_in(passphrase_file)),
            checkpoints={str(file): text_of(file) for file in checkpoint},
            sinks=settings.anchoring.sinks,
            unchecked=unchecked,
            replace=replace,
            erasures=erasures,
        )
    told_of(settings, done)
    return Exit.OK


def told_of(settings: Settings, done: Restored) -> None:
    """Show what a restore came to."""
    told = done.restore
    document = {
        "restore": told.id,
        "home": str(settings.home),
        "backup": moment(told.made_at).isoformat(),
        "events": told.size,
        "lost": told.lost if done.compared else None,
        "compared": list(done.compared),
        "runs": list(done.runs),
        "tasks": done.tasks,
        "erased": list(done.repeated.erased),
        "deleted": list(done.repeated.deleted),
        "holds": done.repeated.holds,
        "not_erased": dict(done.repeated.kept),
        "told_by": list(done.told_by),
        "aside": None if done.aside is None else str(done.aside),
    }
    table = listing("events", "lost for certain", "under way", "tasks", right=("events", "tasks"))
    lost = f"{told.lost:,}" if done.compared else "not known"
    table.add_row(f"{told.size:,}", lost, str(len(done.runs)), str(done.tasks))
    write(settings.output, document, table)
    note(str(told))
    for text in lacking(done.runs, done.tasks, compared=bool(done.compared)):
        note(text)
    for text in repeated(done.repeated, done.told_by):
        note(text)
    if done.aside is not None:
        note(f"what was there before is in {done.aside}")


def lacking(runs: Sequence[str], tasks: int, *, compared: bool) -> list[str]:
    """Say what people have to see to."""
    found = [
        "runs that were started after the backup are not known: whoever starts one again repeats what it did",
        "what was revoked or forbidden after it is as it was before: see to it again",
    ]
    if not compared:
        found.insert(0, "it was compared with nothing: checkpoint_sinks, or --checkpoint, tell what is lost")
    if runs:
        named = ", ".join(short(run) for run in runs[:RUNS_SHOWN])
        more = f" and {len(runs) - RUNS_SHOWN:,} more" if len(runs) > RUNS_SHOWN else ""
        found.append(f"each effect of these runs is found out about before it is made: {named}{more}")
    if tasks:
        waiting = "task waits" if tasks == 1 else "tasks wait"
        found.append(f"{tasks:,} {waiting}: answers after the backup are lost")
    return found


def repeated(done: Repeated, told_by: Sequence[str]) -> list[str]:
    """Say what was erased, deleted and held after a backup, and who told that."""
    if not told_by:
        return [UNKNOWN]
    found = [f"what was erased, deleted or held after the backup is told by {', '.join(told_by)}"]
    counts = {"erased": len(done.erased), "deleted": len(done.deleted), "set or released": done.holds}
    names = {"erased": "run", "deleted": "tenant", "set or released": "hold"}
    for what, count in counts.items():
        if count:
            plural = f"{names[what]} is" if count == 1 else f"{names[what]}s are"
            found.append(f"{count:,} {plural} {what} again")
    for name, why in done.kept.items():
        found.append(f"{named(name)} was erased or held after the backup, and is not yet again: {why}")
    return found


def named(name: str) -> str:
    """Name a run by its short end, and all else as it is called."""
    return f"run {short(name)}" if RUN.fullmatch(name) else name


def shown(settings: Settings, place: str, manifest: Manifest) -> None:
    """Show what a backup holds."""
    size = sum(one.bytes for one in manifest.files.values())
    table = listing("backup", "of", "events", "runs", "under way", "bytes", right=("events", "runs", "bytes"))
    numbers = (manifest.events, manifest.runs, manifest.going, size)
    made = moment(manifest.made_at).isoformat()[:19]
    table.add_row(str(place), made, *(f"{number:,}" for number in numbers))
    write(settings.output, {"backup": str(place), **asdict(manifest)}, table)


def passphrase_in(file: Path | None) -> str | None:
    """Give the passphrase of a file, or of the environment, from where nothing else gets it."""
    found = os.environ.pop(PASSPHRASE, None)
    return found if file is None else text_of(file).strip("\r\n")


async def sign_in(settings: Settings) -> None:
    """Let in whoever may read all of the log."""
    if settings.credential is not None:
        msg = "a backup holds every tenant: it is made by whoever operates the machine, without key or token"
        raise NotAllowedError(msg, remedy="unset RIPIENO_API_KEY and RIPIENO_TOKEN")
    async with opened(settings) as store:
        await check_reader(store, settings.principal, "backup")
