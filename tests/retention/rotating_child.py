"""A process that rotates the master key, and dies at the boundary that it is told.

Boundaries are the commits of the store, and each time that a file was made durable.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gates import shipped_gate
from kernel.support.boundaries import Boundaries
from kernel.support.watched_commits import watch_commits
from kernel.support.watched_files import watch_files
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.principal import Principal
from ripieno.retention import rotation


async def live(home: Path) -> None:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        by = Principal("person", "boss", every_role=True)
        await rotation.rotate(store, home, by=by, reason="once a year")
    finally:
        await store.close()


def rotated(home: str, number: int) -> None:
    told = Boundaries(fatal=number)
    watch_commits(told, grouped=True)
    watch_files(told)
    rotation.RUNS_AT_ONCE = 1
    asyncio.run(live(Path(home)))
