"""A database is read by declared statements, and, where allowed, by an agent's own; never written to."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from loopback import a_call

from ripieno.connectors.systems.sql import SqlDatabase, Statement
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.resilience.timing import THREADS

OF_CUSTOMER = Statement(
    "SELECT id, item, placed FROM orders WHERE customer = :customer AND placed >= :since ORDER BY id",
    {"customer": str, "since": date},
    "List the orders of a customer since a day.",
)
CANCEL = Statement("UPDATE orders SET item = NULL WHERE id = :id", {"id": int}, effect="write")


def content(file: Path) -> bytes:
    return file.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "orders.db"
    with closing(sqlite3.connect(found)) as connection:
        connection.executescript(
            """
            CREATE TABLE customers (name TEXT PRIMARY KEY);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT REFERENCES customers (name),
                                 item TEXT, placed TEXT, scan BLOB);
            INSERT INTO customers VALUES ('ada'), ('o''hara');
            INSERT INTO orders VALUES (1, 'ada', 'pen', '2026-01-01', x'00ff'),
                                      (2, 'ada', 'ink', '2026-03-01', NULL),
                                      (3, 'o''hara', 'paper', '2026-03-02', NULL);
            """
        )
        connection.commit()
    return found


def orders(file: Path, **options: Any) -> SqlDatabase:
    return SqlDatabase("orders", f"sqlite:///{file}", **options)


async def test_a_declared_statement_is_a_tool_with_a_schema(file: Path) -> None:
    found = orders(file, statements={"orders_of": OF_CUSTOMER}).tool("orders_of")
    assert (found.name, found.effect) == ("orders.orders_of", "read")
    assert found.input_schema["properties"] == {
        "customer": {"type": "string"},
        "since": {"type": "string", "format": "date"},
    }
    given = await found(customer="o'hara", since="2026-01-01")
    assert given.rows == [{"id": 3, "item": "paper", "placed": "2026-03-02"}]
    assert [one["id"] for one in (await found(customer="ada", since="2026-02-01")).rows] == [2]
    assert (await found(customer="' OR 1=1 --", since="2026-01-01")).rows == []
    with pytest.raises(ToolError, match="valid date"):
        await found(customer="ada", since="soon")


async def test_what_is_declared_to_write_writes_and_nothing_else_does(file: Path) -> None:
    connector = orders(file, statements={"cancel": CANCEL})
    assert connector.tool("cancel").effect == "write"
    assert (await connector.tool("cancel")(id=1)).changed == 1
    left = orders(file, statements={"left": Statement("SELECT count(*) AS n FROM orders WHERE item = 'pen'")})
    assert (await left.tool("left")()).rows == [{"n": 0}]
    with pytest.raises(ToolError, match="not authorized"):
        await orders(file).run("DELETE FROM orders", {}, await a_call(), writes=False)
    with pytest.raises(ToolError, match="not authorized"):
        await orders(file).run("DROP TABLE orders", {}, await a_call(), writes=True)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM orders", "DELETE is not among what may be asked: SELECT, WITH, VALUES"),
        ("SELECT 1; DROP TABLE orders", "one statement at a time"),
        ("PRAGMA writable_schema = 1", "PRAGMA is not among"),
        ("ATTACH 'other.db' AS o", "ATTACH is not among"),
        ("/* SELECT */ INSERT INTO orders (id) VALUES (9)", "INSERT is not among"),
        ("", "nothing is not among"),
        ("WITH x AS (SELECT 1) DELETE FROM orders", "not authorized"),
        ("SELECT load_extension('x')", "not authorized"),
        ("SELECT * FROM orders WHERE id = :id", "no value for :id"),
        ("SELECT missing FROM orders", "no such column"),
        ("SELECT item FROM pragma_function_list", "not authorized|no such column"),
    ],
)
async def test_a_question_that_is_none_is_refused(file: Path, sql: str, said: str) -> None:
    before = content(file)
    with pytest.raises(ToolError, match=said):
        await orders(file, ad_hoc=True).tool("query")(sql=sql)
    assert content(file) == before


async def test_a_question_of_ones_own_is_answered_within_its_bounds(file: Path) -> None:
    connector = orders(file, ad_hoc=True, max_rows=2)
    ask = connector.tool("query")
    found = await ask(sql="SELECT id, scan FROM orders WHERE item <> ':no; --' ORDER BY id;")
    assert (found.rows, found.more) == ([{"id": 1, "scan": "<2 bytes>"}, {"id": 2, "scan": None}], True)
    assert (await ask(sql="SELECT :a AS a", parameters={"a": "x'; --"})).rows == [{"a": "x'; --"}]
    small = orders(file, ad_hoc=True, max_bytes=20)
    assert (await small.tool("query")(sql="SELECT item FROM orders")).more
    [first, second] = await connector.tool("list_tables")()
    assert (first["table"], second["refers"]) == ("customers", {"customer": "customers"})
    assert [
        one["table"] for one in await orders(file, ad_hoc=True, tables=["orders"]).tool("list_tables")()
    ] == ["orders"]


async def test_no_value_is_made_that_is_larger_than_the_process_can_bear(file: Path) -> None:
    query = SqlDatabase("stock", f"sqlite:///{file}", ad_hoc=True, max_bytes=1_000).tool("query")
    for sql in ("SELECT zeroblob(800000000)", "SELECT hex(zeroblob(40000000))"):
        with pytest.raises(ToolError, match="too big"):
            await query(sql=sql)
    many = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT hex(zeroblob(100)) FROM r"
    found = await query(sql=many)
    assert (len(found.rows), found.more) == (4, True)


async def test_a_slow_database_takes_the_threads_of_its_own_system(file: Path) -> None:
    own = ThreadPoolExecutor(1, thread_name_prefix="stock")
    seen: list[str] = []

    stock = SqlDatabase("stock", f"sqlite:///{file}", ad_hoc=True)
    connect = stock.database.connect

    def seeing(*given: Any, **more: Any) -> Any:
        seen.append(threading.current_thread().name)
        return connect(*given, **more)

    stock.database.connect = seeing
    reset = THREADS.set(own)
    await stock.tool("query")(sql="SELECT 1")
    THREADS.reset(reset)
    own.shutdown()
    assert seen[0].startswith("stock")


async def test_what_takes_too_long_is_ended(file: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    with pytest.raises(ToolError, match="interrupted") as raised:
        await orders(file).run(endless, {}, await a_call(0.2), writes=False)
    assert raised.value.failure == "timeout"
    with pytest.raises(ToolError, match="deadline"):
        await orders(file).run("SELECT 1", {}, await a_call(-1), writes=False)


async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    gone = tmp_path / "gone.db"
    with pytest.raises(ToolError, match=r"no database at 'gone\.db'"):
        await orders(gone, ad_hoc=True).tool("query")(sql="SELECT 1")
    assert not gone.exists()


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("sqlite://", {}, "ends with its connection"),
        ("mysql://x/y", {}, "reached by sqlite"),
        ("nonsense", {}, "expected a URL"),
        ("postgresql://ada:hunter2@db/x", {}, "a password never stands in a URL"),
        ("sqlite:///x", {"allow_statements": ["delete"]}, "got 'delete'"),
        ("sqlite:///x", {"statements": {"a": Statement("SELECT 1; SELECT 2")}}, "one statement only"),
        ("sqlite:///x", {"statements": {"a": Statement("DELETE FROM x")}}, "no statement that only reads"),
        ("sqlite:///x", {"statements": {"a": Statement("SELECT :b", {"c": int})}}, ":b stands in it"),
        ("sqlite:///x", {"statements": {"a": Statement("SELECT 1", {"c": int})}}, "does not stand in it"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_declared(
    url: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(DefinitionError, match=said) as refused:
        SqlDatabase("orders", url, **options)
    assert "hunter2" not in str(refused.value)


def test_what_it_is_approved_with_is_its_statements_and_not_where_the_file_lies(tmp_path: Path) -> None:
    one = SqlDatabase("orders", f"sqlite:///{tmp_path}/a/orders.db", {"orders_of": OF_CUSTOMER})
    two = SqlDatabase("orders", "sqlite:///b/orders.db", {"orders_of": OF_CUSTOMER})
    other = SqlDatabase("orders", "sqlite:///b/orders.db", {"orders_of": OF_CUSTOMER}, ad_hoc=True)
    assert one.digest == two.digest != other.digest
