"""Acts upon the log's own store: what tools of memory and of documents are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ripieno.connectors.remote import Remote
from ripieno.model.action import Call

__all__ = ["StoreAct", "nothing", "takes"]


class StoreAct(Remote):
    """One of them; its caller is told by `kernel.housed.here` where it is called."""

    housed = True


def takes(required: Sequence[str], **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema of an object with these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


async def nothing(arguments: Mapping[str, Any], call: Call) -> None:
    """Give nothing: what was merely read, and not heard of, is read again."""
    del arguments, call
