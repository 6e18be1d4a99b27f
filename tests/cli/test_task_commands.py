"""`ripieno inbox claim|release|delegate|reassign|comment|away`: who has a task, and who hears of it."""

from __future__ import annotations

import json

import pytest

from cli.conftest import Cli

FLOW = """
workflow: two-people
calendars: {office: {zone: Europe/Berlin, holidays: ["12-25"]}}
participants:
  ada:
    human:
      person: ada
      title: Is the amount right?
      due: 4h
      calendar: office
      remind: ["1h before"]
      then: [{role: lead, due: 1d}, {role: chief}]
  clerk: {human: {role: clerk, title: "Was the parcel received?"}}
flow: {concurrent: {steps: [ada, clerk], resolve: merge}}
"""
CLERK = {"RIPIENO_PRINCIPAL": "bob", "RIPIENO_ROLES": "clerk"}
OTHER_CLERK = {"RIPIENO_PRINCIPAL": "cleo", "RIPIENO_ROLES": "clerk"}
NOBODY = {"RIPIENO_PRINCIPAL": "cy", "RIPIENO_ROLES": "nurse"}
ADA = {"RIPIENO_PRINCIPAL": "ada", "RIPIENO_ROLES": "author"}


@pytest.fixture
def two(cli: Cli) -> Cli:
    """Give a command line whose inbox has t-1 for ada and t-2 for a clerk."""
    cli.write("flow.yaml", FLOW)
    cli.write("in.json", "{}")
    cli.ok("run", "flow.yaml", "--input", "in.json", "--no-wait-people")
    return cli


def listed(cli: Cli, *options: str, **environment: str) -> list[str]:
    found = cli.ok("inbox", "list", "--output", "jsonl", *options, **environment).out
    return [json.loads(line)["task"] for line in found.splitlines()]


def test_a_task_goes_from_hand_to_hand_and_its_history_tells(two: Cli) -> None:
    claimed = two.ok("inbox", "claim", "t-2", "--output", "json", **CLERK).json
    assert (claimed["claimed_by"], claimed["role"]) == ("person:bob", "clerk")
    refused = two.run("inbox", "approve", "t-2", **OTHER_CLERK)
    assert (refused.code, "t-2 was claimed by person:bob" in refused.err) == (4, True)
    assert "ripieno inbox claim t-2 --take-over" in refused.err
    assert two.run("inbox", "claim", "t-2", **OTHER_CLERK).code == 1
    two.ok("inbox", "comment", "t-2", "two boxes", **CLERK)
    two.ok("inbox", "delegate", "t-2", "cy", "--reason", "was there", **CLERK)
    shown = two.ok("inbox", "show", "t-2", **NOBODY).out
    for line in (
        "delegated by person:bob",
        "person:bob wrote: two boxes",
        "delegated it to person:cy: was there",
    ):
        assert line in shown
    document = two.ok("inbox", "show", "t-2", "--output", "json", **NOBODY).json
    assert [note["what"] for note in document["history"]] == ["claim", "comment", "delegate"]
    two.ok("inbox", "approve", "t-2", **NOBODY)
    late = two.run("inbox", "approve", "t-2", **OTHER_CLERK)
    assert late.code == 4
    late = two.run("inbox", "approve", "t-2", **CLERK)
    assert (late.code, "already answered by person:cy for person:bob" in late.err) == (1, True)


def test_the_list_shows_what_is_one_s_own_what_is_claimed_and_what_is_late(two: Cli) -> None:
    assert listed(two, **ADA) == listed(two, "--mine", **ADA) == ["t-1"]
    assert listed(two, "--all", **ADA) == ["t-1", "t-2"]
    assert listed(two, "--claimed", **CLERK) == []
    assert two.ok("inbox", "list", "--claimed", **CLERK).err == "no task fits\n"
    two.ok("inbox", "claim", "t-2", **CLERK)
    assert listed(two, "--claimed", **CLERK) == listed(two, "--mine", **CLERK) == ["t-2"]
    assert listed(two, "--no-claimed", "--all", **CLERK) == ["t-1"]
    assert listed(two, "--overdue", "--all", **CLERK) == []
    assert listed(two, "--workflow", "other", "--all") == []
    table = two.ok("inbox", "list", "--all", **CLERK).out
    assert "bob (clerk)" in table
    assert "(for somebody else)" in table
    assert "Is the amount right?" not in table


def test_whoever_is_away_has_a_substitute_until_they_are_back(two: Cli) -> None:
    assert two.ok("inbox", "away", "list").err == "nobody is away\n"
    two.ok("inbox", "away", "set", "cy", "--until", "2199-12-31", **ADA)
    (absence,) = two.ok("inbox", "away", "list", "--output", "json").json
    assert (absence["person"], absence["substitute"]) == ("person:ada", "person:cy")
    assert "cy for ada" in two.ok("inbox", "list", "--mine", **NOBODY).out
    assert "person:cy stands in: person:ada is away" in two.ok("inbox", "show", "t-1", **NOBODY).out
    assert two.run("inbox", "away", "clear", "--person", "ada", **CLERK).code == 4
    two.ok("inbox", "away", "clear", **ADA)
    assert two.run("inbox", "show", "t-1", **NOBODY).code == 4
    assert two.run("inbox", "away", "set", "cy", "--until", "soon", **ADA).code == 2


def test_tasks_are_reassigned_singly_and_in_bulk_once_it_was_seen_which(two: Cli) -> None:
    assert two.run("inbox", "reassign", "t-2", "cy", "--reason", "mine", **NOBODY).code == 4
    assert two.run("inbox", "reassign-all", "cy", "--reason", "all of it").code == 2
    bulk = ("inbox", "reassign-all", "role:temp", "--workflow", "two-people", "--reason", "flu")
    tried = two.ok(*bulk, "--dry-run")
    assert tried.err == "would reassign 2 tasks to role:temp\n"
    assert listed(two, "--role", "temp") == []
    held = two.run(*bulk, "--output", "json", **CLERK)
    assert (held.code, [item["error"] is None for item in held.json]) == (1, [False, False])
    two.ok(*bulk)
    assert listed(two, "--role", "temp") == ["t-1", "t-2"]
    two.ok("inbox", "reassign", "t-1", "bob", "--reason", "back to a person")
    assert listed(two, "--mine", **CLERK) == ["t-1"]
    released = two.run("inbox", "release", "t-2", **CLERK)
    assert (released.code, "claimed by nobody" in released.err) == (1, True)


def test_of_processes_that_claim_at_once_exactly_one_wins(two: Cli) -> None:
    results = two.at_once("inbox", "claim", "t-2", by=("bob", "cleo", "dan"), RIPIENO_ROLES="clerk")
    assert sorted(result.code for result in results) == [0, 1, 1]
    (winner,) = [result.err.split()[-1] for result in results if result.code == 0]
    assert all(f"t-2 was claimed by {winner}" in result.err for result in results if result.code)
    assert two.ok("audit", "verify").code == 0


def test_of_processes_that_answer_at_once_exactly_one_counts(two: Cli) -> None:
    results = two.at_once("inbox", "approve", "t-2", by=("bob", "cleo"), RIPIENO_ROLES="clerk")
    (lost,) = [result for result in results if result.code]
    assert "t-2 was already answered by person:" in lost.err
