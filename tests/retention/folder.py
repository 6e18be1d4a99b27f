"""A data folder with runs that hold what can be recognised, and a search for it in every byte."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from kernel.scenarios.house import asked, ended, opened, reply, serving
from ripieno import Context, Data, Workflow, function, human, sequential, subworkflow, tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import Report, verify
from ripieno.kernel.clock import Clock
from ripieno.kernel.host import Host
from ripieno.model.principal import Principal

__all__ = [
    "BOSS",
    "LETTERS",
    "MARK",
    "VISIT",
    "checked",
    "found_in_files",
    "house",
    "letter",
    "secrets_of",
    "visited",
]

MARK: Final = "Zwiebelfisch-4711"
"""Stands in everything that the run is given, says and asks."""

BOSS: Final = Principal("person", "boss", every_role=True)


@tool(effect="write", on_uncertain="retry")
async def unsend(letter: str) -> str:
    """Take a letter back."""
    return f"gone {letter}"


@tool(effect="write", on_uncertain="retry", undo=unsend)
async def send(text: str) -> dict[str, str]:
    """Send a letter."""
    return {"letter": f"L {text}"}


@function(pure=True)
async def summarise(given: str) -> dict[str, str]:
    return {"summary": f"about {given}", "long": given * 1000}


@function(pure=True)
async def write(summarise: dict[str, str], context: Context) -> dict[str, str]:
    return await context.use(send, text=summarise["summary"])


LETTERS: Final = Workflow(
    "letters",
    sequential(summarise, human("clerk", role="clerk", title=f"May {MARK} be written to?"), write),
    data=[Data.PHI],
)
VISIT: Final = Workflow("visit", sequential(subworkflow(LETTERS)), data=[Data.PERSONAL])


@asynccontextmanager
async def house(
    home: Path, clock: Clock | None = None, kind: Callable[[Path], SqliteStore] = SqliteStore
) -> AsyncGenerator[Host]:
    async with (
        opened(home, kind) as store,
        serving(home, LETTERS, VISIT, clock=clock, store=store) as host,
    ):
        yield host


async def letter(host: Host, *, key: str | None = None, given: str = MARK) -> str:
    """Run the whole of it, and give the run."""
    run = (await host.start(LETTERS, given, principal=BOSS, key=key)).row.id
    said = {"proceed": True, "note": f"{MARK} agrees"}
    await reply(host, await asked(host, run), said, by=BOSS, reason=f"{MARK} called")
    assert (await ended(host, run)).status == "complete"
    return run


async def visited(host: Host) -> tuple[str, str]:
    """Run a workflow with another in it; give the run and the child run."""
    run = (await host.start(VISIT, MARK, principal=BOSS)).row.id
    while not (children := host.store.descended(run)):
        await host.rest(run)
    child = children[0].id
    await reply(host, await asked(host, child), {"proceed": True, "note": MARK}, by=BOSS)
    assert (await ended(host, run)).status == "complete"
    return run, child


def secrets_of(home: Path, runs: Iterable[str]) -> list[bytes]:
    """Give what must be found nowhere once these runs are erased: wrapped keys, sealed values, words."""
    wanted = [MARK.encode()]
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        for run in runs:
            wanted += [row[0] for row in connection.execute("SELECT wrapped FROM runs WHERE id = ?", (run,))]
            sealed: list[Any] = connection.execute(
                "SELECT sealed FROM payloads WHERE stream = ?", (bytes.fromhex(run),)
            ).fetchall()
            wanted += [row[0] for row in sealed]
    assert len(wanted) > 5
    return wanted


def found_in_files(folder: Path, secrets: Iterable[bytes]) -> list[str]:
    """Name the files in which a piece of any of these stands: of long ones every part is looked for."""
    pieces = {secret[at : at + 16] for secret in secrets for at in range(0, max(1, len(secret) - 15), 16)}
    files = [(file.name, file.read_bytes()) for file in folder.rglob("*") if file.is_file()]
    return [f"{name}: {piece!r}" for name, content in files for piece in pieces if piece in content]


def checked(home: Path) -> Report:
    with SqliteAudit(home) as audit:
        return verify(audit)
