"""`ripieno audit checkpoint`: sign what the log is now, and publish it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from ripieno.cli.audit_log import check_reader
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.signing import signer_at
from ripieno.model.errors import InputError, StoreError

__all__ = ["checkpoint", "public_key", "rotate_key"]

PATIENCE_SECONDS: Final = 60.0


def checkpoint(*, options: Options = DEFAULTS) -> int:
    """Sign what the log is now, and publish it to where the setting checkpoint_sinks says.

    While something serves the data folder that happens by itself. Exit code 1 when the log contradicts
    what was signed of it before, or when it could not be published everywhere.
    """
    return asyncio.run(_checkpoint(options.settle()))


def public_key(*, to: Path | None = None, options: Options = DEFAULTS) -> int:
    """Show the public key by which checkpoints, exports and proofs are verified.

    Parameters
    ----------
    to
        Write it to this file instead.

    """
    settings = options.settle()
    asyncio.run(_sign_in(settings))
    key = str(signer_at(settings.home, settings.anchoring.origin).verifier)
    if to is None:
        if settings.output == "table":
            console(sys.stdout).print(Text(key), soft_wrap=True)
        else:
            write(settings.output, {"key": key}, None)
        return Exit.OK
    try:
        to.write_text(f"{key}\n", encoding="utf-8")
    except OSError as error:
        msg = f"cannot write {str(to)!r}: {error.strerror}"
        raise InputError(msg) from error
    return Exit.OK


async def _sign_in(settings: Settings) -> None:
    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit checkpoint")


async def _checkpoint(settings: Settings) -> int:
    from ripieno.anchoring.rounds import Rounds  # noqa: PLC0415 - only here
    from ripieno.anchoring.serving import record  # noqa: PLC0415 - only here

    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit checkpoint")
        rounds = Rounds(settings.home, settings.anchoring)
        done = await asyncio.to_thread(rounds.turn, PATIENCE_SECONDS)
        if done is None:
            msg = "another process has been at it for a minute"
            raise StoreError(msg, remedy="try again; ripieno doctor tells what was signed and published")
        await record(store, done)
    newest = done.checkpoint
    document: dict[str, Any] = {
        "checkpoint": None if newest is None else newest.number,
        "events": None if newest is None else newest.size,
        "signed": done.signed,
        "note": None if newest is None else newest.note,
        "published": done.published,
        "failures": done.failures,
    }
    shown = listing("checkpoint", "events", "published to", right=("checkpoint", "events"))
    if newest is not None:
        where = "\n".join(done.published) or "nowhere outside the data folder"
        shown.add_row(str(newest.number), f"{newest.size:,}", clean(where))
    write(settings.output, document, shown if newest is not None else None)
    for name, problem in done.failures.items():
        note(f"{name} was not reached: {problem.removeprefix(f'{name}: ')}")
    if newest is None:
        note(
            "nothing was signed: " + ("a sink has to be asked first" if done.failures else "the log is empty")
        )
    elif not done.signed:
        note("nothing was committed since" if not done.failures else "nothing new was signed")
    elif newest.number == 1:
        note("hand out what ripieno audit key shows: whoever verifies takes the key from elsewhere")
    return Exit.FAILED if done.failures else Exit.OK


def rotate_key(*, reason: str, options: Options = DEFAULTS) -> int:
    """Have another key sign checkpoints and backups from now on, and destroy the one that did.

    The log keeps its name. What the old key signed stays good: a statement in the log, which both have
    signed, names one to whoever has the other. Hand out what ripieno audit key shows then.

    Parameters
    ----------
    reason
        Why, for the log.

    """
    return asyncio.run(_rotate(options.settle(), reason))


async def _rotate(settings: Settings, reason: str) -> int:
    from ripieno.anchoring.rekeying import rekey  # noqa: PLC0415 - only here
    from ripieno.anchoring.rounds import Rounds  # noqa: PLC0415 - only here

    async with opened(settings) as store:
        done = await rekey(
            store,
            settings.home,
            by=settings.principal,
            reason=reason,
            origin=settings.anchoring.origin,
        )
        signed = await asyncio.to_thread(Rounds(settings.home, settings.anchoring).turn, PATIENCE_SECONDS)
    shown = listing("", "key")
    shown.add_row("from", clean(done.old))
    shown.add_row("to", clean(done.new, style="bold"))
    document = {"from": str(done.old), "to": str(done.new), "events": done.size}
    write(settings.output, document, shown)
    note("hand it out: whoever has the old one knows it by the log, and whoever has it the old one")
    failures = signed.failures if signed is not None else {}
    for name, problem in failures.items():
        note(f"{name} was not reached: {problem.removeprefix(f'{name}: ')}")
    return Exit.FAILED if failures else Exit.OK
