"""What is read of the wire in forms of our own: listings whole, results without the library's judgement."""

from __future__ import annotations

from typing import Any

import mcp_types as types
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["CALLED", "WholeTools"]


class WholeTools(BaseModel):
    """A page of tools, each as it came."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    tools: list[dict[str, Any]]
    next_cursor: str | None = Field(default=None, alias="nextCursor")


CALLED: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
"""What a call gives. Whether it is as the tool declares is for us to say, once it stands in the log."""
