"""`ripieno inbox`: who may answer what, once, and what becomes of the run."""

from __future__ import annotations

import json

import pexpect
import pytest

from cli.conftest import Cli


def test_a_task_shows_its_evidence_and_how_it_can_be_answered(cli: Cli) -> None:
    cli.discharge("interaction")
    listed = cli.ok("inbox", "list", "--output", "json").json
    assert [(item["task"], item["role"], item["state"]) for item in listed] == [("t-1", "clinician", "open")]
    shown = cli.ok("inbox", "show", "t-1").out
    assert "warfarin with naproxen" in shown
    assert "Coumadin prescribing information" in shown
    assert "MedicationRequest/" in shown
    assert "ripieno inbox approve t-1" in shown
    document = cli.ok("inbox", "show", "1", "--output", "json").json
    assert document["evidence"]
    assert "proceed" in document["form"]["properties"]


def test_an_approval_lets_the_run_go_on_at_once_and_says_what_became_of_it(cli: Cli) -> None:
    run = cli.discharge("interaction")
    answered = cli.ok("inbox", "approve", "t-1", "--reason", "INR monitored", "--output", "json").json
    assert (answered["run_id"], answered["status"]) == (run["run_id"], "complete")
    shown = cli.ok("runs", "show", run["short_id"], "--output", "json").json
    assert shown["questions"][0]["answered_by"] == "person:tester"
    assert shown["questions"][0]["reason"] == "INR monitored"
    assert cli.ok("inbox", "list").err == "nothing waits for a person\n"


def test_a_rejection_ends_the_run_as_escalated_with_the_reason(cli: Cli) -> None:
    cli.discharge("interaction")
    answered = cli.ok("inbox", "reject", "t-1", "--reason", "stop naproxen first", "--output", "json").json
    assert (answered["status"], answered["reason"]) == ("escalated", "stop naproxen first")


def test_who_lacks_the_role_is_not_allowed_and_nothing_changes(cli: Cli) -> None:
    cli.discharge("interaction")
    result = cli.run("inbox", "approve", "t-1", RIPIENO_ROLES="nurse")
    assert result.code == 4
    assert "for role 'clinician'" in result.err
    assert cli.ok("inbox", "list", "--output", "json").json[0]["state"] == "open"
    cli.ok("inbox", "approve", "t-1", RIPIENO_ROLES="nurse,clinician")


def test_tasks_of_other_roles_are_counted_but_not_shown(cli: Cli) -> None:
    cli.discharge("interaction")
    listed = cli.ok("inbox", "list", "--output", "json", RIPIENO_ROLES="nurse")
    assert listed.json == []
    assert "for others or roles that person:tester does not hold: 1 (--all)" in listed.err
    others = cli.ok("inbox", "list", "--all", "--output", "json", RIPIENO_ROLES="nurse").json
    assert [(item["task"], item["role"], item["title"]) for item in others] == [("t-1", "clinician", None)]
    shown = cli.run("inbox", "show", "t-1", RIPIENO_ROLES="nurse")
    assert shown.code == 4
    assert "warfarin" not in shown.out + shown.err


def test_where_nothing_has_run_the_inbox_is_empty(cli: Cli) -> None:
    assert cli.ok("inbox", "list", "--output", "json").json == []
    assert not cli.home.exists()


def test_a_second_answer_is_refused_and_told_who_was_first(cli: Cli) -> None:
    cli.discharge("interaction")
    cli.ok("inbox", "approve", "t-1")
    result = cli.run("inbox", "reject", "t-1", RIPIENO_PRINCIPAL="late")
    assert result.code == 1
    assert "person:tester" in result.err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("not json", "the answer is not JSON"),
        ("{}", "'proceed' is a required property"),
        ('{"proceed": "perhaps"}', "proceed: 'perhaps' is not of type 'boolean'"),
    ],
    ids=["not JSON", "missing", "wrong type"],
)
def test_an_answer_that_does_not_fit_the_form_is_refused_by_field(cli: Cli, answer: str, said: str) -> None:
    cli.discharge("interaction")
    result = cli.run("inbox", "answer", "t-1", answer)
    assert result.code == 2
    assert said in result.err
    assert cli.ok("inbox", "list", "--output", "json").json[0]["state"] == "open"


def test_a_form_is_filled_in_at_the_terminal(cli: Cli) -> None:
    run = cli.discharge("interaction")
    command = cli.command("inbox", "answer", "t-1", "--reason", "seen")
    terminal: pexpect.spawn[str] = pexpect.spawn(
        command[0], command[1:], cwd=str(cli.folder), env=cli.environment, encoding="utf-8", timeout=20
    )
    terminal.expect("proceed")
    terminal.sendline("yes")
    terminal.expect("note")
    terminal.sendline("")
    terminal.expect("complete")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    shown = cli.ok("runs", "show", run["run_id"], "--output", "json").json
    assert shown["questions"][0]["answer"] == {"proceed": True}


def test_without_a_terminal_a_form_cannot_be_filled_in(cli: Cli) -> None:
    cli.discharge("interaction")
    result = cli.run("inbox", "answer", "t-1")
    assert result.code == 2
    assert "there is no terminal to ask at" in result.err


@pytest.mark.parametrize("task", ["t-99", "banana"])
def test_a_task_that_there_is_not_is_a_usage_error(cli: Cli, task: str) -> None:
    cli.discharge("interaction")
    assert cli.run("inbox", "approve", task).code == 2


def test_a_live_worker_takes_the_answer_up(cli: Cli) -> None:
    cli.discharge("interaction")
    worker = cli.start("worker")
    try:
        assert worker.stderr is not None
        assert b"serving" in worker.stderr.readline()
        answered = cli.ok("inbox", "answer", "t-1", json.dumps({"proceed": True}), "--output", "json").json
        assert answered["status"] == "complete"
    finally:
        worker.terminate()
        worker.communicate(timeout=120)
    assert worker.returncode == 0
