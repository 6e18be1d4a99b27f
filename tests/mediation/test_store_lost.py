"""The store is lost, moved or held at the moment of a decision: no act passes, and none is done twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, EVE, YES, booking, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, opened, parked, reply, serving, until
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.mediation.policy import PolicyGate
from ripieno.model.errors import StoreError
from ripieno.model.gate import Action, Decision

BUSY_SECONDS = 0.05


def impatient(home: Path) -> SqliteStore:
    """Give a store that does not wait for whoever holds the database."""
    return SqliteStore(home, busy_seconds=BUSY_SECONDS)


class Then(PolicyGate):
    """Lets something happen to the machine right after the decision that an approved call may be made."""

    happens: Callable[[], None] | None = None

    def decide(self, action: Action) -> Decision:
        found = super().decide(action)
        if action.kind == "tool.call" and found.verdict == "allow" and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()
        return found


def moved(home: Path) -> Callable[[], None]:
    """Move the whole folder away; give what brings it back."""
    away = home.with_name("away")
    home.rename(away)

    def back() -> None:
        shutil.rmtree(home, ignore_errors=True)  # whatever was made in its place meanwhile
        away.rename(home)

    return back


def removed(home: Path) -> Callable[[], None]:
    """Remove the database under whoever has it open, as kept elsewhere."""
    return taken(home, "journal.sqlite")


def without_its_log(home: Path) -> Callable[[], None]:
    """Remove what SQLite has committed and not yet moved into the database."""
    return taken(home, "journal.sqlite-wal")


def taken(home: Path, name: str) -> Callable[[], None]:
    away = home.with_name(f"{name}-away")
    (home / name).rename(away)
    return lambda: os.replace(away, home / name)  # noqa: PTH105 - over whatever came in its place


def replaced(home: Path) -> Callable[[], None]:
    """Put another file in its place, such as a backup that somebody restores."""
    back = removed(home)
    (home / "journal.sqlite").write_bytes(home.with_name("journal.sqlite-away").read_bytes())
    return back


def held(home: Path) -> Callable[[], None]:
    """Hold the right to write, by a connection of somebody else's."""
    other = sqlite3.connect(home / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


@pytest.mark.parametrize(
    "trouble",
    [moved, removed, without_its_log, replaced, held],
    ids=lambda one: one.__name__.replace("_", " "),
)
async def test_a_call_that_cannot_be_claimed_any_more_is_not_made(
    tmp_path: Path, trouble: Callable[[Path], Callable[[], None]]
) -> None:
    system, home, back = Elsewhere(), tmp_path / "home", list[Callable[[], None]]()
    workflow = booking(system)
    gate = Then(gate_of(tmp_path / "policies", ask=ASK).library)
    gate.happens = lambda: back.append(trouble(home))
    async with opened(home, impatient) as store, serving(home, workflow, store=store) as host:
        store.gate = gate
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        await reply(host, question, YES, by=EVE)

        async def given_up() -> bool | None:
            return (bool(back) and not host.statistics()["resident"]) or None

        await until(given_up)
        assert system.calls == []
        with pytest.raises(StoreError):
            await begin(host, workflow)
        back.pop()()
    async with governed(home, gate, workflow) as host:
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1
    with SqliteAudit(home) as log:
        report = verify(log)
    assert report.sound, str(report)
