"""Another master key in the place of the one by which all keys are wrapped; with it, another who keeps it.

Values are not touched: they are encrypted under keys of their runs, and only these are wrapped. The file
holds both master keys until nothing is wrapped by the old one; whatever dies on the way goes on when it is
said again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ripieno.journal.key_services import chosen
from ripieno.journal.master_file import RESTORE, contents, draw, keeper, make, put
from ripieno.journal.masters import MasterRow, Rewrapped
from ripieno.journal.signing import SIGNING_KEY
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import InputError, NotAllowedError, RefusedError, StoreError
from ripieno.model.event import Json
from ripieno.model.principal import Principal
from ripieno.retention.sealed_files import rewrap_sealed_files

__all__ = ["MASTER", "Known", "Rotated", "known", "rotate", "rotation_of"]

MASTER: Final = "master.key"
LOCK: Final = "rotation.lock"

RUNS_AT_ONCE: Final = 500
"""Keys that one commit wraps anew; others wait for it no longer than some milliseconds."""

TENANTS_AT_ONCE: Final = 50

NAMED: Final = 5
"""So many keys that cannot be unwrapped are named in the error."""


@dataclass(frozen=True, slots=True)
class Known:
    """A master key, as far as everybody may know of it."""

    generation: int
    id: str
    kept_by: str
    """`file`, or the name of a key service."""


@dataclass(slots=True)
class Rotated:
    """What a rotation came to, or would."""

    before: Known
    now: Known
    """With no id where it is still to be drawn."""
    resumed: bool
    """True where it had begun before."""
    keys: Mapping[str, int]
    """How many keys of `runs` and `tenants` are wrapped by the new one; of a dry run, are to be."""
    kept: Path | None = None
    """The folder in which the old one was kept."""


@dataclass(slots=True)
class Rotation:
    """One that is under way."""

    store: Store
    home: Path
    by: Principal
    row: MasterRow
    before: Known
    now: Known
    reason: str
    resumed: bool
    earlier: bool = field(default=False)
    """True where it cannot be told by its id what the old one has wrapped."""

    @property
    def said(self) -> dict[str, Json]:
        """What its events say."""
        return {
            "id": self.now.id,
            "generation": self.now.generation,
            "from": self.before.id,
            "from_generation": self.before.generation,
            "by": self.by.id,
        }


async def known(store: Store, home: Path) -> tuple[Known, Known | None]:
    """Give the master key that wraps, and the one whose place it takes while that is not over.

    Raises `StoreError` where the file cannot be read.
    """
    rows = store.masters()
    mine = await store.renew_master()
    found = contents(home / MASTER, mine)
    generation = rows[-1].generation if rows else 1
    now = Known(generation, mine, kept(found, mine))
    if not rows or rows[-1].state == "settled":
        return now, None
    old = rows[-1].before
    return now, Known(generation - 1, old, keeper(found[old]) if old in found else "nobody: it is destroyed")


def kept(found: Mapping[str, bytes], name: str) -> str:
    """Give who keeps the key with this id; raises `StoreError` where the file does not hold it."""
    if name not in found:
        msg = f"{MASTER} does not hold the master key {name}, by which keys are wrapped"
        raise StoreError(msg, remedy=RESTORE)
    return keeper(found[name])


async def rotation_of(store: Store, home: Path, to: str | None = None) -> Rotated:
    """Say what a rotation would come to; nothing is changed, nothing recorded."""
    now, old = await known(store, home)
    if old is not None:
        return Rotated(old, now, resumed=True, keys=store.wrapped_by_others())
    service = None if to is None else chosen(to)
    keeps = now.kept_by if to is None else "file" if service is None else service.name
    return Rotated(now, Known(now.generation + 1, "", keeps), resumed=False, keys=store.wrapped())


async def rotate(
    store: Store,
    home: Path,
    *,
    by: Principal,
    reason: str,
    to: str | None = None,
    keep_old: Path | None = None,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> Rotated:
    """Let another master key wrap all keys, kept by `to`, by default as the one before; then destroy that.

    `to` is `file`, or such as `awskms:alias/ripieno`. `keep_old` is a folder that is made, in which the old
    one is kept for backups that need it. `told` hears how many keys are done, of how many. One that was begun
    and not ended is ended. Raises `NotAllowedError` without the role `system-operator` or where policy does
    not permit it, `RefusedError` while another process is at it, and `StoreError` where a service does not
    do its part, or a key cannot be unwrapped: then nothing is destroyed, and it can be said again.
    """
    if not reason.strip():
        msg = "say why another master key is to wrap the keys"
        raise InputError(msg)
    if not by.holds(SYSTEM_ROLE):
        msg = f"another master key is for role {SYSTEM_ROLE!r} to make; {by.id} does not hold it"
        raise NotAllowedError(msg)
    given = {"to": to, "keep_old": keep_old is not None}
    by = await check_command(store, None, by, "rotate master key", given=given, reason=reason)
    refuse_there(keep_old)
    with alone(home / LOCK):
        one = await begun(store, home, by, reason, to)
        if keep_old is not None:
            keep(home, keep_old, one.before.id)
        await rewrap(one, told)
        await destroy(one)
    return Rotated(one.before, one.now, one.resumed, store.wrapped(), keep_old)


@contextlib.contextmanager
def alone(lock: Path) -> Generator[None]:
    """Hold the lock of rotations, which ends with the process; raises `RefusedError` where another does."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        msg = f"cannot write {lock}: {error.strerror}"
        raise StoreError(msg, remedy="the data folder has to be yours to write") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "another process is at it: it wraps keys by another master key right now"
            raise RefusedError(msg, remedy="wait for it; ripieno doctor tells how things stand") from error
        yield
    finally:
        os.close(descriptor)


