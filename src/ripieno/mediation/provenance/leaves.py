"""The leaves of a JSON value, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ripieno.mediation.provenance.words import short_form

__all__ = ["Leaf", "keys", "leaves", "place", "telling"]

Leaf = tuple[tuple[str | int, ...], Any]
"""Where it stands, and what it is: a text, a number, a truth value or nothing."""


def leaves(value: Any) -> Iterator[Leaf]:
    """Give all leaves in order."""
    left: list[Leaf] = [((), value)]
    while left:
        at, found = left.pop()
        if isinstance(found, Mapping):
            fields = list(cast("Mapping[Any, Any]", found).items())
            left.extend(((*at, str(name)), one) for name, one in reversed(fields))
        elif isinstance(found, list | tuple):
            items = cast("Sequence[Any]", found)
            left.extend(((*at, number), items[number]) for number in reversed(range(len(items))))
        else:
            yield at, found


def keys(value: Any) -> Iterator[Leaf]:
    """Give the keys of all records, each at the place of what it names.

    Whoever makes up a record may write into its keys what they want to be read.
    """
    left: list[Leaf] = [((), value)]
    while left:
        at, found = left.pop()
        if isinstance(found, Mapping):
            fields = list(cast("Mapping[Any, Any]", found).items())
            yield from (((*at, str(name)), str(name)) for name, _ in fields)
            left.extend(((*at, str(name)), one) for name, one in reversed(fields))
        elif isinstance(found, list | tuple):
            items = cast("Sequence[Any]", found)
            left.extend(((*at, number), items[number]) for number in reversed(range(len(items))))


def place(at: Sequence[str | int]) -> str:
    """Give a place as people write it, such as `items[0].iban`."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in at).lstrip(".")


def telling(value: Any) -> bool:
    """Tell whether a value is none that two people give by chance; a `yes` is nobody's in particular."""
    found = [leaf for _, leaf in leaves(value)]
    return bool(found) and all(short_form(leaf) is None for leaf in found)
