"""A schema of a stranger takes no longer to check than its value is long, whatever stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno.connectors.handler import first_mistake
from ripieno.connectors.mcp.asking import asked_of
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.connectors.mcp.results import complaint
from ripieno.connectors.remote import Remote
from ripieno.mediation.validation.patterns import bounded
from ripieno.mediation.validation.schemas import check_schema, mistakes, validator

LETTERS = "a" * 40 + "!"
EVIL = "^(a+)+$"
WORSE = "^(?=a)(a+)+$"
"""Which only Python's expressions know."""


def texts(pattern: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}


def named(pattern: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {pattern: {"type": "integer"}}, **more}


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        (texts(EVIL), {"a": LETTERS}, False),
        (texts(EVIL), {"a": "aaa"}, True),
        (texts(WORSE), {"a": LETTERS}, True),
        (named(EVIL), {LETTERS: "x"}, True),
        (named(EVIL), {"aaa": "x"}, False),
        (named(EVIL, additionalProperties=False), {LETTERS: 1}, False),
        (named(EVIL, additionalProperties=False), {"aaa": 1}, True),
        (named(EVIL, additionalProperties={"type": "string"}), {LETTERS: 1, "aaa": 1}, False),
        (named(EVIL, additionalProperties={"type": "string"}), {LETTERS: "x", "aaa": 1}, True),
        (named(WORSE, additionalProperties=False), {LETTERS: 1}, True),
        (named(EVIL, unevaluatedProperties=False), {LETTERS: 1}, True),
        ({"properties": {"pattern": {"type": "integer"}}}, {"pattern": "x"}, False),
        (
            {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#", **texts(EVIL)}}},
            {},
            True,
        ),
        ({"enum": [{"pattern": WORSE}]}, {"pattern": WORSE}, True),
        (texts("x" * 6_000), {"a": "y"}, True),
        ({"anyOf": [texts(EVIL), {"type": "null"}]}, {"a": LETTERS}, False),
    ],
    ids=lambda one: str(one)[:70],
)
def test_patterns_are_matched_in_time_that_grows_with_the_text(
    schema: Any, value: Any, *, fits: bool
) -> None:
    tool = Remote("look", caller, input_schema={"type": "object", **schema})
    assert (tool.problem(value) is None) is fits
    definition = ToolDefinition({"name": "look", "inputSchema": {}, "outputSchema": schema})
    assert (complaint(value, definition) is None) is fits


async def caller(arguments: Any, call: Any) -> Any:
    del arguments, call


def test_a_draft_of_a_subschema_does_not_bring_another_matcher_in() -> None:
    inner = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string", "pattern": EVIL}
    assert first_mistake(bounded({"properties": {"a": inner}}), {"a": LETTERS}) is not None


def test_what_a_server_asks_of_people_has_no_patterns() -> None:
    from mcp_types import ElicitRequestFormParams  # noqa: PLC0415 - heavy

    params = ElicitRequestFormParams(message="Which one?", requested_schema=texts(EVIL))
    asked = asked_of(params)
    assert not isinstance(asked, str)
    assert asked.form == {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_schema_that_multiplies_or_refers_to_itself_is_given_up() -> None:
    levels = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    bomb = {"$ref": "#/$defs/a0", "$defs": {**levels, "a40": {"type": "integer"}}}
    check_schema(bomb, "the bomb")
    assert mistakes(validator(bomb), 1, references=1_000) == [
        "it cannot be checked: its schema refers to itself without end"
    ]
    circle = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert "without end" in str(first_mistake(circle, 1))


def test_a_mistake_is_told_in_short_and_no_more_are_looked_for_than_are_told() -> None:
    long = ["x" * 10_000] * 1_000
    said = mistakes(validator({"items": {"type": "integer"}}), long, most=3)
    assert [len(one) < 400 for one in said] == [True] * 3
    assert said[2].startswith("2: ")
