"""Operators at the terminal: one run or many, each with who and why."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Cli

WORKFLOW = """
import pathlib
from ripieno import Context, Limits, ToolError, Workflow, external, function, group_chat, human, rounds
from ripieno import sequential, tool

@tool(attempts=1)
def fhir():
    if not pathlib.Path("mended").exists():
        raise ToolError("503")
    return "well"

@tool(attempts=1)
def book(what):
    with pathlib.Path("booked").open("a") as file:
        file.write(what + "\\n")
    return what

@function(pure=True)
async def prepare(input, context: Context):
    return await context.use(book, what=input["patient"])

@function(pure=True)
async def send(prepare, context: Context):
    return await context.use(fhir)

@function(pure=True)
def close(previous):
    return {"closed": previous}

round_table = group_chat(prepare, human("chair", role="chair"), until=external("recall") | rounds(9))
meeting = Workflow("meeting", round_table, limits=Limits(tokens=500))
visit = Workflow("visit", sequential(prepare, human("clinician", role="clinician"), close))
sending = Workflow("sending", sequential(prepare, send))
"""


@pytest.fixture
def clinic(cli: Cli) -> Cli:
    cli.write("clinic.py", WORKFLOW)
    for name in ("ada", "bob", "eve"):
        cli.write(f"in/{name}.json", f'{{"patient": "{name}"}}')
    return cli


def started(clinic: Cli, workflow: str) -> list[dict[str, Any]]:
    arguments = (
        "run",
        f"clinic:{workflow}",
        "-i",
        "in",
        "--key",
        "d",
        "--no-wait-people",
        "--output",
        "json",
    )
    return clinic.run(*arguments).json


def test_a_run_is_paused_resumed_and_skipped_on_to_its_end(clinic: Cli) -> None:
    run = started(clinic, "visit")[0]["short_id"]
    paused = clinic.ok("runs", "pause", run, "--reason", "an audit", "--output", "json").json[0]
    assert (paused["status"], paused["done"], paused["operation"]) == ("paused", True, None)
    assert "paused" in clinic.ok("runs", "list", "--status", "paused").out
    clinic.ok("runs", "resume", "--all")
    assert clinic.ok("runs", "show", run, "--output", "json").json["status"] == "paused"
    assert "ripieno runs resume" in clinic.run("runs", "watch", run).err
    resumed = clinic.ok("runs", "resume", run, "--reason", "audited", "--output", "json").json[0]
    assert resumed["status"] == "waiting"
    assert clinic.run("runs", "skip", run, "clinic", "--reason", "x").code == 2
    assert clinic.run("runs", "skip", run, "clinician", "--reason", "x", "--result", "{").code == 2
    assert clinic.run("runs", "skip", run, "--reason", "x").code == 2
    skipped = clinic.ok("runs", "skip", run, "clinician", "--reason", "on leave", "--result", '"fine"')
    assert "complete" in skipped.out
    document = clinic.ok("runs", "show", run, "--output", "json").json
    assert document["output"] == {"closed": "fine"}
    assert [item["what"] for item in document["messages"]] == ["pause", "continue", "skip"]
    assert document["messages"][2]["reason"] == "on leave"
    shown = clinic.ok("runs", "show", run).out
    for part in ("Operators", "pause", "an audit", "person:tester", "skip", "on leave"):
        assert part in shown


def test_everything_that_a_connector_failed_is_retried_at_once(clinic: Cli) -> None:
    runs = started(clinic, "sending")
    assert {run["status"] for run in runs} == {"failed"}
    failed = ("--failed-tool", "fhir", "--since", "1h", "--output", "json")
    assert len(clinic.ok("runs", "list", *failed).json) == 3
    tried = clinic.ok("runs", "retry", *failed, "--dry-run")
    assert len(tried.json) == 3
    assert "would retry 3 runs" in tried.err
    clinic.write("mended", "")
    done = clinic.run("runs", "retry", *failed, "--reason", "503")
    assert done.code == 0, done.err
    assert len({hit["operation"] for hit in done.json}) == 1
    assert sorted((clinic.folder / "booked").read_text(encoding="utf-8").split()) == ["ada", "bob", "eve"]
    assert len(clinic.ok("runs", "list", "--status", "complete", "--output", "json").json) == 3
    again = clinic.run("runs", "retry", runs[0]["short_id"])
    assert (again.code, "was retried as run" in again.err) == (1, True)


def test_many_are_answered_for_and_cancelled_and_what_refuses_is_named(clinic: Cli) -> None:
    started(clinic, "visit")
    assert clinic.run("runs", "pause", "--reason", "x").code == 2
    assert clinic.run("runs", "pause", "abcd", "--workflow", "visit").code == 2
    denied = clinic.run("runs", "cancel", "--workflow", "visit", RIPIENO_ROLES="clinician")
    assert denied.code == 4
    told = clinic.ok(
        "runs", "answer", "--waiting-for", "clinician", "--key", "d/ada", "--answer", '{"proceed": true}',
        "--reason", "at home",
    )  # fmt: skip
    assert "answered for clinician" in told.out
    assert "person:tester for clinician" in clinic.ok("runs", "show", "d/ada").out
    some = clinic.run("runs", "cancel", "--workflow", "visit", "--status", "complete", "--status", "waiting")
    assert some.code == 1
    assert "2 of 3 runs" in some.err
    assert "has ended (complete)" in some.out
    assert "no run to cancel" in clinic.ok("runs", "cancel", "--workflow", "visit").err
    assert clinic.run("runs", "answer", "--workflow", "visit", "--reason", "x").code == 2


def test_a_drained_workflow_starts_no_run_and_says_who_and_why(clinic: Cli) -> None:
    started(clinic, "visit")
    drained = clinic.ok("workflows", "drain", "visit", "--reason", "a recall")
    assert "3 under way" in drained.err
    listed = clinic.ok("workflows", "list", "--output", "json")
    assert [one["drained"] for one in listed.json if one["workflow"] == "visit"] == [True]
    assert "visit is drained: no new run of it starts" in listed.err
    clinic.write("in/new.json", '{"patient": "new"}')
    refused = clinic.run("run", "clinic:visit", "-i", "in/new.json")
    assert refused.code == 1
    assert "drained by person:tester: a recall" in refused.err
    assert "already" in clinic.ok("workflows", "drain", "visit", "--reason", "a recall").err
    assert clinic.run("workflows", "drain", "visits", "--reason", "x").code == 2
    clinic.ok("workflows", "undrain", "visit")
    clinic.ok("run", "clinic:visit", "-i", "in/new.json", "--no-wait-people")


SLOW = """
import pathlib, time
from ripieno import Workflow, function, sequential

