"""A process that encrypts what runs hold anew, and is killed after the first of them: `HOME`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gates import shipped_gate
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.principal import Principal
from ripieno.retention.encrypting import encrypt_anew


def die(done: int) -> None:
    del done
    os.kill(os.getpid(), signal.SIGKILL)


async def live(home: Path) -> None:
    store = SqliteStore(home, shipped_gate())
    await store.open()
    by = Principal("person", "boss", every_role=True)
    await encrypt_anew(store, home, by=by, reason="a copy of the disk is gone", told=die)


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
