"""What a call gave, as it is recorded: structured where a server gives that, else texts or parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ripieno.connectors.handler import first_mistake
from ripieno.connectors.mcp.asking import ASKS
from ripieno.connectors.mcp.definition import ToolDefinition
from ripieno.mediation.validation.patterns import bounded

__all__ = ["FAILED", "complaint", "recorded"]

FAILED: Final = "mcp_error"
"""Under which a result says that the tool itself calls it a failure."""

RESERVED: Final = frozenset({ASKS, FAILED})


def recorded(result: Mapping[str, Any], definition: ToolDefinition) -> Any:
    """Give the value of a result as the wire has it.

    A tool that declares what it gives gives that. Another gives its text, or the list of its parts: texts,
    images and sounds in base64, resources with their address. What the tool itself calls a failure is under
    `mcp_error`.
    """
    parts = [part(cast("Mapping[str, Any]", one)) for one in result.get("content", [])]
    texts = [one["text"] for one in parts if one["type"] == "text"]
    if result.get("isError"):
        return {FAILED: "\n".join(texts) or "it says nothing of why"}
    value: Any = value_of(result, parts, texts, definition)
    if isinstance(value, dict) and not RESERVED.isdisjoint(cast("dict[str, Any]", value)):
        return dict[str, Any](value=value)  # or it would be taken for something that we say
    return cast("Any", value)


def value_of(
    result: Mapping[str, Any], parts: list[dict[str, Any]], texts: list[str], definition: ToolDefinition
) -> Any:
    """Give what a call gave that did not fail."""
    if result.get("structuredContent") is not None:
        return result["structuredContent"]
    if definition.output_schema is None and len(texts) == len(parts):
        return "\n".join(texts)
    return {"content": parts}


def part(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give one part of a result, without what is only for those who show it."""
    return {name: value for name, value in content.items() if name not in ("annotations", "_meta", "icons")}


def complaint(value: Any, definition: ToolDefinition) -> str | None:
    """Say why what a call gave may not be used; None where it may."""
    said = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if ASKS in said:
        return None
    if set(said) == {FAILED}:
        return f"the server says: {said[FAILED]}"
    schema = definition.output_schema
    if schema is None:
        return None
    problem = first_mistake(bounded(schema), value)
    return None if problem is None else f"it is not what the tool declares: {problem}"
