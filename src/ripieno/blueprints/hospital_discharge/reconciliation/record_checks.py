"""What the record itself leaves open: unknown products, the formulary, death, contradictory kidneys."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.blueprints.hospital_discharge.reconciliation.contraindications import kidney_matters
from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding, Kind, Severity
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import Ingredient
from ripieno.blueprints.hospital_discharge.reconciliation.kidney import Kidney
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug
from ripieno.blueprints.hospital_discharge.summary_model import Person
from ripieno.model.outcome import Evidence

__all__ = ["after_death", "contradictory_kidney", "formulary", "unknown_medications"]

_OWN_RULE = "rule of this workflow: what a table does not know, a person looks at"
_WITHDRAWN = "21 CFR 216.24, drug products withdrawn or removed from the market for reasons of safety"
_FORMULARY = "formulary of this workflow (illustrative)"


def unknown_medications(drugs: Sequence[Drug]) -> list[Finding]:
    """Report what could not be normalised in full: it was compared with nothing, or only in part."""
    return [
        _finding(
            "unknown medication",
            "major",
            f"not recognised: {drug.text}",
            drug.normalised.conflict or "Compare it with allergies and the other medications by hand.",
            _OWN_RULE,
            [drug],
            [Evidence(f"Active medication: {drug.text}", drug.reference, _what_is_unknown(drug))],
        )
        for drug in drugs
        if not drug.normalised.known
    ]


def formulary(drugs: Sequence[Drug]) -> list[Finding]:
    """Report what is withdrawn, not listed, or left to specialists."""
    found: list[Finding] = []
    for drug in drugs:
        for ingredient in drug.ingredients:
            if ingredient.formulary == "listed":
                continue
            severity: Severity = "major" if ingredient.formulary == "withdrawn" else "minor"
            source = _WITHDRAWN if ingredient.formulary == "withdrawn" else _FORMULARY
            advice = _formulary_advice(ingredient)
            evidence = [Evidence(f"{ingredient.name} is active: {drug.text}", drug.reference)]
            title = f"{ingredient.name}: {_formulary_words(ingredient)}"
            found.append(_finding("formulary", severity, title, advice, source, [drug], evidence))
    return found


def after_death(drugs: Sequence[Drug], person: Person) -> list[Finding]:
    """Report medications that are active although the person has died."""
    if not person.died or not drugs:
        return []
    when = f" on {person.died_on}" if person.died_on else ""
    return [
        _finding(
            "record",
            "major",
            "active medications after death",
            "End the orders; there is nothing to discharge on.",
            "the record's own entry of death",
            drugs,
            [Evidence(f"The person died{when}", person.reference)],
        )
    ]


def contradictory_kidney(drugs: Sequence[Drug], kidney: Kidney | None) -> list[Finding]:
    """Report an eGFR that its own creatinine contradicts, where an active medication depends on it."""
    concerned = kidney_matters(drugs)
    if kidney is None or kidney.contradiction is None or not concerned:
        return []
    return [
        _finding(
            "record",
            "moderate",
            "kidney function is contradictory",
            "Measure again before dosing by it; the lower value was used here.",
            "CKD-EPI 2021 (N Engl J Med 2021;385:1737-1749)",
            concerned,
            [Evidence(kidney.contradiction, kidney.reference)],
        )
    ]


def _what_is_unknown(drug: Drug) -> str:
    if drug.normalised.conflict:
        return drug.normalised.conflict
    known = ", ".join(ingredient.name for ingredient in drug.ingredients)
    unknown = ", ".join(drug.normalised.unknown)
    return f"recognised {known}; not {unknown}" if known else f"nothing recognised in {unknown!r}"


def _formulary_words(ingredient: Ingredient) -> str:
    return {"withdrawn": "withdrawn from the market", "specialist": "specialists only"}.get(
        ingredient.formulary, "not on the formulary"
    )


def _formulary_advice(ingredient: Ingredient) -> str:
    if ingredient.instead:
        return f"The formulary lists {ingredient.instead} in its place."
    if ingredient.formulary == "specialist":
        return "Continue only on a specialist's word."
    return "Ask the pharmacy for a listed alternative."


def _finding(  # noqa: PLR0917 - the fields of one finding
    kind: Kind,
    severity: Severity,
    title: str,
    advice: str,
    source: str,
    drugs: Sequence[Drug],
    evidence: list[Evidence],
) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        title=title,
        advice=advice,
        source=source,
        medications=[drug.reference for drug in drugs],
        confidence=1.0,
        method="read from the record",
        evidence=evidence,
    )
