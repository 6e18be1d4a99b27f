"""What a server says of its tools: each definition as it came, whole, by the digest that it is pinned by."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from ripieno.mediation.validation.schemas import check_schema
from ripieno.model.errors import DefinitionError

__all__ = ["ToolDefinition", "changes", "suspicions"]

LONG: Final = 2_000
NAME: Final = re.compile(r"[A-Za-z0-9_.\-/]{1,128}")

TALKS_TO_MODELS: Final = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(previous|prior|above|earlier|other|all)\b"
    r"|\bdo not (tell|mention|inform|reveal|show|ask)\b|\bwithout (telling|asking|informing)\b"
    r"|<\s*/?\s*(important|system|instructions?|secret|hidden|admin)\s*>"
    r"|\b(system prompt|you must always|you are now|always call|before (using|calling) (any|this|other))\b",
    re.IGNORECASE | re.DOTALL,
)
REACHES_FOR: Final = re.compile(
    r"~/\.|/etc/passwd|\bid_rsa\b|\.ssh\b|\.env\b|\bmcp\.json\b"
    r"|\b(password|api[ _-]?key|credential|private key)s?\b",
    re.IGNORECASE,
)
ENCODED: Final = re.compile(r"[A-Za-z0-9+/=_-]{120,}")
UNSEEN: Final = frozenset({"Cf", "Co", "Cn", "Cs"})


@dataclass(frozen=True)
class ToolDefinition:
    """One tool as its server defines it: name, title, description, schemas, annotations, icons, `_meta`."""

    whole: Mapping[str, Any]
    """As it came, with whatever else stands in it."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole, whatever the order of its fields."""
        return hashlib.sha256(canonical(self.whole)).hexdigest()

    @property
    def name(self) -> str:
        """What the server calls it."""
        return str(self.whole["name"])

    @property
    def description(self) -> str:
        """What the server says of it."""
        return str(self.whole.get("description") or "")

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """JSON Schema of the arguments."""
        return self.whole["inputSchema"]

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """JSON Schema of the structured result; None where the server declares none."""
        return self.whole.get("outputSchema")

    @property
    def says_reads(self) -> bool:
        """Whether the server hints that it only reads, which nobody relies on."""
        annotations = self.whole.get("annotations")
        return (
            isinstance(annotations, Mapping)
            and cast("Mapping[str, Any]", annotations).get("readOnlyHint") is True
        )

    @classmethod
    def read(cls, whole: object, server: str) -> ToolDefinition:
        """Check what a server says of a tool; raises `DefinitionError` where nobody could call it."""
        if not isinstance(whole, Mapping) or not isinstance(
            cast("Mapping[str, Any]", whole).get("name"), str
        ):
            msg = f"MCP server {server}: a tool without a name"
            raise DefinitionError(msg)
        found = cast("Mapping[str, Any]", whole)
        name = str(found["name"])
        if not NAME.fullmatch(name):
            msg = f"MCP server {server}: {name!r} cannot be the name of a tool"
            raise DefinitionError(msg)
        for field, needed in (("inputSchema", True), ("outputSchema", False)):
            if found.get(field) is None and not needed:
                continue
            schema: object = found.get(field)
            if not isinstance(schema, Mapping):
                msg = f"MCP server {server}: {name}: {field} is no JSON Schema"
                raise DefinitionError(msg)
            check_schema(cast("Mapping[str, Any]", schema), f"MCP server {server}: {name}: {field}")
        return cls(found)


def canonical(value: object) -> bytes:
    """Give JSON that is the same for the same value, in whichever order its fields came."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def changes(before: ToolDefinition, after: ToolDefinition) -> list[str]:
    """Give what is another in a definition: the fields, one level down in schemas."""
    return list(differences(before.whole, after.whole, ""))


def differences(before: Mapping[str, Any], after: Mapping[str, Any], at: str) -> Iterator[str]:
    """Give the paths at which two mappings differ."""
    for name in sorted({*before, *after}):
        old, new, path = before.get(name), after.get(name), f"{at}{name}"
        if name not in before:
            yield f"{path} was added"
        elif name not in after:
            yield f"{path} was removed"
        elif canonical(old) == canonical(new):
            continue
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new), f"{path}.")
        else:
            yield f"{path} is another"


def suspicions(definition: ToolDefinition, others: Sequence[str] = ()) -> list[str]:
    """Say what in a definition looks as if it were meant for a model to obey; for whoever approves it.

    A net with wide meshes: nothing found does not mean that nothing is there.
    """
    found: dict[str, None] = {}
    for at, text in texts(definition.whole, ""):
        for character in text:
            if unicodedata.category(character) in UNSEEN:
                found[f"{at} holds characters that nobody sees (U+{ord(character):04X})"] = None
                break
        if (hit := TALKS_TO_MODELS.search(text)) is not None:
            found[f"{at} speaks to a model: {shortened(hit[0])!r}"] = None
        if at != "name" and (hit := REACHES_FOR.search(text)) is not None:
            found[f"{at} names what is secret: {shortened(hit[0])!r}"] = None
        if ENCODED.search(text) and not at.startswith("icons"):
            found[f"{at} holds something encoded"] = None
        if len(text) > LONG and not at.startswith("icons"):
            found[f"{at} has {len(text):,} characters"] = None
        for other in others:
            if (
                other != definition.name
                and at == "description"
                and re.search(rf"\b{re.escape(other)}\b", text)
            ):
                found[f"{at} speaks of another tool: {other!r}"] = None
    return list(found)


def texts(value: object, at: str) -> Iterator[tuple[str, str]]:
    """Give each text in a definition, with its path."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for name, one in cast("Mapping[str, Any]", value).items():
            yield from texts(one, f"{at}.{name}" if at else str(name))
            yield (f"{at} (a name)" if at else "(a name)"), str(name)
    elif isinstance(value, list):
        for number, one in enumerate(cast("list[Any]", value), 1):
            yield from texts(one, f"{at}[{number}]")


def shortened(text: str) -> str:
    """Give the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"  # noqa: PLR2004 - one line of a terminal
