"""Has another key sign checkpoints, in a process that dies at the boundary it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gates import shipped_gate
from kernel.support.boundaries import Boundaries
from kernel.support.watched_commits import watch_commits
from kernel.support.watched_files import watch_files
from ripieno.anchoring.rekeying import rekey
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.principal import Principal


async def live(home: Path) -> None:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        by = Principal("person", "boss", every_role=True)
        await rekey(store, home, by=by, reason="once a year", origin="example.com/log")
    finally:
        await store.close()


def rekeyed(home: str, number: int) -> None:
    told = Boundaries(fatal=number)
    watch_commits(told, grouped=True)
    watch_files(told)
    asyncio.run(live(Path(home)))
