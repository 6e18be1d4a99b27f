"""Limits, signals and cancellation with undo at the terminal, and the question before many runs are hit."""

from __future__ import annotations

from typing import Any

import pexpect
import pytest

from cli.conftest import Cli

WORKFLOW = """
import pathlib
from ripieno import Call, Context, Cost, Limits, Workflow, ask, external, function, group_chat, human, rounds
from ripieno import sequential, tool

def noted(what):
    with pathlib.Path("noted").open("a") as file:
        file.write(what + "\\n")

@tool(effect="read", cost=Cost(tokens=60, cost_usd="0.60"))
def think(call: Call):
    call.spent(tokens=60, cost_usd="0.60")
    return "thought"

@tool
def release(booked):
    noted("release " + booked)

@tool(undo=release)
def book(what):
    noted("book " + what)
    return {"booked": what}

@function(pure=True)
async def twice(context: Context):
    return [await context.use(think), await context.use(think)]

@function(pure=True)
async def books(input, context: Context):
    return await context.use(book, what=input["patient"])

@function(pure=True)
def speaker():
    return "said"

@function(pure=True)
def last_word(turn):
    return turn["signals"]

chair = human("chair", role="chair")
thinking = Workflow("thinking", twice, limits=Limits(tokens=100, cost_usd=1, on_exhausted=ask("treasurer")))
late = Workflow("late", sequential(human("clinician", role="clinician"), books), limits=Limits(deadline="2h"))
visit = Workflow("visit", sequential(books, human("clinician", role="clinician")))
until = external("recall") | rounds(9)
meeting = Workflow("meeting", group_chat(speaker, chair, until=until, otherwise=last_word))
"""


@pytest.fixture
def clinic(cli: Cli) -> Cli:
    cli.write("clinic.py", WORKFLOW)
    cli.write("in/ada.json", '{"patient": "ada"}')
    return cli


def started(clinic: Cli, workflow: str) -> list[dict[str, Any]]:
    named = ("-i", "in", "--key", workflow, "--no-wait-people", "--output", "json")
    return clinic.run("run", f"clinic:{workflow}", *named).json


def noted(clinic: Cli) -> list[str]:
    return (clinic.folder / "noted").read_text(encoding="utf-8").splitlines()


def test_a_limit_that_is_raised_lets_a_call_go_on_that_waits_for_more(clinic: Cli) -> None:
    run = started(clinic, "thinking")[0]["short_id"]
    assert "grant more?" in clinic.ok("inbox", "list").out
    for wrong, said in (
        (("tokens",), "expected at most one run, and a limit"),
        (("token=120",), "did you mean 'tokens'"),
        (("tokens=many",), "expected a number, or a time such as 2h, got 'many'"),
        (("tokens=-1",), "must not be negative"),
    ):
        refused = clinic.run("runs", "limit", run, *wrong)
        assert (refused.code, said in refused.err) == (2, True), refused
    first = clinic.ok("runs", "limit", run, "tokens=120", "--reason", "worth it", "--output", "json").json[0]
    assert (first["said"], first["status"]) == ("limits set: tokens=120", "waiting")
    done = clinic.ok("runs", "limit", "--workflow", "thinking", "cost_usd=1.20", "--reason", "worth it")
    assert "complete" in done.out
    assert "nothing" in clinic.ok("inbox", "list").err
    shown = clinic.ok("runs", "show", run, "--output", "json").json
    assert shown["output"] == ["thought", "thought"]
    said = [(item["what"], item["by"], item["reason"]) for item in shown["messages"]]
    assert said == [("limit", "person:tester", "worth it")] * 2


def test_a_deadline_that_is_made_shorter_ends_a_run_before_it_writes(clinic: Cli) -> None:
    run = started(clinic, "late")[0]["short_id"]
    ended = clinic.ok("runs", "limit", run, "deadline=1ms", "--reason", "too late", "--output", "json").json[
        0
    ]
    assert (ended["said"], ended["status"]) == ("limits set: deadline=1ms", "escalated")
    assert clinic.run("inbox", "approve", "t-1").code == 1
    assert not (clinic.folder / "noted").exists()


def test_a_run_is_cancelled_and_what_it_did_is_taken_back(clinic: Cli) -> None:
    run = started(clinic, "visit")[0]["short_id"]
    assert noted(clinic) == ["book ada"]
    cancelled = clinic.ok("runs", "cancel", run, "--undo", "--reason", "a mistake", "--output", "json").json[
        0
    ]
    assert (cancelled["said"], cancelled["status"]) == ("cancelled", "cancelled")
    assert noted(clinic) == ["book ada", "release ada"]
    shown = clinic.ok("runs", "show", run).out
    for part in ("a mistake", "person:tester", "undone"):
        assert part in shown


def test_what_goes_with_a_signal_reaches_whoever_has_the_last_word(clinic: Cli) -> None:
    run = started(clinic, "meeting")[0]["short_id"]
    broken = clinic.run("runs", "signal", run, "recall", "--content", "{")
    assert (broken.code, "JSON" in broken.err) == (2, True)
    clinic.ok("runs", "signal", run, "recall", "--content", '{"batch": 7}', "--reason", "recalled")
    clinic.ok("inbox", "approve", "t-1")
    document = clinic.ok("runs", "show", run, "--output", "json").json
    given = {"by": "person:tester", "reason": "recalled", "content": {"batch": 7}}
    assert (document["status"], document["output"]) == ("complete", {"recall": given})


def typed(clinic: Cli, answer: str, *arguments: str) -> str:
    """Give a command at a terminal, answer its question, and give what it showed."""
    command = clinic.command(*arguments)
    terminal: pexpect.spawn[str] = pexpect.spawn(
        command[0], command[1:], cwd=str(clinic.folder), env=clinic.environment, encoding="utf-8", timeout=20
    )
    terminal.expect_exact("2 runs? [y/N]")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    return str(terminal.before)


def test_many_are_only_hit_once_the_question_before_it_is_answered_with_yes(clinic: Cli) -> None:
    clinic.write("in/bob.json", '{"patient": "bob"}')
    started(clinic, "visit")
    many = ("runs", "pause", "--workflow", "visit")
    assert "op-" not in typed(clinic, "", *many)
    assert len(clinic.ok("runs", "list", "--status", "waiting", "--output", "json").json) == 2
    assert "pause, 2 of 2 runs" in typed(clinic, " Yes", *many)
    assert len(clinic.ok("runs", "list", "--status", "paused", "--output", "json").json) == 2


DOUBTFUL = """
from ripieno import Context, Workflow, function, tool

@tool(effect="write", on_uncertain="ask")
async def ship(n: int) -> str:
    raise ConnectionError("connection reset")

@function(pure=True)
async def shipper(context: Context):
    return await context.use(ship, n=1)

shipping = Workflow("shipping", shipper)
"""


def test_a_run_that_is_called_off_with_a_call_in_doubt_says_what_it_still_waits_for(cli: Cli) -> None:
    cli.write("parts.py", DOUBTFUL)
    run = cli.ok("run", "parts.py:shipping", "--no-wait-people", "--output", "json").json[0]["run_id"]
    [told] = cli.ok("runs", "cancel", run, "--output", "json").json
    assert (told["status"], told["done"]) == ("waiting", True)
    assert told["said"] == "to end as cancelled, once it is known what became of what it has begun"
    cli.ok("inbox", "answer", "t-1", '{"happened": false}')
    assert cli.ok("runs", "show", run, "--output", "json").json["status"] == "cancelled"
