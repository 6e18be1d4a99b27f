"""Policies at the terminal: checked, tried, and asked why."""

from __future__ import annotations

from cli.conftest import Cli

PAYEE = """
@id("untrusted-payee-needs-the-treasurer")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"payments.transfer")
when { !(context has provenance) || context.provenance.recipient != "trusted" };
"""
PAY = "act: tool.call\nupon: tool payments.transfer\nfacts: {effect: write}\n"


def test_the_packs_are_listed_with_what_they_are_about(cli: Cli) -> None:
    cli.write("policies/payments.cedar", PAYEE)
    shown = cli.ok("policy", "check").out
    assert "healthcare" in shown
    assert "A first workflow runs" in shown
    found = cli.ok("policy", "check", "--output", "json").json
    packs = {one["name"]: one for one in found["packs"]}
    assert found["problems"] == []
    assert "untrusted-payee-needs-the-treasurer" in packs["standard"]["policies"]
    assert [packs[one]["asking"] for one in ("standard", "strict", "supervised")] == [1, 4, 5]


def test_what_is_wrong_is_shown_with_its_place_and_what_to_do(cli: Cli) -> None:
    cli.write("policies/payments.cedar", PAYEE.replace("@id", "\n@approvl"))
    result = cli.run("policy", "check")
    assert result.code == 1
    assert "policies/payments.cedar:3" in result.out
    assert "did you mean 'approval'?" in result.out
    assert "cannot be used" in result.out
    assert "is denied" in result.err
    [problem] = cli.run("policy", "check", "--output", "json").json["problems"]
    assert (problem["file"], problem["line"]) == ("policies/payments.cedar", 3)


def test_a_workflow_is_compared_with_the_policies_it_runs_under(cli: Cli) -> None:
    cli.write("parts.py", "def double(number):\n    return number * 2\n")
    cli.write(
        "doubling.yaml",
        "workflow: doubling\npolicy: helthcare\nparticipants:\n"
        '  double: {function: {import: "parts:double", pure: true}}\nflow: {sequential: [double]}\n',
    )
    refused = cli.run("policy", "check", "--workflow", "doubling.yaml")
    assert refused.code == 1
    assert "no policy pack is called 'helthcare' (did you mean 'healthcare'?)" in refused.out
    cli.write("doubling.yaml", (cli.folder / "doubling.yaml").read_text().replace("helth", "health"))
    head = 'forbid (principal, action, resource == Participant::"doubling/'
    cli.write("policies/rules.cedar", f'@id("a") {head}double");\n@id("b") {head}duble");')
    refused = cli.run("policy", "check", "--workflow", "doubling.yaml")
    assert "rules.cedar:2" in refused.out
    assert "no participant 'doubling/duble' (did you mean 'doubling/double'?)" in refused.out
    assert "rules.cedar:1" not in refused.out
    assert cli.run("policy", "check", "elsewhere").code == 2


def test_policies_are_tried_by_their_tests(cli: Cli) -> None:
    cli.write("policies/payments.cedar", PAYEE)
    test = "  - act: tool.call\n    upon: tool payments.transfer\n    facts: {effect: write}\n    expect: "
    cli.write("policies/tests.yaml", f"tests:\n{test}ask\n    approvers: ['role:treasurer']\n{test}allow\n")
    result = cli.run("policy", "test")
    assert result.code == 1
    assert "✓ tool.call upon tool payments.transfer: ask" in result.out
    assert "policies/tests.yaml:7: expected allow, got ask" in result.out
    assert "2 tried, 1 failed" in result.out
    passed = cli.run("policy", "test", "--output", "json").json
    assert [one["passed"] for one in passed] == [True, False]
    cli.write("policies/own/rules.cedar", '@id("all") permit (principal, action, resource);')
    cli.write("policies/own/tests.yaml", f"tests:\n{test}ask\n")
    cli.ok("policy", "test", "policies/own/tests.yaml")
    (cli.folder / "none").mkdir()
    assert " 0 failed" in cli.ok("policy", "test", "--shipped", "--policies", "none").out


def test_where_there_are_no_tests_or_they_cannot_be_read_that_is_told(cli: Cli) -> None:
    assert "there are no tests" in cli.run("policy", "test").err
    cli.write("policies/tests.yaml", "tests:\n  - act: tool.cal\n    upon: tool x\n    expect: allow\n")
    result = cli.run("policy", "test")
    assert result.code == 2
    assert "policies/tests.yaml:2 (act)" in result.err


