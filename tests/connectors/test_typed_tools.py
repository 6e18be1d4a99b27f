"""A tool is a typed declaration wherever it comes from: a function, or an act of another system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from ripieno import single_agent
from ripieno.connectors.remote import Remote
from ripieno.connectors.tool import Tool, tool
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.participants.function import Function

CALL = Call("key", "run", "path", 1, datetime(2026, 1, 1, tzinfo=UTC))


class Visit(BaseModel):
    clinic: str
    at: datetime


@dataclass
class Booked:
    number: int
    on: date


@tool(effect="write", rate=(10, "1m"))
async def book(visit: Visit, urgency: Literal["low", "high"] = "low", *, call: Call) -> Booked:
    """Book a visit.

    Gives its number.
    """
    assert isinstance(visit, Visit)
    return Booked(len(call.key) + len(urgency), visit.at.date())


def test_a_function_declares_its_schemas_by_its_annotations() -> None:
    assert book.origin == "python"
    assert book.description == "Book a visit.\n\nGives its number."
    properties = book.input_schema["properties"]
    assert sorted(properties) == ["urgency", "visit"]
    assert properties["urgency"]["enum"] == ["low", "high"]
    assert book.input_schema["required"] == ["visit"]
    assert book.input_schema["$defs"]["Visit"]["properties"]["at"]["format"] == "date-time"
    given = book.output_schema
    assert given is not None
    assert given["properties"]["on"] == {"format": "date", "title": "On", "type": "string"}
    assert book.rate == (10, "1m")


async def test_a_function_is_given_the_types_that_it_declares() -> None:
    arguments = {"visit": {"clinic": "eye", "at": "2026-03-01T10:00:00Z"}}
    assert book.problem(arguments) is None
    assert await book.call(arguments, CALL) == Booked(6, date(2026, 3, 1))


async def test_what_does_not_fit_is_no_call() -> None:
    wrong = {"visit": {"clinic": "eye", "at": "soon"}, "urgency": "low"}
    assert "visit.at" in (book.problem(wrong) or "")
    with pytest.raises(ToolError, match="book cannot be called: visit"):
        await book.call(wrong, CALL)


def test_what_json_schema_cannot_say_is_no_schema_of_a_result() -> None:
    @tool(effect="read")
    def connect(host: str) -> Call | None:
        """Open a connection."""

    @tool(effect="read")
    def untyped(host: str):  # noqa: ANN202 - that is the point
        """Open a connection."""
        return host

    assert untyped.output_schema is None
    assert connect.input_schema["required"] == ["host"]


# -- without a function of its own ------------------------------------------------------------------------

ORDER = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["item"],
    "additionalProperties": False,
}


async def echo(arguments: Mapping[str, Any], call: Call) -> Any:
    secret = call.given.get("token")
    return {**arguments, "with": None if secret is None else secret.reveal()}


def remote(name: str = "order", **options: Any) -> Tool:
    return Tool(Remote(name, echo, description="Order an item.", input_schema=ORDER), **options)


async def test_an_act_of_another_system_is_a_tool_with_the_schemas_it_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "t-5aa1c0ffee")
    order = remote(secrets={"token": "secret://env/SHOP_TOKEN"})
    assert (order.origin, order.function, order.name) == ("system", None, "order")
    assert order.input_schema == ORDER
    assert order.problem({"item": "pen", "count": 0}) == "count: 0 is less than the minimum of 1"
    assert order.problem({"item": "pen"}) is None
    assert (await order(item="pen"))["with"] == "t-5aa1c0ffee"


def test_its_version_changes_with_its_definition_and_with_nothing_else() -> None:
    other = Tool(Remote("order", echo, description="Order two items.", input_schema=ORDER))
    same = Tool(
        Remote("order", echo, description="Order an item.", input_schema=dict(reversed(ORDER.items())))
    )
    assert remote().version == same.version != other.version


async def test_an_agent_is_told_what_does_not_fit_such_a_tool() -> None:
    agent = single_agent(Function(lambda: 1, name="agent", pure=True), tools=[remote()])
    assert agent.settings()["tools"] == ["system:order"]
    assert agent.identity() == {"system:order": remote().version}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "is not a JSON Schema"),
        ({"type": "array"}, "must be an object"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}}, "not in it"),
    ],
)
def test_a_schema_that_cannot_be_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        Remote("order", echo, input_schema=schema)


async def test_a_caller_can_say_what_became_of_a_call() -> None:
    async def find(arguments: Mapping[str, Any], call: Call) -> Any:
        return {"found": arguments["item"], "key": call.key}

    order = remote(on_uncertain=find)
    assert order.on_uncertain == "verify"
    assert await order.verify({"item": "pen"}, CALL) == {"found": "pen", "key": "key"}
    assert await order.changed(timeout="5s").verify({"item": "pen"}, CALL) == {"found": "pen", "key": "key"}
    assert order.changed(timeout="5s").timeout == 5


# -- undo: where the arguments come from ------------------------------------------------------------------


def test_an_undo_finds_its_arguments_by_paths() -> None:
    cancel = remote("cancel").fed(item="result.order.id", count="arguments.lines.1")
    given = cancel.undo_arguments({"lines": [4, 7]}, {"order": {"id": "o-1"}})
    assert given == {"item": "o-1", "count": 7}
    assert cancel.undo_arguments({"lines": [4]}, {"order": {"id": "o-1"}}) == {"item": "o-1"}
    with pytest.raises(ToolError, match=r"needs 'result\.order\.id'"):
        cancel.undo_arguments({}, "accepted")


@pytest.mark.parametrize(
    ("paths", "said"),
    [({"itme": "result.id"}, "did you mean 'item'"), ({"item": "answer.id"}, "expected a path")],
)
def test_a_path_that_leads_nowhere_is_refused(paths: dict[str, str], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        remote("cancel").fed(**paths)


def test_a_name_is_offered_to_models_as_they_take_it_and_two_stay_two() -> None:
    names = ["order", "crm.order", "crm_order", "crm.order.", "x" * 80, "x" * 81]
    offered = [remote(name).offered_as for name in names]
    assert offered[0] == "order"
    assert len(set(offered)) == len(names)
    assert all(len(one) <= 64 and one.replace("_", "").replace("-", "").isalnum() for one in offered)
