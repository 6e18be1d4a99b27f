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
BOUNDS: Final = frozenset({*LOWER, *UPPER})
ONE_BY_ONE: Final = frozenset(
    {"type", "enum", "required", "properties", "items", "additionalProperties", "$ref", "$defs", "default"}
)
"""What is compared by what it says; whatever else there is in a schema, by whether it is the same."""
TOLD: Final = frozenset({"title", "description"})
REMARKS: Final = TOLD | {
    *("examples", "example", "deprecated", "readOnly", "writeOnly", "externalDocs", "xml", "discriminator"),
    *("$comment", "$schema", "$id", "$anchor"),
}
"""What says nothing of which values fit."""
HOLDS_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})


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
    if digest_of(before) == digest_of(after):
        return
    yield from Comparison(before, after, way).of(before, after, "takes" if way == "in" else "gives", 0)


class Comparison:
    """Two schemas, each with what it refers to."""

    def __init__(self, before: Mapping[str, Any], after: Mapping[str, Any], way: Way) -> None:
        self._before, self._after, self._way = before, after, way
        self._seen: set[tuple[str, str]] = set()
        """Pairs of definitions that were compared: they may refer to themselves."""

    def of(self, old: Any, new: Any, at: str, depth: int) -> Iterator[tuple[str, bool]]:
        """Give what is different at a place."""
        names = (pointer(old), pointer(new))
        if all(names):
            if names in self._seen:
                return
            self._seen.add(names)
        before, after = resolved(old, self._before), resolved(new, self._after)
        if not any(names) and digest_of(before) == digest_of(after) and not any(references(before)):
            return
        if depth > DEEPEST:
            yield f"{at}: nests too deep to be compared", True
            return
        yield from self._types(before, after, at)
        yield from self._choices(before, after, at)
        yield from self._bounds(before, after, at)
        yield from self._whatever_else(before, after, at)
        yield from self._required(before, after, at)
        yield from self._properties(before, after, at, depth)
        yield from self._others(before, after, at, depth)
        if "items" in before or "items" in after:
            yield from self.of(before.get("items", {}), after.get("items", {}), f"{at}[]", depth + 1)
        yield from told_otherwise(before, after, at)

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
        old, new = listed(before, "enum"), listed(after, "enum")
        if old is None and new is None:
            return
        if old is None or new is None:
            words = "is one of a list now" if old is None else "is one of a list no more"
            yield f"{at} {words}", self._breaks(narrower=old is None)
            return
        for gone in [one for one in old if one not in new]:
            yield f"{at} is {gone!r} no more", self._breaks(narrower=True)
        for added in [one for one in new if one not in old]:
            yield f"{at} may be {added!r} too", self._breaks(narrower=False)

    def _whatever_else(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        """Give what is different of all that is not compared by what it says: it may be anything."""
        for word in sorted({*before, *after} - ONE_BY_ONE - REMARKS - BOUNDS):
            one, other = before.get(word), after.get(word)
            if word.startswith("x-") or self._same(word, one, other):
                continue
            narrower = one is None
            told = "is new" if narrower else "is gone" if other is None else "is another"
            breaks = True if one is not None and other is not None else self._breaks(narrower=narrower)
            yield f"{at}: {word} {told}", breaks

    def _same(self, word: str, one: Any, other: Any) -> bool:
        """Tell whether two values of a word are the same, with all that they refer to."""
        old, new = whole(word, one, self._before), whole(word, other, self._after)
        return digest_of(old) == digest_of(new)

    def _others(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str, depth: int
    ) -> Iterator[tuple[str, bool]]:
        """Give what is different of fields that are not named."""
        old, new = before.get("additionalProperties", True), after.get("additionalProperties", True)
        if old is False and new is not False:
            yield f"{at} may have other fields now", False
        elif new is False and old is not False:
            yield f"{at} has no other fields any more", self._breaks(narrower=True)
        elif isinstance(old, Mapping) or isinstance(new, Mapping):
            yield from self.of(old, new, f"{at}.*", depth + 1)

    def _bounds(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        for words, sign in ((LOWER, 1), (UPPER, -1)):
            for word in words:
                old, new = before.get(word), after.get(word)
                if old == new:
                    continue
                if not all(one is None or isinstance(one, int | float) for one in (old, new)):
                    yield f"{at}: {word} is another", True
                    continue
                narrower = old is None or (new is not None and (new - old) * sign > 0)
                told = f"{'none' if old is None else old}, now {'none' if new is None else new}"
                yield f"{at}: {word} was {told}", self._breaks(narrower=narrower)

    def _required(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str
    ) -> Iterator[tuple[str, bool]]:
        old = {str(one) for one in listed(before, "required") or ()}
        new = {str(one) for one in listed(after, "required") or ()}
        for name in sorted(new - old):
            if name in fields(before) or self._way == "in":
                yield f"{at}.{name} has to be given now", self._breaks(narrower=True)
        for name in sorted(old - new):
            if name in fields(after):
                yield f"{at}.{name} may be left out now", self._breaks(narrower=False)

    def _properties(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: str, depth: int
    ) -> Iterator[tuple[str, bool]]:
        old, new = fields(before), fields(after)
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


def pointer(node: Any) -> str:
    """Give what a schema refers to, with whatever else it says beside that of values; else nothing."""
    reference = reference_of(node)
    if not reference:
        return ""
    beside = {
        name: one for name, one in node.items() if name not in REMARKS and name not in {"$ref", "$defs"}
    }
    return f"{reference} {digest_of(beside)}" if beside else reference


def resolved(node: Any, within: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a schema with its references followed; what stands beside a reference holds as well."""
    beside: dict[str, Any] = {}
    for _ in range(DEEPEST):
        reference = reference_of(node)
        if not reference:
            break
        beside = {**{name: one for name, one in node.items() if name not in {"$ref", "$defs"}}, **beside}
        node = definition(reference, within)
    if node is False:
        return {"not": {}}
    known: Mapping[str, Any] = cast("Mapping[str, Any]", node) if isinstance(node, Mapping) else {}
    return {**known, **beside} if beside else known


def definition(reference: str, within: Mapping[str, Any]) -> Any:
    """Give what a reference names."""
    return cast("Mapping[str, Any]", within.get("$defs", {})).get(reference.rpartition("/")[2], {})


def whole(word: str, value: Any, within: Mapping[str, Any]) -> list[Any]:
    """Give a value with all that it refers to, without remarks."""
    found: dict[str, Any] = {}
    waiting = [plain(value, named=word in HOLDS_NAMES)]
    first = waiting[0]
    while waiting:
        for reference in references(waiting.pop()):
            if reference not in found:
                found[reference] = plain(definition(reference, within), named=False)
                waiting.append(found[reference])
    return [first, found]


def references(node: Any) -> Iterator[str]:
    """Give what a schema refers to anywhere."""
    if isinstance(node, Mapping):
        for name, one in cast("Mapping[str, Any]", node).items():
            if name == "$ref" and isinstance(one, str):
                yield one
            else:
                yield from references(one)
    elif isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from references(one)


def plain(node: Any, *, named: bool) -> Any:
    """Give a schema without remarks; under `named` the keys are names."""
    if isinstance(node, list):
        return [plain(one, named=False) for one in cast("list[Any]", node)]
    if not isinstance(node, Mapping):
        return node
    return {
        name: plain(one, named=not named and name in HOLDS_NAMES)
        for name, one in cast("Mapping[str, Any]", node).items()
        if named or name not in REMARKS
    }


def told_otherwise(
    before: Mapping[str, Any], after: Mapping[str, Any], at: str
) -> Iterator[tuple[str, bool]]:
    """Give what is said otherwise, and breaks nothing."""
    if digest_of(before.get("default")) != digest_of(after.get("default")):
        yield f"{at}: default is another", False
    if any(before.get(name) != after.get(name) for name in TOLD):
        yield f"{at} is described otherwise", False


def fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the named fields of a schema."""
    found = schema.get("properties")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def listed(schema: Mapping[str, Any], word: str) -> list[Any] | None:
    """Give the list under a word; None where there is none."""
    found = schema.get(word)
    return cast("list[Any]", found) if isinstance(found, list) else None


def types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Give the types that a schema allows."""
    said = schema.get("type")
    if said is None:
        return ALL_TYPES
    return (
        frozenset(str(one) for one in cast("list[Any]", said))
        if isinstance(said, list)
        else frozenset({str(said)})
    )
