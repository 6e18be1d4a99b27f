"""What a project declares in plain tables, read: of a model, and of a system that several share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, cast

from ripieno.model.errors import DefinitionError, nearest
from ripieno.resilience.policy import Breaker, Bulkhead, Hedge, RateLimit, Resilience, Retry, Timeouts

__all__ = ["MODEL", "for_model", "read"]

PARTS: Final[Mapping[str, type[Any]]] = {
    "retry": Retry,
    "breaker": Breaker,
    "hedge": Hedge,
    "bulkhead": Bulkhead,
    "timeouts": Timeouts,
}
NAMES: Final = ("system", "target", *PARTS, "limits")

MODEL: Final = Resilience(
    retry=Retry(), breaker=Breaker(at_once=("auth", "budget_exhausted")), repeatable=True
)
"""What holds of every model unless its project declares otherwise."""


def read(declared: object, what: str) -> dict[str, Any]:
    """Give what a table declares, by the names of `Resilience`; raises `DefinitionError`."""
    found: dict[str, Any] = {}
    for name, value in table(declared, what, NAMES).items():
        if name in PARTS:
            found[name] = part(PARTS[name], value, f"{what}.{name}")
        elif name == "limits":
            if not isinstance(value, list):
                msg = f"{what}.limits: expected a list of tables, got {value!r}"
                raise DefinitionError(msg)
            items = cast("list[object]", value)
            found[name] = tuple(part(RateLimit, one, f"{what}.limits") for one in items)
        else:
            found[name] = value
    Resilience(**found)
    return found


def for_model(
    identifier: str, provider: str, own: Mapping[str, Any], of_provider: Mapping[str, Any]
) -> Resilience:
    """Give what holds of a model: what is declared of it, else of its provider, else of every model.

    The limits of both hold: the provider's are shared by all of its models, the model's are its own.
    """
    limits = (
        *of_provider.get("limits", ()),
        *(dataclasses.replace(one, of="target") for one in own.get("limits", ())),
    )
    parts: dict[str, Any] = {"system": provider, "target": identifier, **of_provider, **own, "limits": limits}
    return dataclasses.replace(MODEL, **parts)


def part(kind: type[Any], declared: object, what: str) -> Any:
    """Give one part; raises `DefinitionError` that says which."""
    names = [item.name for item in dataclasses.fields(kind)]
    settings = {
        name: tuple(cast("list[object]", value)) if isinstance(value, list) else value
        for name, value in table(declared, what, names).items()
    }
    try:
        return kind(**settings)
    except TypeError as error:
        msg = f"{what}: {error}"
        raise DefinitionError(msg) from None


def table(declared: object, what: str, names: Any) -> dict[str, object]:
    """Give a table of which every name is known."""
    if not isinstance(declared, dict):
        msg = f"{what}: expected a table, got {declared!r}"
        raise DefinitionError(msg)
    found = cast("dict[str, object]", declared)
    for name in found:
        if name not in names:
            msg = f"{what}: nothing is called {name!r}{nearest(str(name), names)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(names)}")
    return found
