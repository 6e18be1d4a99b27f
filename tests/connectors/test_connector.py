"""A connector names its tools, says what is declared of them, and is what runs are pinned to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Function, concurrent, merge
from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.remote import Remote
from ripieno.connectors.tool import Tool
from ripieno.kernel.host import Host
from ripieno.kernel.rollback import roll_back
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, NotFoundError
from ripieno.workflows.workflow import Workflow

ITEM = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Desk:
    """Another system: what it did."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    async def create(self, arguments: Mapping[str, Any], call: Call) -> Any:
        del call
        self.acts.append(f"create {arguments['name']}")
        return {"user": {"id": f"u-{arguments['name']}"}}

    async def delete(self, arguments: Mapping[str, Any], call: Call) -> Any:
        del call
        self.acts.append(f"delete {arguments['id']}")

    def connector(self, name: str = "desk", **options: Any) -> Connector:
        create = Tool(Remote("create_user", self.create, description="Create a user.", input_schema=NAME))
        delete = Tool(Remote("delete_user", self.delete, description="Delete a user.", input_schema=ITEM))
        settings: dict[str, Any] = {"overrides": {"create_user": UNDONE}, **options}
        return Connector(name, [create, delete], **settings)


UNDONE: Overrides = {"undo": "delete_user", "undo_from": {"id": "result.user.id"}, "rate": (5, "1s")}


def test_its_tools_bear_its_name_and_what_is_declared_of_them() -> None:
    desk = Desk().connector()
    create = desk.tool("create_user")
    assert (create.name, create.reference) == ("desk.create_user", "connector:desk/create_user")
    assert create.connector is desk
    assert create.rate == (5, "1s")
    assert create.undo is not None
    assert (create.undo.name, create.undo.reference) == (
        "desk.delete_user",
        "connector:desk/create_user#undo",
    )
    assert create.undo.undo_arguments({"name": "ada"}, {"user": {"id": "u-ada"}}) == {"id": "u-ada"}
    assert [one.name for one in desk.tools] == ["desk.create_user", "desk.delete_user"]


def test_what_is_not_allowed_is_not_there() -> None:
    desk = Desk().connector(allow=["create_*"])
    assert list(desk.names) == ["create_user"]
    with pytest.raises(NotFoundError, match="'delete_user' is not allowed"):
        desk.tool("delete_user")
    assert desk.tool("create_user").undo is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "Desk"}, "lower-case letters"),
        ({"allow": "create_user"}, "must be a list"),
        ({"allow": ["creat_user"]}, "did you mean 'create_user'"),
        ({"overrides": {"creat_user": {}}}, "did you mean 'create_user'"),
        ({"overrides": {"create_user": {"undo": "remove_user"}}}, "no tool 'remove_user'"),
        ({"pin": "0" * 64}, "was approved as 000000000000"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        Desk().connector(**options)
    assert Desk().connector(pin=Desk().connector().digest).digest == Desk().connector().digest


def test_an_undo_of_what_only_reads_is_refused_with_the_tool() -> None:
    desk = Desk().connector(overrides={"create_user": {**UNDONE, "effect": "read"}})
    with pytest.raises(DefinitionError, match="create_user only reads"):
        desk.tool("create_user")


def using(desk: Connector, name: str = "onboard") -> Function:
    create = desk.tool("create_user")

    async def onboard(context: Context) -> Any:
        return await context.use(create, name="ada")

    return Function(onboard, name=name, pure=True)


def test_runs_are_pinned_to_its_interface_and_definitions_hold_what_is_declared_of_it() -> None:
    workflow = Workflow("onboarding", using(Desk().connector()))
    desk = Desk().connector()
    pinned = workflow.pins["connectors"]["desk"]
    assert {name: pinned[name] for name in ("version", "digest")} == {"version": "1", "digest": desk.digest}
    assert workflow.document()["connectors"] == {
        "desk": {
            "version": "1",
            "tools": {
                "create_user": {
                    "undo": "delete_user",
                    "undo_from": {"id": "result.user.id"},
                    "rate": {"calls": 5, "per": "1s"},
                }
            },
        }
    }
    assert workflow.version == Workflow("onboarding", using(desk)).version
    other = Desk().connector(overrides={})
    assert Workflow("onboarding", using(other)).version != workflow.version


def test_two_connectors_of_one_name_are_refused_unless_they_are_the_same() -> None:
    two = concurrent(
        using(Desk().connector()), using(Desk().connector(version="2"), "second"), resolve=merge()
    )
    with pytest.raises(DefinitionError, match="two connectors are called 'desk'"):
        _ = Workflow("onboarding", two).version


@pytest.mark.parametrize("restarted", ["", "restarted"])
async def test_what_a_tool_of_a_connector_did_is_taken_back_also_after_a_restart(
    tmp_path: Path, restarted: str
) -> None:
    desk = Desk()
    workflow = Workflow("onboarding", using(desk.connector()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        if not restarted:
            await ended(host, await undone(host, run))
    if restarted:
        async with serving(tmp_path, Workflow("onboarding", using(desk.connector()))) as host:
            await ended(host, await undone(host, run))
    assert desk.acts == ["create ada", "delete u-ada"]


async def undone(host: Host, run: str) -> str:
    row = await roll_back(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="wrong")
    host.ring()
    return row.id
