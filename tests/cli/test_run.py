"""`ripieno run`: inputs checked before anything starts, runs that survive whatever happens to the process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Cli
from ripieno.blueprints.hospital_discharge.systems import systems_at


def test_patients_of_a_folder_go_side_by_side_and_each_is_accounted_for(cli: Cli) -> None:
    for name in ("clean", "interaction"):
        cli.patient(name)
    result = cli.run(
        "run", "hospital-discharge", "--input", "patients", "--no-wait-people", "--output", "json"
    )
    by_input = {item["input"]: item for item in result.json}
    assert {name: item["status"] for name, item in by_input.items()} == {
        "patients/clean.json": "complete",
        "patients/interaction.json": "waiting",
    }
    clean, waiting = by_input["patients/clean.json"], by_input["patients/interaction.json"]
    assert clean["output"]["visits"]
    assert clean["reason"] is None
    assert len(clean["run_id"]) == 32
    assert waiting["waiting_for"][0]["role"] == "clinician"
    assert "warfarin with naproxen" in waiting["waiting_for"][0]["title"]
    assert result.code == 0, "one is complete, one waits"
    assert "1 waits for a person" in result.err


def test_json_lines_come_one_per_run(cli: Cli) -> None:
    cli.patient("clean")
    cli.patient("interaction")
    result = cli.ok("run", "hospital-discharge", "-i", "patients", "--no-wait-people", "--output", "jsonl")
    assert sorted(json.loads(line)["status"] for line in result.out.splitlines()) == ["complete", "waiting"]


def test_what_comes_in_by_stdin_is_run(cli: Cli) -> None:
    text = (cli.folder / cli.patient("clean")).read_text(encoding="utf-8")
    result = cli.run("run", "hospital-discharge", "--input", "-", "--output", "json", stdin=text)
    assert result.json[0]["status"] == "complete"


def test_a_business_key_is_one_run_however_often_it_is_asked_for(cli: Cli) -> None:
    command = (
        "run",
        "hospital-discharge",
        "--input",
        cli.patient("clean"),
        "--key",
        "enc-1",
        "--output",
        "json",
    )
    first, second = cli.ok(*command), cli.ok(*command)
    assert first.json[0]["run_id"] == second.json[0]["run_id"]
    assert "is taken" in second.err
    assert len(cli.ok("runs", "list", "--key", "enc-1", "--output", "json").json) == 1


def test_a_business_key_with_another_input_is_refused(cli: Cli) -> None:
    cli.ok("init", "greeting")
    cli.folder = cli.folder / "greeting"
    command = ("run", "greeting.yaml", "--key", "A", "--output", "json", "--input")
    run = cli.ok(*command, "inputs/short.json").json[0]
    assert cli.ok(*command, cli.write("same.json", ' {"name":   "Ada"}')).json[0]["run_id"] == run["run_id"]
    result = cli.run(*command, "inputs/long.json")
    assert result.code == 2
    assert not result.out
    assert f"inputs/long.json: key 'A' is taken by run {run['short_id']}" in result.err


def test_an_empty_business_key_is_a_usage_error(cli: Cli) -> None:
    result = cli.run("run", "hospital-discharge", "--input", cli.patient("clean"), "--key", "")
    assert result.code == 2
    assert "expected a business key" in result.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nope", "input.json:1: is not JSON"),
        (b"", "is not JSON: it is empty"),
        (b'{"a": NaN}', "NaN is not a number that JSON has"),
        (b'{"a": 1e999}', "input.json (a): is a number too large to be held"),
        (b'{"a": ' + b"9" * 5000 + b"}", "an integer of too many digits"),
        (b'{"a": ["\\ud800"]}', "input.json (a[0]): holds half a character"),
        (b"\xff\xfe{}", "is not UTF-8: byte 0 is 0xff"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"[1, 2]", "input.json: expected a FHIR R4 Bundle as a JSON object, got a list"),
        (b'{"resourceType": "Bundle", "type": "collection", "entry": []}', "input.json (entry)"),
        (b'{"resourceType": "Patient"}', "input.json"),
        (b'{"dose": 1, "dose": 10}', "input.json: is not JSON: 'dose' stands twice in one object"),
    ],
    ids=[
        "not JSON",
        "empty",
        "NaN",
        "infinite",
        "huge integer",
        "lone surrogate",
        "not UTF-8",
        "too deep",
        "not an object",
        "no patient",
        "not a bundle",
        "a field twice",
    ],
)
def test_an_input_that_cannot_be_used_is_named_and_no_run_is_made(
    cli: Cli, content: bytes, said: str
) -> None:
    result = cli.run("run", "hospital-discharge", "--input", cli.write("input.json", content))
    assert result.code == 2
    assert said in result.err
    assert not cli.home.exists()


def test_an_input_over_the_limit_is_not_even_read(cli: Cli) -> None:
    with (cli.folder / "large.json").open("wb") as file:
        file.truncate(200_000_000)
    result = cli.run("run", "hospital-discharge", "--input", "large.json")
    assert result.code == 2
    assert "200,000,000 bytes or more, the limit is 64,000,000" in result.err


def test_one_bad_file_of_a_folder_keeps_all_from_starting(cli: Cli) -> None:
    cli.patient("clean")
    cli.write("patients/bad.json", "nope")
    result = cli.run("run", "hospital-discharge", "--input", "patients")
    assert result.code == 2
    assert "1 of 2 inputs cannot be used" in result.err
    assert not cli.home.exists()


@pytest.mark.parametrize("name", ["nosuch", "hospital-discharg", "missing.yaml", "no.module:here"])
def test_an_unknown_workflow_is_a_usage_error(cli: Cli, name: str) -> None:
    result = cli.run("run", name, "--input", cli.patient("clean"))
    assert result.code == 2, result
    assert not cli.home.exists()


def test_ctrl_c_leaves_runs_that_wait_for_people_and_says_how_they_go_on(cli: Cli) -> None:
    process = cli.start("run", "hospital-discharge", "--input", cli.patient("interaction"))
    assert process.stderr is not None
    assert b"waiting" in process.stderr.readline()
    assert b"1 waits for a person: ripieno inbox list" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"ripieno worker" in said
    assert cli.ok("runs", "list", "--output", "json").json[0]["status"] == "waiting"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ([], b"inputs that were not begun: 2 of 3; a command with those alone begins them"),
        (["--key", "k"], b"inputs that were not begun: 2 of 3; the same command begins them"),
    ],
    ids=["without a key", "with a key"],
)
def test_ctrl_c_says_how_many_inputs_of_a_folder_were_not_begun(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any], key: list[str], said: bytes
) -> None:
    cli.write("slow.py", SLOW)
    for name in "abc":
        cli.write(f"in/{name}.json", "{}")
    process = cli.start("run", "slow:workflow", "--input", "in", "--at-once", "1", *key)
    eventually((cli.folder / "waits").exists)
    process.send_signal(signal.SIGINT)
    (cli.folder / "go").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"runs that can go on from where they stood: 1\n" + said in err


def test_a_run_killed_in_the_middle_is_taken_up_where_it_stood(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    cli.write("slow.py", SLOW)
    process = cli.start("run", "slow:workflow", "--input", cli.write("input.json", "{}"), "--output", "json")

    def note_is_recorded() -> bool:
        shown = cli.ok("runs", "list", "--output", "json").json
        return any(run["events"] >= STARTED_AND_NOTED for run in shown)

    eventually((cli.folder / "waits").exists)
    eventually(note_is_recorded)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert cli.ok("runs", "list", "--status", "running", "--output", "json").json
    (cli.folder / "go").touch()
    resumed = cli.ok("runs", "resume", "--all", "--output", "json").json[0]
    assert resumed["status"] == "complete"
    assert resumed["output"] == "noted, waited"
    assert (cli.folder / "noted").read_text(encoding="utf-8") == "once."


def test_a_participant_that_exits_fails_its_run_and_the_others_go_on(cli: Cli) -> None:
    cli.write("exiting.py", EXITING)
    for name in ("a", "b"):
        cli.write(f"in/{name}.json", json.dumps({"leave": name == "a"}))
    result = cli.run("run", "exiting:workflow", "--input", "in", "--output", "json")
    found = {item["input"]: item for item in result.json}
    assert {name: item["status"] for name, item in found.items()} == {
        "in/a.json": "failed",
        "in/b.json": "complete",
    }
    assert "called sys.exit(7)" in found["in/a.json"]["reason"]
    assert result.code != 0


EXITING = """
import sys
from ripieno.participants.function import function
from ripieno.workflows.workflow import Workflow

