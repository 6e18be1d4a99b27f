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
    (cli.home / "master.key").unlink()
    migrated = cli.ok("db", "migrate", "--output", "json")
    done = migrated.json
    assert (done["before"], done["format"], len(done["done"])) == (7, FORMAT, FORMAT - 7)
    assert "no master.key in" in migrated.err
    assert "nothing to do" in cli.ok("db", "migrate").out
    cli.ok("runs", "list")
    assert cli.ok("db", "status", "--output", "json").json["pending"] == []
    server_side(earlier, "UPDATE ripieno SET format = reached + 1, reached = reached + 1")
    newer = cli.run("db", "status")
    assert (newer.code, "use a newer version" in newer.out) == (1, True)
    refused = cli.run("runs", "list")
    assert (refused.code, "a newer version of Ripieno" in refused.err) == (1, True)


def test_the_log_tells_that_its_database_was_brought_up(cli: Cli) -> None:
    cli.ok("principals", "add", "service:desk")  # and so the keys are here
    url = fresh_schema()
    server_side(url, sql("tables.sql"))
    server_side(url, "INSERT INTO ripieno VALUES (7)")
    there = {"RIPIENO_DATABASE_URL": url}
    cli.ok("db", "migrate", **there)
    (told,) = cli.ok("audit", "log", "--system", "--kind", "operation", "--output", "json", **there).json
    assert {name: told["body"][name] for name in ("what", "from", "to", "by")} == {
        "what": "migrate database",
        "from": 7,
        "to": FORMAT,
        "by": "person:tester",
    }


def test_a_data_folder_is_looked_at_and_no_key_or_token_does(cli: Cli) -> None:
    assert "nothing has run in it yet" in cli.ok("db", "status").out
    refused = cli.run("db", "migrate")
    assert (refused.code, "nothing has run" in refused.err) == (2, True)
    refused = cli.run("db", "status", RIPIENO_API_KEY="rk_none")
    assert (refused.code, refused.out) == (4, "")
    assert "without key or token" in refused.err


def test_a_log_moves_into_a_database_and_its_runs_go_on_there(cli: Cli) -> None:
    run = cli.discharge("interaction")
    nowhere = cli.run("db", "move")
    assert (nowhere.code, "does not say where" in nowhere.err) == (2, True)
    there = {"RIPIENO_DATABASE_URL": fresh_schema()}
    none = cli.run("db", "move", "--call-off", **there)
    assert (none.code, "no move of" in none.err) == (2, True)
    moved = cli.ok("db", "move", "--output", "json", **there)
    assert moved.json["events"] == moved.json["rows"]["events"]
    assert "verified: " in moved.err
    (told,) = cli.ok("audit", "log", "--system", "--kind", "operation", "--output", "json", **there).json
    assert (told["body"]["what"], told["body"]["digest"]) == ("move log", moved.json["digest"])
    status = cli.run("db", "status")
    assert (status.code, "moved to postgresql://" in status.out) == (1, True)
    refused = cli.run("runs", "list")
    assert (refused.code, "was moved to postgresql://" in refused.err) == (1, True)
    (task,) = cli.ok("inbox", "list", "--output", "json", **there).json
    cli.ok("inbox", "approve", task["task"], **there)
    shown = cli.ok("runs", "show", run["run_id"], "--output", "json", **there).json
    assert (shown["status"], shown["effects"][0]["attempts"]) == ("complete", 1)
    assert "had been moved" in cli.ok("db", "move", **there).out


def test_a_move_that_broke_off_is_called_off(cli: Cli) -> None:
    cli.discharge("interaction")
    there = {"RIPIENO_DATABASE_URL": fresh_schema()}
    server_side(there["RIPIENO_DATABASE_URL"], "CREATE TABLE theirs (id BIGINT)")
    refused = cli.run("db", "move", **there)
    assert (refused.code, "has tables of another program" in refused.err) == (1, True)
    server_side(there["RIPIENO_DATABASE_URL"], "DROP TABLE theirs")
    cli.ok("db", "migrate", **there)
    ((schema,),) = server_side(there["RIPIENO_DATABASE_URL"], "SELECT current_schema()")
    place = cli.ok("db", "status", "--output", "json", **there).json["place"]
    cli.write("home/moved.json", f'{{"to": "{place}, schema {schema}"}}')
    assert cli.run("runs", "list").code == 1
    assert "called off" in cli.ok("db", "move", "--call-off", **there).out
    cli.ok("runs", "list")
