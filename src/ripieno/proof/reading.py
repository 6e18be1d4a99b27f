"""Reads an export line by line, and takes nothing in it for granted."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from ripieno.proof.form import FORM, LINES

__all__ = ["ExportError", "Line", "hash_of", "lines_of", "proof_of"]

HASH_BYTES: Final = 32


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
    for count, text in enumerate(file, 1):
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


def line_of(number: int, text: str) -> Line:
    """Read one line; raises `ExportError`."""
    try:
        found: Any = json.loads(text)
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
