"""One proposed act as Cedar is asked about it: of all that is known, what the policies read.

What they do not read cannot matter to them, so that what is left is also what a decision is cached by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from ripieno.mediation.policy.reads import Node, Reads
from ripieno.mediation.policy.usage import ArgumentPath
from ripieno.mediation.policy.values import Json, UnreadableError, cedar_decimal, projected
from ripieno.mediation.policy.vocabulary import (
    CONTEXT,
    PRINCIPALS,
    REQUIRED,
    RESOURCES,
    WORKFLOW,
    ValueKind,
)
from ripieno.model.gate import Action
from ripieno.model.principal import Principal
from ripieno.model.provenance import Trust, least_trusted

__all__ = ["Acting", "Proposed", "Request", "Wanted", "acting", "proposed", "request"]

NOBODY: Final = "-"
"""The id of an entity where it does not matter which one it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read by the policies that are asked together."""

    reads: Reads
    kinds: Mapping[ArgumentPath, ValueKind]
    """As what each value of the context and of the resource is taken, by its path."""
    resource: str
    """The Cedar type of what is acted upon."""

    @classmethod
    def of(cls, reads: Reads, arguments: Mapping[ArgumentPath, ValueKind], resource: str) -> Wanted:
        """Give what is wanted, with the kinds of everything that the vocabulary knows."""
        kinds: dict[ArgumentPath, ValueKind] = {
            ("context", name): kind for name, kind in CONTEXT.items() if isinstance(kind, str)
        }
        kinds |= {("context", "workflow", name): kind for name, kind in WORKFLOW.items()}
        kinds |= {("resource", name): kind for name, kind in RESOURCES.get(resource, {}).items()}
        kinds |= {("context", "arguments", *path): kind for path, kind in arguments.items()}
        return cls(reads, kinds, resource)

    @property
    def nothing(self) -> bool:
        """True when only the kind of principal matters."""
        reads = self.reads
        nodes = (reads.context, reads.principal, reads.resource)
        return not reads.roles and not any(node.value or node.parts for node in nodes)


@dataclass(frozen=True, slots=True)
class Request:
    """What Cedar is asked: who, on what, under which circumstances."""

    principal: dict[str, Json]
    """Its type and id, attributes and roles."""
    resource: dict[str, Json]
    context: dict[str, Json]

    @property
    def entities(self) -> str:
        """Give both entities in Cedar's JSON form."""
        return orjson.dumps((self.principal, self.resource)).decode()

    def cedar(self, action: str) -> dict[str, Any]:
        """Give the request in Cedar's JSON form."""
        return {
            "principal": self.principal["uid"],
            "action": {"type": "Action", "id": action},
            "resource": self.resource["uid"],
            "context": orjson.dumps(self.context).decode(),
        }


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is the same of an act whoever of those who act is asked about: upon what, and how."""

    resource: dict[str, Json]
    context: dict[str, Json]
    key: bytes
    """The same for two acts that the policies cannot tell from each other."""


@dataclass(frozen=True, slots=True)
class Acting:
    """One who acts, as far as policies read it."""

    entity: dict[str, Json]
    key: bytes
    """The same for two that the policies cannot tell from each other."""


def proposed(action: Action, wanted: Wanted) -> Proposed:
    """Give an act as far as it is read; raises `UnreadableError` where something read cannot be held."""
    upon = resource(action, wanted)
    how = context(action, wanted) if wanted.reads.context.parts else {}
    return Proposed(upon, how, orjson.dumps((upon, how)))


def acting(principal: Principal, wanted: Wanted) -> Acting:
    """Give one who acts as far as it is read."""
    reads = wanted.reads
    found = entity(
        PRINCIPALS[principal.kind],
        principal.name if reads.principal.value else NOBODY,
        attributes(
            {"id": principal.id, "name": principal.name, "tenant": principal.tenant}, reads.principal, wanted
        ),
        sorted(role for role in reads.roles if principal.holds(role)),
    )
    return Acting(found, orjson.dumps(found))


def request(action: Action, principal: Principal, wanted: Wanted) -> Request:
    """Give the request for one who acts; raises `UnreadableError` where something read cannot be held."""
    act = proposed(action, wanted)
    return Request(acting(principal, wanted).entity, act.resource, act.context)


def summed(provenance: Mapping[str, Any], node: Node) -> Any:
    """Give for each argument what is read of it: of a record that is read as one, the least trusted in it."""
    read = node.parts.get("provenance")
    return None if read is None else provenance if read.value else as_read(provenance, read)


def as_read(found: Any, node: Node) -> Any:
    """Give what is said of a value as far as it is read."""
    if not isinstance(found, Mapping):
        return None if node.parts and not node.value else found  # it has no such parts
    fields = cast("Mapping[str, Any]", found)
    if node.value:
        return least_trusted(words_in(fields))
    return {name: as_read(fields[name], part) for name, part in node.parts.items() if name in fields}


def words_in(found: Any) -> Iterator[Trust]:
    """Give all that is said of a value and of all that is in it."""
    if isinstance(found, Mapping):
        for one in cast("Mapping[str, Any]", found).values():
            yield from words_in(one)
    else:
        yield found


def resource(action: Action, wanted: Wanted) -> dict[str, Json]:
    """Give what is acted upon; raises `UnreadableError` where a fact is missing that has to be there."""
    subject, node = action.subject, wanted.reads.resource
    facts = {**subject.facts, "name": subject.name} if node.parts else {}
    for name in REQUIRED.get(wanted.resource, ()):
        if name in node.parts and facts.get(name) is None:
            msg = f"nothing is known of it for {subject.kind} {subject.name}"
            raise UnreadableError(msg, ("resource", name))
    return entity(
        wanted.resource,
        subject.name if node.value else NOBODY,
        attributes(facts, node, wanted, "resource"),
        [],
    )


def entity(kind: str, name: str, attributes: Json, roles: list[str]) -> dict[str, Json]:
    """Give an entity in Cedar's JSON form."""
    return {
        "uid": {"type": kind, "id": name},
        "attrs": attributes,
        "parents": [{"type": "Role", "id": role} for role in roles],
    }