def test_why_an_act_is_decided_so_and_what_would_let_it_go_on(cli: Cli) -> None:
    cli.write("policies/payments.cedar", PAYEE)
    cli.write("act.yaml", PAY)
    shown = cli.ok("policy", "explain", "--act", "act.yaml").out
    assert "waits for approval: tool.call of tool payments.transfer" in shown
    assert "forbid untrusted-payee-needs-the-treasurer (policies/payments.cedar:2)" in shown
    assert "goes on if role treasurer approves" in shown
    assert "goes on if recipient would come from a trusted source" in shown
    cli.write("act.json", '{"act": "run.command", "verb": "cancel", "upon": "run r-1"}')
    found = cli.ok("policy", "explain", "--act", "act.json", "--output", "json").json
    assert (found["verdict"], found["goes_on"]) == ("deny", ["person:somebody holds role operator"])
    (cli.folder / "none").mkdir()
    assert "✓ allowed" in cli.ok("policy", "explain", "--act", "act.yaml", "--policies", "none").out


def test_what_nobody_can_approve_is_told_as_such(cli: Cli) -> None:
    cli.write("policies/closed.cedar", '@id("closed") forbid (principal, action, resource);')
    cli.write("act.yaml", PAY)
    shown = cli.ok("policy", "explain", "--act", "act.yaml").out
    assert "✗ denied" in shown
    assert "forbid closed (policies/closed.cedar:1)" in shown
    assert "nobody can approve it" in shown


def test_an_act_or_a_pack_that_there_is_not_is_told(cli: Cli) -> None:
    assert "cannot be read as an act" in cli.run("policy", "explain", "--act", "none.yaml").err
    cli.write("act.yaml", PAY + "argumnts: {}\n")
    result = cli.run("policy", "explain", "--act", "act.yaml")
    assert "did you mean 'arguments'?" in result.err
    cli.write("act.yaml", PAY)
    assert (
        "did you mean 'strict'?" in cli.run("policy", "explain", "--act", "act.yaml", "--pack", "stric").err
    )


BOOKING = """
@id("no-bookings-elsewhere")
@approval("role:desk")
forbid (principal, action == Action::"tool.call", resource == Tool::"book_visit")
when { context has arguments.clinic && context.arguments.clinic != "nowhere" };
"""


def test_what_was_done_is_decided_again_by_other_policies(cli: Cli) -> None:
    run = cli.discharge("clean")
    same = cli.ok("policy", "whatif")
    assert (same.out, "0 would be others" in same.err) == ("", True)
    cli.write("tomorrow/bookings.cedar", BOOKING)
    changed = cli.run("policy", "whatif", "--policies", "tomorrow", "--output", "json")
    assert changed.code == 1
    [one] = changed.json
    assert (one["run_id"], one["act"], one["subject"]) == (run["run_id"], "tool.call", "tool book_visit")
    assert (one["was"], one["would_be"], one["policies"]) == ("allow", "ask", ["no-bookings-elsewhere"])
    shown = cli.run("policy", "whatif", "--policies", "tomorrow", "--workflow", "hospital-discharge").out
    assert "tool.call sequential@1/arrangements@1/coordinate@1/tool/1" in shown
    assert cli.run("policy", "whatif", "--policies", "tomorrow", "--until", "1h").code == 0
    watched = cli.run("policy", "whatif", "--pack", "supervised", "--run", run["run_id"], "--output", "json")
    assert {one["would_be"] for one in watched.json} == {"ask"}
    strict = cli.run("policy", "whatif", "--pack", "strict", "--run", run["run_id"], "--output", "json")
    assert {(one["would_be"], *one["policies"]) for one in strict.json} == {
        ("ask", "sensitive-data-that-may-leave-is-approved")  # all that was written came from the record
    }
    assert cli.run("policy", "whatif", "--pack", "stric").code == 2
    cared_for = cli.ok("policy", "whatif", "--pack", "healthcare", "--run", run["run_id"])
    assert "13 decisions of 1 run: 0 would be others" in cared_for.err


def test_an_act_of_a_run_is_explained(cli: Cli) -> None:
    run = cli.discharge("clean")["run_id"]
    shown = cli.ok("policy", "explain", run, "coordinate/tool/1").out
    assert "✓ allowed: tool.call of tool book_visit" in shown
    assert "was: allow" in shown
    cli.write("policies/bookings.cedar", BOOKING)
    found = cli.ok("policy", "explain", run, "coordinate/tool/1", "--output", "json").json
    assert (found["verdict"], found["was"]["verdict"]) == ("ask", "allow")
    assert found["goes_on"] == ["role desk approves"]
    assert cli.run("policy", "explain", run, "coordinate/tool/9").code == 2
    assert "expected a run and the path" in cli.run("policy", "explain", run).err
