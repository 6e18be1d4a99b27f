"""The door: an unknown value becomes one patient's record, or a clear refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ripieno.blueprints.hospital_discharge.fhir.record import Filed, Record, read, refuse
from ripieno.blueprints.hospital_discharge.fhir.resources import READ, Patient
from ripieno.model.errors import nearest

__all__ = ["check_bundle", "open_record"]

_EXPORT = "Export one patient as a FHIR R4 Bundle of type 'collection', for example with Patient/$everything."
_JSON_WORDS: dict[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    str: "text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
_SUBJECT_FIELDS = ("subject", "patient", "beneficiary")


def check_bundle(value: object) -> None:
    """Check everything that the workflow will read, without doing anything with it.

    Raises InputError naming the place, what was expected there and what to do.
    """
    record = open_record(value)
    for kind, model in READ.items():
        if record.by_kind.get(kind):
            record.all(model)


def open_record(value: object) -> Record:
    """Open a FHIR R4 bundle about exactly one patient.

    Raises InputError when it is anything else. Fields of the other resources are validated when
    they are read; `check_bundle` validates them all at once.
    """
    filed = _filed(_entries(value))
    by_kind: dict[str, list[Filed]] = {}
    by_name: dict[str, Filed] = {}
    for entry, full_url in filed:
        known = _known(entry, full_url, by_name)
        if known is None:
            by_kind.setdefault(entry.kind, []).append(entry)
    patient = _patient(by_kind.get("Patient", []))
    record = Record(patient, by_kind, by_name)
    _check_subjects(record)
    return record


def _entries(value: object) -> Sequence[Any]:
    bundle = _object(value, at="$", expected="a FHIR R4 Bundle as a JSON object")
    kind = bundle.get("resourceType")
    if kind != "Bundle":
        hint = "" if isinstance(kind, str) else " (there is no text in resourceType)"
        what = f"expected resourceType 'Bundle', got {kind!r:.60}{hint}"
        raise refuse(what=what, at="resourceType", remedy=_EXPORT)
    if bundle.get("type") == "history":
        raise refuse(
            what="a bundle of type 'history' holds several versions of each resource",
            at="type",
            remedy=_EXPORT,
        )
    entries: object = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        got = "an empty list" if entries == [] else _name(cast("object", entries))
        raise refuse(what=f"expected a list of entries, got {got}", at="entry", remedy=_EXPORT)
    return cast("list[Any]", entries)


def _filed(entries: Sequence[Any]) -> list[tuple[Filed, str | None]]:
    filed: list[tuple[Filed, str | None]] = []
    for index, item in enumerate(entries):
        at = f"entry[{index}]"
        entry = _object(item, at=at, expected="an entry as a JSON object")
        if entry.get("resource") is None:
            continue  # a deletion in a transaction: nothing to read
        content = _object(entry["resource"], at=f"{at}.resource", expected="a resource as a JSON object")
        kind = _text(content, "resourceType", at=f"{at}.resource")
        if kind is None:
            raise refuse(what="a resource must say its resourceType", at=f"{at}.resource.resourceType")
        if kind not in READ and kind.lower() in {name.lower() for name in READ}:
            what = f"unknown resourceType {kind!r}{nearest(kind, READ)}"
            raise refuse(
                what=what, at=f"{at}.resource.resourceType", remedy="Types are spelled as in FHIR R4."
            )
        full_url = _text(entry, "fullUrl", at=at)
        own_id = _text(content, "id", at=f"{at}.resource")
        reference = f"{kind}/{own_id}" if own_id else full_url or at
        filed.append((Filed(f"{at}.resource", reference, kind, content), full_url))
    return filed


def _known(entry: Filed, full_url: str | None, by_name: dict[str, Filed]) -> Filed | None:
    """Enter a resource under its names; give the earlier one where it is a plain repetition."""
    names = {entry.reference}
    if full_url:
        names.add(full_url)
    if "/" in entry.reference and not entry.reference.startswith(("urn:", "http")):
        names.add("urn:uuid:" + entry.reference.split("/", maxsplit=1)[1])
    for name in names:
        earlier = by_name.get(name)
        if earlier is None or earlier.kind != entry.kind:
            continue
        if earlier.content == entry.content:
            return earlier
        what = f"{name!r:.120} stands in the bundle twice, with different content ({earlier.place})"
        raise refuse(what=what, at=entry.place, remedy="Keep the version that is current.")
    for name in names:
        by_name.setdefault(name, entry)
    return None


def _patient(found: list[Filed]) -> Patient:
    if not found:
        raise refuse(what="the bundle holds no Patient", at="entry", remedy=_EXPORT)
    if len(found) > 1:
        who = ", ".join(entry.reference[:60] for entry in found[:3])
        what = f"the bundle holds {len(found)} patients ({who}); expected exactly one"
        raise refuse(what=what, at=found[1].place, remedy="Hand in one bundle per patient.")
    return read(Patient, found[0])


def _check_subjects(record: Record) -> None:
    """Refuse a resource that is about someone else: it must never be read as this patient's."""
    for kind, entries in record.by_kind.items():
        if kind == "Patient" or kind not in READ:
            continue
        for entry in entries:
            for field in _SUBJECT_FIELDS:
                subject: object = entry.content.get(field)
                if subject is not None:
                    _check_subject(record, subject, at=f"{entry.place}.{field}")


def _check_subject(record: Record, value: object, *, at: str) -> None:
    target = _text(_object(value, at=at, expected="a reference as a JSON object"), "reference", at=at)
    if target is None:
        return
    filed = record.by_name.get(target.split("/_history/", maxsplit=1)[0])
    same = filed is not None and filed.reference == record.patient.reference
    ours = record.patient.id is not None and target.endswith(f"/Patient/{record.patient.id}")
    if not (same or ours):
        what = f"the resource is about {target!r:.120}, not about {record.patient.reference!r:.120}"
        raise refuse(what=what, at=at, remedy="Hand in one bundle per patient, with its own resources only.")


def _object(value: object, *, at: str, expected: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse(what=f"expected {expected}, got {_name(value)}", at=at, remedy=_EXPORT)
    return cast("dict[str, Any]", value)


def _text(holder: Mapping[str, Any], field: str, *, at: str) -> str | None:
    value: object = holder.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise refuse(what=f"expected text that is not empty, got {_name(value)}", at=f"{at}.{field}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise refuse(what=f"{value!r:.120} holds half a character (a lone surrogate)", at=f"{at}.{field}")
    return value


def _name(value: object) -> str:
    """Name a JSON value's type in JSON's own words."""
    if value == "":
        return "empty text"
    return _JSON_WORDS.get(type(value), type(value).__name__)