def attributes(known: Mapping[str, Any], node: Node, wanted: Wanted, *path: str) -> Json:
    """Give of what is known what is read."""
    return projected(known, Node(parts=node.parts), wanted.kinds, path) if node.parts else {}


def context(action: Action, wanted: Wanted) -> dict[str, Json]:
    """Give the circumstances of an act, as far as they are read."""
    node = wanted.reads.context
    own = {one.id for one in action.actor.chain}
    others = [given for given in action.approvals if given.by not in own]
    known: dict[str, Any] = {
        "verb": action.verb,
        "labels": action.labels,
        "approvals": {given.by for given in others}
        | {f"role:{given.role}" for given in others if given.role},
        "run": action.run,
        "path": action.path,
        "workflow": action.workflow and {**action.workflow.facts, "name": action.workflow.name},
        "provenance": None if action.provenance is None else summed(action.provenance, node),
        "sources": action.sources,
        "steering": action.steering,
        "shown": action.shown,
        "passes": action.passes,
    }
    wants_amount = "amount" in node.parts
    if wants_amount or "arguments" in node.parts:
        known["arguments"] = None if action.given is None else action.given()
    found = projected(known, Node(parts={**node.parts}), wanted.kinds, ("context",))
    if not isinstance(found, dict):
        msg = "the context is a record"
        raise TypeError(msg)
    if wants_amount and (amount := (known["arguments"] or {}).get("amount")) is not None:
        try:
            found["amount"] = cedar_decimal(amount)
        except UnreadableError as error:
            raise UnreadableError(str(error), ("context", "amount")) from error
    return found
