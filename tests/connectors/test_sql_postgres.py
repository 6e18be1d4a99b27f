"""A PostgreSQL server holds what is read to reading, whatever is asked, and ends what takes too long."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import a_call

from ripieno.connectors.systems.sql import SqlDatabase, Statement
from ripieno.model.errors import ToolError

USER = "postgres" if os.getuid() == 0 else None
"""The server runs under no root."""


def program(name: str) -> str:
    found = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    return shutil.which(name) or str(found[0])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="pg"))
    if USER is not None:
        shutil.chown(home, USER)
    data = home / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=USER, stdout=subprocess.DEVNULL, cwd=home)  # noqa: S603 - ours

    run(program("initdb"), "-D", str(data), "-A", "trust", "-U", "reader", "--no-sync")
    settings = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    run(program("pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log"), "-o", settings, "start")
    try:
        yield f"postgresql://reader@/postgres?host={home}"
    finally:
        run(program("pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)


async def test_statements_are_parameterised_typed_and_held_to_what_they_declare(server: str) -> None:
    make = Statement("CREATE TABLE orders (id int PRIMARY KEY, item text, price numeric)", effect="write")
    add = Statement(
        "INSERT INTO orders VALUES (:id, :item, :price) RETURNING id",
        {"id": int, "item": str, "price": float},
        effect="write",
    )
    orders = SqlDatabase("orders", server, {"make": make, "add": add}, ad_hoc=True)
    await orders.tool("make")()
    assert (await orders.tool("add")(id=1, item="50% '; DROP TABLE orders --", price=2.5)).rows == [{"id": 1}]
    with pytest.raises(ToolError, match="duplicate key"):
        await orders.tool("add")(id=1, item="again", price=1)
    ask = orders.tool("query")
    found = await ask(
        sql="SELECT *, ':x%' AS x FROM orders WHERE item LIKE :like", parameters={"like": "50%"}
    )
    assert [row["x"] for row in found.rows] == [":x%"]
    [table] = await orders.tool("list_tables")()
    assert table["columns"] == {"id": "INTEGER", "item": "TEXT", "price": "NUMERIC"}
    for sql in (
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT nextval('pg_catalog.nothing')",
    ):
        with pytest.raises(ToolError, match="nothing was changed"):
            await ask(sql=sql)
    with pytest.raises(ToolError, match="read-only transaction"):
        await orders.run("DELETE FROM orders", {}, await a_call(), writes=False)
    assert (await ask(sql="SELECT count(*) AS n FROM orders")).rows == [{"n": 1}]


async def test_what_takes_too_long_is_ended_by_the_server(server: str) -> None:
    orders = SqlDatabase("orders", server, ad_hoc=True)
    with pytest.raises(ToolError, match="statement timeout") as raised:
        await orders.run("SELECT pg_sleep(60)", {}, await a_call(1.0), writes=False)
    assert raised.value.failure == "timeout"
    nobody = SqlDatabase("orders", "postgresql://reader@127.0.0.1:1/none", ad_hoc=True)
    with pytest.raises(ToolError, match="connection"):
        await nobody.tool("query")(sql="SELECT 1")


async def test_no_more_rows_are_fetched_than_are_given(server: str) -> None:
    reader = SqlDatabase("orders", server, ad_hoc=True, max_rows=3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sql = "SELECT n, repeat('x', 1000) AS x FROM generate_series(1, 300000) n"
    found = await reader.tool("query")(sql=sql)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert ([row["n"] for row in found.rows], found.more) == ([1, 2, 3], True)
    assert grown < 100_000, "kilobytes: the rest, 300 MB of it, stays where it is"
    explaining = SqlDatabase("orders", server, ad_hoc=True, allow_statements=["select", "explain"])
    assert (await explaining.tool("query")(sql="EXPLAIN SELECT 1")).rows
