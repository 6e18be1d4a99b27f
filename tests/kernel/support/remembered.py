"""A run that remembers, replaces, forgets and recalls, which a crash can cut anywhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kernel.support.scenario import Scenario
from ripieno import Context, Memory, Workflow, function, sequential
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

NOTES = Memory("notes", subject="patient")


@function(pure=True)
async def nurse(context: Context) -> list[str]:
    """Remember two things, put one right, forget the other, and give what is left."""
    old = await context.use(NOTES.remember, text="takes 5 mg")
    gone = await context.use(NOTES.remember, text="never said")
    await context.use(NOTES.remember, text="takes 7 mg", replaces=old["id"])
    forgotten = await context.use(NOTES.forget, id=gone["id"])
    found = await context.use(NOTES.recall)
    return [*(one["text"] for one in found["memories"]), str(forgotten["forgotten"])]


def effects(home: Path) -> list[str]:
    """Give what became of everything that was ever remembered."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return sorted(f"{row[0]}" for row in connection.execute("SELECT state FROM memories"))


def nobody(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Nobody is asked: what was done is known by its key."""
    raise AssertionError(asked.about, home)


SCENARIO = Scenario(
    Workflow("remembering", sequential(nurse)),
    lambda: {"patient": "p1"},
    lambda _: None,
    effects,
    nobody,
)
