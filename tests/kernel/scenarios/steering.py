"""What an operator says to a run, in as few words as a test needs."""

from __future__ import annotations

from collections.abc import Collection

from ripieno.journal.records import RunRow
from ripieno.kernel import operators
from ripieno.kernel.host import Host

from .house import OPERATOR, resting

__all__ = ["pause", "paused", "resume", "skip"]


async def pause(host: Host, run: str, *, operation: str | None = None) -> None:
    row = await host.store.run(run)
    await operators.pause(host.store, host.clock, row, by=OPERATOR, reason="an audit", operation=operation)


async def resume(host: Host, run: str) -> None:
    await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="over")


async def paused(host: Host, run: str) -> RunRow:
    """Wait until a run is paused; nobody owns it then."""
    row = await resting(host, run)
    assert (row.status, row.owner) == ("paused", None), row.detail
    return row


async def skip(
    host: Host,
    run: str,
    step: str,
    output: object = None,
    *,
    names: Collection[str] | None = None,
    operation: str | None = None,
) -> str:
    return await operators.skip(
        host.store,
        host.clock,
        await host.store.run(run),
        step,
        by=OPERATOR,
        reason="the form is lost",
        output=output,
        names=names,
        operation=operation,
    )
