"""Policies against the declarations of tools: whether what they read of an argument is what it is.

A tool's arguments are declared as JSON Schema. An argument whose schema says nothing that Cedar can hold is
none that a policy can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from ripieno.mediation.policy.engine import type_errors
from ripieno.mediation.policy.guards import as_validated
from ripieno.mediation.policy.lint import argument_types, explained, sources
from ripieno.mediation.policy.policies import Policy
from ripieno.mediation.policy.schema import schema
from ripieno.mediation.policy.usage import ArgumentPath
from ripieno.mediation.policy.vocabulary import ValueKind
from ripieno.model.errors import DefinitionError, nearest

__all__ = ["argument_kinds_of", "check_tool"]

SIMPLE: Final[Mapping[str, ValueKind]] = {
    "string": "text",
    "integer": "whole",
    "number": "decimal",
    "boolean": "flag",
}
LISTS: Final[Mapping[ValueKind, ValueKind]] = {"text": "texts", "whole": "wholes"}
DEEPEST: Final = 8
"""How far records are followed: a schema may refer to itself."""


def argument_kinds_of(declared: Mapping[str, Any]) -> dict[ArgumentPath, ValueKind]:
    """Give what each argument is to Cedar, by its path; those that it cannot hold are left out."""
    return dict(kinds_in(declared, declared, ()))


def kinds_in(
    node: Mapping[str, Any], whole: Mapping[str, Any], path: ArgumentPath
) -> Iterator[tuple[ArgumentPath, ValueKind]]:
    """Give the kinds of a node's properties, and of theirs."""
    if len(path) > DEEPEST:
        return
    for name, found in cast("Mapping[str, Any]", node.get("properties", {})).items():
        below = resolved(found, whole)
        if "properties" in below:
            yield from kinds_in(below, whole, (*path, name))
        elif kind := kind_of(below, whole):
            yield (*path, name), kind


def resolved(node: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a node with its reference followed, and without the null that it may be instead."""
    for _ in range(DEEPEST):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            node = whole
            for part in reference[2:].split("/"):
                node = cast("Mapping[str, Any]", node.get(part, {}))
            continue
        options = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
        if len(options) != 1:
            break
        node = options[0]
    return node


def kind_of(node: Mapping[str, Any], whole: Mapping[str, Any]) -> ValueKind | None:
    """Give what a value of a schema is to Cedar; None for what it cannot hold, or may be several things."""
    options = cast("Sequence[Mapping[str, Any]]", node.get("anyOf", ()))
    if {one.get("type") for one in options} == {"number", "string"}:
        return "decimal"  # as a Decimal is declared: a number, or a text that is one
    listed = cast("Sequence[object]", node.get("enum", (node["const"],) if "const" in node else ()))
    if listed:
        return "text" if all(isinstance(one, str) for one in listed) else None
    kind = node.get("type")
    if kind == "array":
        element = kind_of(resolved(node.get("items", {}), whole), whole)
        return None if element is None else LISTS.get(element)
    return SIMPLE.get(kind) if isinstance(kind, str) else None


def check_tool(
    policies: Sequence[Policy], tool: str, declared: Mapping[str, Any]
) -> Iterator[DefinitionError]:
    """Give what policies take for something else than a tool declares; no call of it could be decided."""
    kinds = argument_kinds_of(declared)
    known = sorted(cast("Mapping[str, Any]", declared.get("properties", {})))
    for policy in policies:
        if policy.resource in {("Tool", tool), ("Tool", None), (None, None)}:
            for message, remedy in misread(policy, tool, declared, kinds, known):
                yield DefinitionError(f"{policy.id}: {message}", place=policy.place, remedy=remedy)


def misread(
    policy: Policy,
    tool: str,
    declared: Mapping[str, Any],
    kinds: Mapping[ArgumentPath, ValueKind],
    known: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """Give what a policy takes for something else, and what to do."""
    read = {path for path, _ in argument_types(policy)}
    missing = sorted({path[0] for path in read} - set(known))
    named = policy.resource == ("Tool", tool)
    if missing:
        if named and not declared.get("additionalProperties"):
            yield (
                f"tool {tool!r} takes no {missing[0]!r}{nearest(missing[0], known)}",
                f"it takes {', '.join(known) or 'nothing'}",
            )
        return
    held = {path[:length] for path in kinds for length in range(1, len(path) + 1)}
    for path in sorted(read - held) if named else ():
        name = ".".join(path)
        yield (
            f"tool {tool!r} declares {name!r} as what policies cannot read, or as several things",
            "declare it as one of text, whole number, Decimal, bool, a list of texts or of whole numbers",
        )
    if read:
        types = frozenset(kinds.items())
        for error in type_errors(as_validated(policy.syntax), schema(types, sources(policy))):
            message, remedy = explained(error)
            yield f"as tool {tool!r} declares it: {message}", remedy
