"""The tools of an agent as its loop offers them to a model: described, and called by nobody but the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic_ai import RunContext
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from ripieno.connectors.search import OnDemand
from ripieno.connectors.tool import Tool

__all__ = ["OfferedTools", "described"]

ANYTHING = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))
"""What is wrong with arguments is found by the tool's own types, when the call is about to be made."""


class OfferedTools(AbstractToolset[Any]):
    """Declared tools, and those found; `mistakes`: how often a call of one may be wrong in a row."""

    def __init__(
        self, definitions: Sequence[ToolDefinition], *, mistakes: int, demands: Sequence[OnDemand] = ()
    ) -> None:
        self._mistakes, self._demands = mistakes, {one.search.offered_as: one for one in demands}
        self._tools_found: dict[str, ToolsetTool[Any]] = {}
        self._tools = {one.name: self._offered(one) for one in definitions}

    def _offered(self, definition: ToolDefinition) -> ToolsetTool[Any]:
        return ToolsetTool[Any](
            toolset=self, tool_def=definition, max_retries=self._mistakes, args_validator=ANYTHING
        )

    @property
    def id(self) -> str | None:
        """What errors call it."""
        return "ripieno"

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """Give the declared ones, and those that searches found so far: what was said before decides."""
        found = dict(self._tools)
        for part in (part for message in ctx.messages for part in message.parts) if self._demands else ():
            if isinstance(part, ToolReturnPart) and (demand := self._demands.get(part.tool_name)) is not None:
                result: Any = part.content
                found |= {tool.offered_as: self._found(tool) for tool in demand.shown(result)}
        return found

    def _found(self, tool: Tool) -> ToolsetTool[Any]:
        """Give a tool that was found, described once."""
        name = tool.offered_as
        known = self._tools.get(name) or self._tools_found.get(name)
        if known is None:
            known = self._tools_found[name] = self._offered(described(tool))
        return known

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> NoReturn:
        """Raise `NotImplementedError`: the loop asks for calls, it makes none."""
        raise NotImplementedError(name, tool_args, ctx, tool)


def described(tool: Tool) -> ToolDefinition:
    """Describe a tool to a model."""
    return ToolDefinition(
        name=tool.offered_as,
        description=tool.description or None,
        parameters_json_schema=dict(tool.input_schema),
        kind="external",
    )
