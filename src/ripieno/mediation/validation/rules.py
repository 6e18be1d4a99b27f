"""What a check may ask for: a schema, an expression, ranges, a size, what must not appear, evidence."""

from __future__ import annotations

import asyncio
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.mediation.validation.schemas import check_schema, enveloped, mistakes, validator
from ripieno.model.checks import Given
from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.model.expressions import Formula
from ripieno.model.value import encode

__all__ = [
    "CitesRule",
    "ExpressionRule",
    "ForbidsRule",
    "FunctionRule",
    "RangesRule",
    "Rule",
    "SchemaRule",
    "SizeRule",
]

MOST_SHOWN = 5
"""So many problems of one value are told."""


class Rule(ABC):
    """One thing that has to hold."""

    @abstractmethod
    async def problem(self, given: Given) -> str | None:
        """Say what is wrong, in one line; None when nothing is."""

    @abstractmethod
    def describe(self) -> Json:
        """Give it as it stands in the definition."""

    def code(self) -> Callable[..., Any] | None:
        """Give the function behind it, if there is one: a change of it is another version."""
        return None


class SchemaRule(Rule):
    """A JSON Schema (2020-12), which fetches nothing."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        check_schema(schema, "a check's schema")
        self._document: Json = {"schema": enveloped(schema)}
        self._validator = validator(dict(schema))

    async def problem(self, given: Given) -> str | None:
        """Give the first problems, each with its place."""
        return "; ".join(mistakes(self._validator, given.value, most=MOST_SHOWN)) or None

    def describe(self) -> Json:
        """Give the schema."""
        return self._document


class ExpressionRule(Rule):
    """An expression that has to be true: over the fields of what is checked, and `value`, the whole."""

    def __init__(self, text: str) -> None:
        self._formula = Formula(text)

    async def problem(self, given: Given) -> str | None:
        """Evaluate it; what has no value here does not pass."""
        value: Any = given.value
        known = cast("dict[str, Any]", value) if isinstance(value, dict) else dict[str, Any]()
        try:
            holds = self._formula.of({**known, "value": value})
        except InputError as error:
            return error.message
        return None if holds is True else f"{self._formula.text} does not hold"

    def describe(self) -> Json:
        """Give the text."""
        return self._formula.text


@dataclass(frozen=True, slots=True)
class Range:
    """From least to most, both included."""

    least: float | None
    most: float | None

    def holds(self, value: object) -> bool:
        """Tell whether a number lies within; what is no number does not."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = self.least is None or value >= self.least
        return above and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.least is None or self.most is None:
            return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"between {self.least:g} and {self.most:g}"


class RangesRule(Rule):
    """Numbers within bounds, by the dotted path of each; what is missing does not pass."""

    def __init__(self, ranges: Mapping[str, Sequence[float | None]]) -> None:
        self._ranges = {path: bounds(path, limits) for path, limits in ranges.items()}
        if not self._ranges:
            msg = "ranges name no field"
            raise DefinitionError(msg, remedy="such as: ranges={'dose.mg': (0, 500)}")

    async def problem(self, given: Given) -> str | None:
        """Say which numbers lie outside."""
        found = [
            f"{path} has to be {limits}, found {found!r}"
            for path, limits in self._ranges.items()
            if not limits.holds(found := at(given.value, path))
        ]
        return "; ".join(found) or None

    def describe(self) -> Json:
        """Give the bounds, as decimals."""
        return {
            "ranges": {
                path: [None if one is None else decimal(one) for one in (limits.least, limits.most)]
                for path, limits in self._ranges.items()
            }
        }


def bounds(path: str, limits: Sequence[float | None]) -> Range:
    """Read the bounds of one field."""
    numbers = [None if one is None else float(one) for one in limits]
    if len(numbers) != 2 or numbers == [None, None]:  # noqa: PLR2004 - least and most
        msg = f"range of {path!r}: expected least and most, one of which may be left open"
        raise DefinitionError(msg)
    least, most = numbers
    if least is not None and most is not None and not least <= most:
        msg = f"range of {path!r}: nothing is at least {least:g} and at most {most:g}"
        raise DefinitionError(msg)
    return Range(least, most)


def at(value: Any, path: str) -> Any:
    """Give what stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value


class ForbidsRule(Rule):
    """Patterns of which none may appear in any text of it, names of fields included."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._texts = [patterns] if isinstance(patterns, str) else list(patterns)
        try:
            self._patterns = [re.compile(text) for text in self._texts]
        except re.error as error:
            msg = f"not a regular expression: {error.pattern!r}: {error.msg}"
            raise DefinitionError(msg) from error
        if not self._patterns or "" in self._texts:
            msg = "forbids nothing, or everything"
            raise DefinitionError(msg, remedy="name at least one pattern that is not empty")

    async def problem(self, given: Given) -> str | None:
        """Say which patterns were found, and never what they found."""
        texts = list(texts_in(given.value))
        found = [one.pattern for one in self._patterns if any(one.search(text) for text in texts)]
        return f"holds what must not appear: {', '.join(found)}" if found else None

    def describe(self) -> Json:
        """Give the patterns."""
        return {"forbids": list(self._texts)}


def texts_in(value: Any) -> Sequence[str]:
    """Give every text in a value, numbers written out."""
    found: list[str] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            known = cast("dict[str, Any]", one)
            found.extend(known)
            left.extend(known.values())
        elif isinstance(one, list):
            left.extend(cast("list[Any]", one))
        else:
            found.append(str(one))
    return found


class SizeRule(Rule):
    """At most so many bytes as JSON."""

    def __init__(self, most: int) -> None:
        if most < 1:
            msg = f"max_bytes must be at least 1, got {most!r}"
            raise DefinitionError(msg)
        self._most = most

    async def problem(self, given: Given) -> str | None:
        """Measure it."""
        size = len(encode(given.value))
        return f"has {size:,} bytes, at most {self._most:,} are allowed" if size > self._most else None

    def describe(self) -> Json:
        """Give the number."""
        return {"max_bytes": self._most}


class CitesRule(Rule):
    """Evidence for what a participant says."""

    def __init__(self, least: int) -> None:
        if least < 1:
            msg = f"cites must be at least 1, got {least!r}"
            raise DefinitionError(msg)
        self._least = least

    async def problem(self, given: Given) -> str | None:
        """Count what the outcome cites."""
        count = len(given.evidence)
        return f"cites {count} of at least {self._least} pieces of evidence" if count < self._least else None

    def describe(self) -> Json:
        """Give the number."""
        return {"cites": self._least}


class FunctionRule(Rule):
    """A function that gives None or True for what passes, and for anything else False or what is wrong.

    It is called once; what it raises is a complaint.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        name = getattr(function, "__qualname__", None)
        if name is None:
            msg = f"{function!r} has no name to import it by"
            raise DefinitionError(msg, remedy="define a function at the top of a module, and use that")
        self._reference = f"{function.__module__}:{name}"

    async def problem(self, given: Given) -> str | None:
        """Ask the function."""
        try:
            if inspect.iscoroutinefunction(self._function):
                said = await self._function(given.value)
            else:
                said = await asyncio.to_thread(self._function, given.value)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what keeps it from being checked keeps it from passing
            return f"could not be checked: {type(error).__name__}: {error}"
        if said is None or said is True:
            return None
        return said if isinstance(said, str) and said else f"{self._reference} does not hold"

    def describe(self) -> Json:
        """Give its name."""
        return {"import": self._reference}

    def code(self) -> Callable[..., Any]:
        """Give the function."""
        return self._function
