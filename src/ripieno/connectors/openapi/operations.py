"""The operations of a document: what each is called, takes and gives, as far as a tool needs it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, cast

from ripieno.connectors.openapi.document import Document
from ripieno.connectors.openapi.parameters import Parameter, parameters_of
from ripieno.connectors.openapi.schemas import standalone
from ripieno.connectors.remote import digest_of
from ripieno.connectors.rest.client import SAFE, Method
from ripieno.model.errors import DefinitionError

__all__ = ["Body", "Operation", "operations_of"]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
LONGEST_NAME: Final = 48
LONGEST_ABOUT: Final = 2_000
KINDS_OF_BODY: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Body:
    """What an operation is sent."""

    kind: str
    """Its media type."""
    schema: Mapping[str, Any]
    required: bool


@dataclass(frozen=True)
class Operation:
    """One operation of a document."""

    document: Document
    name: str
    """Stable: its `operationId`, or made of method and path."""
    method: Method
    path: str
    said: Mapping[str, Any]
    """What the document says of it."""
    shared: Sequence[Any]
    """Parameters of its path."""

    @property
    def reads(self) -> bool:
        """Whether its method only reads (RFC 9110, 9.2.1)."""
        return self.method in SAFE

    @property
    def served_elsewhere(self) -> bool:
        """Whether the document says that it is served by others than the rest, by `servers` of its own."""
        own = self.said.get("servers")
        return bool(own) and own != self.document.data.get("servers")

    @property
    def about(self) -> str:
        """What it is for, in the words of the document."""
        told = [str(self.said.get(name) or "").strip() for name in ("summary", "description")]
        text = "\n\n".join(dict.fromkeys(one for one in told if one)) or f"{self.method} {self.path}"
        return text if len(text) <= LONGEST_ABOUT else f"{text[:LONGEST_ABOUT]}…"

    @property
    def tags(self) -> list[str]:
        """The groups that it belongs to."""
        return [str(one) for one in self.document.listed(self.said.get("tags"), f"tags of {self.name}")]

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Give what stands in path, query, headers and cookies."""
        own = self.document.listed(self.said.get("parameters"), f"parameters of {self.name}")
        return parameters_of(self.document, [*self.shared, *own], self.path)

    @cached_property
    def body(self) -> Body | None:
        """Give what it is sent; raises `DefinitionError` for a kind that no tool can give."""
        declared = self.document.mapping(self.said.get("requestBody"))
        content = self.document.mapping(declared.get("content"))
        if not content:
            return None
        for kind in content:
            plain = kind.partition(";")[0].strip().lower()
            if plain in KINDS_OF_BODY or plain.endswith("+json"):
                schema = standalone(
                    self.document, self.document.mapping(content[kind]).get("schema"), leave_out="readOnly"
                )
                return Body(plain, schema, bool(declared.get("required", False)))
        if not declared.get("required"):
            return None
        msg = f"{self.name}: it is sent {', '.join(content)}, which no tool can give"
        raise DefinitionError(msg)

    @cached_property
    def answer(self) -> dict[str, Any] | None:
        """Give the schema of what it gives when it was done; None where that may be anything."""
        responses = self.document.mapping(self.said.get("responses"))
        done = [code for code in responses if code.startswith("2")]
        found: list[dict[str, Any]] = []
        for code in done or [code for code in ("default",) if code in responses]:
            content = self.document.mapping(self.document.mapping(responses[code]).get("content"))
            if not content:
                found.append({"type": "null"})
                continue
            kinds = [kind for kind in content if "json" in kind.lower()]
            if len(kinds) != len(content):
                return None
            schema = self.document.mapping(content[kinds[0]]).get("schema")
            found.append(standalone(self.document, schema, leave_out="writeOnly"))
        return one_of(found)

    def security(self) -> list[Mapping[str, Any]]:
        """Give the ways of being known that it takes: one of them, each with all of its schemes."""
        declared = self.said.get("security", self.document.data.get("security", []))
        ways = self.document.listed(declared, f"security requirements of {self.name}")
        return [self.document.mapping(one) for one in ways]

    def definition(self) -> dict[str, Any]:
        """Give what a tool depends on, with all that it refers to: its digest is that of its interface."""
        body = self.body
        return {
            "method": self.method,
            "path": self.path,
            "about": self.about,
            "parameters": [one.definition() for one in self.parameters],
            "body": None if body is None else [body.kind, body.schema, body.required],
            "answer": self.answer,
            "security": self.security(),
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its definition."""
        return digest_of(self.definition())


def one_of(schemas: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Give the schema of what fits any of these; None where nothing is said."""
    different = {digest_of(one): one for one in schemas}
    if not different or any(not one for one in schemas):
        return None
    if len(different) == 1:
        return next(iter(different.values()))
    definitions: dict[str, Any] = {}
    for one in different.values():
        definitions.update(one.get("$defs", {}))
    options = [{name: value for name, value in one.items() if name != "$defs"} for one in different.values()]
    return {"anyOf": options, **({"$defs": definitions} if definitions else {})}


def operations_of(document: Document) -> dict[str, Operation]:
    """Give the operations of a document by name, in its order."""
    found = list(described(document))
    names = Counter(one.name for one in found)
    given: dict[str, Operation] = {}
    for one in found:
        name = one.name
        if names[name] > 1:  # told apart by what they are, whatever their order
            mark = sha256(f"{one.method} {one.path}".encode()).hexdigest()[:6]
            name = f"{name}_{mark}"
        given[name] = Operation(document, name, one.method, one.path, one.said, one.shared)
    return given


def described(document: Document) -> Iterator[Operation]:
    """Give each operation under the name that it has in the document."""
    for path, declared in document.mapping(document.data.get("paths")).items():
        if not path.startswith("/"):
            continue
        item = document.mapping(declared)
        shared = document.listed(item.get("parameters"), f"parameters of {path}")
        for method in METHODS:
            if method in item:
                said = document.mapping(item[method])
                if "servers" in item:
                    said = {"servers": item["servers"], **said}
                name = name_of(str(said.get("operationId") or f"{method}_{path}"))
                yield Operation(document, name, cast("Method", method.upper()), path, said, shared)


def name_of(text: str) -> str:
    """Give a name that a tool can have."""
    plain = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_-]", "_", text)).strip("_-") or "operation"
    if not re.match(r"[A-Za-z_]", plain):
        plain = f"_{plain}"
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 7]}_{sha256(text.encode()).hexdigest()[:6]}"
