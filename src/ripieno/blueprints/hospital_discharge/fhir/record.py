"""One patient's record: the bundle's resources by type, and references resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from ripieno.blueprints.hospital_discharge.fhir.elements import Reference
from ripieno.blueprints.hospital_discharge.fhir.resources import READ, Patient, Resource
from ripieno.model.errors import InputError, Place

__all__ = ["Filed", "Record", "refuse"]

R = TypeVar("R", bound=Resource)

_TYPE_OF = {model: name for name, model in READ.items()}


def refuse(*, what: str, at: str, remedy: str | None = None) -> InputError:
    """Give the error that names the place in the bundle, what is wrong there and what to do."""
    return InputError(what, place=Place("bundle", field=at), remedy=remedy)


@dataclass(frozen=True, slots=True)
class Filed:
    """A resource of the bundle as it came, and where it stands."""

    place: str
    """Such as `entry[12].resource`."""
    reference: str
    """`Type/id`, else the entry's fullUrl, else its place."""
    kind: str
    content: dict[str, Any]


@dataclass(slots=True)
class Record:
    """The resources of one patient. Types are validated when first asked for."""

    patient: Patient
    by_kind: dict[str, list[Filed]]
    by_name: dict[str, Filed]
    """Every name by which a resource may be referred to: fullUrl, `Type/id`, `urn:uuid:id`."""
    _read: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def all(self, model: type[R]) -> list[R]:
        """Give the record's resources of one type, in the bundle's order."""
        kind = _TYPE_OF[model]
        if kind not in self._read:
            self._read[kind] = [read(model, filed) for filed in self.by_kind.get(kind, [])]
        return self._read[kind]

    def reference_to(self, reference: Reference | None) -> str | None:
        """Give the `Type/id` that a reference points at; as written when it is not in the bundle."""
        if reference is None or reference.reference is None:
            return None
        filed = self.by_name.get(_bare(reference.reference))
        return reference.reference if filed is None else filed.reference

    def resolve(self, model: type[R], reference: Reference | None, *, within: Resource) -> R | None:
        """Find what a reference points at, contained in `within` or in the bundle; None when absent."""
        if reference is None or reference.reference is None:
            return None
        if reference.reference.startswith("#"):
            return _contained(model, reference.reference[1:], within)
        filed = self.by_name.get(_bare(reference.reference))
        if filed is None or filed.kind != _TYPE_OF[model]:
            return None
        return next((r for r in self.all(model) if r.reference == filed.reference), None)


def read(model: type[R], filed: Filed) -> R:
    """Validate one resource; raises InputError naming the field."""
    try:
        resource = model.model_validate(filed.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        at = filed.place + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
        )
        what = f"{filed.kind}: {first['msg'].removeprefix('Value error, ')}"
        raise refuse(
            what=what, at=at, remedy="The field must be as FHIR R4 defines it, or be left out."
        ) from None
    resource.file_under(filed.reference)
    return resource


def _contained(model: type[R], name: str, within: Resource) -> R | None:
    for content in within.contained or []:
        if content.get("id") == name and content.get("resourceType") == _TYPE_OF[model]:
            reference = f"{within.reference}#{name}"
            return read(model, Filed(reference, reference, _TYPE_OF[model], content))
    return None


def _bare(reference: str) -> str:
    """Drop the version of a versioned reference, `Patient/1/_history/2`."""
    return reference.split("/_history/", maxsplit=1)[0]
