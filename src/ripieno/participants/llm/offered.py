"""The tools of an agent as its loop offers them to a model: described, and called by nobody but the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic_ai import RunContext
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from ripieno.connectors.tool import Tool

__all__ = ["OfferedTools", "described"]

ANYTHING = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))
"""What is wrong with arguments is found by the tool's own types, when the call is about to be made."""


class OfferedTools(AbstractToolset[Any]):
    """Declared tools; `mistakes`: how often a call of one may be wrong in a row."""

    def __init__(self, definitions: Sequence[ToolDefinition], *, mistakes: int) -> None:
        self._tools = {
            one.name: ToolsetTool[Any](
                toolset=self, tool_def=one, max_retries=mistakes, args_validator=ANYTHING
            )
            for one in definitions
        }

    @property
    def id(self) -> str | None:
        """What errors call it."""
        return "ripieno"

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """Give them all."""
        del ctx
        return self._tools

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
