"""Hold the sizes of the house: files and functions short enough to be read at once.

Usage: sizes.py FOLDER... Warns of what is a smell, fails on what is too much.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple


class Limit(NamedTuple):
    """How many lines are a smell, and how many too many."""

    smell: int
    most: int


FILE: Final = Limit(400, 500)
FUNCTION: Final = Limit(60, 100)
NOT_OURS: Final = {".venv", "results", "node_modules"}


class Finding(NamedTuple):
    """A file or function that is too long."""

    place: str
    what: str
    lines: int
    limit: Limit

    @property
    def fails(self) -> bool:
        """True when it is over the most, not merely a smell."""
        return self.lines > self.limit.most

    def __str__(self) -> str:
        word, limit = ("error", self.limit.most) if self.fails else ("warning", self.limit.smell)
        return f"{self.place}: {word}: {self.what} has {self.lines} lines, over {limit}"


def findings(path: Path) -> Iterator[Finding]:
    """Give what is too long in one file."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > FILE.smell:
        yield Finding(f"{path}", "the file", lines, FILE)
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None, "parsed from text"
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION.smell:
                yield Finding(f"{path}:{node.lineno}", node.name, length, FUNCTION)


def main(folders: list[str]) -> int:
    """Report every finding; give the exit code."""
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    found = [finding for file in files if not NOT_OURS & set(file.parts) for finding in findings(file)]
    for finding in found:
        print(finding)
    return int(any(finding.fails for finding in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
