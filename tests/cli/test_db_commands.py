"""`ripieno db`: what holds the log, and what is to be done before this version can work with it."""

from __future__ import annotations

import pytest
from tests.journal.support.postgres import fresh_schema, server_side

from cli.conftest import Cli
from ripieno.journal.postgres.formats import FORMAT, sql


@pytest.fixture
def earlier(cli: Cli) -> str:
    """Give a database of format 7, which the commands of a test work with."""
    url = fresh_schema()
    server_side(url, sql("tables.sql"))
    server_side(url, "INSERT INTO ripieno VALUES (7)")
    cli.environment["RIPIENO_DATABASE_URL"] = url
    return url


def test_a_database_of_an_earlier_format_is_refused_by_all_but_what_brings_it_up(
    cli: Cli, earlier: str
) -> None:
    refused = cli.run("runs", "list")
    assert (refused.code, refused.out) == (1, "")
    assert f"has format 7, this version of Ripieno needs format {FORMAT}" in refused.err
    assert "ripieno db migrate" in refused.err
    status = cli.run("db", "status")
    assert status.code == 1
    assert "pending   format 7 to 8" in status.out
    assert "ripieno db migrate brings it up" in status.out
    done = cli.ok("db", "migrate", "--output", "json").json
    assert (done["before"], done["format"], len(done["done"])) == (7, FORMAT, FORMAT - 7)
    assert "nothing to do" in cli.ok("db", "migrate").out
    cli.ok("runs", "list")
    assert cli.ok("db", "status", "--output", "json").json["pending"] == []
    server_side(earlier, "UPDATE ripieno SET format = reached + 1, reached = reached + 1")
    newer = cli.run("db", "status")
    assert (newer.code, "use a newer version" in newer.out) == (1, True)
    refused = cli.run("runs", "list")
    assert (refused.code, "a newer version of Ripieno" in refused.err) == (1, True)


def test_a_data_folder_is_looked_at_and_no_key_or_token_does(cli: Cli) -> None:
    assert "nothing has run in it yet" in cli.ok("db", "status").out
    refused = cli.run("db", "migrate")
    assert (refused.code, "nothing has run" in refused.err) == (2, True)
    refused = cli.run("db", "status", RIPIENO_API_KEY="rk_none")
    assert (refused.code, refused.out) == (4, "")
    assert "without key or token" in refused.err
