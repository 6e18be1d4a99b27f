"""A log in a database is verified, exported and proved as one in a data folder is: the same is found."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.anchoring.support.every_kind import write_every_kind
from tests.anchoring.support.exported import key_of
from tests.journal.support.postgres import cut_off, fresh_schema, server_side
from tests.journal.support.writing import owned, step, write

from ripieno.anchoring.export import Exporter, prove
from ripieno.journal.moving import move
from ripieno.journal.postgres import PostgresStore, snapshot
from ripieno.journal.postgres.snapshot import PostgresSnapshot
from ripieno.journal.sql.audit import Audit
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sql.snapshot import Snapshot
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.journal.verify import Report, verify
from ripieno.model.errors import NotFoundError, StoreError
from ripieno.proof.verification import verify_export

DAMAGE = (
    "UPDATE questions SET number = number + 7 WHERE number = 1",
    "UPDATE questions SET number = NULL WHERE number = 2",
    "UPDATE questions SET state = 'answered' WHERE state = 'open'",
    "UPDATE inbox SET mac = x'00' WHERE folded IS NOT NULL",
    "UPDATE inbox SET content = 'another' WHERE folded IS NULL",
    "UPDATE runs SET head_seq = head_seq + 1",
    "UPDATE runs SET replay_needed = '[9]'",
    "UPDATE claims SET epoch = epoch + 1",
    "DELETE FROM failed_calls",
    "INSERT INTO spent_months (tenant, team, month, cost, alerted) VALUES ('default', '', '2026-01', 7, 0)",
    "INSERT INTO reserved (run, path, tenant, team, cost) VALUES ('ff', 'asks@1', 'default', '', 5)",
    "INSERT INTO rates (tenant, principal, tool, paid_at) VALUES ('default', 'person:eve', 'pay', 5)",
    "UPDATE principals SET roles = '[\"admin\"]'",
    "UPDATE policy_sets SET state = 'active'",
    "UPDATE tenants SET head_hash = 'nothing' WHERE name = 'default'",
    "DELETE FROM holds",
    "UPDATE erasures SET by = 'person:eve'",
    "UPDATE checkpoints SET size = size + 1",
    "UPDATE leaves SET hash = x'00' WHERE leaf = 3",
    "UPDATE events SET envelope = x'7b7d' WHERE position = 5",
    "UPDATE payloads SET sealed = x'00'",
    "INSERT INTO payloads (stream, commitment, sealed) VALUES (x'abcd', x'00', x'00')",
    "DELETE FROM runs WHERE id IN (SELECT min(id) FROM runs)",
    "DELETE FROM leaves WHERE leaf > 9",
)
"""Done to both, one after another."""


class Twice(NamedTuple):
    """The same log in a data folder and in a database."""

    home: Path
    url: str
    notes: list[str]

    def in_folder(self) -> Snapshot:
        return SqliteSnapshot(self.home)

    def in_database(self) -> Snapshot:
        return PostgresSnapshot(self.home, self.url)

    def verified(self, log: Snapshot) -> Report:
        with Audit(log) as audit:
            return verify(audit, key=key_of(self.home), checkpoints=self.notes)

    def damage(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home / "journal.sqlite", isolation_level=None)) as connection:
            connection.execute(statement)
        server_side(self.url, statement.replace("x'", "'\\x"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    home = tmp_path_factory.mktemp("both")
    return home, asyncio.run(write_every_kind(home))


@pytest.fixture
def twice(written: tuple[Path, list[str]], tmp_path: Path) -> Twice:
    home = shutil.copytree(written[0], tmp_path / "home")
    url = fresh_schema().replace("options=", "options=-cripieno.region%3Dhere%20")  # a tenant is pinned there
    move(home, url, lambda _: None)
    return Twice(home, url, written[1])


@pytest.fixture(params=[1, 1000], ids=["row by row", "many at once"])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(snapshot, "AT_ONCE", request.param)
    return request.param


@pytest.mark.usefixtures("at_once")
def test_a_log_that_is_sound_is_sound_in_a_database(twice: Twice) -> None:
    there, here = twice.verified(twice.in_database()), twice.verified(twice.in_folder())
    assert there.findings == []
    assert str(there) == str(here)
    assert (there.events, there.runs, there.values) == (here.events, here.runs, here.values)
    assert there.anchor == here.anchor


def test_whatever_is_changed_is_found_alike(twice: Twice) -> None:
    before: list[str] = []
    for statement in DAMAGE:
        twice.damage(statement)
        there = sorted(map(str, twice.verified(twice.in_database()).findings))
        here = sorted(map(str, twice.verified(twice.in_folder()).findings))
        assert there == here, statement
        assert there != before, f"nothing was found of {statement}"
        before = there


def test_an_event_that_is_gone_is_found_by_its_chain_and_by_the_tree(twice: Twice) -> None:
    twice.damage("DELETE FROM events WHERE position = 7")
    found = [str(one) for one in twice.verified(twice.in_database()).findings]
    assert any("leaf 6" in one for one in found), found
    with Audit(twice.in_database()) as audit:
        assert list(audit.gaps()) == []  # a transaction that is undone leaves them as well


def lines(log: Snapshot, **options: Any) -> list[dict[str, Any]]:
    file = io.StringIO()
    with Extract(log) as extract:
        Exporter(extract, file, **options).write()
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_export_of_a_database_is_that_of_the_folder_and_verified_by_others(twice: Twice) -> None:
    there, here = (lines(log, values=True) for log in (twice.in_database(), twice.in_folder()))
    whole = [json.dumps(line) + "\n" for line in there]
    assert verify_export(whole, key_of(twice.home), twice.notes).findings == []
    assert sorted(map(str, there)) == sorted(map(str, here))


def test_an_event_is_proved_out_of_a_database(twice: Twice) -> None:
    with Extract(twice.in_database()) as there, Extract(twice.in_folder()) as here:
        [first, *_] = here.in_order()
        assert there.place(first.stream, first.seq) == first
        assert there.place(first.stream, 10**6) is None
        assert prove(there, first.stream, first.seq) == prove(here, first.stream, first.seq)


def test_runs_of_a_period_are_those_of_the_folder(twice: Twice) -> None:
    with Extract(twice.in_database()) as there, Extract(twice.in_folder()) as here:
        times = sorted(json.loads(one.envelope)["at"] for one in here.in_order())
        middle = times[len(times) // 2]
        for period in ((None, None), (None, middle), (middle, None), (times[-1] + 1, None)):
            assert there.active(*period) == here.active(*period)
        assert there.active(None, None) != set()
        assert there.active(times[-1] + 1, None) == set()


async def test_what_is_committed_meanwhile_is_not_seen(tmp_path: Path) -> None:
    url = fresh_schema()
    store = PostgresStore(tmp_path, url)
    await store.open()
    try:
        lease = await owned(store)
        with Audit(PostgresSnapshot(tmp_path, url)) as audit:
            before = sum(1 for _ in audit.events())
            await write(store, step(lease, "later@1"))
            assert sum(1 for _ in audit.events()) == before
        with Audit(PostgresSnapshot(tmp_path, url)) as audit:
            assert sum(1 for _ in audit.events()) == before + 1
            assert verify(audit).sound
    finally:
        await store.close()


async def test_a_database_without_a_log_or_of_a_newer_version_is_named(tmp_path: Path) -> None:
    url = fresh_schema()
    (tmp_path / "journal").mkdir()
    store = PostgresStore(tmp_path, fresh_schema())
    await store.open()  # which makes the key
    await store.close()
    with (
        pytest.raises(NotFoundError, match="no log at postgresql://"),
        Audit(PostgresSnapshot(tmp_path, url)),
    ):
        pass
    store = PostgresStore(tmp_path, url)
    await store.open()
    await store.close()
    server_side(url, "UPDATE ripieno SET format = 99, reached = 99")
    with pytest.raises(StoreError, match="has format 99"), Audit(PostgresSnapshot(tmp_path, url)):
        pass


def test_what_cannot_be_read_is_told_and_does_not_break_off(twice: Twice) -> None:
    server_side(twice.url, "ALTER TABLE leaves RENAME COLUMN hash TO lost")
    found = [str(one) for one in twice.verified(twice.in_database()).findings]
    assert any("cannot be read" in one for one in found), found


def test_a_server_that_goes_away_is_an_error_of_the_store(twice: Twice) -> None:
    with Audit(twice.in_database()) as audit:
        events = audit.events()
        next(events)
        cut_off(twice.url)
        with pytest.raises(StoreError, match="cannot read"):
            list(audit.values("00"))
        with pytest.raises(StoreError, match="cannot read"):
            audit.holds("00", "00")
