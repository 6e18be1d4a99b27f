"""Retrieval by a function of one's own: a vector database, a search service, whatever gives passages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import isfinite
from typing import Any, Final, cast

from ripieno.connectors.handler import Handler, Origin
from ripieno.connectors.python_function import PythonFunction
from ripieno.connectors.tool import Tool
from ripieno.model.action import Call
from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.provenance import SourceTrust

__all__ = ["Passage", "retrieval"]

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"passages": {"type": "array", "items": {"type": "object"}}},
    "required": ["passages"],
}


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was found."""

    text: str
    source: str
    """Where it is from: a path, an address, a record's name."""
    score: float
    """How well it fits, by whatever measure; the higher, the better."""
    trust: SourceTrust | None = None
    """How far this source is trusted, where that is less than what is declared of all."""
    data: Sequence[str] = ()
    """The classes of data that it holds, beside those declared of all."""
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Whatever else is to be known of it."""


class Retrieving(PythonFunction):
    """A function that gives passages, whose results are recorded with their sources and scores."""

    origin: Origin = "python"

    def without(self, names: Collection[str]) -> Retrieving:
        """Give the same one, some of whose parameters the platform gives itself."""
        return Retrieving(self.function, given=names)

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """What every retrieval gives."""
        return SCHEMA

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Ask the function, and note what it gave, best first; raises `ToolError` for what is none."""
        found: object = await super().call(arguments, call)
        if isinstance(found, str | bytes | dict) or not isinstance(found, Iterable):
            msg = f"{self.name} is to give passages, it gave {type(cast('object', found)).__name__}"
            raise ToolError(msg, failure="bad_request")
        passages: list[Passage] = []
        for one in cast("Iterable[object]", found):
            if not isinstance(one, Passage) or not isfinite(one.score):
                msg = f"{self.name} is to give Passage(text, source, score) with a number, got {one!r:.200}"
                raise ToolError(msg, failure="bad_request")
            passages.append(one)
        passages.sort(key=lambda one: -one.score)
        for one in passages:
            if one.trust is not None or one.data:
                call.from_source(one.trust or "trusted", one.data)
        call.noted["retrieved"] = {"by": self.name, "scores": [decimal(float(one.score)) for one in passages]}
        return {"passages": [told(one) for one in passages]}


def told(one: Passage) -> dict[str, Any]:
    """Give a passage as it is recorded, and as whoever asked is told."""
    digest = sha256(one.text.encode("utf-8", "surrogatepass")).hexdigest()
    kept = {"source": one.source, "text": one.text, "score": float(one.score), "digest": digest}
    return {**one.more, **kept}


def retrieval(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare a function that finds passages as a tool: it gives a list of `Passage`.

    Sources and scores are recorded with each call, beside what was asked. What it gives is untrusted unless
    `trust="trusted"` is declared; a passage may say less of itself, never more. It only reads, and whoever
    runs it again after a crash asks again. options: as of `@tool`.
    """

    def declare(target: Callable[..., Any]) -> Tool:
        if options.get("effect", "read") != "read" or "undo" in options:
            msg = f"retrieval {getattr(target, '__name__', target)!r} only reads"
            raise DefinitionError(msg, remedy="declare what changes something with @tool")
        if not callable(target) or inspect.isclass(target):
            msg = f"expected a function, got {target!r}"
            raise DefinitionError(msg)
        handler: Handler = Retrieving(target)
        settings: dict[str, Any] = {"on_uncertain": "retry", **options, "effect": "read"}
        return Tool(handler, **settings)

    return declare if function is None else declare(function)
