"""Breaking the glass at the terminal, by somebody who holds nothing but the role for it."""

from __future__ import annotations

from cli.conftest import Cli

MEDIC = {"RIPIENO_PRINCIPAL": "medic", "RIPIENO_ROLES": "break-glass"}
CLERK = {"RIPIENO_PRINCIPAL": "carl", "RIPIENO_ROLES": "clerk"}
GRANTS = """@id("grants-are-approved")
@approval("role:auditor")
forbid (principal, action == Action::"identity.change", resource) when { context.verb == "grant" };
"""
WHY = ("--break-glass", "--reason", "nobody of them is here")


def test_who_holds_the_role_for_emergencies_alone_looks_and_approves(cli: Cli) -> None:
    cli.write("policies/grants.cedar", GRANTS)
    assert cli.run("principals", "grant", "person:kim", "clerk").code == 4
    [listed] = cli.ok("inbox", "list", "--output", "json", **MEDIC).json
    assert (listed["task"], listed["title"]) == ("t-1", "may this happen: grant: identity person:kim?")
    assert cli.ok("inbox", "list", "--output", "json", **CLERK).json == []
    assert "person:kim" in cli.ok("inbox", "show", "t-1", **MEDIC).out
    plain = cli.run("inbox", "approve", "t-1", **MEDIC)
    assert plain.code == 4
    assert "does not hold it" in plain.err
    for command in (("inbox", "show", "t-1"), ("inbox", "approve", "t-1", *WHY)):
        refused = cli.run(*command, **CLERK)
        assert refused.code == 4, refused
    passed = cli.ok("inbox", "approve", "t-1", *WHY, **MEDIC)
    assert "t-1 approved by person:medic in an emergency" in passed.err
    cli.ok("principals", "grant", "person:kim", "clerk")
    done = ("inbox", "list", "--state", "answered", "--output", "json")
    assert cli.ok(*done, **MEDIC).json == []
    [one] = cli.ok("audit", "emergencies", "--output", "json").json
    assert (one["task"], one["by"]) == ("t-1", "person:medic")


def test_the_role_for_emergencies_opens_no_task_that_is_no_approval(cli: Cli) -> None:
    cli.discharge("low-confidence")
    assert cli.ok("inbox", "list", "--output", "json", **MEDIC).json == []
    for command in (("inbox", "show", "t-1"), ("inbox", "approve", "t-1", *WHY)):
        refused = cli.run(*command, **MEDIC)
        assert refused.code != 0, refused
