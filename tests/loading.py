"""Loads what a process that others are forked from has loaded for all of them."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Final

import ripieno

__all__ = ["load_the_package"]

WITH_EXTRAS: Final = (
    *("ripieno.api", "ripieno.participants.llm"),
    *(f"ripieno.connectors.{room}" for room in ("a2a", "fhir", "mcp", "rest", "sql", "systems")),
)
"""Rooms whose modules load libraries of the extras: a hundred megabytes, of which each fork needs a map.

Whoever is forked and needs them loads them then, as a process from nothing would.
"""


def load_the_package() -> None:
    """Load every module of the package that needs no extra."""
    for module in pkgutil.walk_packages(ripieno.__path__, "ripieno."):
        if not module.name.endswith("__main__") and not within(module.name, WITH_EXTRAS):
            import_module(module.name)


def within(module: str, rooms: tuple[str, ...]) -> bool:
    """Tell whether a module is one of these or stands in one of them."""
    return any(f"{module}.".startswith(f"{room}.") for room in rooms)
