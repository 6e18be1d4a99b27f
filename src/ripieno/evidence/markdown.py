"""Reports as Markdown: one document that can be read, printed, filed and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

__all__ = ["Page", "cell", "in_words"]

LONGEST: Final = 300
"""Letters of a value in a table; the whole of it stands at the end of the document."""

SPECIAL: Final = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<>|#~"})
"""What means something to Markdown; data means what it says."""


class Page:
    """A document that grows by headings, facts, tables and lists."""

    def __init__(self, title: str) -> None:
        self._lines = [f"# {cell(title)}", ""]
        self._whole: dict[str, int] = {}
        """Values that no line can hold as they are, exactly, each with its number."""

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
        body = [f"| {' | '.join(self.said(value) for value in row)} |" for row in rows]
        if not body:
            if otherwise:
                self.text(otherwise)
            return
        self._lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body, ""]

    def block(self, text: str) -> None:
        """Add text as it stands."""
        self._lines += ["```text", *text.splitlines(), "```", ""]

    def listed(self, items: Iterable[tuple[str, object]]) -> None:
        """Add a list of values, each in the words given for it."""
        self._lines += [*(f"- {self.said(value, words)}" for words, value in items), ""]

    def said(self, value: object, words: str | None = None) -> str:
        """Give a value on one line; where that cannot hold it as it is, with where it stands in full."""
        words = in_words(value) if words is None else words
        line = on_a_line(words)
        if line == words and len(line) <= LONGEST:
            return line.translate(SPECIAL)
        number = self._whole.setdefault(exact(value), len(self._whole) + 1)
        short = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
        return f"{short.translate(SPECIAL)} ([value {number}](#value-{number}))"

    def __str__(self) -> str:
        if not self._whole:
            return "\n".join(self._lines)
        said = "What no line above could hold as it is, as JSON; letters that cannot be seen are escaped."
        whole = ["## Values in full", "", said, ""]
        for text, number in self._whole.items():
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            whole += [f"### Value {number}", "", f"{fence}json", text, fence, ""]
        return "\n".join([*self._lines, *whole])


def cell(text: str) -> str:
    """Give data as text on one line that Markdown takes for nothing else."""
    return on_a_line(text).translate(SPECIAL)


def on_a_line(text: str) -> str:
    """Give text without what would end the line or cannot be seen."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def exact(value: object) -> str:
    """Give a value as JSON in which every letter can be seen."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return "".join(letter if letter.isprintable() or letter == "\n" else escaped(letter) for letter in text)


def escaped(letter: str) -> str:
    """Give a letter as JSON writes those that it does not show."""
    return json.dumps(letter)[1:-1]


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
