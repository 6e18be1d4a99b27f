"""Check the active medications against the table of interactions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import Ingredient
from ripieno.blueprints.hospital_discharge.reconciliation.interaction_table import (
    INTERACTIONS,
    Interaction,
)
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug
from ripieno.blueprints.hospital_discharge.summary_model import Measurement
from ripieno.model.outcome import Evidence

__all__ = ["interactions"]

_LOOK_AT = {
    "warfarin": "INR",
    "digoxin": "Potassium",
    "potassium-sparing diuretic": "Potassium",
    "lithium": "Creatinine",
}
"""The measurement that helps a clinician to weigh an interaction of the tag."""


def interactions(drugs: Sequence[Drug], measurements: list[Measurement]) -> list[Finding]:
    """Check each pair of ingredients of different active medications, once per pair and rule.

    The latest measurement that helps to weigh a finding is part of its evidence.
    """
    found: dict[tuple[str, str, Interaction], Finding] = {}
    systemic = [drug for drug in drugs if not _acts_locally(drug)]
    for first, second in combinations(systemic, 2):
        for one in first.ingredients:
            for other in second.ingredients:
                for rule in INTERACTIONS:
                    pair = _matched(rule, (first, one), (second, other))
                    if pair is not None:
                        (left, a), (right, b) = pair
                        finding = _finding(rule, left, a, right, b)
                        finding.evidence.extend(_measured(a, b, measurements))
                        found.setdefault((a.name, b.name, rule), finding)
    return list(found.values())


Side = tuple[Drug, Ingredient]


def _matched(rule: Interaction, first: Side, second: Side) -> tuple[Side, Side] | None:
    for left, right in ((first, second), (second, first)):
        if rule.one in left[1].tags and rule.other in right[1].tags and left[1] != right[1]:
            strength = left[0].strength_mg
            weak = rule.above_mg is not None and strength is not None and strength <= rule.above_mg
            return None if weak else (left, right)
    return None


def _measured(one: Ingredient, other: Ingredient, measurements: list[Measurement]) -> list[Evidence]:
    names = {name for tag, name in _LOOK_AT.items() if tag in one.tags | other.tags}
    return [
        Evidence(f"{item.name} {item.value:g} {item.unit} on {item.day}", item.reference, item.expected)
        for item in measurements
        if item.name in names
    ]


def _acts_locally(drug: Drug) -> bool:
    """Creams do not interact; nitrate sprays and inhaled beta agonists do."""
    reach = {tag for ingredient in drug.ingredients for tag in ingredient.tags}
    return drug.local and not reach & {"nitrate", "long-acting beta agonist"}


def _finding(rule: Interaction, left: Drug, a: Ingredient, right: Drug, b: Ingredient) -> Finding:
    stated = left.strength_mg
    detail = f"{left.text} beside {right.text}"
    if rule.above_mg is not None:
        detail += (
            f"; strength {'not stated' if stated is None else f'{stated:g} mg'}, limit {rule.above_mg:g} mg"
        )
    return Finding(
        kind="interaction",
        severity=rule.severity,
        title=f"{a.name} with {b.name}",
        advice=rule.advice,
        source=rule.source,
        medications=[left.reference, right.reference],
        confidence=min(left.normalised.confidence, right.normalised.confidence),
        method="both medications normalised, table row matched",
        evidence=[
            Evidence(f"{a.name} is active: {left.text}", left.reference),
            Evidence(f"{b.name} is active: {right.text}", right.reference),
            Evidence(f"{a.name} with {b.name}: {rule.advice}", rule.source, detail),
        ],
    )
