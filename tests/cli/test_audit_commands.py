"""`audit checkpoint`, `audit verify` with a key and a checkpoint from elsewhere, and what the doctor says."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from cli.conftest import Cli


def test_a_checkpoint_is_signed_published_and_what_verify_is_given(cli: Cli) -> None:
    cli.discharge("clean")
    sinks = {"RIPIENO_CHECKPOINT_SINKS": str(cli.folder / "out"), "RIPIENO_CHECKPOINT_ORIGIN": ""}
    document = cli.ok("audit", "checkpoint", "--output", "json", **sinks).json
    assert document["published"] == [f"file:{cli.folder / 'out'}"]
    (file,) = (cli.folder / "out").iterdir()
    assert file.read_text("utf-8") == document["note"]
    shutil.copy(cli.home / "checkpoint.pub", cli.folder / "log.pub")
    given = ("--key", "log.pub", "--checkpoint", str(file))
    assert "which was handed in; nothing after it" in cli.ok("audit", "verify", *given).out
    verified = cli.ok("audit", "verify", "--output", "json", *given).json
    assert verified["anchored"]["events"] == document["events"] == verified["events"]
    assert (verified["anchored"]["given"], verified["uncovered"]) == (True, 0)
    again = cli.ok("audit", "checkpoint", **sinks)
    assert "nothing was committed since" in again.err


def test_what_a_process_did_is_signed_when_it_ends(cli: Cli) -> None:
    cli.discharge("clean")
    assert "signed up to checkpoint 1" in cli.ok("audit", "verify").out
    assert "which nobody else has; nothing after it" in cli.ok("audit", "verify").out


def test_a_sink_that_is_not_reached_is_told_by_the_exit_code_the_doctor_and_the_log(cli: Cli) -> None:
    cli.discharge("clean")
    cli.write("out", "in the way")
    sinks = {"RIPIENO_CHECKPOINT_SINKS": str(cli.folder / "out")}
    result = cli.run("audit", "checkpoint", **sinks)
    assert result.code == 1
    assert "out was not reached" in result.err
    found = cli.run("doctor", "--output", "json").json
    (told,) = [item for item in found if item["check"] == "checkpoints"]
    assert told["verdict"] == "warning"
    assert f"file:{cli.folder / 'out'}" in told["found"]
    with closing(sqlite3.connect(cli.home / "journal.sqlite")) as connection:
        kinds = [row[0] for row in connection.execute("SELECT kind FROM events ORDER BY position")]
    assert kinds[-1] == "sink.failed"
    assert cli.ok("audit", "verify").code == 0


def test_a_log_that_was_put_back_is_not_signed_again(cli: Cli) -> None:
    cli.discharge("clean")
    shutil.copytree(cli.home, cli.folder / "backup")
    cli.discharge("clean")
    shutil.copy(cli.home / "checkpoint.latest", cli.folder / "backup" / "checkpoint.latest")
    result = cli.run("audit", "checkpoint", "--home", str(cli.folder / "backup"))
    assert result.code == 1
    assert "it was put back to an earlier state" in result.err


def test_what_is_no_key_or_no_file_is_told(cli: Cli) -> None:
    cli.discharge("clean")
    assert cli.run("audit", "verify", "--key", "a+b+c").code == 2
    assert cli.run("audit", "verify", "--key", "nowhere.pub").code == 2
    result = cli.run("audit", "verify", "--checkpoint", "nowhere")
    assert (result.code, "cannot read 'nowhere'" in result.err) == (2, True)


def test_a_setting_that_cannot_be_is_told_with_where_it_is_set(cli: Cli) -> None:
    result = cli.run("config", "view", RIPIENO_CHECKPOINT_EVERY="never")
    assert result.code == 2
    assert "checkpoint_every (RIPIENO_CHECKPOINT_EVERY): expected a number of seconds" in result.err
    shown = cli.ok("config", "view", "--output", "json", RIPIENO_CHECKPOINT_SINKS="/a").json
    assert {"/a"} == {item["value"] for item in shown if item["setting"] == "checkpoint_sinks"}
