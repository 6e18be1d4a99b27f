"""Telemetry beside the work: while a process serves runs, and once more when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from ripieno.kernel.clock import Clock
from ripieno.model.errors import RipienoError, SettingsError
from ripieno.telemetry.settings import Telemetry

if TYPE_CHECKING:
    from ripieno.telemetry.exporting import Exporting

__all__ = ["observed"]

TELL_SECONDS: Final = 1.0
"""How often the collector is told."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def observed(home: Path, settings: Telemetry, clock: Clock | None = None) -> AsyncGenerator[None]:
    """Tell the collector of what is committed until the block is left; who cannot be told stops nobody.

    Raises `SettingsError` where what it takes is not installed.
    """
    if not settings.signals:
        yield
        return
    exporting = await asyncio.to_thread(made, home, settings, clock)
    leaving = asyncio.Event()
    task = asyncio.create_task(tell(exporting, leaving), name="ripieno telemetry")
    try:
        yield
    finally:
        leaving.set()
        await task
        await asyncio.to_thread(exporting.close)


def made(home: Path, settings: Telemetry, clock: Clock | None) -> Exporting:
    """Give what tells the collector of all that is committed from now on."""
    try:
        from ripieno.telemetry.exporting import Exporting  # noqa: PLC0415 - a quarter of a second, where it is asked for
    except ImportError as error:
        msg = f"a collector of telemetry is named, and {error.name} is not installed"
        remedy = 'pip install "ripieno[otel]", or set OTEL_SDK_DISABLED=true'
        raise SettingsError(msg, remedy=remedy) from error
    exporting = Exporting(home, settings, clock)
    exporting.begin()
    return exporting


async def tell(exporting: Exporting, leaving: asyncio.Event) -> None:
    """Tell of what is committed, and once more at the end."""
    told: str | None = None
    while not leaving.is_set():
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await leaving.wait()
        except TimeoutError:
            pass
        try:
            problem = await asyncio.to_thread(exporting.turn)
        except RipienoError as error:
            problem = str(error)
        if problem is not None and problem != told:
            log.warning("nobody was told of what is done", problem=problem)
        told = problem
