"""Active allergies against ingredients and their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.fhir import Allergy, Concept, Record
from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding, Severity
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug
from ripieno.blueprints.hospital_discharge.reconciliation.normalise import normalise
from ripieno.model.outcome import Evidence

__all__ = ["Allergen", "active_allergies", "allergy_findings"]


@dataclass(frozen=True, slots=True)
class _Reach:
    """What an allergy to a class forbids, and what it only cautions against."""

    tags: tuple[str, ...]
    cautions: tuple[str, ...]
    source: str


_CLASSES: dict[str, _Reach] = {
    "penicillin": _Reach(
        ("penicillin",), ("cephalosporin",), "Keflex prescribing information, sections 4 and 5"
    ),
    "cephalosporin": _Reach(("cephalosporin",), ("penicillin",), "Keflex prescribing information, section 4"),
    "sulf": _Reach(
        ("sulfonamide antibiotic",),
        ("sulfonamide-derived",),
        "Bactrim prescribing information, section 4; hydrochlorothiazide, Contraindications",
    ),
    "sulph": _Reach(
        ("sulfonamide antibiotic",),
        ("sulfonamide-derived",),
        "Bactrim prescribing information, section 4; hydrochlorothiazide, Contraindications",
    ),
    "nsaid": _Reach(("NSAID", "aspirin"), (), "Naprosyn prescribing information, section 4"),
    "nonsteroidal": _Reach(("NSAID", "aspirin"), (), "Naprosyn prescribing information, section 4"),
    "non-steroidal": _Reach(("NSAID", "aspirin"), (), "Naprosyn prescribing information, section 4"),
    "salicylate": _Reach(("salicylate", "NSAID"), (), "Naprosyn prescribing information, section 4"),
    "macrolide": _Reach(("macrolide",), (), "Biaxin prescribing information, section 4"),
    "quinolone": _Reach(("fluoroquinolone",), (), "Cipro prescribing information, section 4"),
    "tetracycline": _Reach(("tetracycline",), (), "Vibramycin prescribing information, Contraindications"),
    "statin": _Reach(("statin",), (), "Zocor prescribing information, section 4"),
    "ace inhibitor": _Reach(("ACE inhibitor",), (), "Zestril prescribing information, section 4"),
    "opioid": _Reach(("opioid",), (), "OxyContin prescribing information, section 4"),
    "opiate": _Reach(("opioid",), (), "OxyContin prescribing information, section 4"),
}
"""Word in an allergy's text to what it reaches."""

_BY_INGREDIENT_CLASS = ("penicillin", "cephalosporin")
_NOT_MEDICINES = (
    *("pollen", "mould", "mold", "dander", "mite", "nut", "fish", "shellfish", "wheat", "egg", "milk", "soy"),
    *("latex", "venom", "grass", "bee", "dairy", "animal", "dust", "gluten", "sesame", "cat", "dog"),
)
_NONE_KNOWN = ("716186003", "409137002")
"""SNOMED CT: no known allergy; no known history of drug allergy."""

_NOT_TRUE = ("refuted", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Allergen:
    """An active allergy and what it reaches."""

    text: str
    reference: str
    forbids: frozenset[str]
    cautions: frozenset[str]
    source: str
    mild: bool
    """An intolerance of low criticality."""
    recognised: bool


def active_allergies(record: Record) -> list[Allergen]:
    """Give the active, unrefuted allergies; statements that there are none are left out."""
    found: list[Allergen] = []
    for allergy in record.all(Allergy):
        concept = _substance(allergy)
        status, verified = allergy.clinical_status, allergy.verification_status
        over = status is not None and status.codings and not status.has_code("active")
        untrue = verified is not None and verified.has_code(*_NOT_TRUE)
        if over or untrue or concept.has_code(*_NONE_KNOWN) or "no known" in concept.label.casefold():
            continue
        found.append(_allergen(allergy, concept))
    return found


def allergy_findings(allergens: Sequence[Allergen], drugs: Sequence[Drug]) -> list[Finding]:
    """Check every allergen against every active medication, and report the unknown ones."""
    found: list[Finding] = []
    for allergen in allergens:
        if not allergen.recognised:
            found.append(_unrecognised(allergen))
        for drug in drugs:
            severity = _severity(allergen, drug)
            if severity is not None:
                found.append(_finding(allergen, drug, severity))
    return found


def _substance(allergy: Allergy) -> Concept:
    if allergy.code is not None and allergy.code.label:
        return allergy.code
    named = (reaction.substance for reaction in allergy.reaction or [])
    return next((substance for substance in named if substance and substance.label), Concept())


def _allergen(allergy: Allergy, concept: Concept) -> Allergen:
    text = concept.label.casefold()
    reaches = [reach for word, reach in _CLASSES.items() if word in text]
    named = normalise(concept).ingredients
    forbids = {tag for reach in reaches for tag in reach.tags} | {ingredient.name for ingredient in named}
    cautions = {tag for reach in reaches for tag in reach.cautions}
    sources = [reach.source for reach in reaches]
    for ingredient in named:
        for name in ingredient.classes:
            wider = _CLASSES.get(name.casefold())
            if wider is not None:
                forbids |= set(wider.tags)
                cautions |= set(wider.cautions)
                sources.append(wider.source)
    medicine = "medication" in (allergy.category or [])
    harmless = not medicine and any(word in text for word in _NOT_MEDICINES)
    return Allergen(
        text=concept.label or "(allergy without a name)",
        reference=allergy.reference,
        forbids=frozenset(forbids),
        cautions=frozenset(cautions - forbids),
        source=sources[0] if sources else "the record's own allergy entry",
        mild=allergy.type == "intolerance" and allergy.criticality == "low",
        recognised=bool(forbids) or harmless,
    )


def _severity(allergen: Allergen, drug: Drug) -> Severity | None:
    tags = frozenset[str]().union(*(ingredient.tags for ingredient in drug.ingredients))
    if tags & allergen.forbids:
        return "moderate" if allergen.mild else "contraindicated"
    if tags & allergen.cautions:
        return "minor" if allergen.mild else "moderate"
    return None


def _finding(allergen: Allergen, drug: Drug, severity: Severity) -> Finding:
    name = " and ".join(ingredient.name for ingredient in drug.ingredients)
    cross = severity in {"moderate", "minor"} and not allergen.mild
    advice = (
        "Related substance: cross-reaction is possible; ask about the reaction before going on."
        if cross
        else "Stop, and choose another class."
    )
    return Finding(
        kind="allergy",
        severity=severity,
        title=f"{name} with allergy: {allergen.text}",
        advice=advice,
        source=allergen.source,
        medications=[drug.reference],
        confidence=drug.normalised.confidence,
        method="allergen and medication normalised, classes compared",
        evidence=[
            Evidence(f"Active allergy: {allergen.text}", allergen.reference),
            Evidence(f"{name} is active: {drug.text}", drug.reference),
        ],
    )


def _unrecognised(allergen: Allergen) -> Finding:
    return Finding(
        kind="record",
        severity="moderate",
        title=f"allergy not recognised: {allergen.text}",
        advice="Compare it with the medications by hand.",
        source="rule of this workflow: what a table does not know, a person looks at",
        medications=[],
        confidence=1.0,
        method="name looked up in the tables of ingredients, classes and other allergens",
        evidence=[Evidence(f"Active allergy: {allergen.text}", allergen.reference)],
    )
