"""Data values as recorded: encoded once, carried by reference, decoded afresh for every reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

__all__ = ["Value", "decode", "encode"]

MARK = b"\0"
"""No JSON text begins with it: it sets apart the two ways of keeping what plain JSON cannot carry."""


def encode(value: object) -> bytes:
    """Encode any value as it was received; never fails, never drops it.

    Pydantic models, dataclasses, dates, decimals, enums and sets are encoded as JSON by pydantic-core,
    NaN and Infinity as Python writes them. What that refuses, such as lone surrogates, is escaped to
    ASCII; what no JSON can carry is kept as its text.
    """
    try:
        return to_json(value)
    except (PydanticSerializationError, ValueError, RecursionError):
        pass
    try:
        return MARK + b"a" + json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return MARK + b"r" + describe(value).encode("utf-8", "backslashreplace")


def describe(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a broken __repr__ must not lose a completed effect
        return f"<{type(value).__qualname__} whose repr raised {type(error).__qualname__}>"


def decode(data: bytes) -> Any:
    """Decode what `encode` gave; a value that JSON could not carry comes back as its text."""
    if not data.startswith(MARK):
        return from_json(data)
    codec, body = data[1:2], data[2:]
    return json.loads(body) if codec == b"a" else body.decode("utf-8")


class Value:
    """A recorded value: its commitment always, its bytes when first needed.

    Every `decode` gives a fresh copy, so that no participant can change what another one reads.
    """

    __slots__ = ("_data", "_load", "ref")

    def __init__(self, ref: str, data: bytes | None = None, load: Callable[[str], bytes] | None = None) -> None:
        self.ref = ref
        self._data = data
        self._load = load

    @property
    def data(self) -> bytes:
        """The encoded bytes, loaded from the store at first use."""
        if self._data is None:
            assert self._load is not None, "a value has its bytes or knows where they are"
            self._data = self._load(self.ref)
        return self._data

    @property
    def held(self) -> bool:
        """True when the bytes are in memory."""
        return self._data is not None

    def decode(self) -> Any:
        """Give the value itself, a fresh copy each time."""
        return decode(self.data)

    def __repr__(self) -> str:
        return f"Value({self.ref[:12]}…)"
