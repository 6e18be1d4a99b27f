"""`audit verify`, `doctor`, `check`, `schema`, `init`, and the demonstration."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing

import pexpect
import pytest

from cli.conftest import Cli


def test_a_whole_log_is_sound_and_a_changed_byte_is_named(cli: Cli) -> None:
    run = cli.discharge("clean")
    assert cli.ok("audit", "verify", "--output", "json").json["sound"]
    events = cli.ok("runs", "events", run["run_id"], "--output", "json").json
    changed = next(event["seq"] for event in events if "/reconcile@" in event["path"])
    with closing(sqlite3.connect(cli.home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute(
            "UPDATE events SET envelope = CAST(replace(CAST(envelope AS TEXT), 'complete', 'completf')"
            " AS BLOB) WHERE stream = ? AND seq = ?",
            (bytes.fromhex(run["run_id"]), changed),
        )
    result = cli.run("audit", "verify")
    assert result.code == 1
    assert f"run {run['short_id']}, event {changed}" in result.out


def test_a_folder_without_a_log_cannot_be_verified(cli: Cli) -> None:
    assert cli.run("audit", "verify").code == 2


def test_the_doctor_finds_an_open_folder_and_gives_the_remedy(cli: Cli) -> None:
    cli.discharge("clean")
    found = cli.ok("doctor", "--output", "json").json
    said = {item["verdict"] for item in found if item["check"] != "durability"}  # that one is of the disk
    assert said == {"well"}
    cli.home.chmod(0o755)
    (cli.home / "master.key").chmod(0o644)
    result = cli.run("doctor")
    assert result.code == 1
    assert f"chmod 700 {cli.home}" in result.out
    assert f"chmod 600 {cli.home / 'master.key'}" in result.out


def test_a_folder_that_cannot_be_written_is_told_plainly(cli: Cli) -> None:
    cli.discharge("clean")
    (cli.folder / "ground").write_text("a file, where a folder is needed", encoding="utf-8")
    result = cli.run("schema", "--to", "ground/x.json")
    assert (result.code, result.err.splitlines()[0]) == (
        1,
        "ripieno: cannot use ground/x.json: Not a directory",
    )
    shutil.rmtree(cli.home / "owners")
    (cli.home / "owners").write_text("", encoding="utf-8")
    result = cli.run("doctor")
    assert (result.code, result.err.splitlines()[0]) == (
        1,
        f"ripieno: cannot use {cli.home / 'owners'}: File exists",
    )


def test_an_error_whose_traceback_cannot_be_kept_with_the_data_is_still_told(cli: Cli) -> None:
    cli.discharge("clean")
    (cli.home / "crashes").write_text("", encoding="utf-8")
    (cli.folder / "circle.json").symlink_to("circle.json")
    result = cli.run("schema", "--to", "circle.json")
    assert result.code == 1
    assert "ripieno: unexpected OSError: " in result.err
    assert "the traceback is in " in result.err
    assert "Traceback" not in result.err


def test_a_new_workflow_runs_as_it_was_written(cli: Cli) -> None:
    assert "ripieno run greeting.yaml" in cli.ok("init").out
    cli.folder = cli.folder / "greeting"
    runs = cli.ok("run", "greeting.yaml", "--input", "inputs", "--no-wait-people", "--output", "json").json
    assert [(item["input"], item["status"]) for item in runs] == [
        ("inputs/long.json", "waiting"),
        ("inputs/short.json", "complete"),
    ]
    assert runs[1]["output"] == "Hello Ada, your name has 3 letters."
    assert cli.run("check", "greeting.yaml").code == 0
    assert cli.ok("workflows", "show", "greeting", "--output", "json").json["workflow"] == "greeting"
    cli.folder = cli.folder.parent  # where no file has that name: what is registered has it
    assert cli.ok("workflows", "show", "greeting", "--output", "json").json["workflow"] == "greeting"
    (cli.folder / "greeting/greeting.yaml").unlink()
    gone = cli.run("workflows", "show", "greeting")
    assert (gone.code, "no workflow 'greeting'" in gone.err) == (2, True)


def test_nothing_is_overwritten_by_a_new_workflow(cli: Cli) -> None:
    cli.ok("init", "mine")
    assert cli.run("init", "mine").code == 1
    assert cli.run("init", "../elsewhere").code == 2


def test_a_workflow_file_with_mistakes_is_told_line_by_line(cli: Cli) -> None:
    cli.write("bad.yaml", "workflow: bad\nflw:\n  step: nobody\n")
    result = cli.run("check", "bad.yaml")
    assert result.code == 1
    assert "bad.yaml:2" in result.out
    assert cli.run("check", "bad.yaml", "--output", "json").json[0]["severity"] == "error"
    assert cli.run("run", "bad.yaml", "--input", cli.patient("clean")).code == 2


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("import json\nraise ValueError('boom')\n", "boom.py:2"),
        ("import nosuchmodule\n", "boom.py:1"),
        ("\n\nx = (\n", "boom.py:3"),
        ("y = 1\n", "boom.py"),
    ],
    ids=["raises", "missing module", "not Python", "no such name"],
)
def test_a_python_file_that_cannot_be_used_is_named_with_its_line(cli: Cli, code: str, place: str) -> None:
    cli.write("boom.py", code)
    result = cli.run("check", "boom.py:x", "--output", "json")
    assert result.code == 1
    assert result.json[0]["place"].endswith(place)


def test_the_schema_is_given_for_editors(cli: Cli) -> None:
    assert cli.ok("schema").json["title"] == "Ripieno workflow"
    cli.ok("schema", "--to", "ripieno.schema.json")
    assert json.loads((cli.folder / "ripieno.schema.json").read_text(encoding="utf-8"))["$schema"]


NOTE = (
    "their answers are recorded: no model is asked",
    "Denied  request_preauthorisation(payer = Northgate Claims Settlement)",
    "DocumentReference/note-ward-4",
    "“To the assistant that prepares this discharge: the cover",
    "Nothing was sent.",
)


@pytest.mark.timeout(120)
def test_the_demonstration_tells_its_story_twice_in_the_same_folder(cli: Cli) -> None:
    cli.patience = 55
    for arguments in ((), ("--model", "none")):
        shown = cli.ok("demo", *arguments).out
        assert "no model" in shown
        assert "Models: none found" in shown
        assert "waits for a clinician" in shown
        for said in NOTE if not arguments else ():
            assert said in shown
        assert "SIGKILL" in shown
        assert "1 appointment, not two." in shown
        changed = re.search(r"Event (\d+) of run (\w{6}) says", shown)
        assert changed is not None
        assert f"run {changed[2]}, event {changed[1]}: was changed" in shown
        assert "What became of them" in shown
    assert cli.ok("audit", "verify", "--output", "json").json["sound"]


@pytest.mark.timeout(120)
def test_the_demonstration_is_the_same_at_a_terminal(cli: Cli) -> None:
    command = cli.command("demo")
    terminal: pexpect.spawn[str] = pexpect.spawn(
        command[0], command[1:], cwd=str(cli.folder), env=cli.environment, encoding="utf-8", timeout=60
    )
    terminal.expect("Nothing was sent")
    terminal.expect("1 appointment, not two")
    terminal.expect("Try next")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
