"""Commands say which secrets cannot be had, and nothing of those that can."""

from __future__ import annotations

from cli.conftest import Cli

CODE = '''
from ripieno import Secret, tool

@tool(effect="read", secrets={"key": "secret://env/DESK_KEY"})
def look_up(what: str, key: Secret) -> str:
    """Look something up."""
    return f"{what} by {key.reveal()}"

@tool(effect="read")
def find(what: str, key: Secret) -> str:
    """Find something."""
    return what

def desk(turn):
    from ripieno import use_tool
    return use_tool("look_up", {"what": "it"}) if turn["round"] == 1 else turn["results"][0]["result"]
'''
FLOW = """
workflow: desk
owner: desk
purpose: things are looked up
limits: {deadline: 1d}
participants: {desk: {function: {import: "desk_parts:desk", pure: true}}}
flow:
  single_agent:
    step: desk
    tools:
      - "desk_parts:look_up"
      - {import: "desk_parts:find", secrets: {key: "secret://file/./desk.key"}}
"""


def test_check_and_doctor_name_what_cannot_be_had_and_nothing_of_what_can(cli: Cli) -> None:
    cli.write("desk_parts.py", CODE)
    cli.write("desk.yaml", FLOW)
    found = cli.ok("check", "desk.yaml", "--output", "json").json
    assert [item["code"] for item in found] == ["unresolved-secret", "unresolved-secret"]
    assert "secret://env/DESK_KEY cannot be had: the variable is not set" in found[0]["reason"]
    assert "secret://file/./desk.key cannot be had: No such file" in found[1]["reason"]
    secret = "opens the desk at last"  # noqa: S105 - of a test
    cli.write("desk.key", "opens the drawer\n")
    checked = cli.ok("check", "desk.yaml", DESK_KEY=secret)
    assert "nothing found" in checked.out
    ran = cli.ok("run", "desk.yaml", "--input", cli.write("x.json", '"x"'), DESK_KEY=secret)
    assert "[secret://env/DESK_KEY]" in cli.ok("runs", "list", "--output", "json").out + ran.out + ran.err
    sick = cli.ok("doctor", "--output", "json").json
    [line] = [item for item in sick if item["check"] == "secret"]
    assert line["verdict"] == "warning"
    assert "desk: secret://env/DESK_KEY cannot be had" in line["found"]
    well = cli.ok("doctor", DESK_KEY=secret)
    assert "2 secrets of registered workflows can be had" in " ".join(well.out.split())
    for said in (checked, ran, well):
        assert secret not in said.out + said.err
        assert "opens the drawer" not in said.out + said.err
