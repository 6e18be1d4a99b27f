"""Two interfaces compared: what breaks those who call, and what does not.

What is taken may grow, and what is given may shrink; the other way round something that worked fails, or
something comes back that nobody is prepared for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ripieno.connectors.connector import Connector
from ripieno.connectors.remote import digest_of

__all__ = ["Change", "Interface", "compare", "compare_schemas", "interfaces_of"]

Way = Literal["in", "out"]
DEEPEST: Final = 30
ALL_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
AS_IS: Final = ("pattern", "format", "const", "anyOf", "oneOf", "allOf", "not", "multipleOf", "uniqueItems")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """Something that is another."""

    tool: str
    what: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class Interface:
    """What callers of one tool depend on."""

    input: Mapping[str, Any]
    output: Mapping[str, Any] | None
    about: str
    effect: str
    how: str = ""
    """How it is carried out: method and path, and who may call it."""


def interfaces_of(connector: Connector) -> dict[str, Interface]:
    """Give the interface of each tool that is allowed."""
    return {
        name: Interface(tool.input_schema, tool.output_schema, tool.description, tool.effect)
        for name, tool in ((name, connector.tool(name)) for name in connector.names)
    }


def compare(before: Mapping[str, Interface], after: Mapping[str, Interface]) -> list[Change]:
    """Give what is different, what breaks first."""
    found: list[Change] = []
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(Change(name, "is gone", breaking=True))
        elif name not in before:
            found.append(Change(name, "is new", breaking=False))
        else:
            found += [Change(name, what, breaking) for what, breaking in of_tool(before[name], after[name])]
    return sorted(found, key=lambda one: (not one.breaking, one.tool, one.what))


def of_tool(before: Interface, after: Interface) -> Iterator[tuple[str, bool]]:
    """Give what is different of one tool."""
    if before.how != after.how:
        yield f"is called otherwise: {before.how or 'unsaid'}, now {after.how or 'unsaid'}", True
    if before.effect != after.effect:
        yield f"was a {before.effect}, is a {after.effect}", True
    yield from compare_schemas(before.input, after.input, "in")
    if before.output is None or after.output is None:
        if before.output is not None:
            yield "says nothing any more of what it gives", True
        elif after.output is not None:
            yield "says what it gives", False
    else:
        yield from compare_schemas(before.output, after.output, "out")
    if before.about != after.about:
        yield "is described otherwise", False


def compare_schemas(
    before: Mapping[str, Any], after: Mapping[str, Any], way: Way
) -> Iterator[tuple[str, bool]]:
    """Give what is different between two schemas of what is taken (`in`) or given (`out`)."""
    yield from Comparison(before, after, way).of(before, after, "takes" if way == "in" else "gives", 0)


class Comparison:
    """Two schemas, each with what it refers to."""

    def __init__(self, before: Mapping[str, Any], after: Mapping[str, Any], way: Way) -> None:
        self._before, self._after, self._way = before, after, way
        self._seen: set[tuple[str, str]] = set()
        """Pairs of definitions that were compared: they may refer to themselves."""

    def of(self, old: Any, new: Any, at: str, depth: int) -> Iterator[tuple[str, bool]]:
        """Give what is different at a place."""
        names = (reference_of(old), reference_of(new))
        if all(names):
            if names in self._seen:
                return
            self._seen.add(names)
        before, after = resolved(old, self._before), resolved(new, self._after)
        if depth > DEEPEST or (
            not any(names) and digest_of(before) == digest_of(after) and not refers(before)
        ):
            return
        yield from self._types(before, after, at)
        yield from self._choices(before, after, at)
        yield from self._bounds(before, after, at)
        yield from self._required(before, after, at)
        yield from self._properties(before, after, at, depth)
        if "items" in before and "items" in after:
            yield from self.of(before["items"], after["items"], f"{at}[]", depth + 1)

    def _breaks(self, *, narrower: bool) -> bool:
        """Tell whether it breaks that a schema fits fewer values now, or more."""
        return narrower == (self._way == "in")

    def _types(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        old, new = types_of(before), types_of(after)
        if lost := old - new - ({"integer"} if "number" in new else set()):
            yield f"{at} is no {' or '.join(sorted(lost))} any more", self._breaks(narrower=True)
        if gained := new - old - ({"integer"} if "number" in old else set()):
            yield f"{at} may be {' or '.join(sorted(gained))} too", self._breaks(narrower=False)

    def _choices(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        old, new = before.get("enum"), after.get("enum")
        if old is not None or new is not None:
            if old is None or new is None:
                words = "is one of a list now" if old is None else "is one of a list no more"
                yield f"{at} {words}", self._breaks(narrower=old is None)
            else:
                for gone in [one for one in old if one not in new]:
                    yield f"{at} is {gone!r} no more", self._breaks(narrower=True)
                for added in [one for one in new if one not in old]:
                    yield f"{at} may be {added!r} too", self._breaks(narrower=False)
        for word in AS_IS:
            one, other = before.get(word), after.get(word)
            if digest_of(one) != digest_of(other):
                narrower = one is None
                told = "is new" if narrower else "is gone" if other is None else "is another"
                breaks = True if one is not None and other is not None else self._breaks(narrower=narrower)
                yield f"{at}: {word} {told}", breaks

    def _bounds(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        for words, sign in ((LOWER, 1), (UPPER, -1)):
            for word in words:
                old, new = before.get(word), after.get(word)
                if old == new:
                    continue
                narrower = old is None or (new is not None and (new - old) * sign > 0)
                told = f"{'none' if old is None else old}, now {'none' if new is None else new}"
                yield f"{at}: {word} was {told}", self._breaks(narrower=narrower)

    def _required(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        old, new = set(before.get("required", ())), set(after.get("required", ()))
        for name in sorted(new - old):
            if name in before.get("properties", {}) or self._way == "in":
                yield f"{at}.{name} has to be given now", self._breaks(narrower=True)
        for name in sorted(old - new):
            if name in after.get("properties", {}):
                yield f"{at}.{name} may be left out now", self._breaks(narrower=False)

    def _properties(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str, depth: int
    ) -> Iterator[tuple[str, bool]]:
        old: Mapping[str, Any] = before.get("properties", {})
        new: Mapping[str, Any] = after.get("properties", {})
        for name in sorted({*old, *new}):
            if name not in new:
                yield f"{at}.{name} is gone", True
            elif name not in old:
                yield f"{at}.{name} is new", False
            else:
                yield from self.of(old[name], new[name], f"{at}.{name}", depth + 1)


def reference_of(node: Any) -> str:
    """Give what a schema refers to; empty for one that stands alone."""
    return str(cast("dict[str, Any]", node).get("$ref", "")) if isinstance(node, dict) else ""


def refers(node: Any) -> bool:
    """Tell whether something in a schema stands elsewhere."""
    if isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        return "$ref" in fields or any(refers(one) for one in fields.values())
    return isinstance(node, list) and any(refers(one) for one in cast("list[Any]", node))


def resolved(node: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a schema with its references followed."""
    for _ in range(DEEPEST):
        reference = reference_of(node)
        if not reference:
            break
        name = reference.rpartition("/")[2]
        node = cast("Mapping[str, Any]", whole.get("$defs", {})).get(name, {})
    return cast("Mapping[str, Any]", node) if isinstance(node, Mapping) else {}


def types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Give the types that a schema allows."""
    said = schema.get("type")
    if said is None:
        return ALL_TYPES
    return frozenset(cast("list[str]", said) if isinstance(said, list) else [str(said)])
