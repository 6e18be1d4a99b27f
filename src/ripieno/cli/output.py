"""What commands write: data on stdout as table, JSON or JSON lines; everything said about it on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO, cast

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ripieno.cli.settings import OutputKind

__all__ = [
    "MARKS",
    "TITLE_LIMIT",
    "clean",
    "console",
    "duration",
    "listing",
    "note",
    "show",
    "to_json",
    "words",
    "write",
]

TITLE_LIMIT: Final = 100
"""Letters of a title or reason, where it is one among several; what shows one alone shows all of it."""

WIDE: Final = 1000
"""Columns where nobody looks at it in a terminal."""

MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "complete": ("✓", "green"),
    "partial": ("◑", "yellow"),
    "escalated": ("↗", "magenta"),
    "failed": ("✗", "red"),
    "cancelled": ("○", "dim"),
    "running": ("●", "cyan"),
    "waiting": ("◐", "yellow"),
    "paused": ("‖", "yellow"),
    "stopped": ("⊘", "yellow"),
    "blocked": ("■", "red"),
    "needs_version": ("◇", "yellow"),
}
"""Sign and colour of every status."""

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
TENTHS_BELOW: Final = 10


def console(stream: TextIO) -> Console:
    """Give a console that shows text as it is: no markup, no guesses at what to colour."""
    width = None if stream.isatty() else WIDE
    colours = None if "NO_COLOR" in os.environ else "auto"
    return Console(file=stream, width=width, color_system=colours, markup=False, highlight=False, emoji=False)


def clean(text: object, *, style: str = "", limit: int | None = None) -> Text:
    """Give data as text to show: on one line, without control characters, cut where it is too long."""
    line = " ".join(str(text).split())
    said = "".join(map(shown, line))
    if limit is not None and len(said) > limit:
        said = said[: limit - 1] + "…"
    return Text(said, style=style)


def shown(letter: str) -> str:
    """Give a letter, or in place of one that would steer a terminal another."""
    return letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"


def mark(status: str) -> Text:
    """Give the sign of a status."""
    sign, style = MARKS.get(status, ("·", ""))
    return Text(sign, style=style)


def listing(*columns: str, right: Sequence[str] = ()) -> Table:
    """Give an empty table: headings, no lines. The last column takes what is left of the width."""
    table = Table(
        box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=any(columns)
    )
    for index, column in enumerate(columns):
        last = index == len(columns) - 1
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="ellipsis" if not last else "fold",
            no_wrap=not last,
        )
    return table


def duration(seconds: float) -> str:
    """Give a duration as people say it."""
    if seconds < TENTHS_BELOW:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < DAY else f"{seconds / DAY:.1f} d"


def note(text: str) -> None:
    """Say something about the data, on stderr."""
    lines = ("".join(map(shown, line)) for line in text.split("\n"))
    console(sys.stderr).print(Text("\n".join(lines)), soft_wrap=True)


def write(
    kind: OutputKind, documents: Sequence[Mapping[str, Any]] | Mapping[str, Any], table: Table | None
) -> None:
    """Write data on stdout: the table for people, else the documents as JSON."""
    if kind == "table":
        if table is not None:
            show(console(sys.stdout), table)
        return
    if kind == "json":
        sys.stdout.write(to_json(documents, indent=2) + "\n")
        return
    one_or_more = [documents] if isinstance(documents, Mapping) else documents
    for document in one_or_more:
        sys.stdout.write(to_json(document) + "\n")
    sys.stdout.flush()


def show(screen: Console, table: RenderableType) -> None:
    """Print a table; where nobody looks at it in a terminal, without the spaces that fill its lines."""
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    for line in captured.get().splitlines():
        screen.file.write(line.rstrip() + "\n")


def to_json(value: object, *, indent: int | None = None) -> str:
    """Give JSON in ASCII, which carries any text; numbers that JSON does not have become text."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(finite(value), indent=indent, default=str)


def finite(value: object) -> object:
    """Give a value with NaN and the infinities as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): finite(item) for name, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("Sequence[object]", value)]
    return value


def words(value: Any) -> str:
    """Give a value without the marks of the language."""
    if isinstance(value, list):
        return ", ".join(words(item) for item in cast("list[Any]", value)) or "none"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return ", ".join(f"{name} {words(item)}" for name, item in fields.items())
    return str(value)
