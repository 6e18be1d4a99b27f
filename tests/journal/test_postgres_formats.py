"""A database of an earlier format is brought up while others work with it: expand before contract."""

from __future__ import annotations

import re
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from tests.journal.support.backends import PostgresBackend
from tests.journal.support.postgres import fresh_schema, server_side
from tests.journal.support.writing import begin

from ripieno.journal.postgres import PostgresStore, formats
from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.formats import (
    FIRST,
    FORMAT,
    STEPS,
    Formats,
    Step,
    formats_of,
    oldest_after,
    sql,
)
from ripieno.journal.postgres.migrations import bring_up, unbuilt
from ripieno.journal.postgres.schema import made
from ripieno.model.errors import StoreError

(RELEASE,) = (Path(__file__).parents[1] / "golden" / "releases").glob("format_*.tar.xz")
"""The library as it was released last."""
RELEASED: Final = re.compile(r"ripieno/journal/(postgres/\w+\.sql|sqlite/format_\d+\.py)")
"""What the formats were made by that are out in the world."""

SHAPE: Final = (
    "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default"
    " FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 3"
)
INDEXES: Final = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"


@pytest.fixture
def earlier() -> str:
    """Give a database as format 7 made it."""
    url = fresh_schema()
    server_side(url, sql("tables.sql"))
    server_side(url, "INSERT INTO ripieno VALUES (7)")
    return url


@pytest.fixture
def connection(earlier: str) -> Iterator[PostgresConnection]:
    with closing(PostgresConnection(earlier)) as connection:
        yield connection


def shape(url: str) -> tuple[list[Any], list[Any]]:
    return server_side(url, SHAPE), server_side(url, INDEXES)


def later(*steps: Step) -> Mapping[int, Step]:
    """Give the steps that there are, and some of releases to come."""
    return {**STEPS, **{FORMAT + number: step for number, step in enumerate(steps)}}


# -- the rule -----------------------------------------------------------------------------------------

ADDING: Final = {
    "table": re.compile(r"CREATE TABLE (\w+) \("),
    "column": re.compile(r"ALTER TABLE (\w+) ADD COLUMN \w+ [^,]+$"),
    "function": re.compile(r"CREATE FUNCTION "),
    "index": re.compile(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) \("),
}


def statements(step: Step) -> list[str]:
    plain = re.sub(r"--[^\n]*", "", step.statements)
    return [" ".join(one.split()) for one in plain.split(";") if one.strip()]


def contracting(step: Step) -> list[str]:
    """Give the statements by which a program that knows nothing of them might fail."""
    fresh: set[str] = set()
    found: list[str] = []
    for statement in statements(step):
        if new := ADDING["table"].match(statement):
            fresh.add(new[1])
        elif column := ADDING["column"].match(statement):
            needs = "NOT NULL" in statement and "DEFAULT" not in statement
            if column[1] not in fresh and (needs or re.search("UNIQUE|PRIMARY|REFERENCES|CHECK", statement)):
                found.append(statement)
        elif index := ADDING["index"].match(statement):
            if index[1] not in fresh:  # it holds up who writes, and a unique one refuses what it writes
                found.append(statement)
        elif not ADDING["function"].match(statement):
            found.append(statement)
    found += [name for name, on in step.indexes.items() if not re.match(r"ON \w+ \(", on)]
    return found


def broken(steps: Mapping[int, Step]) -> list[str]:
    """Give what speaks against the rule."""
    found: list[str] = []
    oldest = FIRST
    for start, step in steps.items():
        if step.oldest < oldest:
            found.append(f"format {start + 1} fits older programs than the one before it")
        if step.oldest > start:
            found.append(f"format {start + 1} leaves the release before it no time")
        if step.oldest == oldest and contracting(step):
            found.append(f"format {start + 1} takes away, and does not say so: {contracting(step)}")
        oldest = step.oldest
    return found


def test_every_step_expands_before_it_contracts() -> None:
    assert broken(STEPS) == []
    assert sorted(STEPS) == list(range(FIRST, FORMAT))


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("CREATE TABLE t (a BIGINT); CREATE UNIQUE INDEX t_a ON t (a)", True),
        ("ALTER TABLE runs ADD COLUMN lane TEXT", True),
        ("ALTER TABLE runs ADD COLUMN lane TEXT NOT NULL DEFAULT ''", True),
        ("ALTER TABLE runs ADD COLUMN lane TEXT NOT NULL", False),
        ("ALTER TABLE runs ADD COLUMN lane TEXT UNIQUE", False),
        ("ALTER TABLE runs ADD COLUMN a TEXT, DROP COLUMN key", False),
        ("ALTER TABLE runs DROP COLUMN key", False),
        ("ALTER TABLE runs RENAME COLUMN key TO name", False),
        ("ALTER TABLE runs ALTER COLUMN key SET NOT NULL", False),
        ("CREATE UNIQUE INDEX runs_key2 ON runs (key)", False),
        ("CREATE INDEX runs_key2 ON runs (key)", False),
        ("DROP TABLE feeds", False),
        ("UPDATE runs SET status = 'over'", False),
    ],
)
def test_what_an_earlier_release_might_fail_by_is_no_part_of_an_expanding_step(
    statement: str, *, kept: bool
) -> None:
    assert (broken(later(Step(statement, oldest=FIRST))) == []) is kept


