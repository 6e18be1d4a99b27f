"""JSON Schemas within a definition: what stands in the document, and what it is read back to.

The envelope rule knows no floats and no integers beyond 2^53-1. In a schema such a number becomes
`{"$decimal": "0.5"}`, which no schema means by itself, so that reading it back loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import isfinite
from typing import Any, Final, cast

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from ripieno.mediation.validation.patterns import BoundedValidator, TooMuchError, counting
from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json

__all__ = ["check_schema", "enveloped", "mistakes", "restored", "validator"]

MARK: Final = "$decimal"
LARGEST: Final = 2**53 - 1
MOST_REFERENCES: Final = 300_000
LONGEST_MESSAGE: Final = 300
"""A message repeats the value that does not fit, however long that is."""
NOTHING_ELSE: Final[Registry[Any]] = Registry()
"""Where references are looked up: only what a schema itself holds; nothing is fetched."""


def enveloped(schema: Any) -> Json:
    """Give a schema under the envelope rule."""
    if isinstance(schema, Mapping):
        return {str(name): enveloped(value) for name, value in cast("Mapping[Any, Any]", schema).items()}
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [enveloped(item) for item in cast("Sequence[Any]", schema)]
    if isinstance(schema, float):
        if not isfinite(schema):
            msg = f"a schema cannot hold {schema!r}"
            raise DefinitionError(msg)
        return {MARK: f"{decimal(schema)}.0" if schema.is_integer() else decimal(schema)}
    if isinstance(schema, int) and abs(schema) > LARGEST:
        return {MARK: str(schema)}
    return schema


def restored(schema: Any) -> Any:
    """Give the schema that `enveloped` was given."""
    if isinstance(schema, Mapping):
        found = cast("Mapping[str, Any]", schema)
        if set(found) == {MARK} and isinstance(found[MARK], str):
            return number(found[MARK])
        return {name: restored(value) for name, value in found.items()}
    if isinstance(schema, list):
        return [restored(item) for item in cast("list[Any]", schema)]
    return schema


def number(text: str) -> int | float:
    """Read a number; one without a point was an integer."""
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        msg = f"expected a decimal number under {MARK!r}, got {text!r}"
        raise DefinitionError(msg) from None


def check_schema(schema: Mapping[str, Any], whose: str) -> None:
    """Raise `DefinitionError` when this is no JSON Schema (2020-12), or refers to what is not in it."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        at = ".".join(str(part) for part in error.absolute_path)
        msg = f"{whose} is not a JSON Schema: {f'{at}: ' if at else ''}{error.message}"
        raise DefinitionError(msg) from error
    resolver = NOTHING_ELSE.resolver_with_root(DRAFT202012.create_resource(schema))
    for reference in references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            msg = f"{whose} refers to {reference!r}, which is not in it"
            raise DefinitionError(msg, remedy="only references within the schema are followed") from error


def references(schema: Any) -> Iterator[str]:
    """Give what a schema refers to."""
    if isinstance(schema, Mapping):
        for name, value in cast("Mapping[str, Any]", schema).items():
            if name == "$ref" and isinstance(value, str):
                yield value
            yield from references(value)
    elif isinstance(schema, list | tuple):
        for item in cast("Sequence[Any]", schema):
            yield from references(item)


def validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """Give a validator that never fetches anything, and matches patterns in bounded time."""
    return BoundedValidator(schema, registry=NOTHING_ELSE)


def mistakes(
    checked: jsonschema.Draft202012Validator, value: Any, *, most: int = 1, references: int = MOST_REFERENCES
) -> list[str]:
    """Say what does not fit, each mistake with its place and in one line; as far as there is time to look."""
    found: list[str] = []
    try:
        with counting(references):
            for error in islice(checked.iter_errors(value), most):  # pyright: ignore[reportUnknownMemberType] - untyped arguments of jsonschema
                at, said = ".".join(str(part) for part in error.absolute_path), error.message
                said = said if len(said) <= LONGEST_MESSAGE else f"{said[:LONGEST_MESSAGE]}…"
                found.append(f"{at}: {said}" if at else said)
    except (RecursionError, TooMuchError):
        found.append("it cannot be checked: its schema refers to itself without end")
    return found