@function(pure=True)
async def leaves(input):
    if input["leave"]:
        sys.exit(7)

workflow = Workflow("exiting", leaves)
"""

STARTED_AND_NOTED = 2
"""Events of a run whose first step is recorded: only from then on is it never done again."""

SLOW = """
import pathlib, time
from ripieno.participants.function import function
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

@function(pure=True)
def note(input):
    with open("noted", "a") as file:
        file.write("once.")
    return "noted"

@function(pure=True)
def wait(note):
    pathlib.Path("waits").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return f"{note}, waited"

workflow = Workflow("slow", sequential(note, wait))
"""


def test_detached_runs_are_served_by_a_process_of_their_own(
    cli: Cli, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    result = cli.ok("run", "hospital-discharge", "-i", cli.patient("clean"), "--detach", "--output", "json")
    run = result.json[0]["run_id"]
    assert eventually(lambda: cli.ok("runs", "show", run, "--output", "json").json["status"] == "complete")


def test_what_was_booked_stands_in_the_hospital_s_systems_in_the_data_folder(cli: Cli) -> None:
    run = cli.discharge("clean")
    systems = systems_at(cli.home / "hospital.sqlite")
    assert {call.run for call in systems.calls()} == {run["run_id"]}
    assert [visit.visit for visit in systems.scheduling.visits()] == [
        visit["visit"] for visit in run["output"]["visits"]
    ]


NOTHING_TAKEN = """
from ripieno import Workflow, concurrent, function, judge, map_over, sequential

