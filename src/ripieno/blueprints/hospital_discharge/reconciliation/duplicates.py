"""The same ingredient twice, or two medications of a class of which one is enough."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding, Severity
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug
from ripieno.model.outcome import Evidence

__all__ = ["ONE_IS_ENOUGH", "duplicates"]

ONE_IS_ENOUGH: dict[str, Severity] = {
    "NSAID": "major",
    "statin": "major",
    "beta blocker": "major",
    "ACE inhibitor": "major",
    "ARB": "major",
    "benzodiazepine": "major",
    "loop diuretic": "moderate",
    "thiazide": "moderate",
    "calcium channel blocker": "moderate",
    "opioid": "moderate",
    "SSRI": "major",
    "PPI": "moderate",
    "oestrogen contraceptive": "moderate",
}
"""Classes within which two active medications are most often a mistake.

Anticoagulants and antiplatelets are not here: two of them are an interaction, with its own source.
"""

_SOURCE = "rule of this workflow: one active medication per ingredient and class"


def duplicates(drugs: Sequence[Drug]) -> list[Finding]:
    """Find ingredients in several active medications, then classes with different ingredients."""
    return [*_same_ingredient(drugs), *_same_class(drugs)]


def _same_ingredient(drugs: Sequence[Drug]) -> list[Finding]:
    by_ingredient: dict[str, list[Drug]] = {}
    for drug in drugs:
        for ingredient in drug.ingredients:
            by_ingredient.setdefault(ingredient.name, []).append(drug)
    found: list[Finding] = []
    for name, holders in by_ingredient.items():
        if len(holders) > 1:
            found.append(
                _finding(f"{name} {_times(len(holders))}", _gravity(holders), _advice(holders), holders)
            )
    return found


def _same_class(drugs: Sequence[Drug]) -> list[Finding]:
    found: list[Finding] = []
    for name, severity in ONE_IS_ENOUGH.items():
        by_ingredient: dict[str, Drug] = {}
        for drug in drugs:
            for ingredient in () if drug.local else drug.ingredients:
                if name in ingredient.classes:
                    by_ingredient.setdefault(ingredient.name, drug)
        holders = list(dict.fromkeys(by_ingredient.values()))
        if len(by_ingredient) > 1 and len(holders) > 1:
            title = f"two of a class ({name}): {' and '.join(by_ingredient)}"
            advice = "One of the class is usually meant; stop the other or state why both."
            found.append(_finding(title, severity, advice, holders))
    return found


def _gravity(holders: Sequence[Drug]) -> Severity:
    """Weigh by reach: a cream beside a tablet matters less than two tablets."""
    return "major" if sum(not drug.local for drug in holders) > 1 else "minor"


def _advice(holders: Sequence[Drug]) -> str:
    inpatient = [drug for drug in holders if drug.in_stay]
    if inpatient and len(inpatient) < len(holders):
        return f"{inpatient[0].text} was ordered during the stay and is still active; end it or the other."
    return "The doses add up; keep one order, or state why both."


def _times(count: int) -> str:
    return {2: "twice"}.get(count, f"{count} times")


def _finding(title: str, severity: Severity, advice: str, holders: Sequence[Drug]) -> Finding:
    return Finding(
        kind="duplicate",
        severity=severity,
        title=title,
        advice=advice,
        source=_SOURCE,
        medications=[drug.reference for drug in holders],
        confidence=min(drug.normalised.confidence for drug in holders),
        method="normalised ingredients compared",
        evidence=[
            Evidence(
                f"Active{' since ' + str(drug.since) if drug.since else ''}: {drug.text}", drug.reference
            )
            for drug in holders
        ],
    )
