"""Values as Cedar holds them: texts, whole numbers of 64 bits, decimals of four places, sets and records.

What Cedar cannot hold is never changed into something near it: where a policy reads it, the act is denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from ripieno.mediation.policy.reads import Node
from ripieno.mediation.policy.vocabulary import ValueKind

__all__ = ["NAMES", "Json", "UnreadableError", "cedar_decimal", "cedar_value", "projected"]

Json = str | int | bool | list["Json"] | dict[str, "Json"]
"""A value in Cedar's JSON form."""

LONG: Final = range(-(2**63), 2**63)
PLACES: Final = 4
PLAIN: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
ESCAPES: Final = frozenset({"__entity", "__extn", "__expr"})
"""Keys by which Cedar's JSON form means something other than a record."""


class UnreadableError(ValueError):
    """A value that is read, and that Cedar cannot hold as what the policies take it for."""

    def __init__(self, what: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"{'.'.join(path)}: {what}" if path else what)
        self.path = path
        """From the variable on, such as `context`, `arguments`, `amount`."""


def cedar_decimal(value: object) -> Json:
    """Give a number, or a text that is one, as a decimal; raises `UnreadableError` when it does not fit."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise InvalidOperation  # noqa: TRY301 - one answer to all that is no number
        if isinstance(value, str) and not PLAIN.fullmatch(value):
            raise InvalidOperation  # noqa: TRY301 - what Python reads as a number, others may read as another
        number = Decimal(repr(value) if isinstance(value, float) else value)
        scaled = number.scaleb(PLACES) if number.is_finite() and abs(number.adjusted()) < 32 else None  # noqa: PLR2004
    except InvalidOperation:
        scaled = None
    if scaled is None or scaled != scaled.to_integral_value() or int(scaled) not in LONG:
        msg = "expected a number of at most four decimal places"
        raise UnreadableError(msg)
    sign, digits = "-" if scaled < 0 else "", str(abs(int(scaled))).rjust(PLACES + 1, "0")
    return {"__extn": {"fn": "decimal", "arg": f"{sign}{digits[:-PLACES]}.{digits[-PLACES:]}"}}


def cedar_value(value: object, kind: ValueKind | None = None) -> Json:
    """Give a value as Cedar holds it; raises `UnreadableError` when it is not of this kind, or does not fit.

    Without a kind it is taken as it comes: a number with a fraction as a decimal.
    """
    match kind:
        case None | "record":
            return as_it_comes(value)
        case "decimal":
            return cedar_decimal(value)
        case "texts" | "wholes":
            return as_set(value, "text" if kind == "texts" else "whole")
        case "text" if isinstance(value, str):
            return value
        case "flag" if isinstance(value, bool):
            return value
        case "whole" if isinstance(value, int) and not isinstance(value, bool) and value in LONG:
            return value
        case _:
            msg = f"expected {NAMES[kind]}"
            raise UnreadableError(msg)


NAMES: Final[Mapping[ValueKind, str]] = {
    "text": "text",
    "flag": "true or false",
    "whole": "a whole number of 64 bits",
    "decimal": "a number of at most four decimal places",
    "texts": "a list of texts",
    "wholes": "a list of whole numbers of 64 bits",
    "record": "a record",
}


def as_it_comes(value: object) -> Json:
    """Give a value whose kind nothing says."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return cedar_value(value, "whole")
    if isinstance(value, float | Decimal):
        return cedar_decimal(value)
    if isinstance(value, list | tuple):
        return [as_it_comes(one) for one in cast("Iterable[object]", value)]
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, object]", value)
        if not ESCAPES.isdisjoint(fields) or not all(isinstance(name, str) for name in fields):
            msg = "a record with keys that mean something else to Cedar"
            raise UnreadableError(msg)
        return {name: as_it_comes(one) for name, one in fields.items() if one is not None}
    msg = f"cannot be held as what it is ({type(value).__name__})"
    raise UnreadableError(msg)


def as_set(value: object, kind: ValueKind) -> Json:
    """Give a list as a set, sorted, so that two orders of the same are one."""
    if not isinstance(value, list | tuple | set | frozenset):
        msg = "expected a list"
        raise UnreadableError(msg)
    elements = {cast("str | int", cedar_value(one, kind)) for one in cast("Iterable[object]", value)}
    return cast("Json", sorted(elements))


def projected(
    value: object, node: Node, kinds: Mapping[tuple[str, ...], ValueKind], path: tuple[str, ...]
) -> Json:
    """Give of a value that is there what is read of it.

    Raises `UnreadableError`, naming the path, for what is read and cannot be held.
    """
    if node.value or (node.parts and not isinstance(value, Mapping)):
        try:
            return cedar_value(value, kinds.get(path))
        except UnreadableError as error:
            raise UnreadableError(str(error), path) from error
    if not isinstance(value, Mapping):
        return True
    fields = cast("Mapping[str, object]", value)
    return {
        name: projected(fields[name], part, kinds, (*path, name))
        for name, part in node.parts.items()
        if fields.get(name) is not None
    }
