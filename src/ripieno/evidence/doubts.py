"""Calls in doubt: what is asked again about them, and when, read from the log as it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ripieno.kernel.clock import moment

__all__ = ["Doubt", "Doubts"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call of which it is not known whether it took effect, until it can be found out."""

    path: str
    tool: str
    until: int
    """When the other system is asked again, in microseconds since 1970."""

    def __str__(self) -> str:
        return f"{self.tool} in doubt: asked again at {moment(self.until).astimezone():%H:%M:%S}"

    def document(self) -> dict[str, Any]:
        """Give it as programs read it, beside tasks that are waited for."""
        return {
            "task": None,
            "role": None,
            "person": None,
            "title": f"{self.tool} in doubt",
            "until": moment(self.until).isoformat(),
        }


class Doubts:
    """Follows intents and the timers by which the kernel lets the other system settle."""

    def __init__(self) -> None:
        self._tools: dict[str, str] = {}
        """Tools that were claimed, by path."""
        self._open: dict[str, Doubt] = {}

    @property
    def open(self) -> Sequence[Doubt]:
        """Those that wait, in the order in which they came up."""
        return list(self._open.values())

    def take(self, kind: str, path: str, body: Mapping[str, Any]) -> None:
        """Take in an event."""
        if kind == "intent":
            self._tools[path] = body["tool"]
        elif kind == "result":
            self._open.pop(path, None)
        elif kind == "asked" and body["what"] == "timer":
            call, _, _ = path.rpartition("/settle/")
            if call in self._tools and "due" in body:
                self._open[call] = Doubt(call, self._tools[call], body["due"])
        elif kind == "answered":
            _, _, question = str(body["question"]).partition("/")
            self._open.pop(question.rpartition("/settle/")[0], None)
