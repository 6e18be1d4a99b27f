"""`ripieno audit verify`: whether the log is whole."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, note, write
from ripieno.cli.settings import Settings
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.stop import EVERYTHING

if TYPE_CHECKING:
    from ripieno.proof.notes import Verifier

PATIENCE_SECONDS: Final = 60.0
"""How long all sinks together are waited for."""

__all__ = ["check_alone", "key_of", "show", "text_of", "verify"]


def verify(
    *,
    export: Path | None = None,
    proof: Path | None = None,
    key: str | None = None,
    checkpoint: Annotated[Sequence[Path], Parameter(negative="")] = (),
    options: Options = DEFAULTS,
) -> int:
    """Follow every chain, open every value, and name each place that was changed.

    This shows that chains, values and tables agree with each other and with what was signed. That nobody
    who has the keys rewrote all of them is shown up to a checkpoint that comes from elsewhere.

    Parameters
    ----------
    export
        Verify this export in place of the data folder: it needs --key, and nothing else of Ripieno.
    proof
        Verify this proof of one event; needs --key.
    key
        The public key, from elsewhere than the data folder: its text, or a file that holds it.
    checkpoint
        A checkpoint that was published earlier: a file. May be given more than once.

    """
    notes = [text_of(file) for file in checkpoint]
    verifier = None if key is None else key_of(key)
    if export is None and proof is None:
        return verify_folder(verifier, notes, options)
    if verifier is None:
        msg = "--key: whoever has an export or a proof needs the public key, from elsewhere"
        raise InputError(msg, remedy="the log's owner hands out checkpoint.pub of the data folder")
    if export is not None:
        return verify_export(export, verifier, notes, options)
    assert proof is not None, "one of both was named"
    return verify_proof(proof, verifier, options)


def verify_export(file: Path, key: Verifier, notes: Sequence[str], options: Options) -> int:
    """Verify an export."""
    from ripieno.proof.verification import verify_export as verify_lines  # noqa: PLC0415 - only here

    settings = options.settle()
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            report = verify_lines(lines, key, notes)
    except OSError as error:
        msg = f"cannot read {str(file)!r}: {error.strerror}"
        raise InputError(msg) from error
    if settings.output != "table":
        document = {name: getattr(report, name) for name in ("sound", *report.__slots__)}
        write(settings.output, document, None)
    else:
        show(str(report), sound=report.sound)
    return Exit.OK if report.sound else Exit.FAILED


def verify_proof(file: Path, key: Verifier, options: Options) -> int:
    """Verify the proof of one event, and say which event that is."""
    from ripieno.proof.inclusion import EventProof  # noqa: PLC0415 - only here
    from ripieno.proof.merkle import ProofError  # noqa: PLC0415 - only here

    settings = options.settle()
    try:
        event, checkpoint = EventProof.read(text_of(file)).verify(key)
    except ProofError as error:
        document: dict[str, Any] = {"proved": False, "problem": str(error)}
        if settings.output != "table":
            write(settings.output, document, None)
        else:
            show(f"not proved: {error}", sound=False)
        return Exit.FAILED
    said = f"event {event.seq} of {event.stream}, {event.kind} {event.path}".rstrip()
    shown = f"{said}: in the checkpoint of {checkpoint.size:,} events of {checkpoint.origin}"
    if settings.output != "table":
        write(settings.output, {"proved": True, "event": event._asdict(), "events": checkpoint.size}, None)
    else:
        show(shown, sound=True)
    return Exit.OK


def verify_folder(key: Verifier | None, notes: Sequence[str], options: Options) -> int:
    """Verify a data folder."""
    from ripieno.anchoring.elsewhere import ask  # noqa: PLC0415 - only here
    from ripieno.anchoring.sink import sink_at  # noqa: PLC0415 - only here
    from ripieno.journal.places import snapshot_at  # noqa: PLC0415 - only here
    from ripieno.journal.sql.audit import Audit  # noqa: PLC0415 - only here
    from ripieno.journal.verify import verify as verify_log  # noqa: PLC0415 - only here

    settings = options.settle()
    if settings.credential is not None:
        asyncio.run(check_alone(settings))
    elsewhere = ask([sink_at(place) for place in settings.anchoring.sinks], seconds=PATIENCE_SECONDS)
    with Audit(snapshot_at(settings.home)) as log:  # opened after they were asked: what they have is in it
        report = verify_log(log, key=key, checkpoints=notes, sinks=elsewhere.notes)
    anchor = report.anchor
    document = {
        "sound": report.sound,
        "events": report.events,
        "runs": report.runs,
        "values": report.values,
        "anchored": None
        if anchor is None
        else {
            "checkpoint": anchor.number or None,
            "events": anchor.size,
            "published": list(anchor.published),
            "given": anchor.given,
            "held_by": anchor.held or None,
        },
        "not_compared": elsewhere.problems,
        "uncovered": report.uncovered,
        "restored": report.restored,
        "erased": {"values": report.erased, "by": report.erasures},
        "unnamed": report.unnamed,
        "findings": [{"place": found.place, "problem": found.problem} for found in report.findings],
    }
    if settings.output != "table":
        write(settings.output, document, None)
        return Exit.OK if report.sound else Exit.FAILED
    show(str(report), sound=report.sound)
    for name, problem in elsewhere.problems.items():
        note(f"{name} was not compared: {problem}")
    if not report.sound:
        note(
            f"{settings.home} does not hold together: compare with a backup before anything else is run on"
            " it; ripieno restore puts one back so that what is lost is told"
        )
    return Exit.OK if report.sound else Exit.FAILED


def show(text: str, *, sound: bool) -> None:
    """Show a report: its first line, and what was found."""
    screen = console(sys.stdout)
    first, *found = text.splitlines()
    screen.print(clean(first, style="bold green" if sound else "bold red"), soft_wrap=True)
    for line in found:
        screen.print(Text.assemble("  ", clean(line.strip())), soft_wrap=True)


def text_of(file: Path) -> str:
    """Read a file that somebody names; raises `InputError`."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        msg = f"cannot read {str(file)!r}: {error}"
        raise InputError(msg) from error


def key_of(text: str) -> Verifier:
    """Read a public key as somebody gives it, its text or a file; raises `InputError`."""
    from ripieno.proof.notes import NoteError, Verifier  # noqa: PLC0415 - only here

    try:
        return Verifier.read(text if "+" in text else text_of(Path(text)))
    except NoteError as error:
        msg = f"--key: {error}"
        raise InputError(
            msg, remedy="it looks like example.com/log+1a2b3c4d+AQ…, as in checkpoint.pub"
        ) from error


async def check_alone(settings: Settings) -> None:
    """Let somebody who came with a key or token verify what holds no other tenant; else `NotAllowedError`."""
    from ripieno.cli.audit_log import check_reader  # noqa: PLC0415 - only here
    from ripieno.cli.session import opened  # noqa: PLC0415 - a log that cannot be opened can be verified

    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit verify")
        others = set(store.tenants()) - {settings.principal.tenant, EVERYTHING}
    if others:
        msg = "the data folder holds other tenants as well: a verification reads all of it"
        raise NotAllowedError(msg, remedy="whoever operates the data folder can, on its machine")