@function(pure=True)
def think():
    pathlib.Path("began").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    with pathlib.Path("thought").open("a") as file:
        file.write("x")
    return 1

@function(pure=True)
def after(think):
    return think + 1

workflow = Workflow("slow", sequential(think, after))
"""


def test_a_worker_that_is_told_to_end_finishes_what_it_is_at(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    cli.write("slow.py", SLOW)
    cli.ok("workflows", "register", "slow:workflow")
    worker = cli.start("worker")
    try:
        assert worker.stderr is not None
        lines = worker.stderr
        assert b"serving" in lines.readline()  # or another one would be started for the run
        cli.write("i.json", "{}")
        cli.ok("run", "slow:workflow", "-i", "i.json", "--detach", "--key", "k")
        eventually((cli.folder / "began").exists)
        worker.send_signal(signal.SIGTERM)
        eventually(lambda: b"finishes" in lines.readline())
        cli.write("go", "")
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.communicate()
    cli.ok("worker", "--until-idle")
    assert cli.ok("runs", "show", "k", "--output", "json").json["output"] == 2
    assert (cli.folder / "thought").read_text(encoding="utf-8") == "x"


def test_a_worker_that_is_told_twice_ends_though_its_work_does_not(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    cli.write("slow.py", SLOW)
    killed = cli.start("run", "slow:workflow", "-i", cli.write("i.json", "{}"), "--key", "k")
    eventually((cli.folder / "began").exists)
    killed.kill()
    killed.communicate()
    (cli.folder / "began").unlink()
    worker = cli.start("worker")
    try:
        eventually((cli.folder / "began").exists)
        assert worker.stderr is not None
        lines = worker.stderr
        worker.send_signal(signal.SIGTERM)
        eventually(lambda: b"finishes" in lines.readline())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 130
    finally:
        worker.kill()
        worker.communicate()
        cli.write("go", "")
    cli.ok("worker", "--until-idle")
    assert cli.ok("runs", "show", "k", "--output", "json").json["output"] == 2


def test_a_chat_is_ended_by_a_word_from_outside(clinic: Cli) -> None:
    run = started(clinic, "meeting")[0]["short_id"]
    assert "did you mean 'recall'" in clinic.run("runs", "signal", run, "recal").err
    assert clinic.run("runs", "signal", run).code == 2
    clinic.ok("runs", "signal", run, "recall", "--reason", "the product was recalled")
    clinic.ok("inbox", "approve", "t-1")
    shown = clinic.ok("runs", "show", run).out
    for part in ("partial", "external recall", "signal", "the product was recalled"):
        assert part in shown
