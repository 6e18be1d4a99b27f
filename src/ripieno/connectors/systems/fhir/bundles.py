"""Bundles of FHIR: the pages of a search, and what is created together."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.connectors.systems.fhir.words import (
    MARKS,
    Change,
    Found,
    Resource,
    fields,
    listed,
    marked,
    outcome_in,
    typed,
)
from ripieno.model.errors import ToolError

__all__ = ["Gathered", "added", "entries"]


@dataclass
class Gathered:
    """What the pages of a search have given so far."""

    whose: str
    limit: int
    resources: list[Resource] = field(default_factory=list[Resource])
    included: list[Resource] = field(default_factory=list[Resource])
    warnings: list[str] = field(default_factory=list[str])
    total: int | None = None

    @property
    def enough(self) -> bool:
        """True once as many were found as were asked for."""
        return len(self.resources) >= self.limit

    def add(self, bundle: object) -> str | None:
        """Add a page, and give the link of the next one; raises `InDoubtError` for what is no bundle."""
        for entry in entries_of(bundle, self.whose):
            resource, mode = fields(entry.get("resource")), fields(entry.get("search")).get("mode", "match")
            if not resource:
                continue
            if resource.get("resourceType") == "OperationOutcome" or mode == "outcome":
                self.warnings.extend(outcome_in(resource))
            else:
                (self.included if mode == "include" else self.resources).append(resource)
        total = fields(bundle).get("total")
        self.total = total if isinstance(total, int) else self.total
        for link in listed(fields(bundle).get("link")):
            if link.get("relation") == "next" and link.get("url"):
                return str(link["url"])
        return None

    def found(self, *, more: bool) -> Found:
        """Give what was found, up to the limit."""
        more = more or len(self.resources) > self.limit
        return Found(self.resources[: self.limit], self.included, self.total, more, self.warnings)


def entries_of(bundle: object, whose: str) -> list[dict[str, Any]]:
    """Give the entries of a bundle; raises `InDoubtError` for what is none."""
    known = fields(bundle)
    if known.get("resourceType") != "Bundle":
        msg = f"{whose}: expected a Bundle in the answer"
        raise InDoubtError(msg, failure="server")
    return listed(known.get("entry"))


def entries(resources: Sequence[Mapping[str, Any]], key: str) -> Resource:
    """Give a transaction that creates resources, each conditional on the mark of the call and its place."""
    if not resources:
        msg = "nothing to create: expected at least one resource"
        raise ToolError(msg)
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(one, f"{key}-{place}") for place, one in enumerate(resources)],
    }


def entry(resource: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """Give one entry of it."""
    kind, _ = typed({"resourceType": resource.get("resourceType")})
    new = {name: value for name, value in resource.items() if name != "id"}
    found: dict[str, Any] = {
        "resource": marked(new, mark),
        "request": {"method": "POST", "url": kind, "ifNoneExist": f"_tag={MARKS}|{mark}"},
    }
    if (name := resource.get("id")) is not None:
        try:
            found["fullUrl"] = f"urn:uuid:{uuid.UUID(str(name))}"
        except ValueError:
            msg = f"the id by which others of a transaction refer to a {kind} is a UUID; got {name!r}"
            raise ToolError(msg) from None
    return found


def added(bundle: Any, whose: str) -> list[Change]:
    """Read what a transaction created, in the order in which it was asked for."""
    changes: list[Change] = []
    for one in entries_of(bundle, whose):
        answer = fields(one.get("response"))
        change = Change.at(str(answer.get("location", "")))
        if not change.id:
            msg = f"{whose}: the answer does not say what the transaction created"
            raise InDoubtError(msg, failure="server")
        changes.append(replace(change, existed=str(answer.get("status", "")).startswith("200")))
    return changes