def test_a_contracting_step_comes_a_release_after_the_last_that_uses_what_it_takes() -> None:
    away = "DROP TABLE feeds"
    assert broken(later(Step("", oldest=FIRST), Step(away, oldest=FORMAT))) == []
    assert "no time" in broken(later(Step(away, oldest=FORMAT + 1)))[0]
    assert "older programs" in broken(later(Step(away, oldest=FORMAT), Step("", oldest=FIRST)))[0]


def test_what_was_released_is_as_it_was() -> None:
    """All but remarks: nobody finds out any more what a format was that was changed afterwards."""
    found: list[str] = []
    with tarfile.open(RELEASE) as archive:
        for member in archive.getmembers():
            if (named := RELEASED.fullmatch(member.name)) and (file := archive.extractfile(member)):
                here = Path(formats.__file__).parents[1] / named[1]
                found.append(named[1])
                assert plain(here.read_text("utf-8")) == plain(file.read().decode()), named[1]
    assert "postgres/tables.sql" in found
    assert len(found) >= 6


def plain(text: str) -> str:
    return re.sub(r"--[^\n]*\n", "", text)


# -- bringing it up -----------------------------------------------------------------------------------


def test_a_database_that_was_brought_up_has_the_tables_of_a_new_one(
    earlier: str, connection: PostgresConnection
) -> None:
    told: list[str] = []
    assert bring_up(connection, told.append) == Formats(FIRST, FORMAT)
    assert told == ["format 7 to 8: done; programs of format 7 and newer fit it"]
    new = fresh_schema()
    with closing(PostgresConnection(new)) as other:
        assert bring_up(other, told.append) == made(other) == Formats(oldest_after(STEPS, FORMAT), FORMAT)
    assert shape(earlier) == shape(new)
    assert bring_up(connection, told.append) == Formats(FIRST, FORMAT)
    assert len(told) == 1, "there was nothing left to do"
    assert oldest_after(STEPS, FIRST) == FIRST


def test_two_that_bring_it_up_at_once_do_it_once(earlier: str) -> None:
    told: list[str] = []
    ready = threading.Barrier(4)

    def work() -> None:
        with closing(PostgresConnection(earlier)) as connection:
            ready.wait(60)
            bring_up(connection, told.append)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert server_side(earlier, "SELECT format, reached FROM ripieno") == [(FIRST, FORMAT)]


def test_whoever_comes_late_to_a_step_finds_it_done(earlier: str, connection: PostgresConnection) -> None:
    """Between its look at the format and its turn another has done it."""
    told: list[str] = []

    class Overtaken(dict[int, Step]):
        def __getitem__(self, start: int) -> Step:
            with closing(PostgresConnection(earlier)) as other:
                bring_up(other, told.append)
            return super().__getitem__(start)

    assert bring_up(connection, told.append, Overtaken(STEPS)) == Formats(FIRST, FORMAT)
    assert len(told) == 1


def test_a_step_that_fails_leaves_the_database_as_it_was(
    earlier: str, connection: PostgresConnection
) -> None:
    before = shape(earlier)
    steps = {FIRST: Step(STEPS[FIRST].statements + "CREATE TABLE runs (id BIGINT);", oldest=FIRST)}
    with pytest.raises(StoreError, match='"runs" already exists'):
        bring_up(connection, pytest.fail, steps)
    assert shape(earlier) == before
    assert formats_of(connection) == Formats(FIRST, FIRST)


def test_a_step_holds_nobody_up_for_long_where_a_table_is_read(
    earlier: str, connection: PostgresConnection
) -> None:
    before = shape(earlier)
    with psycopg.connect(earlier) as reading:
        reading.execute("SELECT * FROM owners")  # and stays in its transaction, as a dump does
        with pytest.raises(StoreError, match="lock timeout") as failed:
            bring_up(connection, pytest.fail)
    assert "another process holds the database" in str(failed.value.remedy)
    assert shape(earlier) == before


# -- who fits it ----------------------------------------------------------------------------------------


@pytest.fixture
def backend(tmp_path: Path, earlier: str) -> PostgresBackend:
    backend = PostgresBackend(tmp_path)
    backend.url = earlier
    return backend


