"""`ripieno runs`: how runs are told, followed, ended, forked and moved to another version."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cli.conftest import Cli


def test_a_run_is_told_by_outcome_steps_choices_effects_and_questions(cli: Cli) -> None:
    run = cli.discharge("clean")
    shown = cli.ok("runs", "show", run["short_id"]).out
    for part in ("complete in", "Steps", "reconcile", "Choices", "not clinician", "Effects", "book_visit"):
        assert part in shown
    document = cli.ok("runs", "show", run["run_id"], "--output", "json").json
    assert [step["name"] for step in document["steps"]][:2] == ["summarise", "reconcile"]
    assert document["effects"][0]["attempts"] == 1
    assert document["choices"][0]["offered"] == ["go on", "clinician"]
    assert "input_value" in cli.ok("runs", "show", run["run_id"], "--values", "--output", "json").json


def test_events_are_listed_in_order_and_in_full(cli: Cli) -> None:
    run = cli.discharge("clean")
    events = cli.ok("runs", "events", run["run_id"], "--output", "json").json
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("run.started", "run.ended")
    assert "run.ended" in cli.ok("runs", "events", run["run_id"]).out
    assert '"prev"' in cli.ok("runs", "events", run["run_id"], "--full", "--after", "3").out


def time_of_day(minutes: float) -> str:
    """Give the local time of day so many minutes from now."""
    return f"{datetime.now().astimezone() + timedelta(minutes=minutes):%H:%M}"


def test_runs_are_found_by_status_workflow_and_time(cli: Cli) -> None:
    cli.discharge("clean")
    cli.discharge("interaction")

    def found(*filters: str) -> list[str]:
        return [item["status"] for item in cli.ok("runs", "list", *filters, "--output", "json").json]

    assert found() == ["waiting", "complete"]
    assert found("--status", "complete") == ["complete"]
    assert found("--workflow", "another") == []
    assert found("--since", "1h", "--limit", "1") == ["waiting"]
    assert found("--since", "1h ago", "--limit", "1") == ["waiting"]
    assert found("--until", "2020-01-01") == []
    before, after = (time_of_day(minutes) for minutes in (-2, 2))
    assert found("--since", before) == ["waiting", "complete"]
    assert found("--until", before) == []
    assert found("--since", after) == ["waiting", "complete"]  # of yesterday
    assert cli.run("runs", "list", "--since", "yesterday").code == 2


def test_a_cancelled_run_ends_as_cancelled_and_watching_it_says_so(cli: Cli) -> None:
    run = cli.discharge("interaction")
    cli.ok("runs", "cancel", run["short_id"], "--reason", "moved to another ward")
    shown = cli.ok("runs", "show", run["run_id"], "--output", "json").json
    assert shown["status"] == "cancelled"
    assert "moved to another ward" in shown["reason"]
    assert cli.run("runs", "watch", run["run_id"]).code == 3
    assert cli.run("runs", "cancel", run["run_id"]).code == 1
    assert cli.run("inbox", "approve", "t-1").code == 1


def test_watching_tells_by_its_exit_code_how_the_run_ended(cli: Cli) -> None:
    complete, declined = cli.discharge("clean"), cli.discharge("interaction")
    cli.ok("inbox", "reject", "t-1", "--reason", "not like this")
    assert cli.run("runs", "watch", complete["run_id"]).code == 0
    watched = cli.run("runs", "watch", declined["run_id"], "--output", "json")
    assert watched.code == 5
    assert watched.json["reason"] == "not like this"


def test_a_fork_begins_with_what_was_found_and_asks_anew(cli: Cli) -> None:
    run = cli.discharge("interaction")
    forked = cli.ok("runs", "fork", run["run_id"], "--output", "json").json
    assert forked["run_id"] != run["run_id"]
    assert forked["waiting_for"][0]["role"] == "clinician"
    shown = cli.ok("runs", "show", forked["run_id"], "--output", "json").json
    assert shown["parent"] == run["run_id"]
    assert all(step["imported"] for step in shown["steps"])


def test_a_fork_with_an_input_that_its_workflow_refuses_is_not_made(cli: Cli) -> None:
    run = cli.discharge("clean")
    refused = cli.run("runs", "fork", run["run_id"], "--input", cli.write("other.json", "[1, 2]"))
    assert refused.code == 2
    assert "other.json: expected a FHIR R4 Bundle as a JSON object, got a list" in refused.err
    assert len(cli.ok("runs", "list", "--output", "json").json) == 1
    forked = cli.ok(
        "runs", "fork", run["run_id"], "--input", cli.patient("interaction"), "--output", "json"
    ).json
    assert forked["waiting_for"][0]["role"] == "clinician"


def test_a_run_of_changed_code_waits_for_its_version_until_it_is_migrated(cli: Cli) -> None:
    cli.ok("init", "greeting")
    cli.folder = cli.folder / "greeting"
    run = cli.ok("run", "greeting", "-i", "inputs/long.json", "--no-wait-people", "--output", "json").json[0]
    steps = cli.folder / "greeting_steps.py"
    steps.write_text(steps.read_text(encoding="utf-8").replace("Hello", "Good morning"), encoding="utf-8")
    assert [item["code"] for item in cli.ok("workflows", "list", "--output", "json").json] == ["changed"]
    refused = cli.run("runs", "fork", run["run_id"], "--input", "inputs/short.json")
    assert "inputs/short.json: cannot be checked, as version" in refused.err
    rehearsed = cli.ok("runs", "migrate", run["run_id"], "--dry-run", "--output", "json").json
    assert rehearsed["fits"]
    cli.run("inbox", "approve", run["waiting_for"][0]["task"])
    shown = cli.ok("runs", "show", run["run_id"]).out
    assert "t-1, answered by person:tester, not yet taken up by the run" in shown
    watched = cli.run("runs", "watch", run["run_id"], "--output", "json")
    assert (watched.code, watched.json["status"]) == (1, "needs_version")
    assert "it has not failed" in watched.err
    moved = cli.ok("runs", "migrate", run["run_id"])
    assert "fits" in moved.err
    output = cli.ok("runs", "show", run["run_id"], "--output", "json").json["output"]
    assert output == "Good morning Wolfeschlegelstein, your name has 18 letters."


def test_two_versions_are_declared_compatible(cli: Cli) -> None:
    cli.ok("init", "greeting")
    cli.folder = cli.folder / "greeting"
    run = cli.ok("run", "greeting", "-i", "inputs/long.json", "--no-wait-people", "--output", "json").json[0]
    steps = cli.folder / "greeting_steps.py"
    steps.write_text(steps.read_text(encoding="utf-8").replace("Hello", "Good day"), encoding="utf-8")
    assert cli.ok("workflows", "register", "greeting", "--output", "json").json["new"]
    new, old = (item["version"] for item in cli.ok("workflows", "list", "--output", "json").json)
    cli.ok("workflows", "compatible", old[:10], new[:10])
    cli.run("inbox", "approve", run["waiting_for"][0]["task"])
    done = cli.ok("worker", "--until-idle")
    assert re.search(r"serves greeting", done.err)
    assert cli.ok("runs", "list", "--output", "json").json[0]["output"].startswith("Good day")


def test_colours_are_left_out_where_they_are_not_wanted(cli: Cli) -> None:
    cli.discharge("clean")
    assert "\x1b" not in cli.ok("runs", "list").out
    assert "\x1b" not in cli.ok("runs", "list", NO_COLOR="1", FORCE_COLOR="1").out


def test_a_call_in_doubt_says_until_when_it_waits(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    cli.write("pay.py", PAY)
    process = cli.start("run", "pay:workflow", "--input", cli.write("input.json", "{}"), "--key", "p")
    eventually((cli.folder / "began").exists)
    process.kill()
    process.communicate()
    resumed = cli.start("runs", "resume", "--all")
    try:
        assert resumed.stderr is not None
        assert b"pay in doubt: asked again at " in resumed.stderr.readline()
    finally:
        resumed.kill()
        resumed.communicate()
    assert "in doubt: asked again at " in cli.ok("runs", "show", "p").out
    waits = cli.ok("runs", "show", "p", "--output", "json").json["waiting_for"]
    assert [(item["task"], item["title"]) for item in waits] == [(None, "pay in doubt")]
    assert waits[0]["until"]


PAY = """
import pathlib, time
from ripieno import Context, Workflow, function, sequential, tool

