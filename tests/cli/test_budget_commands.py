"""Monthly budgets at the terminal."""

from __future__ import annotations

from cli.conftest import Cli

WORKFLOW = """
from ripieno import Context, Cost, Workflow, function, tool

@tool(effect="read", cost=Cost(cost_usd="0.10"))
def ask_model(what):
    return what

@function(pure=True)
async def ask(input, context: Context):
    return await context.use(ask_model, what=input)

asking = Workflow("asking", ask, owner="research")
"""


def test_a_budget_is_set_shown_spent_and_cleared(cli: Cli) -> None:
    cli.write("clinic.py", WORKFLOW)
    cli.write("one.json", "1")
    assert "no budget is set" in cli.ok("budgets", "list").err
    cli.ok("run", "clinic:asking", "-i", "one.json")
    assert "hard" in cli.ok("budgets", "set", "0.15", "--team", "research", "--hard").out
    held = cli.run("run", "clinic:asking", "-i", "one.json", "--output", "json").json[0]
    assert held["status"] == "stopped"
    [row] = cli.ok("budgets", "list", "--output", "json").json
    assert (row["team"], row["cost_usd"], row["spent_usd"], row["hard"]) == ("research", "0.15", "0.1", True)
    assert "there was none" in cli.ok("budgets", "clear").err
    assert cli.ok("budgets", "clear", "--team", "research", "--output", "json").json == []
    assert cli.run("budgets", "set", "much").code == 2
    assert "sound" in cli.ok("audit", "verify").out
