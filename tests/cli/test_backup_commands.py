"""`backup` and `restore` as people use them: what is said, where a passphrase is from, what is refused."""

from __future__ import annotations

import json
import shutil

from cli.conftest import Cli

PHRASE = "correct horse battery"


def test_a_backup_is_made_verified_and_put_back(cli: Cli) -> None:
    cli.discharge("interaction")
    made = cli.ok("backup", "monday", "--with-keys")
    assert "reads every recorded value" in made.err
    cli.ok("audit", "key", "--to", "log.pub")
    assert "exchanged" in cli.ok("backup", "--verify", "monday").err
    assert "exchanged" not in cli.ok("backup", "--verify", "monday", "--key", "log.pub").err
    shown = cli.ok("restore", "monday", "--home", "elsewhere", "--output", "json")
    found = json.loads(shown.out)
    assert (found["lost"], found["erased"], found["aside"], len(found["runs"])) == (None, [], None, 1)
    assert (found["told_by"], found["deleted"], found["holds"]) == ([], [], 0)
    said = shown.err.replace("\n", " ")
    assert "what was erased, deleted or put under a hold after the backup is not known" in said
    assert "compared with nothing" in shown.err
    assert "is found out about" in shown.err.replace("\n", " ")
    verified = cli.ok("audit", "verify", "--home", "elsewhere")
    assert "restored at" in verified.out
    (run,) = found["runs"]
    assert "↺ restored" in cli.ok("runs", "list", "--home", "elsewhere").out
    assert "restored" not in cli.ok("runs", "list").out
    shown_run = cli.ok("runs", "show", run, "--home", "elsewhere").out
    assert "from the backup of" in shown_run
    assert "each further write effect is found out about before it is made" in shown_run
    document = json.loads(cli.ok("runs", "show", run, "--home", "elsewhere", "--output", "json").out)
    assert document["restored"][0]["restore"] == found["restore"]


def test_what_was_signed_elsewhere_says_what_is_lost(cli: Cli) -> None:
    cli.discharge("clean")
    sink = {"RIPIENO_CHECKPOINT_SINKS": str(cli.folder / "sink")}
    cli.ok("audit", "checkpoint", **sink)
    cli.ok("backup", "monday", RIPIENO_BACKUP_PASSPHRASE=PHRASE)
    cli.discharge("interaction")
    cli.ok("audit", "checkpoint", **sink)
    refused = cli.run("restore", "monday", "--home", "elsewhere", **sink)
    assert (refused.code, "sealed by a passphrase" in refused.err) == (1, True)
    cli.write("phrase", f"{PHRASE}\n")
    put = cli.ok("restore", "monday", "--home", "elsewhere", "--passphrase-file", "phrase", **sink)
    assert "lost for certain" in put.err.replace("\n", " ")
    signed = cli.ok("audit", "checkpoint", "--home", "elsewhere", **sink)
    assert "sink" in signed.out
    exported = ("audit", "export", "--to", "log.jsonl", "--home", "elsewhere")
    cli.ok(*exported)
    cli.ok("audit", "key", "--to", "log.pub")
    newest = sorted((cli.folder / "sink").iterdir())
    given = [str(newest[0]), str(newest[-2]), str(newest[-1])]
    verified = cli.ok(
        "audit",
        "verify",
        "--export",
        "log.jsonl",
        "--key",
        "log.pub",
        *(f"--checkpoint={one}" for one in given),
    )
    assert "restored at" in verified.out
    cli.ok("audit", "verify", "--home", "elsewhere", *(f"--checkpoint={one}" for one in given))


def test_what_cannot_be_meant_is_refused(cli: Cli) -> None:
    cli.discharge("clean")
    for said, *command in (
        ("name either the folder to write", "backup"),
        ("name either the folder to write", "backup", "to", "--verify", "to"),
        (
            "--with-keys puts the keys",
            "backup",
            "to",
            "--with-keys",
            "--passphrase-file",
            cli.write("p", PHRASE),
        ),
    ):
        result = cli.run(*command)
        assert (result.code, said in result.err.replace("\n", " ")) == (2, True), result
    result = cli.run("backup", "to", RIPIENO_API_KEY="rip_x")
    assert (result.code, "holds every tenant" in result.err.replace("\n", " ")) == (4, True), result
    result = cli.run("restore", "to", RIPIENO_API_KEY="rip_x")
    assert (result.code, "by whoever operates" in result.err.replace("\n", " ")) == (4, True), result


def test_a_folder_that_was_put_back_without_a_word_is_told_and_runs_nothing_until_that_is_declared(
    cli: Cli,
) -> None:
    cli.environment["RIPIENO_CHECKPOINT_SINKS"] = str(cli.folder / "sink")
    cli.discharge("clean")
    assert f"which file:{cli.folder / 'sink'} has; nothing after it" in cli.ok("audit", "verify").out
    shutil.copytree(cli.home, cli.folder / "earlier")
    cli.discharge("interaction")
    shutil.rmtree(cli.home)
    shutil.copytree(cli.folder / "earlier", cli.home)
    verified = cli.run("audit", "verify")
    assert verified.code == 1
    assert f"newest checkpoint of file:{cli.folder / 'sink'}: covers" in verified.out
    assert "an earlier state was put back" in verified.out
    assert "ripieno restore" in verified.err.replace("\n", " ")
    doctor = cli.run("doctor", "--output", "json")
    (told,) = [one for one in doctor.json if one["verdict"] == "wrong"]
    assert (doctor.code, told["check"]) == (1, "checkpoints")
    assert "it was put back to an earlier state" in told["found"]
    refused = cli.run("run", "hospital-discharge", "--input", cli.patient("interaction"), "--no-wait-people")
    assert refused.code == 1
    assert "it was put back to an earlier state" in refused.err.replace("\n", " ")
    assert "ripieno restore of that with --replace" in refused.err.replace("\n", " ")
    cli.ok("backup", "now", "--with-keys")
    assert "lost for certain" in cli.ok("restore", "now", "--replace").err.replace("\n", " ")
    assert cli.discharge("interaction")["run_id"]
    assert cli.ok("doctor").code == 0
    assert "restored at" in cli.ok("audit", "verify").out
    elsewhere = str(cli.folder / "nowhere")
    uncompared = cli.ok("audit", "verify", "--output", "json", RIPIENO_CHECKPOINT_SINKS=elsewhere)
    assert uncompared.json["not_compared"] == {f"file:{elsewhere}": "it shows no checkpoint"}
    said = cli.ok("audit", "verify", RIPIENO_CHECKPOINT_SINKS=elsewhere).err
    assert "was not compared: it shows no checkpoint" in said.replace("\n", " ")
