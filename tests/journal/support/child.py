"""Another process with the same data folder: does what it is told on standard input, line by line.

    python -m tests.journal.support.child FOLDER

`own` creates a run and keeps it; `cancel RUN` sends a message; `lock` holds the database until the
next line. Each is answered by one line.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.journal.support.writing import answer, owned

from ripieno.journal.sqlite import SqliteStore


async def obey(store: SqliteStore, order: str) -> str:
    match order.split():
        case ["own"]:
            return (await owned(store)).run
        case ["cancel", run]:
            await store.send(answer(run))
            return "sent"
        case ["lock"]:
            with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                say("locked")
                await asyncio.to_thread(sys.stdin.readline)
            return "free"
        case _:
            return f"what is {order!r}?"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    store = SqliteStore(folder)
    await store.open()
    try:
        say("open")
        while order := await asyncio.to_thread(sys.stdin.readline):
            say(await obey(store, order))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
