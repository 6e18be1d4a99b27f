"""Tools that are found before they are offered: a thousand operations are no thousand tools at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, cast

from ripieno.connectors.connector import PREFIX, Connector
from ripieno.connectors.ranking import bm25
from ripieno.connectors.remote import Remote
from ripieno.connectors.tool import Tool, offered_name
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, NotFoundError
from ripieno.model.value import encode

__all__ = ["OnDemand"]

MOST: Final = 5
LARGEST: Final = 24_000
"""Bytes of what one search gives: about 6,000 tokens."""
LARGEST_EACH: Final = 8_000
WORD: Final = re.compile(r"[a-z]+(?![a-z])|[A-Z]+(?![a-z])|[A-Z][a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
NAMED: Final = 3
"""A word of a tool's name counts so often."""

ASKED: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "query": {
            "type": "string",
            "minLength": 1,
            "maxLength": 400,
            "description": "What is to be done, in a few words: `cancel an order`",
        }
    },
    "required": ["query"],
    "additionalProperties": False,
}


class OnDemand:
    """The tools of a connector behind a tool that finds them; give it among the tools of an agent.

    Every tool that is allowed can be called; the agent is shown those that it found.
    """

    def __init__(self, connector: Connector, *, most: int = MOST) -> None:
        if most < 1:
            msg = f"connector {connector.name}: a search gives at least 1 tool, got {most!r}"
            raise DefinitionError(msg)
        self.connector, self.most = connector, most

    @cached_property
    def search(self) -> Tool:
        """The tool that finds the others, such as `crm.find_tools`."""
        count = len(self.connector.names)
        about = (
            f"Find the tools of {self.connector.name} for what is to be done, among {count}."
            f" Gives up to {self.most}, the best first, each with the arguments that it takes;"
            " they can be called by their names from then on."
        )
        handler = Remote(
            "find_tools",
            self._answer,
            input_schema=ASKED,
            description=about,
            version=self.connector.digest[:16],
            origin=self.connector.origin,
        )
        found = Tool(handler, effect="read").bound(self.connector, None)
        found.found_as = f"{PREFIX}{self.connector.name}"
        found.on_demand = self
        return found

    def tool(self, name: str) -> Tool | None:
        """Give a tool by its full name, `crm.create_order`; None where there is none that can be called."""
        own = name.removeprefix(f"{self.connector.name}.")
        if own == name:
            return None
        try:
            return self.search if name == self.search.name else self.connector.tool(own)
        except (NotFoundError, DefinitionError):
            return None

    def offered(self, name: str) -> Tool | None:
        """Give a tool by the name that models know it by; None where there is none that is allowed."""
        own = self._offered.get(name)
        return None if own is None else self.tool(own)

    @cached_property
    def _offered(self) -> dict[str, str]:
        names = (f"{self.connector.name}.{own}" for own in self.connector.names)
        return {offered_name(name): name for name in names}

    def shown(self, result: Any) -> list[Tool]:
        """Give the tools that the result of a search names: those to offer from then on."""
        told: dict[str, Any] = cast("dict[str, Any]", result) if isinstance(result, dict) else {}
        listed = cast("list[dict[str, Any]]", told.get("tools", []))
        found = [self.tool(str(one.get("name"))) for one in listed]
        return [one for one in found if one is not None]

    def best(self, query: str) -> list[str]:
        """Give the names of the tools that fit a query best, the best first (BM25)."""
        counted, lengths, often = self._index
        scores = bm25(words_in(query), counted, often, lengths)
        return sorted(scores, key=lambda name: (-scores[name], name))[: self.most]

    @cached_property
    def _index(self) -> tuple[dict[str, Counter[str]], dict[str, int], dict[str, list[str]]]:
        """Give how often each tool has each word, how many words it has, and which tools have a word."""
        counted: dict[str, Counter[str]] = {}
        often: dict[str, list[str]] = {}
        for name in self.connector.names:
            counted[name] = Counter(words_in(self.connector.words_of(name)))
            for word in words_in(name):
                counted[name][word] += NAMED
            for word in counted[name]:
                often.setdefault(word, []).append(name)
        return counted, {name: sum(words.values()) for name, words in counted.items()}, often

    async def _answer(self, arguments: Mapping[str, Any], call: Call) -> Any:
        del call
        found: list[dict[str, Any]] = []
        left = LARGEST
        for name in self.best(arguments["query"]):
            tool = self.tool(f"{self.connector.name}.{name}")
            if tool is None:  # nobody could call it
                continue
            told = told_of(tool)
            left -= len(encode(told))
            if found and left < 0:
                break
            found.append(told)
        if not found:
            return {"tools": [], "message": "nothing fits: try other words, the fewer the better"}
        return {"tools": found}


def told_of(tool: Tool) -> dict[str, Any]:
    """Give what an agent is told of a tool: in short where it would be too long, at last names alone."""
    told = {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
    if len(encode(told)) <= LARGEST_EACH:
        return told
    told |= {"input_schema": without_remarks(told["input_schema"], named=False), "shortened": True}
    if len(encode(told)) <= LARGEST_EACH:
        return told
    properties = tool.input_schema.get("properties", {})
    short = {name: {"type": one.get("type", "object")} for name, one in properties.items()}
    required = tool.input_schema.get("required", [])
    schema = {"type": "object", "properties": short, "required": required}
    return {**told, "description": tool.description[:400], "input_schema": schema}


def without_remarks(node: Any, *, named: bool) -> Any:
    """Give a schema without what is said in words of its parts; under `named` the keys are names."""
    if isinstance(node, list):
        return [without_remarks(one, named=False) for one in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Any]", node)
    return {
        name: without_remarks(one, named=not named and name in {"properties", "$defs"})
        for name, one in fields.items()
        if named or name not in {"description", "title", "default", "pattern"}
    }


def words_in(text: str) -> list[str]:
    """Give the words of a text, also those that a name is made of, without their endings."""
    return [stem(one.lower()) for one in WORD.findall(text)]


def stem(word: str) -> str:
    """Give a word without the endings of English that tell `orders` and `order` apart."""
    for ending in ("ations", "ation", "ings", "ing", "lled", "ies", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - what is shorter is no word
            left = word[: -len(ending)]
            return f"{left}y" if ending == "ies" else f"{left}l" if ending == "lled" else left
    return word
