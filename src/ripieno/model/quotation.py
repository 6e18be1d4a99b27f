"""What an agent takes word for word from what it was asked to do: passed by reference, however short."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from ripieno.model.errors import DefinitionError

__all__ = ["LEAST", "Quoted", "quoted", "stands_in"]

LEAST: Final = 3
"""Fewer characters stand in almost any text by chance."""

AROUND: Final = r"\s\"'`<>()\[\]{},;|=*"
"""What may stand around a word; what joins words, as in an address or a file's name, is part of them."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text that stands in the input of the run."""

    text: str


def quoted(text: str) -> Quoted:
    """Pass on a word or words of the run's input as such: `context.use(invite, user=quoted("Dora"))`.

    Whoever wrote the input answers for it then, also where it is too short to be told from chance. The
    call is refused with `InvalidError` where the input does not hold it as it is written, whole words
    and case included. Raises `DefinitionError` for fewer than three characters.
    """
    if len(text) < LEAST:
        msg = f"too short to be quoted: {text!r}"
        raise DefinitionError(msg, remedy=f"quote at least {LEAST} characters, or pass it as it is")
    return Quoted(text)


def stands_in(text: str, value: Any) -> bool:
    """Tell whether a value holds a text in one of its parts, as whole words and as it is written."""
    form = re.compile(rf"(?<![^{AROUND}]){re.escape(text)}(?=[.:!?]*(?:[{AROUND}]|$))")
    return len(text) >= LEAST and any(form.search(one) for one in texts(value))


def texts(value: Any) -> Iterator[str]:
    """Give all texts in a value; names of fields are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in cast("Mapping[str, Any]", value).values():
            yield from texts(one)
    elif isinstance(value, list | tuple):
        for one in cast("Sequence[Any]", value):
            yield from texts(one)
