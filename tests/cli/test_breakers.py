"""Which tools are left alone, and until when, is seen at the terminal."""

from __future__ import annotations

from cli.conftest import Cli

WORKFLOW = """
from ripieno import Breaker, Context, Resilience, Retry, ToolError, Workflow, function, tool

@tool(effect="read", resilience=Resilience(breaker=Breaker(failures=1), retry=Retry(attempts=1)))
def tide():
    raise ToolError("slow down", failure="rate_limited", retry_after=AFTER)

@function(pure=True)
async def look(context: Context):
    return await context.use(tide)

tides = Workflow("tides", look)
"""


def test_what_is_left_alone_is_listed_and_told_by_the_doctor(cli: Cli) -> None:
    assert "nothing has run" in cli.ok("breakers").err
    cli.write("slow.py", WORKFLOW.replace("AFTER", "3600"))
    cli.run("run", "slow:tides")
    (found,) = cli.ok("breakers", "--output", "json").json
    assert (found["target"], found["state"], found["failure"], found["opened"]) == (
        "tide",
        "open",
        "rate_limited",
        1,
    )
    assert found["until"] > found["since"]
    shown = cli.ok("breakers").out
    assert "tide" in shown
    assert "rate_limited" in shown
    assert "tide is left alone (rate_limited) for" in " ".join(cli.run("doctor").out.split())
    cli.write("quick.py", WORKFLOW.replace("AFTER", "0.001"))
    cli.run("run", "quick:tides")
    assert cli.ok("breakers", "--output", "json").json[0]["state"] == "due"
    assert "left alone" not in cli.run("doctor").out
    assert "breaker.opened" in cli.ok("audit", "log", "--kind", "breaker").out
