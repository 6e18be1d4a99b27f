"""`ripieno keys rotate`: another master key, by which the keys of all runs are wrapped."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.model.errors import InputError
from ripieno.retention.encrypting import encrypt_anew
from ripieno.retention.rotation import Known, Rotated, rotate, rotation_of

__all__ = ["rotate_master"]

WHERE_LEFT: str = ", where it was left"
EVERY: int = 10_000
"""Keys after which it is told how far it has come."""


def rotate_master(
    *,
    reason: str | None = None,
    to: str | None = None,
    keep_old: Path | None = None,
    data: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Have another master key wrap the keys of all runs and tenants, and destroy the one before.

    Runs go on meanwhile. Whatever interrupts it, the same command goes on where it was; only when no key
    is wrapped by the old one any more is that destroyed. Values are not encrypted anew, but with --data.

    Parameters
    ----------
    reason
        Why, for the log.
    to
        Who keeps the new one: file, or awskms: and the id, ARN or alias of a key of AWS KMS. By default
        who keeps the one before.
    keep_old
        A folder to be made, in which the old one is kept: backups that were made before without their keys
        need it, and whoever has it reads what they hold.
    data
        Encrypt what runs hold that have ended anew instead, each under a new secret; the master key stays.
    dry_run
        Only say what would be done.

    """
    settings = options.settle()
    if data and (to is not None or keep_old is not None or dry_run):
        msg = "--data leaves the master key as it is, and takes none of --to, --keep-old and --dry-run"
        raise InputError(msg)
    if data:
        return asyncio.run(_encrypt(settings, reason or ""))
    if dry_run:
        return asyncio.run(_plan(settings, to))
    if reason is None:
        msg = "--reason: another master key needs one, for the log"
        raise InputError(msg)
    return asyncio.run(_rotate(settings, reason, to, keep_old))


async def _plan(settings: Settings, to: str | None) -> int:
    async with opened(settings) as store:
        planned = await rotation_of(store, settings.home, to)
    show(settings, planned, "would be rotated")
    return Exit.OK


async def _rotate(settings: Settings, reason: str, to: str | None, keep_old: Path | None) -> int:
    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if done - told >= EVERY:
            told = done
            note(f"{done:,} of {total:,} keys")

    async with opened(settings) as store:
        done = await rotate(
            store,
            settings.home,
            by=settings.principal,
            reason=reason,
            to=to,
            keep_old=keep_old,
            told=progress,
        )
    show(settings, done, "rotated")
    note("processes that were at work keep the old master key in memory until they end")
    if keep_old is None:
        note("backups that were made before without their keys can be read by a copy of the old one alone")
    return Exit.OK


async def _encrypt(settings: Settings, reason: str) -> int:
    def progress(done: int) -> None:
        if done % EVERY == 0:
            note(f"{done:,} runs")

    async with opened(settings) as store:
        done = await encrypt_anew(store, settings.home, by=settings.principal, reason=reason, told=progress)
    write(settings.output, {"state": "encrypted anew", **asdict(done)}, None)
    note(
        f"encrypted anew: {done.values:,} values of {done.runs:,} runs" + (WHERE_LEFT if done.resumed else "")
    )
    if done.going:
        note(f"runs that have not ended, and keep their keys until it is said again: {done.going:,}")
    return Exit.OK


def show(settings: Settings, one: Rotated, state: str) -> None:
    """Show what a rotation came to, or would."""
    table = listing("", "generation", "id", "kept by", right=("generation",))
    for name, key in (("from", one.before), ("to", one.now)):
        table.add_row(name, str(key.generation), clean(key.id or "to be drawn"), clean(key.kept_by))
    counts = " and ".join(f"{count:,} of {table_}" for table_, count in one.keys.items())
    document: dict[str, Any] = {
        "state": state,
        "from": told_of(one.before),
        "to": told_of(one.now),
        "resumed": one.resumed,
        "keys": dict(one.keys),
        "kept": None if one.kept is None else str(one.kept),
    }
    write(settings.output, document, table)
    note(f"{state}: keys {counts}" + (WHERE_LEFT if one.resumed else ""))


def told_of(key: Known) -> dict[str, Any]:
    """Give a master key as programs read it."""
    return {"generation": key.generation, "id": key.id or None, "kept_by": key.kept_by}
