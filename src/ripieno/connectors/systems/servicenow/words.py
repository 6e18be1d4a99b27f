"""What ServiceNow's interface deals in: tables, records, conditions of a query, what a write did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.model.errors import ToolError, nearest

__all__ = [
    "JOURNALS",
    "MARK",
    "Condition",
    "Record",
    "Records",
    "Written",
    "checked_fields",
    "checked_id",
    "checked_name",
    "encoded",
    "plain",
    "result_of",
]

Record = dict[str, Any]

MARK: Final = "correlation_id"
"""The field of tasks in which other systems keep their own number: it bears the key of the call."""

JOURNALS: Final = frozenset({"comments", "work_notes", "comments_and_work_notes"})
"""Fields to which every write adds a line."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,79}")
DOTTED: Final = re.compile(r"[a-z][a-z0-9_]{0,79}(\.[a-z][a-z0-9_]{0,79}){0,3}")
ID: Final = re.compile(r"[0-9a-f]{32}")

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "STARTSWITH", "LIKE", "IN", "ISEMPTY", "ISNOTEMPTY"]
OPERATORS: Final = ("=", "!=", "<", "<=", ">", ">=", "STARTSWITH", "LIKE", "IN", "ISEMPTY", "ISNOTEMPTY")


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold of a field."""

    field: str
    value: str = ""
    operator: Operator = "="


@dataclass(frozen=True, slots=True)
class Records:
    """What a query gave."""

    records: Sequence[Record]
    total: int | None = None
    """How many there are in all, where the instance says so."""
    more: bool = False
    """True where there are more than were read."""


@dataclass(frozen=True, slots=True)
class Written:
    """One record that was written."""

    table: str
    sys_id: str
    number: str = ""
    """Such as INC0010001; empty for a record that has none."""


def checked_name(name: str, what: str = "table") -> str:
    """Give the name of a table or field; raises `ToolError` for what cannot be one."""
    if not NAME.fullmatch(name):
        msg = f"expected the name of a {what} such as 'incident', got {name!r}"
        raise ToolError(msg)
    return name


def checked_id(name: str) -> str:
    """Give a `sys_id`; raises `ToolError` for what cannot be one."""
    if not ID.fullmatch(name):
        msg = f"expected a sys_id, 32 hexadecimal digits, got {name!r}"
        raise ToolError(msg)
    return name


def checked_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give fields to write; raises `ToolError` for names that cannot be, and for those of the platform."""
    for name in fields:
        checked_name(name, "field")
        if name == MARK:
            msg = f"{MARK!r} bears the mark of the call, and is not yours to set"
            raise ToolError(msg)
    return dict(fields)


def encoded(conditions: Sequence[Condition]) -> str:
    """Give conditions as an encoded query; raises `ToolError` for one that would say something else."""
    parts: list[str] = []
    for one in conditions:
        if not DOTTED.fullmatch(one.field):
            msg = f"expected the name of a field such as 'state' or 'caller_id.email', got {one.field!r}"
            raise ToolError(msg)
        if one.operator not in OPERATORS:
            hint = nearest(one.operator, OPERATORS)
            msg = f"no operator {one.operator!r}{hint}; there are {', '.join(OPERATORS)}"
            raise ToolError(msg)
        if "^" in one.value or "\n" in one.value or one.value.startswith("javascript:"):
            msg = f"a value of a query has no '^', line break or script in it, got {one.value!r}"
            raise ToolError(msg)
        parts.append(f"{one.field}{one.operator}{one.value}")
    return "^".join([*parts, "ORDERBYsys_id"])


def result_of(document: object, whose: str) -> Any:
    """Give what stands in the field `result` of an answer; raises `InDoubtError` where there is none."""
    if not isinstance(document, dict) or "result" not in document:
        msg = f"{whose}: expected a field 'result' in the answer; an instance that sleeps answers with a page"
        raise InDoubtError(msg, failure="server")
    return cast("dict[str, Any]", document)["result"]


def plain(record: Mapping[str, Any]) -> Record:
    """Give a record with plain values, where the instance gives each with its display value or a link."""
    return {
        name: cast("dict[str, Any]", value).get("value", "") if isinstance(value, dict) else value
        for name, value in record.items()
    }
