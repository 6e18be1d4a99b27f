"""A policy file cut into its policies, each with the line on which it begins.

Only strings, comments and semicolons matter here; what a policy says is for Cedar to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Statement", "statements"]

TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|\s+|[^\s";/]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one policy, from its first annotation to its semicolon."""

    text: str
    line: int
    """Counted from 1."""


def statements(source: str) -> Iterator[Statement]:
    """Give the policies of a file in order; a rest without a semicolon is given as it stands."""
    line, began, parts = 1, 0, list[str]()
    for piece in TOKEN.findall(source):
        blank = piece.isspace() or piece.startswith("//")
        if parts or not blank:
            began = began if parts else line
            parts.append(piece)
        line += piece.count("\n")
        if piece == ";":
            yield Statement("".join(parts), began)
            parts = []
    if parts:
        yield Statement("".join(parts).rstrip(), began)