async def test_an_earlier_format_is_not_worked_with_and_is_left_as_it_is(
    backend: PostgresBackend, connection: PostgresConnection
) -> None:
    before = shape(backend.url)
    with pytest.raises(
        StoreError, match=f"has format 7, this version of Ripieno needs format {FORMAT}"
    ) as old:
        await backend.store().open()
    assert "ripieno db migrate" in str(old.value.remedy)
    assert shape(backend.url) == before
    bring_up(connection, lambda _: None)
    async with backend.opened() as store:
        await begin(store)


async def test_a_newer_format_that_still_fits_is_worked_with(
    backend: PostgresBackend, connection: PostgresConnection
) -> None:
    bring_up(connection, lambda _: None, later(Step("CREATE TABLE coming (id BIGINT)", oldest=FIRST)))
    assert formats_of(connection) == Formats(FIRST, FORMAT + 1)
    async with backend.opened() as store:
        await begin(store)


async def test_what_a_program_at_work_needs_is_not_taken_away(
    backend: PostgresBackend, connection: PostgresConnection
) -> None:
    """A worker of format 7 has a lease that says no format."""
    steps = later(Step("", oldest=FIRST), Step("DROP TABLE feeds", oldest=FORMAT))
    server_side(
        backend.url,
        "INSERT INTO owners (token, name, until_at) VALUES ('old', 'host, process 7', 'infinity')",
    )
    told: list[str] = []
    with pytest.raises(StoreError, match="host, process 7") as refused:
        bring_up(connection, told.append, steps)
    assert "format 10 yet: it takes away what programs before format 8 use" in refused.value.message
    assert formats_of(connection) == Formats(FIRST, FORMAT + 1), "what only adds was done"
    server_side(backend.url, "DELETE FROM owners")
    async with backend.opened():
        assert bring_up(connection, told.append, steps) == Formats(FORMAT, FORMAT + 2)


async def test_whoever_is_too_old_for_the_tables_is_refused_and_has_no_lease_any_more(
    backend: PostgresBackend, connection: PostgresConnection
) -> None:
    bring_up(connection, lambda _: None)
    async with backend.opened() as store:
        assert isinstance(store, PostgresStore)
        server_side(backend.url, "UPDATE ripieno SET format = reached + 1, reached = reached + 2")
        with pytest.raises(StoreError, match="does not know") as held_up:
            store._leases._renew()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as its thread does, in its time
        assert "others take over what it had" in str(held_up.value.remedy)
    with pytest.raises(
        StoreError, match=rf"format {FORMAT + 2}, which is for .* of format {FORMAT + 1} and"
    ) as new:
        await backend.store().open()
    assert "a newer version of Ripieno" in str(new.value.remedy)


# -- indexes --------------------------------------------------------------------------------------------

WITH_INDEX: Final = {FIRST: Step(STEPS[FIRST].statements, FIRST, {"runs_principal": "ON runs (principal)"})}


def test_an_index_of_a_table_that_is_there_is_built_while_others_write(
    earlier: str, connection: PostgresConnection
) -> None:
    told: list[str] = []
    with psycopg.connect(earlier) as elsewhere:
        elsewhere.execute("INSERT INTO feeds (feed, position) VALUES ('there', 1)")
        bring_up(connection, told.append, WITH_INDEX)
    assert told[1:] == ["index runs_principal: built"]
    assert unbuilt(connection, WITH_INDEX) == []
    assert ("runs_principal",) in server_side(earlier, INDEXES)


def test_an_index_that_somebody_began_is_built_anew(earlier: str, connection: PostgresConnection) -> None:
    bring_up(connection, lambda _: None)
    server_side(earlier, "CREATE INDEX runs_principal ON runs (principal)")
    server_side(
        earlier, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'runs_principal'::regclass"
    )
    assert unbuilt(connection, WITH_INDEX) == [("runs_principal", "ON runs (principal)")]
    told: list[str] = []
    bring_up(connection, told.append, WITH_INDEX)
    assert (told, unbuilt(connection, WITH_INDEX)) == (["index runs_principal: built"], [])


def test_one_process_alone_builds_indexes(earlier: str, connection: PostgresConnection) -> None:
    told: list[str] = []
    with psycopg.connect(earlier, autocommit=True) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_lock(hashtext('indexes'), %s)", [connection.alone])
        bring_up(connection, told.append, WITH_INDEX)
    assert told[1:] == ["another process is building indexes: ripieno db status says when that is done"]
    assert len(unbuilt(connection, WITH_INDEX)) == 1


def test_a_new_database_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for start, step in WITH_INDEX.items():
        monkeypatch.setitem(STEPS, start, step)  # as a release to come has it
    with closing(PostgresConnection(fresh_schema())) as connection:
        made(connection)
        assert unbuilt(connection, WITH_INDEX) == []
