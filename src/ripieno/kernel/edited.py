"""The form in which a person may put other arguments in place of those that were proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["edited_form"]

TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""JSON's name of a value's type; an edited argument has the type of the proposed one."""


def edited_form(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema of arguments that may stand in place of these: the same names and types."""
    return {
        "type": "object",
        "description": "what it is called with instead, whole; left out, it is called as proposed",
        "properties": {
            name: {"type": TYPES[type(value)]} if type(value) in TYPES else {}
            for name, value in arguments.items()
        },
        "required": list(arguments),
        "additionalProperties": False,
    }
