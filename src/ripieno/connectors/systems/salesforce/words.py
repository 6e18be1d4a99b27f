"""What the connector of Salesforce deals in: objects, records, conditions of SOQL, what a write did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.model.errors import ToolError

__all__ = [
    "Condition",
    "Record",
    "Records",
    "Written",
    "checked_id",
    "checked_name",
    "literal",
    "plain",
    "record_in",
    "selecting",
]

Record = dict[str, Any]
Value = str | int | float | bool | None

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
DOTTED: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(\.[A-Za-z][A-Za-z0-9_]{0,79}){0,5}")
ID: Final = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d))?")
ESCAPED: Final = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "IN", "NOT IN")


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold of a field."""

    field: str
    value: Value | list[Value] = None
    operator: Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "IN", "NOT IN"] = "="
    is_moment: bool = False
    """True where the value is a date or a moment, such as 2026-01-31 or 2026-01-31T12:00:00Z, not a text."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a query gave."""

    records: Sequence[Record]
    total: int
    more: bool = False
    """True where there are more than were read."""


@dataclass(frozen=True, slots=True)
class Written:
    """One record that was written."""

    object: str
    id: str
    created: bool = False


def checked_name(name: str, what: str) -> str:
    """Give the name of an object or a field; raises `ToolError` for what cannot be one."""
    if not NAME.fullmatch(name):
        msg = f"expected the name of {what} such as 'Account', got {name!r}"
        raise ToolError(msg)
    return name


def checked_id(name: str) -> str:
    """Give a record's id; raises `ToolError` for what cannot be one."""
    if not ID.fullmatch(name):
        msg = f"expected a record's id of 15 or 18 letters and digits, got {name!r}"
        raise ToolError(msg)
    return name


def selecting(name: str, fields: Sequence[str], where: Sequence[Condition], *, order: str, limit: int) -> str:
    """Give a query; whatever values hold, they stay values. Raises `ToolError` for a wrong name."""
    for field in (*fields, *(one.field for one in where), *([order] if order else [])):
        if not DOTTED.fullmatch(field):
            msg = f"expected the name of a field such as 'Name' or 'Owner.Email', got {field!r}"
            raise ToolError(msg)
    asked = f"SELECT {', '.join(dict.fromkeys(['Id', *fields]))} FROM {checked_name(name, 'an object')}"  # noqa: S608 - SOQL, of checked names
    if where:
        asked += f" WHERE {' AND '.join(condition(one) for one in where)}"
    return f"{asked} ORDER BY {order or 'Id'} LIMIT {limit}"


def condition(one: Condition) -> str:
    """Give a condition as SOQL has it."""
    several = one.operator in {"IN", "NOT IN"}
    if one.operator not in OPERATORS or several != isinstance(one.value, list):
        msg = f"expected one of {', '.join(OPERATORS)}, with a list for IN and NOT IN, got {one.operator!r}"
        raise ToolError(msg)
    if isinstance(one.value, list):
        value = f"({', '.join(literal(each, is_moment=one.is_moment) for each in one.value)})"
    else:
        value = literal(one.value, is_moment=one.is_moment)
    return f"{one.field} {one.operator} {value}"


def literal(value: Value, *, is_moment: bool = False) -> str:
    """Give a value as SOQL has it."""
    if is_moment:
        if not isinstance(value, str) or not MOMENT.fullmatch(value):
            msg = f"expected a date or a moment with its offset from UTC, got {value!r}"
            raise ToolError(msg)
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return f"'{''.join(ESCAPED.get(letter, letter) for letter in value)}'"


def plain(record: Mapping[str, Any]) -> Record:
    """Give a record without what Salesforce says about it, `attributes`."""
    return {
        name: plain(cast("Record", value)) if isinstance(value, dict) else value
        for name, value in record.items()
        if name != "attributes"
    }


def record_in(found: object, whose: str) -> Record:
    """Give an answer that has to be a record; raises `InDoubtError` for any other."""
    if not isinstance(found, dict):
        msg = f"{whose}: expected a record in the answer"
        raise InDoubtError(msg, failure="server")
    return cast("Record", found)