@function(pure=True)
def yes():
    return "yes"

@function(pure=True)
def no():
    return "no"

@function(pure=True)
def settle(turn):
    return sorted(turn)

settling = Workflow("settling", concurrent(yes, no, resolve=judge(settle)))

@function(pure=True)
def count():
    return {"items": [1, 2]}

@function(pure=True)
def twice(item):
    return item * 2

@function(pure=True)
def greet(given: dict | None = None):
    return given

@function(pure=True)
def order(input: dict):
    return input

counting = Workflow("counting", sequential(count, map_over("count.items", twice)))
greeting = Workflow("greeting", greet)
@function(pure=True)
def whatever(given):
    return given["item"]

bare = Workflow("bare", whatever)
ordering = Workflow("ordering", sequential(count, order))
checking = Workflow("checking", greet, check_input={"type": "object"})
"""


def test_a_workflow_that_takes_no_input_just_runs(cli: Cli) -> None:
    cli.write("parts.py", NOTHING_TAKEN)
    [found] = cli.ok("run", "parts.py:counting", "--output", "json").json
    assert (found["output"], found["input"]) == ([2, 4], None)
    assert "greeting  complete" in cli.ok("run", "parts.py:greeting").out
    assert "settling  complete" in cli.ok("run", "parts.py:settling").out


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        ("ordering", "order reads it"),
        ("bare", "whatever reads it"),
        ("checking", "None is not of type 'object'"),
    ],
)
def test_one_that_takes_an_input_says_how_it_is_given(cli: Cli, workflow: str, said: str) -> None:
    cli.write("parts.py", NOTHING_TAKEN)
    result = cli.run("run", f"parts.py:{workflow}")
    assert result.code == 2
    assert said in result.err
    assert "--input FILE" in result.err
    assert not (cli.home / "journal.sqlite").exists()


def test_the_input_is_named_by_the_command_that_read_it_alone(cli: Cli) -> None:
    cli.write("parts.py", NOTHING_TAKEN)
    file = cli.write("order.json", '{"item": 1}')
    [ran] = cli.ok("run", "parts.py:ordering", "--input", file, "--output", "json").json
    [listed] = cli.ok("runs", "list", "--output", "json").json
    shown = cli.ok("runs", "show", ran["run_id"], "--values", "--output", "json").json
    watched = cli.ok("runs", "watch", ran["run_id"], "--output", "json").json
    assert [one["input"] for one in (ran, listed, shown, watched)] == [file, None, None, None]
    assert listed["input_commitment"] == shown["input_commitment"]
    assert shown["input_value"] == {"item": 1}


LEAVING = """
import asyncio, sys
from ripieno import Workflow, function

async def leave():
    sys.exit(7)

@function(pure=True)
async def awaits():
    await asyncio.create_task(leave())

@function(pure=True)
async def forgets():
    task = asyncio.create_task(leave())
    while not task.done():
        await asyncio.sleep(0)
    return "went on"

awaiting = Workflow("awaiting", awaits)
forgetting = Workflow("forgetting", forgets)
"""


def test_a_task_that_a_participant_starts_and_that_exits_ends_no_process(cli: Cli) -> None:
    cli.write("parts.py", LEAVING)
    result = cli.run("run", "parts.py:awaiting", "--output", "json")
    assert result.code == 1
    [found] = result.json
    assert found["status"] == "failed"
    assert "called sys.exit(7)" in found["reason"]
    result = cli.ok("run", "parts.py:forgetting", "--output", "json")
    assert result.json[0]["output"] == "went on"
    assert "called sys.exit(7); the process goes on" in result.err