async def begun(store: Store, home: Path, by: Principal, reason: str, to: str | None) -> Rotation:
    """Begin a rotation, or take up the one that has begun."""
    now, old = await known(store, home)
    service = chosen(to) if to is not None else None if now.kept_by == "file" else chosen(now.kept_by)
    if old is not None:
        if to is not None and now.kept_by != ("file" if service is None else service.name):
            msg = f"a rotation is not over in which {now.kept_by} keeps the new master key"
            raise RefusedError(msg, remedy="say it without --to: that ends it; then say it again")
        return Rotation(store, home, by, store.masters()[-1], old, now, reason, resumed=True, earlier=True)
    mine = now.id
    found = contents(home / MASTER, mine)
    drawn, data = await asyncio.to_thread(draw, service)
    row = MasterRow(drawn.hex(), now.generation + 1, mine, "rewrapping", by.id)
    await asyncio.to_thread(put, home / MASTER, {mine: found[mine], row.id: data})
    after = Known(row.generation, row.id, keeper(data))
    one = Rotation(store, home, by, row, now, after, reason, resumed=False)
    said = {**one.said, "state": row.state, "kept_by": after.kept_by}
    await store.begin_rotation(row, said, reason)
    return one


def refuse_there(folder: Path | None) -> None:
    """Raise `InputError` where there is something that has the name of a folder to be made."""
    if folder is not None and os.path.lexists(folder):
        msg = f"{folder} is there already"
        raise InputError(msg, remedy="name a folder that is not there: the old master key is kept in it")


def keep(home: Path, folder: Path, old: str) -> None:
    """Keep the old master key in a folder, with the key that signs: what a restore takes with --keys."""
    found = contents(home / MASTER)
    if old not in found:
        msg = "the old master key was destroyed before: it cannot be kept any more"
        raise InputError(msg, remedy="say it without --keep-old")
    try:
        folder.mkdir(mode=0o700)
        make(folder / MASTER, found[old])
        if (home / SIGNING_KEY).exists():
            make(folder / SIGNING_KEY, (home / SIGNING_KEY).read_bytes())
    except OSError as error:
        msg = f"cannot keep the old master key in {folder}: {error.strerror}"
        raise InputError(msg, remedy="nothing was destroyed; name another folder") from error


async def rewrap(one: Rotation, told: Callable[[int, int], None]) -> None:
    """Wrap every key by the new one, a portion at a time; raises `StoreError` for those that cannot be."""
    store, reason = one.store, one.reason
    total, done = sum(store.wrapped_by_others().values()), 0
    broken: list[str] = []

    def took(portion: Rewrapped) -> str | None:
        nonlocal done
        done += portion.looked
        one.earlier |= portion.earlier
        broken.extend(portion.broken)
        told(done, max(done, total))
        return portion.last if portion.looked else None

    last: str | None = ""
    while last is not None:
        last = took(await store.rewrap_runs(last, RUNS_AT_ONCE))
    last = ""
    while last is not None:
        last = took(await store.rewrap_tenants(last, TENANTS_AT_ONCE, one.said, reason))
    await asyncio.to_thread(rewrap_sealed_files, one.home)
    left = store.wrapped_by_others()
    if broken or any(left.values()):
        raise not_all(broken, left)


def not_all(broken: Sequence[str], left: Mapping[str, int]) -> StoreError:
    """Give the error where not every key could be wrapped anew."""
    counted = ", ".join(f"{count:,} of {table}" for table, count in left.items() if count)
    named = "; ".join(broken[:NAMED])
    msg = f"keys that the new master key could not wrap: {counted}: {named}"
    remedy = "nothing was destroyed. ripieno audit verify names what was changed; then say it again"
    return StoreError(msg, remedy=remedy)


async def destroy(one: Rotation) -> None:
    """Take what the old master key has wrapped out of the files, then the key itself, and record it."""
    traced = None if one.earlier else one.before.id
    if not await one.store.scrub_rewrapped(traced):
        msg = "every key is wrapped anew, but another process reads an older state, or the disk is full"
        raise StoreError(msg, remedy="nothing was destroyed yet: say it again in a moment")
    found = contents(one.home / MASTER, one.now.id)
    if len(found) > 1:
        await asyncio.to_thread(put, one.home / MASTER, {one.now.id: found[one.now.id]})
    await one.store.end_rotation(one.row, {**one.said, **one.store.wrapped()})
