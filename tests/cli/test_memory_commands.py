"""What is remembered, at the terminal: listed, explained, forgotten, and destroyed with its runs."""

from __future__ import annotations

from cli.conftest import Cli

WORKFLOW = """
from ripieno import Context, Data, Memory, Workflow, function

notes = Memory("notes", subject="patient.id", keep="30d", data=["phi"])

@function(pure=True)
async def nurse(input, context: Context):
    await context.use(notes.remember, text=input["note"])
    return await context.use(notes.recall)

ward = Workflow("ward", nurse, data=[Data.PHI])
"""
NOTE = "Zwiebelfisch is allergic to latex"


def noted(cli: Cli, patient: str, note: str) -> str:
    cli.write("ward.py", WORKFLOW)
    cli.write("in.json", f'{{"patient": {{"id": "{patient}"}}, "note": "{note}"}}')
    return cli.ok("run", "ward:ward", "-i", "in.json", "--output", "json").json[0]["run_id"]


def test_what_is_remembered_is_listed_shown_forgotten_and_destroyed(cli: Cli) -> None:
    first, other = noted(cli, "p1", NOTE), noted(cli, "p2", "sleeps well")
    listed = cli.ok("memory", "list", "--output", "json").json
    assert [(one["subject"], one["text"], one["run_id"]) for one in listed] == [
        ("p2", "sleeps well", other),
        ("p1", NOTE, first),
    ]
    assert "nothing is remembered of p3" in cli.ok("memory", "list", "--subject", "p3").err
    [mine] = cli.ok("memory", "list", "--subject", "p1", "--memory", "notes", "--output", "json").json
    shown = cli.ok("memory", "show", mine["id"]).out
    for part in (NOTE, "trusted", "p1", "phi", first[-6:], "nurse@1/"):
        assert part in shown
    assert "memory list" in cli.ok("audit", "log").out
    for wrong in ((), ("x", "--memory", "notes")):
        assert cli.run("memory", "forget", *wrong, "--reason", "x").code == 2
    assert (cli.run("memory", "forget", mine["id"]).code, cli.run("memory", "show", "zz").code) == (2, 2)
    said = cli.ok("memory", "forget", "--subject", "p1", "--dry-run", "--output", "json").json
    assert [one["state"] for one in said] == ["would be forgotten"]
    cli.ok("holds", "set", "run", first, "--reason", "sued")
    held = cli.run("memory", "forget", mine["id"], "--reason", "asked for", "--erase-runs")
    assert (held.code != 0, "nothing was forgotten: a hold on run" in held.err) == (True, True)
    assert NOTE in cli.ok("memory", "list").out
    cli.ok("holds", "release", "run", first, "--reason", "settled")
    forgotten = cli.ok("memory", "forget", mine["id"], "--reason", "asked for")
    assert ("forgotten" in forgotten.out, "--erase-runs" in forgotten.err) == (True, True)
    assert NOTE not in cli.ok("memory", "list").out
    assert "forgotten by person:tester" in cli.ok("memory", "show", mine["id"]).out
    assert "asked for" in cli.ok("audit", "log").out
    done = cli.ok("memory", "forget", mine["id"], "--reason", "asked for", "--erase-runs", "--output", "json")
    assert done.json[0]["state"] == "erased"
    assert NOTE not in cli.ok("memory", "show", mine["id"]).out
    assert "sound" in cli.ok("audit", "verify").out