@tool(effect="write", on_uncertain="retry", timeout=60)
def pay():
    pathlib.Path("began").touch()
    time.sleep(50)

@function(pure=True)
async def buy(input, context: Context):
    return await context.use(pay)

workflow = Workflow("pay", sequential(buy))
"""


DIES = """
import os, pathlib
from ripieno import Context, Workflow, function, tool

@tool(effect="write", timeout=1)
def pay():
    with pathlib.Path("paid").open("a") as file:
        file.write("once.")
    os.kill(os.getpid(), 9)

@function(pure=True)
async def buy(input, context: Context):
    return await context.use(pay)

workflow = Workflow("pay", buy)
"""


def test_a_dry_run_resumes_nothing_and_a_call_in_doubt_is_neither_approved_nor_rejected(cli: Cli) -> None:
    cli.write("dies.py", DIES)
    cli.run("run", "dies:workflow", "--input", cli.write("input.json", "{}"), "--key", "p")
    before = cli.ok("runs", "list", "--output", "json").json
    assert before[0]["status"] == "running"
    for all_or_one in ("--all", "p"):
        listed = cli.ok("runs", "resume", all_or_one, "--dry-run")
        assert "would resume 1 run; nothing was changed" in listed.err
        assert cli.ok("runs", "list", "--output", "json").json == before
    cli.run("runs", "resume", "--all")
    about = cli.ok("inbox", "show", "t-1", "--output", "json").json["about"]
    assert about["error"] == "the process ended before it told what became of the call"
    assert datetime.fromisoformat(about["claimed"]) < datetime.now().astimezone()
    for verb in ("reject", "approve"):
        refused = cli.run("inbox", verb, "t-1")
        assert refused.code == 2
        assert "t-1 is no approval, it asks what became of a call: did pay take effect?" in refused.err
        for said in ("true", "false"):
            assert f"""ripieno inbox answer t-1 '{{"happened": {said}}}'""" in refused.err
    cli.ok("inbox", "answer", "t-1", '{"happened": true, "result": "done"}')
    assert cli.ok("runs", "show", "p", "--output", "json").json["output"] == "done"
    assert (cli.folder / "paid").read_text(encoding="utf-8") == "once."
