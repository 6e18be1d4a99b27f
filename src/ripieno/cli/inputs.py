"""Reading what runs begin with. Everything is checked before the first run is created."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn, cast

from ripieno.model.errors import InputError, Place

__all__ = ["Case", "cases_in", "check_cases", "no_input"]

SHOWN: Final = 10
"""How many unusable files are named."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and what people call it."""

    name: str
    source: str
    """The file's path as given, `-`, or nothing where there is no input."""
    limit: int
    """The largest size, in bytes."""
    given: bytes | None = None
    """What was not read from a file."""

    def value(self) -> Any:
        """Read and decode it; raises `InputError`, naming the file and the place in it."""
        return decode(self.source, self.given if self.given is not None else self._read())

    def _read(self) -> bytes:
        path = Path(self.source)
        try:
            found = path.stat().st_size
            if found > self.limit:
                too_large(self.source, found, self.limit)
            return path.read_bytes()
        except OSError as error:
            msg = f"cannot be read: {error.strerror}"
            raise InputError(msg, place=Place(self.source)) from error


def cases_in(source: str, limit: int, stdin: BinaryIO | None = None) -> list[Case]:
    """Give the cases of a file, of every `*.json` of a folder, or of stdin (`-`)."""
    if source == "-":
        given = (stdin or sys.stdin.buffer).read(limit + 1)
        if len(given) > limit:
            too_large("-", len(given), limit)
        return [Case("-", "-", limit, given)]
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".json" and file.is_file())
        if not files:
            msg = "the folder holds no *.json file"
            raise InputError(msg, place=Place(source))
        return [Case(file.stem, str(file), limit) for file in files]
    if not path.exists():
        msg = "there is no such file or folder"
        raise InputError(msg, place=Place(source))
    return [Case(path.stem, source, limit)]


def no_input(name: str) -> Case:
    """Give the one case of a workflow that takes no input."""
    return Case(name, "", 0, b"null")


def check_cases(cases: Sequence[Case], check: Any) -> Iterator[Case]:
    """Give each case once it was read and fits; raises one `InputError` naming all that do not."""
    problems: list[str] = []
    for case in cases:
        try:
            value = case.value()
            try:
                check(value)
            except InputError as error:
                field = None if error.place is None or error.place.field == "$" else error.place.field
                error.place = Place(case.source, None, field)
                raise
        except InputError as error:
            if len(cases) == 1:
                raise
            problems.append(str(error))
        yield case
    if problems:
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        listed = "\n  ".join(problem.replace("\n", "\n  ") for problem in problems[:SHOWN])
        msg = f"{len(problems)} of {len(cases)} inputs cannot be used:\n  {listed}{more}"
        raise InputError(msg, remedy="no run was started")


def decode(source: str, data: bytes) -> Any:
    """Decode JSON as the standard has it (RFC 8259): no NaN, no numbers beyond range, no broken text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"is not UTF-8: byte {error.start} is {data[error.start]:#04x}"
        raise InputError(msg, place=Place(source), remedy="JSON is written in UTF-8") from error
    try:
        value = json.loads(text, parse_constant=no_constant, object_pairs_hook=each_once)
    except json.JSONDecodeError as error:
        found = "it is empty" if not text.strip() else f"{error.msg} at column {error.colno}"
        msg = f"is not JSON: {found}"
        raise InputError(msg, place=Place(source, error.lineno)) from error
    except RecursionError as error:
        msg = "is nested too deeply"
        raise InputError(msg, place=Place(source)) from error
    except ValueError as error:
        msg = (
            "holds an integer of too many digits"
            if "integer string" in str(error)
            else f"is not JSON: {error}"
        )
        raise InputError(msg, place=Place(source)) from error
    for place, problem in problems_in(value):
        raise InputError(problem, place=Place(source, None, place))
    return value


def no_constant(name: str) -> NoReturn:
    """Refuse what Python would read as a number and JSON does not have."""
    msg = f"{name} is not a number that JSON has"
    raise ValueError(msg)


def each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a field twice: readers differ in which one counts (RFC 8259, section 4)."""
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in found if names.count(name) > 1)
        msg = f"{twice!r} stands twice in one object"
        raise ValueError(msg)
    return found


def problems_in(value: object) -> Iterator[tuple[str, str]]:
    """Find text that no UTF-8 can carry and numbers too large to be held."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            if not item.isascii() and any("\ud800" <= letter <= "\udfff" for letter in item):
                yield place, "holds half a character (a lone surrogate)"
        elif isinstance(item, float):
            if not math.isfinite(item):
                yield place, "is a number too large to be held"
        elif isinstance(item, dict):
            for name, inner in cast("dict[str, object]", item).items():
                waiting += [(f"{place}.{name}" if place else name, inner), (f"{place} (a name)", name)]
        elif isinstance(item, list):
            inside = cast("list[object]", item)
            waiting += [(f"{place}[{index}]", inner) for index, inner in enumerate(inside)]


def too_large(source: str, found: int, limit: int) -> NoReturn:
    """Refuse an input over the limit."""
    msg = f"has {found:,} bytes or more, the limit is {limit:,}"
    raise InputError(
        msg, place=Place(source), remedy="--input-limit, or input_limit in ripieno.toml, raises it"
    )
