"""A run is rolled back at the terminal, and what that would come to is said in plain words before."""

from __future__ import annotations

from cli.conftest import Cli

PARTS = """
from ripieno import Context, tool

@tool(on_uncertain="retry")
def cancel_visit(visit: str) -> str:
    return "cancelled"

@tool(undo=cancel_visit, on_uncertain="retry")
def book_visit(patient: str) -> dict[str, str]:
    return {"visit": "V-118"}

@tool(on_uncertain="retry")
def post_letter(patient: str) -> str:
    return "posted"

async def coordinate(context: Context) -> str:
    await context.use(book_visit, patient="ada")
    return "booked"

async def write(context: Context) -> str:
    await context.use(post_letter, patient="ada")
    return "written"
"""
WORKFLOW = """
workflow: visits
participants:
  coordinate: {function: {import: "visit_parts:coordinate", pure: true}}
  write: {function: {import: "visit_parts:write", pure: true}}
flow: {sequential: [STEPS]}
"""


def ran(cli: Cli, steps: str) -> str:
    cli.write("visit_parts.py", PARTS)
    cli.write("visits.yaml", WORKFLOW.replace("STEPS", steps))
    return cli.run("run", "visits.yaml", "--input", "-", "--output", "json", stdin="null").json[0]["run_id"]


def test_a_rollback_is_rehearsed_and_carried_out(cli: Cli) -> None:
    run = ran(cli, "coordinate")
    rehearsed = cli.ok("runs", "rollback", run, "--dry-run")
    assert rehearsed.out == "would cancel visit V-118 (sequential/coordinate/tool/1); nothing irreversible\n"
    plan = cli.ok("runs", "rollback", run, "--dry-run", "--output", "json").json
    assert [(one["would"], one["by"], one["arguments"]) for one in plan] == [
        ("undo", "cancel_visit", {"visit": "V-118"})
    ]
    assert cli.run("runs", "rollback", run).code == 2
    undoing = cli.ok("runs", "rollback", run, "--reason", "wrong patient", "--output", "json").json
    assert (undoing["status"], undoing["output"][0]["state"]) == ("complete", "undone")
    shown = cli.ok("runs", "show", run)
    assert f"rolled back by run {undoing['run_id'][-6:]} (complete)" in shown.out
    assert "undone" in shown.out
    assert f"takes back {run[-6:]}" in cli.ok("runs", "show", undoing["run_id"]).out
    assert cli.run("runs", "rollback", run, "--reason", "again").code == 1
    assert "nothing that run" in cli.ok("runs", "rollback", run, "--dry-run").out


def test_what_is_irreversible_is_said_before_and_waits_for_an_operator_after(cli: Cli) -> None:
    run = ran(cli, "coordinate, write")
    rehearsed = cli.ok("runs", "rollback", run, "--dry-run").out
    assert rehearsed == (
        "would cancel visit V-118 (sequential/coordinate/tool/1); 1 irreversible, an operator would be asked"
        " about: post_letter (sequential/write/tool/1): it declares no undo\n"
    )
    cli.ok("runs", "rollback", run, "--reason", "wrong patient")
    assert "cannot be undone here: post_letter" in cli.ok("inbox", "list").out.replace("\n", " ")
    cli.ok("inbox", "answer", "t-1", '{"undone": false}')
    shown = cli.ok("runs", "show", run, "--output", "json").json
    assert [one["status"] for one in shown["undone_by"]] == ["partial"]
    assert [str(one["standing"])[:16] for one in shown["effects"]] == ["undone", "left to a person"]
