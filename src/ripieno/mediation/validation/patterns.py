"""Schemas checked in bounded time, whoever wrote them: patterns, and what refers to itself over and over.

Python's own expressions go back and forth: `^(a+)+$` on forty letters takes days, and nothing else goes on
meanwhile. Those of Pydantic's core (Rust's `regex`) never do, and know no look-around and no back-references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final, cast

from jsonschema import ValidationError
from jsonschema import validators as kinds
from pydantic_core import SchemaError, SchemaValidator, core_schema

__all__ = ["BoundedValidator", "TooMuchError", "bounded", "counting", "in_bounded_time"]

LONGEST: Final = 5_000
SHOWN: Final = 200

LEFT: ContextVar[list[int]] = ContextVar("references that may still be followed")


class TooMuchError(Exception):
    """A value of which more references had to be followed than there is time for."""


@contextmanager
def counting(references: int) -> Generator[None]:
    """Let so many references be followed within; raises `TooMuchError` for more."""
    before = LEFT.set([references])
    try:
        yield
    finally:
        LEFT.reset(before)


@lru_cache(maxsize=2048)
def linear(pattern: str) -> SchemaValidator | None:
    """Give what matches a pattern in bounded time; None for one that cannot be."""
    if len(pattern) > LONGEST:
        return None
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return None


def in_bounded_time(pattern: object) -> bool:
    """Tell whether something is a pattern that is matched in bounded time."""
    return isinstance(pattern, str) and linear(pattern) is not None


def found(pattern: str, text: str) -> bool:
    """Tell whether a text has what a pattern describes; one that Python alone knows is trusted."""
    checked = linear(pattern)
    return bool(re.search(pattern, text)) if checked is None else checked.isinstance_python(text)


def pattern_of(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Check the keyword `pattern`."""
    del schema
    if validator.is_type(instance, "string") and not found(pattern, instance):
        shown = instance if len(instance) <= SHOWN else f"{instance[:SHOWN]}…"
        yield ValidationError(f"{shown!r} does not match {pattern!r}")


def pattern_properties(
    validator: Any, declared: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """Check the keyword `patternProperties`."""
    del schema
    if validator.is_type(instance, "object"):
        for pattern, one in declared.items():
            for name in [name for name in instance if found(pattern, name)]:
                yield from validator.descend(instance[name], one, path=name, schema_path=pattern)


def additional_properties(
    validator: Any, declared: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """Check the keyword `additionalProperties`."""
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    if not patterns or not validator.is_type(instance, "object"):
        yield from PLAIN(validator, declared, instance, schema)
        return
    known = schema.get("properties", {})
    others = [one for one in instance if one not in known and not any(found(each, one) for each in patterns)]
    yield from PLAIN(validator, declared, {name: instance[name] for name in others}, {})


def reference(validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Follow the keyword `$ref`, as often as there is time for."""
    left = LEFT.get(None)
    if left is not None:
        left[0] -= 1
        if left[0] < 0:
            raise TooMuchError
    yield from FOLLOWED(validator, ref, instance, schema)


BASE: Final[Any] = kinds.Draft202012Validator
PLAIN: Final[Any] = BASE.VALIDATORS["additionalProperties"]
FOLLOWED: Final[Any] = BASE.VALIDATORS["$ref"]
BoundedValidator: Final[Any] = cast("Any", kinds).extend(
    BASE,
    {
        "$ref": reference,
        "pattern": pattern_of,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
    },
)
"""JSON Schema (2020-12), whose patterns are matched as above."""


def bounded(schema: Any, *, keep: Callable[[object], bool] = in_bounded_time, names: bool = False) -> Any:
    """Give a schema of a stranger without what cannot be checked in bounded time.

    A field whose pattern is left out may be any text; where fields are told apart by such a pattern, or
    judged by all that was looked at before (`unevaluatedProperties`), others are let pass. `keep` says which
    patterns stay; under `names` keys are names.
    """
    if isinstance(schema, list):
        return [bounded(one, keep=keep) for one in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    fields = cast("Mapping[str, Any]", schema)
    for name, one in fields.items():
        if names:
            kept[name] = bounded(one, keep=keep)
        elif name == "patternProperties" and isinstance(one, Mapping):
            told = cast("Mapping[str, Any]", one)
            kept[name] = {each: bounded(its, keep=keep) for each, its in told.items() if keep(each)}
            if len(kept[name]) < len(told):
                kept["additionalProperties"] = True
        elif name in HOLD_VALUES or (name == "pattern" and keep(one)):
            kept[name] = one
        elif name not in LEFT_OUT:
            kept.setdefault(name, bounded(one, keep=keep, names=name in HOLD_NAMES))
    return kept


LEFT_OUT: Final = frozenset({"pattern", "unevaluatedProperties", "$schema"})
"""The last of them would have another validator take over."""
HOLD_VALUES: Final = frozenset({"enum", "const", "default", "examples"})
HOLD_NAMES: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
