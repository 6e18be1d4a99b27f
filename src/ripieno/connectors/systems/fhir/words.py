"""What FHIR's interface deals in: resources with their types, ids, versions and the mark of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ripieno.model.errors import ToolError

__all__ = [
    "MARKS",
    "Change",
    "Found",
    "Resource",
    "checked_id",
    "checked_type",
    "fields",
    "has_mark",
    "listed",
    "marked",
    "outcome_in",
    "typed",
    "version_of",
]

Resource = dict[str, Any]

MARKS: Final = "urn:ripieno:call"
"""The system of the tag by which what a call wrote is found again; its code is the idempotency key."""

TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
PLACE: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/([^/]+))?/?$")
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave."""

    resources: Sequence[Resource]
    """What was searched for, in the server's order."""
    included: Sequence[Resource] = ()
    """What these point to, where it was asked for by `_include` or `_revinclude`."""
    total: int | None = None
    """How many there are in all, where the server says so."""
    more: bool = False
    """True where there are more than were read."""
    warnings: Sequence[str] = ()
    """What the server says of its answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did to one resource."""

    type: str
    id: str
    version: str = ""
    """The version that it has now; empty where the server keeps none, or it is deleted."""
    before: Resource | None = field(default=None)
    """What it was; None for a resource that is new."""
    existed: bool = False
    """True where an earlier attempt of the same call had created it already."""

    @classmethod
    def at(cls, place: str) -> Change:
        """Read where something was written, `Type/id/_history/version`; empty where that is not said."""
        found = PLACE.search(place)
        return cls("", "") if found is None else cls(found[1], found[2], found[3] or "")


def checked_type(name: str) -> str:
    """Give the name of a type of resource; raises `ToolError` for what cannot be one."""
    if not TYPE.fullmatch(name):
        msg = f"expected a type of FHIR resource such as 'Patient', got {name!r}"
        raise ToolError(msg)
    return name


def checked_id(name: str) -> str:
    """Give a resource's logical id; raises `ToolError` for what cannot be one."""
    if not ID.fullmatch(name) or name in {".", ".."}:
        msg = f"expected a FHIR id of up to 64 letters, digits, '-' and '.', got {name!r}"
        raise ToolError(msg)
    return name


def typed(resource: Mapping[str, Any], *, with_id: bool = False) -> tuple[str, str]:
    """Give the type and id of a resource; raises `ToolError` for what is none."""
    kind, name = resource.get("resourceType"), resource.get("id", "")
    if not isinstance(kind, str):
        msg = "expected a FHIR resource: a mapping with the field 'resourceType'"
        raise ToolError(msg)
    if with_id and not name:
        msg = f"the {kind} has no 'id': read it first, or create a new one"
        raise ToolError(msg)
    return checked_type(kind), checked_id(str(name)) if name else ""


def version_of(resource: Mapping[str, Any]) -> str:
    """Give the version of a resource as its server counts them; empty for one that has none."""
    found = fields(resource.get("meta")).get("versionId")
    return str(found) if found else ""


def marked(resource: Mapping[str, Any], key: str) -> Resource:
    """Give a resource with the tag of the call that writes it, in place of that of an earlier one."""
    meta = fields(resource.get("meta"))
    tags = [one for one in listed(meta.get("tag")) if one.get("system") != MARKS]
    return {**resource, "meta": {**meta, "tag": [*tags, {"system": MARKS, "code": key}]}}


def has_mark(resource: Mapping[str, Any], key: str) -> bool:
    """Tell whether a resource was written last by the call with this key."""
    tags = listed(fields(resource.get("meta")).get("tag"))
    return any((one.get("system"), one.get("code")) == (MARKS, key) for one in tags)


def outcome_in(resource: Mapping[str, Any]) -> list[str]:
    """Give what an OperationOutcome says, a line for each of its issues."""
    lines: list[str] = []
    for issue in listed(resource.get("issue")):
        said = issue.get("diagnostics") or fields(issue.get("details")).get("text") or issue.get("code")
        lines.append(": ".join(str(part) for part in (issue.get("severity"), said) if part))
    return lines


def fields(found: object) -> dict[str, Any]:
    """Give a mapping as what it is; an empty one in the place of anything else."""
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def listed(found: object) -> list[dict[str, Any]]:
    """Give the mappings of a list; none of anything else."""
    several = cast("list[object]", found) if isinstance(found, list) else []
    return [known for known in map(fields, several) if known]
