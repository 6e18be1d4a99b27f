"""`audit checkpoint`, `audit verify` with a key and a checkpoint from elsewhere, and what the doctor says."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from base64 import b64decode
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
    sinks = "/a,https://robot:xyzzy@sink.example/log"
    shown = cli.ok("config", "view", "--output", "json", RIPIENO_CHECKPOINT_SINKS=sinks).json
    values = {item["setting"]: item["value"] for item in shown}
    assert values["checkpoint_sinks"] == "/a,https://…@sink.example/log"


def test_an_export_and_a_proof_are_verified_by_the_key_alone(cli: Cli) -> None:
    run = cli.discharge("clean")
    cli.ok("audit", "key", "--to", "log.pub")
    assert cli.ok("audit", "key", "--output", "json").json["key"] in (cli.folder / "log.pub").read_text()
    assert cli.run("audit", "key", "--to", "no/where").code == 2
    shutil.copy(cli.home / "checkpoint.latest", cli.folder / "earlier")
    cli.discharge("clean")
    cli.ok("audit", "export", "--to", "all.jsonl", "--values")
    assert (cli.folder / "all.jsonl").stat().st_mode & 0o777 == 0o600
    cli.ok("audit", "export", "--to", "one.jsonl", "--run", run["short_id"], "--checkpoint", "earlier")
    cli.ok("audit", "prove", run["short_id"], "2", "--to", "event.tlog-proof")
    cli.home.rename(cli.folder / "gone")
    for name in ("all.jsonl", "one.jsonl"):
        given = ("--export", name, "--key", "log.pub", "--checkpoint", "earlier")
        shown = cli.ok("audit", "verify", *given).out
        assert ": sound; anchored up to one of " in shown
        assert "which was handed in; signed up to checkpoint 2" in shown
        alone = cli.ok("audit", "verify", "--export", name, "--key", "log.pub").out
        assert "signed up to checkpoint 2, which nobody else is known to have" in alone
        assert "anchored" not in alone
        assert "it goes on from the earlier checkpoint given (1)" in shown
        assert cli.ok("audit", "verify", *given, "--output", "json").json["sound"]
    proof = ("audit", "verify", "--proof", "event.tlog-proof", "--key", "log.pub")
    assert f"event 2 of {run['run_id']}" in cli.ok(*proof).out
    assert cli.ok(*proof, "--output", "json").json["event"]["seq"] == 2
    text = (cli.folder / "all.jsonl").read_text()
    (cli.folder / "all.jsonl").write_text(text.replace("complete", "completf", 1))
    result = cli.run("audit", "verify", "--export", "all.jsonl", "--key", "log.pub")
    assert (result.code, " found" in result.out) == (1, True)


def test_exports_are_of_runs_and_periods_and_never_over_a_file(cli: Cli) -> None:
    first = cli.discharge("clean")
    cli.discharge("clean")
    shown = cli.ok("audit", "export", "--run", first["short_id"])
    assert '"whole":false' in shown.out
    assert shown.out.count('"line":"stream"') == 1
    assert cli.ok("audit", "export", "--since", "1h").out.count('"line":"stream"') == 3
    assert cli.ok("audit", "export", "--until", "1h").out.count('"line":"stream"') == 0
    cli.write("there", "")
    assert cli.run("audit", "export", "--to", "there").code == 2
    assert cli.run("audit", "export", "--to", "x", "--checkpoint", "there").code == 2
    assert cli.run("audit", "verify", "--export", "there").code == 2
    assert cli.run("audit", "prove", first["short_id"], "999", "--to", "y").code == 2
    assert cli.ok("audit", "prove", "tenant", "1", "--to", "z").code == 0
    cli.write("key", (cli.home / "checkpoint.pub").read_text())
    assert cli.run("audit", "verify", "--proof", "there", "--key", "key").code == 1
    assert cli.run("audit", "verify", "--export", "nowhere", "--key", "key").code == 2


def test_others_are_told_while_something_serves_and_who_is_not_is_told_by_the_doctor(cli: Cli) -> None:
    out, gone = cli.folder / "out.jsonl", cli.folder / "no" / "out.jsonl"
    cli.environment["RIPIENO_AUDIT_FEEDS"] = f"file:{out},file:{gone}"
    cli.discharge("clean")
    exported = cli.ok("audit", "export", "--ocsf").out.splitlines()
    assert out.read_text("ascii").splitlines() == exported
    assert '"class_uid": 6003' in exported[0]
    found = cli.run("doctor", "--output", "json").json
    assert [item["found"] for item in found if item["check"] == "feeds"] == [
        f"file:{gone}: No such file or directory"
    ]
    assert cli.run("audit", "export", "--ocsf", "--values").code == 2
    assert cli.run("worker", "--until-idle", RIPIENO_AUDIT_FEEDS="ftp://x").code == 2


def test_a_proof_is_told_to_programs_as_well(cli: Cli) -> None:
    run = cli.discharge("clean")
    cli.ok("audit", "checkpoint")
    told = cli.ok("audit", "prove", run["short_id"], "2", "--to", "e.proof", "--output", "json").json
    note = cli.ok("audit", "checkpoint", "--output", "json").json["note"]
    assert (told["stream"], told["seq"], told["file"]) == (run["run_id"], 2, "e.proof")
    assert (told["checkpoint"]["note"], told["checkpoint"]["events"] > told["leaf"]) == (note, True)
    lines = (cli.folder / "e.proof").read_text().splitlines()
    assert (lines[2], lines[3 : 3 + len(told["hashes"])]) == (f"index {told['leaf']}", told["hashes"])
    envelope = b64decode(lines[1].removeprefix("extra "))
    assert hashlib.sha256(envelope).hexdigest() == told["hash"]


def test_another_key_signs_and_the_one_handed_out_before_leads_to_it(cli: Cli) -> None:
    cli.discharge("clean")
    cli.ok("audit", "checkpoint")
    old = cli.ok("audit", "key", "--output", "json").json["key"]
    done = cli.ok("audit", "rotate-key", "--reason", "yearly", "--output", "json").json
    new = cli.ok("audit", "key", "--output", "json").json["key"]
    assert (done["from"], done["to"]) == (old, new)
    cli.ok("audit", "export", "--to", "all.jsonl")
    for key in (old, new):
        assert "nothing after it" in cli.ok("audit", "verify", "--key", key).out
        assert "sound; signed up to" in cli.ok("audit", "verify", "--export", "all.jsonl", "--key", key).out
    assert "yearly" in cli.ok("audit", "log", "--system").out
    assert cli.run("audit", "rotate-key", "--reason", "x", RIPIENO_ROLES="operator").code == 4
    denied = {"RIPIENO_CHECKPOINT_SINKS": "https://127.0.0.1:9/none"}
    assert "was not reached" in cli.run("audit", "rotate-key", "--reason", "x", **denied).err
