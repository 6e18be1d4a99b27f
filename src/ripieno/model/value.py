"""Data values as recorded: encoded once, carried by reference, decoded afresh for every reader."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

__all__ = ["Value", "decode", "encode", "normal"]

MARK = b"\0"
"""No JSON text begins with it: it sets apart the two ways of keeping what plain JSON cannot carry."""

DEEPEST: Final = 400
"""Deeper nesting than this could be written but, under a deep stack, not be read again."""

DIGITS_AT_ONCE: Final = 4000
"""Python refuses to convert more at once (`sys.set_int_max_str_digits`)."""

STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
BRACKET = re.compile(rb"[\[\]{}]")


def encode(value: object) -> bytes:
    """Encode any value as it was received; never fails.

    Pydantic models, dataclasses, dates, decimals, enums and sets are encoded as JSON by pydantic-core,
    NaN and Infinity as Python writes them. What that refuses, such as lone surrogates, is escaped to
    ASCII; what no JSON can carry, or what is nested deeper than 400, is kept as its text.
    """
    try:
        return to_json(value)
    except Exception:  # noqa: BLE001 - a value's own methods may raise whatever they like
        return encode_otherwise(value)


def encode_otherwise(value: object) -> bytes:
    """Encode a value that plain JSON cannot carry."""
    with contextlib.suppress(Exception):
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        if depth(text) <= DEEPEST:
            return MARK + b"a" + text
    return MARK + b"r" + describe(value).encode("utf-8", "backslashreplace")


def depth(text: bytes) -> int:
    """Give how deep a JSON text is nested."""
    deepest = now = 0
    for bracket in BRACKET.findall(STRING.sub(b"", text)):
        now += 1 if bracket in b"[{" else -1
        deepest = max(deepest, now)
    return deepest


def describe(value: object) -> str:
    """Give a value's text, also when it cannot tell it."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a broken __repr__ must not lose a completed effect
        return f"<{type(value).__qualname__} whose repr raised {type(error).__qualname__}>"


def decode(data: bytes) -> Any:
    """Decode what `encode` gave; a value that JSON could not carry comes back as its text."""
    if data.startswith(MARK):
        codec, body = data[1:2], data[2:]
        return json.loads(body, parse_int=integer) if codec == b"a" else body.decode("utf-8")
    try:
        return from_json(data)
    except ValueError:  # nested deeper, or a longer integer, than the fast decoder takes
        return json.loads(data, parse_int=integer)


def integer(digits: str) -> int:
    """Read an integer of any length."""
    if len(digits) <= DIGITS_AT_ONCE:
        return int(digits)
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    number = 0
    for start in range(0, len(digits), DIGITS_AT_ONCE):
        part = digits[start : start + DIGITS_AT_ONCE]
        number = number * 10 ** len(part) + int(part)
    return sign * number


def normal(value: Any) -> Any:
    """Give a value in the one form of all that JSON takes for equal: fields in order, 2.0 as 2."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: normal(fields[name]) for name in sorted(fields)}
    if isinstance(value, list):
        return [normal(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Value:
    """A recorded value: its commitment always, its bytes when first needed.

    Every `decode` gives a fresh copy, so that no participant can change what another one reads.
    """

    __slots__ = ("_data", "_load", "redacted", "ref")

    def __init__(
        self, ref: str, data: bytes | None = None, load: Callable[[str], bytes] | None = None
    ) -> None:
        self.ref = ref
        self._data = data
        self._load = load
        self.redacted: tuple[str, ...] = ()
        """Names of what stood in it and is recorded nowhere."""

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
        return decode(self.data if self._data is None else self._data)

    def __repr__(self) -> str:
        return f"Value({self.ref[:12]}…)"
