"""What is taken may grow and what is given may shrink; the other way round callers break."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from shop_api import shop

from ripieno.connectors.comparison import compare, compare_schemas, interfaces_of
from ripieno.connectors.connector import Connector
from ripieno.connectors.openapi.connector import interfaces
from ripieno.connectors.openapi.document import Document
from ripieno.connectors.tool import Tool

TEXT: dict[str, Any] = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("before", "after", "said", "taken", "given"),
    [
        (of(a=TEXT), of(), ".a is gone", True, True),
        (of(), of(a=TEXT), ".a is new", False, False),
        (of(a=TEXT), {**of(a=TEXT), "required": ["a"]}, ".a has to be given now", True, False),
        ({**of(a=TEXT), "required": ["a"]}, of(a=TEXT), ".a may be left out now", False, True),
        (of(a=TEXT), of(a={"type": ["string", "null"]}), ".a may be null too", False, True),
        (of(a={"type": ["string", "null"]}), of(a=TEXT), ".a is no null any more", True, False),
        (of(a={"type": "integer"}), of(a={"type": "number"}), ".a may be number too", False, True),
        (of(a={"enum": [1, 2]}), of(a={"enum": [1]}), ".a is 2 no more", True, False),
        (of(a={"enum": [1]}), of(a={"enum": [1, 2]}), ".a may be 2 too", False, True),
        (of(a=TEXT), of(a={**TEXT, "enum": ["x"]}), ".a is one of a list now", True, False),
        (
            of(a={**TEXT, "maxLength": 9}),
            of(a={**TEXT, "maxLength": 5}),
            "maxLength was 9, now 5",
            True,
            False,
        ),
        (of(a={**TEXT, "maxLength": 9}), of(a=TEXT), "maxLength was 9, now none", False, True),
        (of(a=TEXT), of(a={**TEXT, "minLength": 1}), "minLength was none, now 1", True, False),
        (of(a=TEXT), of(a={**TEXT, "pattern": "x"}), "pattern is new", True, False),
        (of(a={**TEXT, "pattern": "y"}), of(a={**TEXT, "pattern": "x"}), "pattern is another", True, True),
        (
            of(a={"type": "array", "items": TEXT}),
            of(a={"type": "array", "items": {}}),
            ".a[] may be",
            False,
            True,
        ),
        (
            of(a={"type": "array"}),
            of(a={"type": "array", "items": {"type": ["string", "null"]}}),
            ".a[] is no array or boolean",
            True,
            False,
        ),
        (of(), {**of(), "additionalProperties": False}, "has no other fields any more", True, False),
        ({**of(), "additionalProperties": False}, of(), "may have other fields now", False, False),
        (of(), {**of(), "additionalProperties": TEXT}, ".* is no array or boolean", True, False),
        (of(a=True), of(a=False), ".a: not is new", True, False),
        (
            {"prefixItems": [TEXT]},
            {"prefixItems": [{"type": "integer"}]},
            ": prefixItems is another",
            True,
            True,
        ),
        ({}, {"dependentRequired": {"a": ["b"]}}, ": dependentRequired is new", True, False),
        ({"if": {}, "then": {"required": ["a"]}}, {"if": {}}, ": then is gone", False, True),
        ({"unknownWord": 1}, {"unknownWord": 2}, ": unknownWord is another", True, True),
        ({**TEXT, "default": "a"}, {**TEXT, "default": "b"}, ": default is another", False, False),
        ({"minimum": 1}, {"minimum": {}}, ": minimum is another", True, True),
        (
            {"$ref": "#/$defs/A", "maxLength": 9, "$defs": {"A": TEXT}},
            {"$ref": "#/$defs/A", "maxLength": 5, "$defs": {"A": TEXT}},
            ": maxLength was 9, now 5",
            True,
            False,
        ),
        (
            {"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"enum": [1]}}},
            {"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"enum": [2]}}},
            ": anyOf is another",
            True,
            True,
        ),
    ],
)
def test_a_change_breaks_one_way_and_not_the_other(
    before: Any, after: Any, said: str, taken: Any, given: Any
) -> None:
    for way, breaks in (("in", taken), ("out", given)):
        found = list(compare_schemas(before, after, "in" if way == "in" else "out"))
        assert len(found) == 1
        assert said in found[0][0]
        assert found[0][1] is breaks
    assert list(compare_schemas(before, copy.deepcopy(before), "in")) == []


def test_what_refers_to_itself_is_compared_once_and_where_it_stands() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/Node"}, "size": {"type": "integer"}},
    }
    other = copy.deepcopy(node)
    other["properties"]["size"] = TEXT
    before = {**of(top={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    after = {**of(top={"$ref": "#/$defs/Node"}), "$defs": {"Node": other}}
    found = list(compare_schemas(before, after, "in"))
    assert [what for what, _ in found] == [
        "takes.top.size is no integer any more",
        "takes.top.size may be string too",
    ]


def test_what_is_only_said_otherwise_breaks_nothing() -> None:
    def alike(about: str) -> dict[str, Any]:
        field = {"anyOf": [{**TEXT, "title": about}], "description": about, "x-of-a-vendor": about}
        return {**of(description={**TEXT, "examples": [about]}, a=field), "$comment": about}

    assert list(compare_schemas(alike("one"), alike("two"), "in")) == [
        ("takes.a is described otherwise", False)
    ]
    found = compare_schemas(of(description=TEXT), of(description={"type": "integer"}), "in")
    assert any(breaks for _, breaks in found), "a field may have such a name"


def test_what_nests_without_end_is_not_taken_to_be_the_same() -> None:
    def deep(bottom: str) -> dict[str, Any]:
        found: dict[str, Any] = {"type": bottom}
        for _ in range(60):
            found = of(a=found)
        return found

    assert list(compare_schemas(deep("string"), deep("string"), "in")) == []
    [(said, breaks)] = compare_schemas(deep("string"), deep("integer"), "in")
    assert ("nests too deep" in said, breaks) == (True, True)


def test_two_documents_are_compared_by_what_calls_depend_on() -> None:
    other = shop()
    paths = other["paths"]
    del paths["/orders/{id}"]["delete"]
    paths["/v3/orders"] = paths.pop("/orders")
    paths["/v3/orders"]["get"]["summary"] = "List orders."
    other["components"]["schemas"]["Order"]["properties"]["count"]["maximum"] = 9
    found = compare(interfaces(Document(shop(), "a")), interfaces(Document(other, "b")))
    told = {(one.tool, one.what): one.breaking for one in found}
    assert told["cancelOrder", "is gone"]
    assert told[
        "listOrders", "is called otherwise: GET /orders, known by key, now GET /v3/orders, known by key"
    ]
    assert told["listOrders", "is described otherwise"] is False
    assert told["createOrder", "takes.body.count: maximum was none, now 9"]
    assert told["getOrder", "gives.count: maximum was none, now 9"] is False
    assert [one.breaking for one in found] == sorted((one.breaking for one in found), reverse=True)
    assert compare(interfaces(Document(shop(), "a")), interfaces(Document(shop(), "b"))) == []


def test_a_document_that_leads_elsewhere_is_told_as_such() -> None:
    other = shop()
    other["servers"] = [{"url": "https://elsewhere.example"}]
    other["components"]["securitySchemes"]["key"] = {"type": "apiKey", "in": "query", "name": "k"}
    found = compare(
        interfaces(Document(shop(), "a"), ["getOrder"]), interfaces(Document(other, "b"), ["getOrder"])
    )
    assert [(one.tool, one.breaking) for one in found] == [("(key)", True), ("(service)", True)]
    assert (
        found[1].what
        == "is called otherwise: at https://eu.shop.example/v2, now at https://elsewhere.example"
    )


def test_tools_of_any_connector_are_compared() -> None:
    def look(item: str) -> int:
        """Look."""
        return len(item)

    def look_again(item: str, where: str) -> str:
        """Look."""
        return item + where

    one = Connector("desk", [Tool(look, name="look", effect="read")])
    two = Connector("desk", [Tool(look_again, name="look", effect="write")])
    told = {one.what for one in compare(interfaces_of(one), interfaces_of(two)) if one.breaking}
    assert told == {"gives may be string too", "takes.where has to be given now", "was a read, is a write"}
