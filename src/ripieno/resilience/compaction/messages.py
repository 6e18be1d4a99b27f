"""One message of a history, as no provider in particular writes it; connectors translate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Message", "Role", "ToolCall"]

Role = Literal["system", "request", "answer", "result", "summary"]
"""Standing instructions; what is asked; what the participant says or calls; what a call gave; a
summary that stands for messages before it."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that an answer asks for."""

    id: str
    """Unique within a history; its result names it."""
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def document(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {"id": self.id, "tool": self.tool, "arguments": dict(self.arguments)}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Whether it is an error, pinned or collapsed is said by fields, never by its words."""

    role: Role
    content: Any = None
    """Text or any JSON."""
    by: str | None = None
    """Who said it, or which tool gave it."""
    calls: tuple[ToolCall, ...] = ()
    """What an answer asks for; several are one parallel batch."""
    call: str | None = None
    """The id of the call that a result belongs to."""
    error: bool = False
    """True for the result of a call that failed."""
    pinned: bool = False
    """True for what its author wants to be seen always."""
    collapsed: bool = False
    """True for a result whose content was left out."""

    def document(self) -> dict[str, Any]:
        """Give it as plain data, what is not set left out."""
        said: dict[str, Any] = {"role": self.role, "content": self.content}
        more: dict[str, Any] = {
            "by": self.by,
            "calls": [call.document() for call in self.calls],
            "call": self.call,
            "error": self.error,
            "pinned": self.pinned,
            "collapsed": self.collapsed,
        }
        return said | {name: value for name, value in more.items() if value}
