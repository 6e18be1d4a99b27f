"""Reports as Markdown: one document that can be read, printed, filed and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

__all__ = ["Page", "cell", "in_words"]

LONGEST: Final = 300
"""Letters of a value in a table; the whole of it stands in the log."""

SPECIAL: Final = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<>|#~"})
"""What means something to Markdown; data means what it says."""


class Page:
    """A document that grows by headings, facts, tables and lists."""

    def __init__(self, title: str) -> None:
        self._lines = [f"# {cell(title)}", ""]

    def text(self, text: str) -> None:
        """Add a paragraph; what is data in it has been through `cell`."""
        self._lines += [text, ""]

    def heading(self, title: str) -> None:
        """Begin a section."""
        self._lines += [f"## {title}", ""]

    def facts(self, facts: Iterable[tuple[str, object]]) -> None:
        """Add what is known, one fact a row; what is not known is left out."""
        self.table(("", ""), ((name, value) for name, value in facts if value not in (None, "", (), [], {})))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]], otherwise: str = "") -> None:
        """Add a table, or say `otherwise` where it has no row."""
        body = [f"| {' | '.join(cell(in_words(value)) for value in row)} |" for row in rows]
        if not body:
            if otherwise:
                self.text(otherwise)
            return
        self._lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body, ""]

    def block(self, text: str) -> None:
        """Add text as it stands."""
        self._lines += ["```text", *text.splitlines(), "```", ""]

    def listed(self, items: Iterable[str]) -> None:
        """Add a list."""
        self._lines += [*(f"- {cell(item)}" for item in items), ""]

    def __str__(self) -> str:
        return "\n".join(self._lines)


def cell(text: str) -> str:
    """Give data as text on one line that Markdown takes for nothing else."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    return line.translate(SPECIAL)


def in_words(value: object) -> str:
    """Give a value as people read it: fields by name, lists by commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return ", ".join(f"{name} {in_words(one)}" for name, one in fields.items() if one is not None)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(one) for one in cast("Sequence[Any]", value))
    return str(value)
