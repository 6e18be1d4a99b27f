"""What `runs show` tells of branches that did not agree, and of what was taken back."""

from __future__ import annotations

from cli.conftest import Cli

MODULE = """
from ripieno import Confidence, Context, Outcome, function, tool

@tool(on_uncertain="retry")
def release(seat):
    return "released"

@tool(on_uncertain="retry", undo=release)
def reserve(train):
    return {"seat": f"a seat on the {train}"}

@tool(on_uncertain="retry")
def shout(words):
    return None

@function(pure=True)
def fundamental(stock):
    return Outcome("complete", "buy", confidence=Confidence(0.8, "by ratio"))

@function(pure=True)
async def technical(stock, context: Context):
    await context.use(reserve, train="late train")
    await context.use(shout, words="sell")
    return Outcome("complete", "sell", confidence=Confidence(0.6, "by chart"))

@function(pure=True)
def broken(stock):
    raise ValueError("no feed")
"""
WORKFLOW = """
workflow: advice
participants:
  fundamental: {import: "sides_module:fundamental"}
  technical: {import: "sides_module:technical"}
  broken: {import: "sides_module:broken"}
flow:
  concurrent:
    name: vote
    steps: [fundamental, technical, broken]
    resolve: {weighted: {weights: {fundamental: 2, technical: 1}}}
    losers: undo
"""
WIDTH = 80


def test_all_sides_the_rule_who_lost_and_what_was_undone_are_shown(cli: Cli) -> None:
    cli.write("sides_module.py", MODULE)
    cli.write("advice.yaml", WORKFLOW)
    cli.write("case.json", '"ACME"')
    run = cli.ok("run", "advice.yaml", "--input", "case.json", "--output", "json").json[0]["run_id"]
    shown = cli.ok("runs", "show", run).out
    sides = shown[shown.index("vote: ") : shown.index("Effects")]
    assert [" ".join(line.split()) for line in sides.splitlines() if line] == [
        "vote: settled by weighted for fundamental",
        "branch sure says",
        "✓ fundamental 0.80 stands buy",
        "✓ technical 0.60 lost sell",
        "✗ broken lost failed",
    ]
    assert max(map(len, sides.splitlines())) <= WIDTH
    document = cli.ok("runs", "show", run, "--output", "json").json
    [choice] = document["choices"]
    assert choice["because"]["winners"] == ["fundamental"]
    assert choice["because"]["sides"]["technical"] == {
        "status": "complete",
        "says": "sell",
        "confidence": 0.6,
    }
    assert [(effect["tool"], effect["standing"], effect["undoes"]) for effect in document["effects"]] == [
        ("reserve", "undone", None),
        ("shout", "stands: its tool has no undo", None),
        ("release", None, "vote@1/technical@1/tool/1"),
    ]


FAMILY = """
workflow: advice
participants:
  fundamental: {import: "sides_module:fundamental"}
  desk:
    workflow:
      definition:
        workflow: desk
        participants:
          technical: {import: "sides_module:technical"}
        flow: technical
flow:
  concurrent:
    name: vote
    steps: [fundamental, desk]
    resolve: highest_confidence
    losers: LOSERS
"""


def family(cli: Cli, losers: str) -> str:
    """Run it and give the run."""
    cli.write("sides_module.py", MODULE)
    cli.write("advice.yaml", FAMILY.replace("LOSERS", losers))
    cli.write("case.json", '"ACME"')
    return cli.ok("run", "advice.yaml", "--input", "case.json", "--output", "json").json[0]["run_id"]


def test_what_a_losing_child_run_did_and_who_took_it_back_is_shown_in_both_runs(cli: Cli) -> None:
    run = family(cli, "undo")
    document = cli.ok("runs", "show", run, "--output", "json").json
    child, taking = document["children"]
    assert (child["undoes"], taking["undoes"], taking["status"]) == (None, child["run"], "complete")
    became = [(one["run"], one["tool"], one["standing"]) for one in document["elsewhere"]]
    assert became == [
        (child["run"], "shout", "stands: its tool has no undo"),
        (child["run"], "reserve", "undone"),
    ]
    shown = cli.ok("runs", "show", run).out
    assert f"takes back {child['run'][-6:]}" in shown
    assert "Effects of other runs" in shown
    there = cli.ok("runs", "show", taking["run"], "--output", "json").json
    assert [(one["run"], one["tool"], one["standing"]) for one in there["elsewhere"]] == became
    assert f"takes back {child['run'][-6:]} for {run[-6:]}" in cli.ok("runs", "show", taking["run"]).out
    assert cli.ok("audit", "verify")


def test_what_a_losing_child_run_did_is_listed(cli: Cli) -> None:
    document = cli.ok("runs", "show", family(cli, "list"), "--output", "json").json
    assert [(one["tool"], one["standing"]) for one in document["elsewhere"]] == [
        ("shout", "stands, though its branch lost"),
        ("reserve", "stands, though its branch lost"),
    ]
