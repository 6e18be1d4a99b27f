"""`ripieno audit export` and `prove`: the log for somebody else, with what it takes to verify it."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

from cyclopts import Parameter

from ripieno.cli.audit import check_alone, text_of
from ripieno.cli.audit_log import check_reader
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.reach import check_whole
from ripieno.cli.runs.times import when
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import check_read, read_runs
from ripieno.journal.places import snapshot_at
from ripieno.journal.records import RunFilter
from ripieno.journal.sql.extract import Extract
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.ids import short
from ripieno.model.stop import EVERYTHING
from ripieno.proof.inclusion import EventProof

__all__ = ["export", "prove"]

EVERY: Final = 1_000_000_000
"""More runs than there are: of an export none is left out."""


def export(
    *,
    to: Path | None = None,
    run: Annotated[Sequence[str], Parameter(negative="")] = (),
    since: str | None = None,
    until: str | None = None,
    values: Annotated[bool, Parameter(negative="")] = False,
    checkpoint: Annotated[Sequence[Path], Parameter(negative="")] = (),
    ocsf: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Write the log, or a part of it, with its proofs: ripieno audit verify --export verifies it anywhere.

    Without values it holds structure, names and commitments; with them everything that runs were given.

    Parameters
    ----------
    to
        The file to write, which must not be there yet; by default standard output.
    run
        Only this run: its id, its short end, or its business key. May be given more than once.
    since
        Only runs that did something at or after a time such as 2026-11-22T17:00, or as long ago as 2h.
    until
        And before this one.
    values
        With the recorded values, in clear: the file is then as secret as they are.
    checkpoint
        An earlier checkpoint that the export is to be shown to go on from: a file.
    ocsf
        Events alone, as other systems read them: OCSF API Activity in CloudEvents, one per line.

    """
    settings = options.settle()
    streams = asyncio.run(_streams(settings, run))
    sizes = [size_in(text_of(file), file) for file in checkpoint]
    if ocsf and (values or sizes):
        msg = "--ocsf: events alone, without values and proofs"
        raise InputError(msg)
    with Extract(snapshot_at(settings.home)) as log:
        if since is not None or until is not None:
            period = log.active(*(None if one is None else when(one) for one in (since, until)))
            streams = period if streams is None else streams & period
        if values:
            asyncio.run(check_values(settings, streams))
        if to is None:
            events = _write(settings, log, sys.stdout, streams, sizes, values=values, ocsf=ocsf)
        else:
            try:
                with to.open("x", encoding="ascii", newline="\n") as file:
                    to.chmod(0o600)
                    events = _write(settings, log, file, streams, sizes, values=values, ocsf=ocsf)
            except OSError as error:
                msg = f"cannot write {str(to)!r}: {error.strerror}"
                remedy = "an export is written to a file that is not there yet"
                raise InputError(msg, remedy=remedy) from error
    then = "" if ocsf else "; ripieno audit verify --export FILE --key KEY verifies them"
    note(f"{events:,} events exported{then}")
    return Exit.OK


def _write(
    settings: Settings,
    log: Extract,
    file: TextIO,
    streams: set[str] | None,
    sizes: Sequence[int],
    *,
    values: bool,
    ocsf: bool,
) -> int:
    if ocsf:
        from ripieno.anchoring.feeds import write_ocsf  # noqa: PLC0415 - only here

        return write_ocsf(settings.home, file, streams, settings.anchoring.origin)
    from ripieno.anchoring.export import Exporter  # noqa: PLC0415 - only here

    return Exporter(log, file, streams=streams, values=values, earlier=sizes).write()


async def _streams(settings: Settings, runs: Sequence[str]) -> set[str] | None:
    """Give the streams that are wanted; None for all. Whoever has no machine may not take other tenants'."""
    async with opened(settings) as store:
        if not runs:
            check_whole(settings.principal)
        await check_reader(store, settings.principal, "audit export")
        found = {(await find_run(settings, store, one)).id for one in runs}
    if settings.credential is not None and not found:
        await check_alone(settings)
    return found or None


async def check_values(settings: Settings, streams: set[str] | None) -> None:
    """Record that the values of these runs, of all where None, are read; `NotAllowedError` where one may not.

    One reads the values of one's own tenant only, also on the machine that holds others'.
    """
    async with opened(settings) as store:
        by = settings.principal
        rows = await store.runs(RunFilter(tenant=by.tenant, limit=EVERY))
        own = {row.id for row in rows} | {await store.tenant_stream(by.tenant)}
        foreign = set(store.tenants()) - {by.tenant, EVERYTHING} if streams is None else streams - own
        if foreign:
            msg = "the data folder holds other tenants as well: an export with values reads one's own only"
            raise NotAllowedError(msg, remedy="name runs with --run, or leave --values out")
        wanted = [row for row in rows if streams is None or row.id in streams]
        for row in wanted:
            await check_read(store, row, "audit export", by=by)
        await read_runs(store, wanted, "audit export", by=by)


def size_in(checkpoint: str, file: Path) -> int:
    """Give the size that a checkpoint states; whoever verifies checks its signature."""
    lines = checkpoint.split("\n")
    if len(lines) > 1 and lines[1].isdecimal():
        return int(lines[1])
    msg = f"{str(file)!r} holds no checkpoint"
    raise InputError(msg)


def prove(run: str, seq: int, *, to: Path, options: Options = DEFAULTS) -> int:
    """Write the proof that an event is in what was signed; ripieno audit verify --proof verifies it.

    Parameters
    ----------
    run
        The run: its id, its short end, or its business key; or tenant for the tenant's own log.
    seq
        The number of the event, as ripieno runs events shows it.
    to
        The file to write.

    """
    settings = options.settle()
    stream = asyncio.run(_stream(settings, run))
    from ripieno.anchoring.export import prove as proof_of  # noqa: PLC0415 - only here

    with Extract(snapshot_at(settings.home)) as log:
        text = proof_of(log, stream, seq)
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"cannot write {str(to)!r}: {error.strerror}"
        raise InputError(msg) from error
    if settings.output != "table":
        write(settings.output, proved(text, stream, seq, to), None)
    note(f"event {seq} of {short(stream)} is proved; ripieno audit verify --proof {to} --key KEY verifies it")
    return Exit.OK


def proved(text: str, stream: str, seq: int, to: Path) -> dict[str, Any]:
    """Give a proof that was written as programs read it."""
    proof = EventProof.read(text)
    _, size, root = (*proof.note.split("\n"), "", "")[:3]
    return {
        "stream": stream,
        "seq": seq,
        "hash": hashlib.sha256(proof.envelope).hexdigest(),
        "leaf": proof.leaf,
        "checkpoint": {"events": int(size), "root": root, "note": proof.note},
        "hashes": [b64encode(one).decode() for one in proof.hashes],
        "file": str(to),
    }


async def _stream(settings: Settings, run: str) -> str:
    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit prove")
        if run == "tenant":
            return await store.tenant_stream(settings.principal.tenant)
        return (await find_run(settings, store, run)).id
