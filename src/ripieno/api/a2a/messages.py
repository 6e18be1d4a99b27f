"""What a message is to a run: its parts an input, its ids the business key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict

from ripieno.api.mcp.workflows import Offered
from ripieno.journal.records import RunRow
from ripieno.model.principal import Principal
from ripieno.participants.remote.messages import natural

__all__ = ["Named", "as_json", "input_of", "named", "run_key", "value_of"]

LONGEST: Final = 200
"""Characters of an id that a client gives."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the business key of a run says of the message that began it."""

    context: str
    message: str


def run_key(by: Principal, context: str, message: str) -> str:
    """Give the business key of the run that a message begins: sent again, it begins no other."""
    for what, text in (("contextId", context), ("messageId", message)):
        if not text or len(text) > LONGEST:
            raise InvalidParamsError(message=f"{what} must have 1 to {LONGEST} characters")
    return "/".join(("a2a", *(quote(part, safe="") for part in (by.id, context, message))))


def named(row: RunRow, by: Principal) -> Named | None:
    """Give context and message of a run that this principal began by A2A; None for any other."""
    parts = [unquote(part) for part in (row.key or "").split("/")]
    match parts:
        case ["a2a", who, context, message] if who == by.id == row.principal:
            return Named(context, message)
        case _:
            return None


def input_of(served: Offered, message: pb.Message) -> object:
    """Give the input of a run: a single text or datum as it is, several as a list.

    Text is read as JSON where the workflow takes an object.
    """
    values = [value_of(part) for part in message.parts]
    value = values[0] if len(values) == 1 else values
    return as_json(value) if served.whole and isinstance(value, str) else value


def value_of(part: pb.Part) -> Any:
    """Give what a part holds; files are not taken, and no address is fetched."""
    match part.WhichOneof("content"):
        case "text":
            return part.text
        case "data":
            return natural(MessageToDict(part.data))
        case other:
            msg = f"text and JSON data are taken here, not {other or 'an empty part'}"
            raise ContentTypeNotSupportedError(message=msg)


def as_json(text: str) -> Any:
    """Give what a text says as JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
