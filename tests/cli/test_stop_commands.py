"""The kill switch at the terminal: stop, see why nothing goes on, release."""

from __future__ import annotations

from cli.conftest import Cli

WORKFLOW = """
import pathlib
from ripieno import Context, Workflow, function, tool

@tool(attempts=1)
def book(what):
    with pathlib.Path("booked").open("a") as file:
        file.write(what + "\\n")
    return what

@function(pure=True)
async def prepare(input, context: Context):
    return await context.use(book, what=input["patient"])

visit = Workflow("visit", prepare)
"""


def test_a_stopped_tool_holds_its_runs_and_says_why_until_it_is_released(cli: Cli) -> None:
    cli.write("clinic.py", WORKFLOW)
    for name in ("ada", "bob"):
        cli.write(f"{name}.json", f'{{"patient": "{name}"}}')
    cli.ok("run", "clinic:visit", "-i", "ada.json")
    assert cli.ok("stops", "--output", "json").json == []
    made = cli.ok("stop", "tool", "book", "--reason", "it books twice", "--output", "json").json
    assert made == {"what": "tool", "name": "book", "state": "stopped", "changed": True}
    assert "was so already" in cli.ok("stop", "tool", "book", "--reason", "again").err
    assert "it books twice" in cli.ok("stops").out
    held = cli.run("run", "clinic:visit", "-i", "bob.json", "--output", "json").json[0]
    assert (held["status"], held["reason"]) == ("stopped", "tool book is stopped by person:tester")
    shown = cli.ok("runs", "show", held["short_id"])
    assert "tool book is stopped by person:tester" in shown.out
    assert "tool book is stopped" in cli.ok("runs", "list", "--status", "stopped").out
    assert "ripieno release" in cli.run("runs", "watch", held["short_id"]).err
    released = cli.ok("release", "tool", "book", "--reason", "mended")
    assert "released" in released.out
    assert cli.ok("runs", "show", held["short_id"], "--output", "json").json["status"] == "complete"
    assert (cli.folder / "booked").read_text("utf-8").split() == ["ada", "bob"]
    assert "sound" in cli.ok("audit", "verify").out


def test_runs_are_stopped_by_the_end_of_their_id_and_everything_by_its_role_alone(cli: Cli) -> None:
    cli.write("clinic.py", WORKFLOW)
    cli.write("ada.json", '{"patient": "ada"}')
    assert "nothing has run" in cli.ok("stops").err
    run = cli.ok("run", "clinic:visit", "-i", "ada.json", "--output", "json").json[0]
    made = cli.ok("stop", "run", run["short_id"], "--reason", "odd", "--output", "json").json
    assert made["name"] == run["run_id"]
    cli.ok("release", "run", run["short_id"])
    refused = cli.run("stop", "everything", "--reason", "an alarm", RIPIENO_ROLES="operator")
    assert (refused.code, "system-operator" in refused.err) == (4, True)
    cli.ok("stop", "everything", "--reason", "an alarm")
    assert "was so already" in cli.ok("release", "tenant").err
    cli.ok("release", "everything")
