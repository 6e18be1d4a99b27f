"""The log in a PostgreSQL database: the same commands, by processes that share nothing else but the keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journal.support.postgres import fresh_schema, server_side

from cli.conftest import Cli


@pytest.fixture
def shared(cli: Cli) -> Cli:
    cli.environment["RIPIENO_DATABASE_URL"] = fresh_schema()
    return cli


def test_a_workflow_runs_waits_for_a_person_and_is_signed_and_nothing_is_in_the_folder(shared: Cli) -> None:
    run = shared.discharge("interaction")
    (task,) = shared.ok("inbox", "list", "--output", "json").json
    shared.ok("inbox", "approve", task["task"])
    shown = shared.ok("runs", "show", run["run_id"], "--output", "json").json
    assert shown["status"] == "complete"
    assert shown["effects"][0]["attempts"] == 1
    assert [row["status"] for row in shared.ok("runs", "list", "--output", "json").json] == ["complete"]
    shared.ok("audit", "checkpoint")
    told = shared.ok("doctor").out
    assert "in postgresql://" in told
    assert "covers" in told
    assert not (shared.home / "journal.sqlite").exists()


def test_a_log_is_verified_exported_proved_and_reported_on_and_another_needs_no_database_for_it(
    shared: Cli, tmp_path: Path
) -> None:
    run = shared.discharge("interaction")["run_id"]
    shared.ok("audit", "checkpoint")
    assert ": sound; signed up to checkpoint 1" in shared.ok("audit", "verify").out
    shared.ok("audit", "export", "--to", "kept.jsonl")
    shared.ok("audit", "prove", run, "1", "--to", "proof.json")
    assert "events" in shared.ok("audit", "report", "--run", run).out
    assert "sound" in shared.ok("audit", "report", "--period", "30d").out
    alone = {"RIPIENO_DATABASE_URL": "", "RIPIENO_HOME": str(tmp_path / "elsewhere")}
    key = str(shared.home / "checkpoint.pub")
    assert ": sound" in shared.ok("audit", "verify", "--export", "kept.jsonl", "--key", key, **alone).out
    shared.ok("audit", "verify", "--proof", "proof.json", "--key", key, **alone)
    server_side(
        shared.environment["RIPIENO_DATABASE_URL"], "UPDATE events SET envelope = '{}' WHERE position = 3"
    )
    found = shared.run("audit", "verify")
    assert found.code == 1
    assert "event" in found.out


@pytest.mark.parametrize(
    "command",
    [
        ("backup", "kept"),
        ("restore", "kept"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_what_works_on_files_of_a_folder_says_so(shared: Cli, command: tuple[str, ...]) -> None:
    refused = shared.run(*command)
    assert refused.code == 2
    assert "works on the files of a data folder alone" in refused.err


def test_an_address_that_names_no_database_is_refused_without_repeating_it(cli: Cli) -> None:
    refused = cli.run("runs", "list", RIPIENO_DATABASE_URL="mysql://user:secret@host/db")
    assert refused.code == 2
    assert "RIPIENO_DATABASE_URL names no PostgreSQL database" in refused.err
    assert "secret" not in refused.err + refused.out
