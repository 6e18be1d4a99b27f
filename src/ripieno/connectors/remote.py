"""An act of another system as what carries out a tool: schemas that were given, and an async caller."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, cast

from ripieno.connectors.handler import Handler, Origin, first_mistake
from ripieno.mediation.validation.patterns import bounded
from ripieno.mediation.validation.schemas import check_schema
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError

__all__ = ["Caller", "Remote", "digest_of"]

Caller = Callable[[Mapping[str, Any], Call], Awaitable[Any]]
"""Carries out a call with arguments. Raises `ToolError` when it had no effect; whatever else it raises
leaves a write in doubt. Opened secrets are in `call.given`, by the names they are declared under."""


class Remote(Handler):
    """What has no Python function of its own: an operation of a service, a tool of an MCP server."""

    def __init__(
        self,
        name: str,
        caller: Caller,
        *,
        input_schema: Mapping[str, Any],
        output_schema: Mapping[str, Any] | None = None,
        description: str = "",
        version: str | None = None,
        origin: Origin = "system",
        reference: str = "",
    ) -> None:
        check_schema(input_schema, f"the input of {name}")
        if input_schema.get("type", "object") != "object":
            msg = f"the input of {name} must be an object, its schema says {input_schema['type']!r}"
            raise DefinitionError(msg)
        if output_schema is not None:
            check_schema(output_schema, f"the output of {name}")
        self.name, self.caller, self.description, self.origin = name, caller, description, origin
        self._input, self._output = input_schema, output_schema
        self._checked: Mapping[str, Any] = bounded(input_schema)
        self._version = version or digest_of(self.definition())
        self._reference = reference

    def definition(self) -> dict[str, Any]:
        """Give all that an agent is told of it: what its digest covers."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self._input,
            "output_schema": self._output,
        }

    @property
    def version(self) -> str:
        """A declared version, or the digest of its definition."""
        return self._version

    @property
    def reference(self) -> str:
        """Where another process finds it; a connector that it belongs to says where."""
        return self._reference or f"{self.origin}:{self.name}"

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """As it was given."""
        return self._input

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """As it was given."""
        return self._output

    def takes(self, name: str) -> bool:
        """Tell whether its input has a property of that name, or may have any."""
        return name in self._input.get("properties", {}) or bool(self._input.get("additionalProperties"))

    def parameters(self) -> Mapping[str, bool]:
        """Give the properties of its input, and whether each is required."""
        required = cast("list[str]", self._input.get("required", []))
        return {name: name in required for name in self._input.get("properties", {})}

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments, in one line; None when nothing is."""
        return first_mistake(self._checked, dict(arguments))

    def asking(self, caller: Caller) -> Remote:
        """Give what asks the same system whether a call took effect, with the same arguments."""
        same = copy.copy(self)
        same.caller = caller
        return same

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Let the caller carry it out."""
        return await self.caller(arguments, call)


def digest_of(document: Any) -> str:
    """Give the SHA-256 of a JSON document, whatever the order of its fields."""
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
