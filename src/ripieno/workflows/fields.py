"""Values that occur in many places of a workflow file: durations, references, shares, shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ripieno.model.durations import in_seconds
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.spending import dollars, micros

__all__ = [
    "LARGEST",
    "Decimal",
    "Document",
    "Dollars",
    "Import",
    "Name",
    "Reference",
    "Time",
    "ToolName",
    "by_key",
    "list_or_settings",
    "wrong",
]

LARGEST: Final = 2**53 - 1
"""The largest integer that a definition can hold."""


class Document(BaseModel):
    """A part of a workflow file. What it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def wrong(message: str) -> PydanticCustomError:
    """Give the error that a validator raises to say what it expected."""
    return PydanticCustomError("definition", "{message}", {"message": message})


def time(value: object) -> str:
    """Read a duration, given as text or as a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        msg = f"expected a duration such as '90s', '30m' or '4h', found {value!r}"
        raise wrong(msg)
    try:
        return in_seconds(value)
    except DefinitionError as error:
        raise wrong(error.message) from error


Time = Annotated[
    str,
    PlainValidator(time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["90s", "30m", "1h30m", "2d"],
        }
    ),
]
"""A duration: `90s`, `30m`, `1h30m`, `2d`, or a number of seconds."""


def decimal_text(value: object) -> object:
    """Take a decimal number that is written as text, as in the printed form of a definition."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,100}(\.\d{1,400})?", value):
        return float(value)
    return value


Decimal = Annotated[
    float,
    BeforeValidator(
        decimal_text, json_schema_input_type=float | Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
    ),
]
"""A number; also as text, as in the printed form of a definition."""


def money(value: object) -> str:
    """Read US dollars, given as text or as a number; they stay decimal."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        msg = f"expected US dollars such as '0.05', found {value!r}"
        raise wrong(msg)
    try:
        return dollars(micros(value))
    except InputError as error:
        raise wrong(error.message) from error


Dollars = Annotated[
    str,
    PlainValidator(money),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d+(\.\d+)?$"},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["0.05"],
        }
    ),
]
"""US dollars, as text or as a number."""

REFERENCE: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def reference(value: object) -> str:
    """Read the name of a Python object."""
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        msg = f"expected a Python object as 'module:attribute', found {value!r}"
        raise wrong(msg)
    return value


Reference = Annotated[
    str, PlainValidator(reference), WithJsonSchema({"type": "string", "pattern": f"^{REFERENCE.pattern}$"})
]
"""A Python object by name: `package.module:attribute`."""

TOOL: Final = re.compile(r"connector:[a-z][a-z0-9-]*(?:/(?:\*|[A-Za-z_][\w.\-]*))?")


def tool_name(value: object) -> str:
    """Read the name of a tool: a Python object, or one of a connector."""
    if isinstance(value, str) and TOOL.fullmatch(value):
        return value
    return reference(value)


ToolName = Annotated[
    str,
    PlainValidator(tool_name),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{TOOL.pattern}|{REFERENCE.pattern})$"}),
]
"""A tool by name: `module:attribute`; `connector:name/tool`, `connector:name/*` for all of a connector's, or
`connector:name` for one that finds them."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+.\-]{0,63}$")]
"""A participant's or pattern's name."""


class Import(Document):
    """A Python object by name."""

    object: Reference = Field(alias="import", description="`module:attribute` of the Python object")


def by_key(keys: Mapping[str, str], *, otherwise: str | None = None) -> Callable[[Any], str | None]:
    """Tell the members of a union apart by which of `keys` a mapping has; text is told apart as `<name>`."""

    def tag(value: Any) -> str | None:
        if isinstance(value, str):
            return "<name>"
        if not isinstance(value, dict):
            return None
        found = [tag for key, tag in keys.items() if key in value]
        return found[0] if len(found) == 1 else otherwise

    return tag


def list_or_settings(value: Any) -> str:
    """Tell a bare list from settings."""
    return "<list>" if isinstance(value, list) else "<settings>"
