"""Reads an export line by line, and takes nothing in it for granted."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from ripieno.proof.form import FORM, LINES

__all__ = ["ExportError", "Line", "hash_of", "legible", "lines_of", "proof_of"]

HASH_BYTES: Final = 32

LONGEST: Final = 1 << 28
"""Characters of a line: a value and what is around it. A longer one is not read into memory."""

SHOWN: Final = 500
"""Characters of anything that is said of an export, which may be anybody's."""


class ExportError(ValueError):
    """An export cannot be read on from here."""


class Line(NamedTuple):
    """One line of an export."""

    number: int
    """Counted from 1."""
    line: str
    """What it is."""
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Give a field that is text; raises `ExportError`."""
        return self._field(name, str)

    def integer(self, name: str) -> int:
        """Give a field that is an integer; raises `ExportError`."""
        return self._field(name, int)

    def _field(self, name: str, wanted: type[Any]) -> Any:
        value = self.fields.get(name)
        if type(value) is not wanted:
            msg = f"line {self.number} ({self.line}): {name} is {value!r}"
            raise ExportError(msg)
        return value


def lines_of(file: Iterable[str]) -> Iterator[Line]:
    """Give every line; raises `ExportError` for what is none, out of order, or cut off."""
    before, count = 0, 0
    for count, text in enumerate(pieces(file), 1):
        line = line_of(count, text)
        order = LINES.index(line.line)
        if (count == 1) != (order == 0) or order < before or LINES[before] == "end":
            msg = f"line {count}: {line.line!r} stands where it cannot"
            raise ExportError(msg)
        before = order
        if line.line == "export" and line.fields.get("form") != FORM:
            msg = f"expected the form {FORM!r}, got {line.fields.get('form')!r}"
            raise ExportError(msg)
        if line.line == "end" and line.integer("lines") != count - 1:
            msg = f"the export had {line.integer('lines')} lines, {count - 1} are there"
            raise ExportError(msg)
        yield line
    if count == 0 or LINES[before] != "end":
        msg = f"the export was cut off after line {count}"
        raise ExportError(msg)


def pieces(file: Iterable[str]) -> Iterator[str]:
    """Give lines one by one; raises `ExportError` for one that has no end, without reading all of it."""
    readline = getattr(file, "readline", None)
    if readline is None:
        yield from file
        return
    number = 0
    while text := readline(LONGEST + 1):
        number += 1
        if len(text) > LONGEST:
            msg = f"line {number} has more than {LONGEST:,} characters"
            raise ExportError(msg)
        yield text


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Give an object; raises `ValueError` where it says the same field twice: readers would differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name in found if sum(1 for one, _ in pairs if one == name) > 1)
        msg = f"it says {twice!r} twice"
        raise ValueError(msg)
    return found


def refuse(text: str) -> float:
    """Raise `ValueError` for what is a number in no other reader of JSON."""
    msg = f"{text} is no number"
    raise ValueError(msg)


def legible(text: str) -> str:
    """Give what is said of an export without what would steer a terminal, cut off where it is long."""
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)


def line_of(number: int, text: str) -> Line:
    """Read one line; raises `ExportError`."""
    try:
        found: Any = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        msg = f"line {number} is no JSON: {error}"
        raise ExportError(msg) from error
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    line = fields.get("line")
    if line not in LINES:
        msg = f"line {number}: {str(line)[:50]!r} is no kind of line"
        raise ExportError(msg)
    return Line(number, line, fields)


def hash_of(text: Any) -> bytes:
    """Read a hash; raises `ExportError`."""
    try:
        found = b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        msg = f"not a hash: {str(text)[:60]!r}"
        raise ExportError(msg) from error
    if len(found) != HASH_BYTES:
        msg = f"not a hash: {str(text)[:60]!r}"
        raise ExportError(msg)
    return found


def proof_of(found: Any) -> list[bytes]:
    """Read a proof: a list of hashes; raises `ExportError`."""
    if not isinstance(found, list):
        msg = f"not a proof: {str(found)[:60]!r}"
        raise ExportError(msg)
    return [hash_of(one) for one in cast("list[Any]", found)]
