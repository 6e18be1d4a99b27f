"""A process that erases a run, and dies at the boundary that it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gates import shipped_gate
from kernel.support.boundaries import Boundaries
from kernel.support.watched_commits import watch_commits
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.principal import Principal
from ripieno.retention.erasing import erase


async def live(home: Path, run: str) -> None:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        by = Principal("person", "boss", every_role=True)
        await erase(store, await store.run(run), by=by, reason="asked for")
    finally:
        await store.close()


def erased(home: str, run: str, number: int) -> None:
    watch_commits(Boundaries(fatal=number), grouped=True)
    asyncio.run(live(Path(home), run))
