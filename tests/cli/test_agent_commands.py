"""Everyone who can act, listed, shown, suspended and retired at the terminal."""

from __future__ import annotations

from cli.conftest import Cli

WORKFLOW = """
workflow: greeting
owner: front-desk
risk: low
data: [internal]
participants:
  greet: {function: {import: "greet_words:greet", pure: true}}
flow: {sequential: [greet]}
"""


def test_participants_are_listed_shown_suspended_and_retired(cli: Cli) -> None:
    assert "nobody is registered" in cli.ok("agents", "list").err
    cli.write("greet_words.py", "def greet():\n    return 'hello'\n")
    cli.write("greeting.yaml", WORKFLOW)
    cli.write("nothing.json", "null")
    cli.ok("run", "greeting.yaml", "--input", "nothing.json")
    table = cli.ok("agents", "list").out
    assert "greeting/greet" in table
    assert "front-desk" in table
    cli.ok("agents", "suspend", "greet", "--reason", "it errs")
    shown = cli.ok("agents", "show", "greet").out
    assert "suspended by person:tester: it errs" in shown
    assert "it was so already" in cli.ok("agents", "suspend", "greet", "--reason", "it errs").err
    cli.ok("agents", "retire", "greet", "--reason", "replaced")
    [one] = cli.ok("agents", "list", "--workflow", "greeting", "--output", "json").json
    assert (one["status"], one["by"], one["reason"]) == ("retired", "person:tester", "replaced")
    refused = cli.run("run", "greeting.yaml", "--input", "nothing.json", "--output", "json")
    assert "was retired by person:tester: replaced" in refused.json[0]["reason"]
    resumed = cli.ok("agents", "resume", "greet", "--reason", "needed", "--output", "json").json
    assert resumed["status"] == "active"
    assert cli.run("agents", "show", "great").code == 2
