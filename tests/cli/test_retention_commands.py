"""Erasing and holding at the terminal: said before it is done, refused under a hold, told ever after."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from cli.conftest import Cli

WORKFLOW = """
from ripieno import Context, Data, Workflow, function, tool

@tool(effect="write")
async def unbook(visit):
    return visit

@tool(effect="write", undo=unbook)
async def book(what):
    return {"visit": what}

@function(pure=True)
async def prepare(input, context: Context):
    return await context.use(book, what=input["patient"])

visit = Workflow("visit", prepare, data=[Data.PHI])
"""
PATIENT = "Zwiebelfisch"


def begun(cli: Cli) -> str:
    cli.write("clinic.py", WORKFLOW)
    cli.write("ada.json", f'{{"patient": "{PATIENT}"}}')
    return cli.ok("run", "clinic:visit", "-i", "ada.json", "--output", "json").json[0]["short_id"]


def test_a_run_is_erased_after_it_was_said_what_that_comes_to(cli: Cli) -> None:
    run = begun(cli)
    asked = cli.run("runs", "erase", run)
    assert (asked.code, "--reason" in asked.err, "--dry-run" in asked.err) == (2, True, True)
    said = cli.ok("runs", "erase", run, "--dry-run").out
    assert f"would erase run {run} (visit)" in said
    assert "cannot be undone any more: book" in said
    assert PATIENT in cli.ok("runs", "show", run, "--values").out
    done = cli.ok("runs", "erase", run, "--reason", "the patient asked", "--output", "json").json
    assert (done["erased"], len(done["runs"]), done["values"] > 2) == (True, 1, True)
    shown = cli.ok("runs", "show", run, "--values")
    assert (PATIENT in shown.out, "erased" in shown.out) == (False, True)
    assert "book" in shown.out
    for command in (
        ("runs", "events", run, "--full"),
        ("runs", "list", "--output", "json"),
        ("inbox", "list", "--all"),
        ("audit", "report", "--run", run),
        ("audit", "log", "--run", run),
    ):
        assert PATIENT not in cli.ok(*command).out
    assert "the patient asked" in cli.ok("audit", "log", "--run", run).out
    for refused in (
        ("runs", "fork", run),
        ("runs", "rollback", run, "--reason", "x"),
        ("runs", "erase", run, "--reason", "x"),
    ):
        result = cli.run(*refused)
        assert (result.code != 0, f"run {run} was erased by person:tester" in result.err) == (True, True)
    verified = cli.ok("audit", "verify").out
    assert ("erased" in verified, "sound" in verified) == (True, True)


def test_what_is_held_is_listed_and_not_erased(cli: Cli) -> None:
    run = begun(cli)
    assert "nothing is held" in cli.ok("holds", "list").err
    made = cli.ok("holds", "set", "run", run, "--reason", "case 7", "--output", "json").json
    assert (made["state"], made["changed"], made["name"][-6:]) == ("held", True, run)
    assert "was so already" in cli.ok("holds", "set", "run", run, "--reason", "again").err
    listed = cli.ok("holds", "list").out
    assert ("case 7" in listed, "person:tester" in listed) == (True, True)
    refused = cli.run("runs", "erase", run, "--reason", "x")
    assert (refused.code, "hold on run" in refused.err) == (1, True)
    assert "it would be refused: a hold on run" in cli.ok("runs", "erase", run, "--dry-run").err
    cli.ok("holds", "release", "run", run, "--reason", "settled")
    assert "erased run" in cli.ok("runs", "erase", run, "--reason", "x").out
    cli.ok("holds", "set", "tenant", "--reason", "an audit")
    assert cli.ok("holds", "list", "--output", "json").json[0]["what"] == "tenant"


def test_times_are_set_listed_with_conflicts_and_applied(cli: Cli) -> None:
    run = begun(cli)
    assert "everything is kept" in cli.ok("retention", "list").err
    assert "7y" in cli.ok("retention", "set", "--data", "phi", "--keep", "7y", "--reason", "the law").out
    assert "the time of nothing is over" in cli.ok("retention", "apply").err
    said = cli.ok("retention", "set", "--data", "phi", "--keep", "1ms", "--reason", "a test")
    assert "1d" not in said.out
    cli.ok("retention", "set", "--data", "*", "--at-least", "10y", "--reason", "the tax office")
    assert "visit: phi data would be erased after" in cli.ok("retention", "list").err
    assert "the time of nothing is over" in cli.ok("retention", "apply").err
    cli.ok("retention", "clear", "--data", "*", "--reason", "another law")
    assert "nothing was said" in cli.ok("retention", "clear", "--data", "*", "--reason", "x").err
    dry = cli.ok("retention", "apply", "--dry-run", "--output", "json").json
    assert [(one["run_id"][-6:], one["state"]) for one in dry] == [(run, "would be erased")]
    cli.ok("holds", "set", "workflow", "visit", "--reason", "case 7")
    assert "stays: a hold on workflow visit" in cli.ok("retention", "apply").out
    cli.ok("holds", "release", "workflow", "visit", "--reason", "settled")
    assert "erased" in cli.ok("retention", "apply").out
    assert PATIENT not in cli.ok("runs", "show", run, "--values").out
    assert "sound" in cli.ok("audit", "verify").out


def test_the_master_key_is_rotated_and_everything_tells_which_one_it_is(cli: Cli) -> None:
    run = begun(cli)
    master = (cli.home / "master.key").read_bytes()
    assert "--reason" in cli.run("keys", "rotate").err
    assert "takes none of" in cli.run("keys", "rotate", "--data", "--to", "file", "--reason", "x").err
    anew = cli.ok("keys", "rotate", "--data", "--reason", "a disk is gone", "--output", "json")
    assert (anew.json["state"], anew.json["round"], anew.json["runs"]) == ("encrypted anew", 1, 1)
    planned = cli.ok("keys", "rotate", "--dry-run", "--output", "json").json
    assert (planned["state"], planned["to"]["id"], planned["keys"]["runs"]) == ("would be rotated", None, 1)
    assert (cli.home / "master.key").read_bytes() == master
    done = cli.ok("keys", "rotate", "--reason", "yearly", "--keep-old", "kept", "--output", "json").json
    assert (done["state"], done["from"], done["resumed"]) == ("rotated", planned["from"], False)
    assert (done["to"]["generation"], done["keys"]) == (2, {"runs": 1, "tenants": 2})
    assert (cli.folder / "kept" / "master.key").read_bytes() == master
    assert PATIENT in cli.ok("runs", "show", run, "--values").out
    checks = {one["check"]: one for one in cli.ok("doctor", "--output", "json").json}
    assert f"{done['to']['id']}, generation 2, kept by file" in checks["keys"]["found"]
    settings = {one["setting"]: one for one in cli.ok("config", "view", "--output", "json").json}
    assert settings["master key"]["value"] == "generation 2, kept by file"
    assert "master.rewrapped" in cli.ok("audit", "log").out
    told = cli.ok("audit", "log", "--system").out
    assert ("yearly" in told, "master.rotated" in told) == (True, True)
    assert cli.ok("audit", "verify").code == 0
    for command in (("keys", "rotate", "--reason", "x"), ("audit", "log", "--system")):
        denied = cli.run(*command, RIPIENO_ROLES="operator")
        assert (denied.code, "system-operator" in denied.err) == (4, True)


def test_a_rotation_that_is_not_over_is_told_with_what_ends_it(cli: Cli) -> None:
    begun(cli)
    home = cli.home
    cli.ok("keys", "rotate", "--reason", "yearly")
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE masters SET state = 'rewrapping'")
    checks = {one["check"]: one for one in cli.ok("doctor", "--output", "json").json}
    assert (checks["keys"]["verdict"], "ripieno keys rotate" in checks["keys"]["remedy"]) == ("warning", True)
    assert "not all wrapped anew" in cli.ok("config", "view").out
    assert "where it was left" in cli.ok("keys", "rotate", "--reason", "go on").err
    (home / "master.key").write_bytes(b"ripieno master keys 1\n{}")
    settings = {one["setting"]: one for one in cli.ok("config", "view", "--output", "json").json}
    assert settings["master key"]["value"].startswith("not known: the key file")
