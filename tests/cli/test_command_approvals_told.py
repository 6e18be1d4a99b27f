"""A command that others have to approve, at the terminal: what is said, and what to do next."""

from __future__ import annotations

import re

from cli.conftest import Cli

ROLES = """@id("roles-need-a-second-pair-of-eyes")
@reason("two people say who may do what")
@approval("role:auditor")
forbid (principal, action == Action::"identity.change", resource) when { context.verb == "grant" };
"""
PAUSES = """@id("pauses-need-two")
@approval("2 of role:auditor")
forbid (principal, action == Action::"run.command", resource) when { context.verb == "pause" };
"""
BOB = {"RIPIENO_PRINCIPAL": "bob"}
GRANT = ("principals", "grant", "person:kim", "clerk", "--reason", "she began on Monday")


def task_in(text: str) -> str:
    found = re.search(r"ripieno inbox approve (t-\d+)", text)
    assert found is not None, text
    return found[1]


def test_the_command_says_what_to_do_and_happens_once_it_is_repeated(cli: Cli) -> None:
    cli.write("policies/roles.cedar", ROLES)
    refused = cli.run(*GRANT)
    assert refused.code == 4
    for part in ("two people say who may do what", "role auditor", "once more, by person:tester"):
        assert part in refused.err, refused.err
    task = task_in(refused.err)
    assert task_in(cli.run(*GRANT).err) == task
    listed = cli.ok("inbox", "list").out
    assert task in listed
    assert "grant: identity person:kim" in listed
    shown = cli.ok("inbox", "show", task, **BOB).out
    assert "clerk" in shown
    assert "person:tester" in shown
    for part in (
        "the reason given she began on Monday",
        "asked by policy roles-need-a-second-pair-of-eyes (policies/roles.cedar:1) needs the approval",
        "goes on if role auditor approves",
    ):
        assert part in " ".join(shown.split()), shown
    own = cli.run("inbox", "approve", task)
    assert own.code == 4
    assert "proposed it" in own.err
    approved = cli.ok("inbox", "approve", task, "--reason", "agreed", **BOB)
    assert "answered by person:bob" in approved.err
    assert "when person:tester gives the same command once more" in approved.err
    assert cli.ok("principals", "list", "--output", "json").json == []
    cli.ok(*GRANT)
    [kim] = cli.ok("principals", "list", "--output", "json").json
    assert kim["roles"] == ["clerk"]
    again = task_in(cli.run(*GRANT).err)
    assert again != task
    rejected = cli.run("inbox", "reject", again, "--output", "json", **BOB)
    assert "the command does not happen" in rejected.err
    assert rejected.json["status"] == "escalated"
    assert cli.ok("audit", "verify").code == 0


def test_a_command_upon_a_run_that_is_served_here_is_asked_about_as_well(cli: Cli) -> None:
    cli.write("policies/pauses.cedar", PAUSES)
    run = cli.discharge("low-confidence")["run_id"]
    refused = cli.run("runs", "pause", run, "--reason", "a look")
    assert refused.code == 4, refused
    task = task_in(refused.err)
    first = cli.ok("inbox", "approve", task, **BOB)
    [second] = re.findall(r"(t-\d+) asks the next one", first.err)
    cli.ok("inbox", "approve", second, RIPIENO_PRINCIPAL="eve")
    assert cli.run("runs", "pause", run, "--reason", "a look").code == 0
    assert "paused" in cli.ok("runs", "show", run).out
