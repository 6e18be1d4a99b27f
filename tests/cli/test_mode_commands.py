"""Who acts, changed at the terminal: for a run at work, for runs to come; and how often a shadow agreed."""

from __future__ import annotations

from typing import Any

from cli.conftest import Cli

PARTS = "def double(number):\n    return number * 2\n"
WORKFLOW = """
workflow: doubling
participants:
  double: {function: {import: "parts:double", pure: true}, mode: shadow, person: clerk}
  clerk: {human: {role: clerk}}
flow: {sequential: [double, {step: double}]}
"""


def started(cli: Cli) -> dict[str, Any]:
    cli.write("parts.py", PARTS)
    cli.write("doubling.yaml", WORKFLOW)
    cli.write("number.json", "21")
    result = cli.run("run", "doubling.yaml", "--input", "number.json", "--no-wait-people", "--output", "json")
    return result.json[0]


def test_modes_are_changed_and_shown_with_who_and_why(cli: Cli) -> None:
    run = started(cli)
    refused = cli.run("runs", "mode", run["run_id"], "dubble", "auto")
    assert (refused.code, "did you mean 'double'?" in refused.err) == (2, True)
    cli.ok("runs", "mode", run["run_id"], "double", "auto", "--reason", "it was right")
    cli.ok("inbox", "answer", "t-1", '{"output": 42}')
    shown = cli.ok("runs", "show", run["run_id"]).out
    assert "mode of double: shadow" in shown
    assert "shadow of double: agrees" in shown
    assert "mode of double (2): auto" in shown
    assert "it was right" in shown
    [row] = cli.ok("workflows", "agreement", "doubling", "--output", "json").json
    assert (row["participant"], row["agreement"], row["compared"]) == ("double", 1.0, 1)
    assert "100%" in cli.ok("workflows", "agreement", "doubling").out


def test_a_mode_set_for_a_workflow_holds_for_runs_that_start_after_it(cli: Cli) -> None:
    assert started(cli)["status"] == "waiting"
    assert cli.run("workflows", "mode", "doubling", "clerk", "auto").code == 2
    assert cli.run("workflows", "mode", "halving", "double", "auto").code == 2
    cli.ok("workflows", "mode", "doubling", "double", "auto", "--reason", "right a hundred times")
    assert started(cli)["status"] == "complete"
    assert "no participant" in cli.ok("workflows", "agreement", "doubling").err
