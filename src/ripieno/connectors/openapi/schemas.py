"""Schemas of a document as JSON Schemas that stand alone: what they refer to comes along, under `$defs`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from ripieno.connectors.openapi.document import Document
from ripieno.mediation.validation.patterns import bounded
from ripieno.model.errors import DefinitionError

__all__ = ["standalone"]

MOST_DEFINITIONS: Final = 400
LEFT_OUT: Final = frozenset({"discriminator", "xml", "externalDocs", "example", "examples", "$schema", "$id"})
"""What says nothing of a value, or would have it looked for elsewhere."""
HOLDS_NAMES: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
"""Under these the keys are names, whatever they are called."""
HOLDS_VALUES: Final = frozenset({"enum", "const", "default", "required"})


class Gathering:
    """The definitions that one schema needs."""

    def __init__(self, document: Document, *, leave_out: str | None) -> None:
        self._document = document
        self._old = document.version.startswith("3.0")
        self._leave_out = leave_out
        """`readOnly` for what is sent, `writeOnly` for what comes back."""
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}

    def of(self, node: Any) -> Any:
        """Give a schema in the words of JSON Schema 2020-12."""
        if not isinstance(node, dict):
            return node if isinstance(node, bool) else {}
        fields = cast("dict[str, Any]", node)
        reference = fields.get("$ref")
        if isinstance(reference, str):
            named = {"$ref": f"#/$defs/{self._defined(reference)}"}
            beside = {} if self._old else {name: one for name, one in fields.items() if name != "$ref"}
            return {**named, **self.of(beside)} if beside else named
        found = {name: self._word(name, one) for name, one in fields.items() if stays(name)}
        if isinstance(found.get("properties"), dict):
            self._without_one_way(fields, found)
        return as_2020_12(found, fields) if self._old else found

    def _word(self, name: str, value: Any) -> Any:
        if name in HOLDS_VALUES or name == "pattern":
            return value
        if name in HOLDS_NAMES and isinstance(value, dict):
            return {one: self.of(schema) for one, schema in cast("dict[str, Any]", value).items()}
        if isinstance(value, dict):
            return self.of(value)
        if isinstance(value, list):
            return [self.of(one) if isinstance(one, dict) else one for one in cast("list[Any]", value)]
        return value

    def _without_one_way(self, fields: dict[str, Any], found: dict[str, Any]) -> None:
        """Leave out what only the other side says, such as an id that the server gives."""
        if self._leave_out is None:
            return
        declared = cast("dict[str, Any]", fields["properties"])
        gone = {
            name for name, one in declared.items() if self._document.mapping(one).get(self._leave_out) is True
        }
        if gone:
            found["properties"] = {name: one for name, one in found["properties"].items() if name not in gone}
            required = self._document.listed(fields.get("required"), "required fields of a schema")
            required = [one for one in required if str(one) not in gone]
            found.pop("required", None)
            if required:
                found["required"] = required

    def _defined(self, reference: str) -> str:
        if reference not in self._names:
            if len(self._names) >= MOST_DEFINITIONS:
                msg = f"a schema of {self._document.whose} needs more than {MOST_DEFINITIONS} others"
                raise DefinitionError(msg)
            name = re.sub(r"[^A-Za-z0-9_.-]", "_", reference.rpartition("/")[2]) or "schema"
            taken = set(self._names.values())
            while name in taken:
                name += "_"
            self._names[reference] = name
            self.definitions[name] = {}  # it may refer to itself
            self.definitions[name] = self.of(self._document.at(reference))
        return self._names[reference]


def stays(name: str) -> bool:
    """Tell whether a word of a schema says something of values."""
    return name not in LEFT_OUT and not name.startswith("x-")


def as_2020_12(found: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give a schema of OpenAPI 3.0 in the words of 2020-12: `nullable`, and bounds that are left out."""
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        exclusive = found.get(word)
        if isinstance(exclusive, bool):
            del found[word]
            if exclusive and bound in found:
                found[word] = found.pop(bound)
    nullable = found.pop("nullable", False) is True
    if not nullable:
        return found
    if isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found and None not in fields["enum"]:
            found["enum"] = [*found["enum"], None]
        return found
    return {"anyOf": [found, {"type": "null"}]} if found else found


def standalone(document: Document, node: Any, *, leave_out: str | None = None) -> dict[str, Any]:
    """Give a schema that needs nothing but itself."""
    gathering = Gathering(document, leave_out=leave_out)
    found = gathering.of(node)
    if not isinstance(found, dict):
        return {} if found is not False else {"not": {}}
    known = cast("dict[str, Any]", found)
    return bounded({**known, "$defs": gathering.definitions} if gathering.definitions else known)
