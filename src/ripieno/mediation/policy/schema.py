"""The Cedar schema, made from the vocabulary and from the arguments of tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cedarpy import Schema

from ripieno.mediation.policy.vocabulary import (
    ACTS,
    ALWAYS,
    CONTEXT,
    PRINCIPAL,
    PRINCIPALS,
    REQUIRED,
    RESOURCES,
    ValueKind,
)

__all__ = ["Tree", "schema", "schema_text", "tree"]

TYPES: Final[Mapping[ValueKind, str]] = {
    "text": "String",
    "whole": "Long",
    "decimal": "decimal",
    "flag": "Bool",
    "texts": "Set<String>",
    "wholes": "Set<Long>",
    "record": "{}",
}

Tree = Mapping[str, "ValueKind | Tree"]
"""The kinds of a record's attributes, records within records among them."""


def tree(kinds: Iterable[tuple[tuple[str, ...], ValueKind]]) -> Tree:
    """Give the record that has a value of its kind at each path."""
    root: dict[str, ValueKind | Tree] = {}
    for path, kind in kinds:
        here = root
        for name in path[:-1]:
            below = here.get(name)
            if not isinstance(below, dict):
                here[name] = below = dict[str, "ValueKind | Tree"]()
            here = below
        here.setdefault(path[-1], kind)
    return root


@lru_cache(maxsize=256)
def schema(
    arguments: frozenset[tuple[tuple[str, ...], ValueKind]],
    provenance: frozenset[tuple[str, ...]] = frozenset(),
) -> Schema:
    """Give the parsed schema for these arguments; `provenance`: the paths of those whose source is read."""
    return Schema.from_str(
        schema_text(tree(sorted(arguments)), tree((path, "text") for path in sorted(provenance)))
    )


def schema_text(arguments: Tree, provenance: Tree = MappingProxyType({})) -> str:
    """Give the schema in Cedar's own form."""
    lines = ["entity Role;"]
    lines += [f"entity {name} in [Role] {record(PRINCIPAL, PRINCIPAL)};" for name in PRINCIPALS.values()]
    lines += [
        f"entity {name} {record(facts, REQUIRED.get(name, {'name'}))};" for name, facts in RESOURCES.items()
    ]
    context = [
        *fields(CONTEXT, ALWAYS),
        f"amount?: {TYPES['decimal']}",
        f"arguments?: {record(arguments, ())}",
        f"provenance?: {whole(provenance)}",
    ]
    lines += [f"type Proposed = {{ {', '.join(context)} }};"]
    who = ", ".join(PRINCIPALS.values())
    lines += [
        f'action "{kind}" appliesTo {{'
        f" principal: [{who}], resource: [{', '.join(resources)}], context: Proposed }};"
        for kind, resources in ACTS.items()
    ]
    return "\n".join(lines)


def fields(attributes: Tree, required: Iterable[str]) -> list[str]:
    """Give the attributes of a record as a schema declares them."""
    return [
        f'"{name}"{"" if name in required else "?"}: '
        + (TYPES[kind] if isinstance(kind, str) else record(kind, {"name"} if name == "workflow" else ()))
        for name, kind in attributes.items()
    ]


def whole(attributes: Tree) -> str:
    """Give a record type of which everything has to be there: what is missing is a denial."""
    inner = (
        f'"{name}": ' + (TYPES[kind] if isinstance(kind, str) else whole(kind))
        for name, kind in attributes.items()
    )
    return f"{{ {', '.join(inner)} }}"


def record(attributes: Tree, required: Iterable[str]) -> str:
    """Give a record type."""
    return f"{{ {', '.join(fields(attributes, required))} }}"
