"""The active medications of a record, each normalised to its ingredients."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pydantic import Field

from ripieno.blueprints.hospital_discharge.fhir import (
    Concept,
    Medication,
    MedicationOrder,
    MedicationStatement,
    Record,
)
from ripieno.blueprints.hospital_discharge.fhir.resources import MedicationUse
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import Ingredient
from ripieno.blueprints.hospital_discharge.reconciliation.normalise import Normalised, normalise
from ripieno.blueprints.hospital_discharge.reconciliation.products import RXNORM
from ripieno.blueprints.hospital_discharge.summary_model import Document

__all__ = ["ActiveMedication", "Drug", "active_medications"]

_NOT_ORDERED = {"proposal", "plan", "option"}
_ACTIVE = {"active", "intended", "unknown", None}
"""A status that is missing or unknown counts as active: leaving a drug out is the worse error."""

_LOCAL = re.compile(
    r"topical|cream|ointment|ophthalmic|otic|nasal|inhal|actuat|mucosal|vaginal", re.IGNORECASE
)
_STRENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*mg\b(?!\s*/)", re.IGNORECASE)


class ActiveMedication(Document):
    """One active medication, as the outcome shows it."""

    text: str
    rxnorm: str | None
    ingredients: list[str]
    since: date | None
    reference: str
    also: list[str] = Field(default_factory=list[str])
    """Other resources that state the same product."""
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class Drug:
    """One active medication, as the rules see it."""

    text: str
    reference: str
    rxnorm: str | None
    normalised: Normalised
    since: date | None
    ordered: bool
    """True for an order, False for what the patient is said to take."""
    in_stay: bool
    """Ordered during the stay."""
    also: tuple[str, ...] = ()

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """What it is made of, as far as it is known."""
        return self.normalised.ingredients

    @property
    def local(self) -> bool:
        """True for forms that act where they are applied: creams, sprays, inhalers, drops."""
        return _LOCAL.search(self.text) is not None

    @property
    def strength_mg(self) -> float | None:
        """The strength of one unit, for products of one ingredient that state it in mg."""
        found = _STRENGTH.findall(self.text)
        return float(found[0]) if len(found) == 1 and len(self.ingredients) == 1 else None

    def document(self) -> ActiveMedication:
        """Give it as the outcome shows it."""
        return ActiveMedication(
            text=self.text,
            rxnorm=self.rxnorm,
            ingredients=[ingredient.name for ingredient in self.ingredients],
            since=self.since,
            reference=self.reference,
            also=list(self.also),
            confidence=self.normalised.confidence,
            method=self.normalised.method,
        )


def active_medications(record: Record, *, as_of: date, stay: str | None) -> list[Drug]:
    """Give what is ordered or taken on `as_of`; `stay` is the reference of the inpatient stay.

    A statement about a product that is also ordered is the same therapy, not a second one.
    """
    drugs = [
        _drug(record, order, since=order.authored_on.day if order.authored_on else None, stay=stay)
        for order in record.all(MedicationOrder)
        if order.status in _ACTIVE and order.intent not in _NOT_ORDERED and order.do_not_perform is not True
    ]
    for statement in record.all(MedicationStatement):
        period = statement.effective_period
        over = period is not None and period.end is not None and period.end.day < as_of
        if statement.status not in _ACTIVE or over:
            continue
        started = statement.effective_date_time or (period.start if period else None)
        drug = _drug(record, statement, since=started.day if started else None, stay=None)
        same = next((i for i, known in enumerate(drugs) if _same_product(known, drug)), None)
        if same is None:
            drugs.append(drug)
        else:
            drugs[same] = _joined(drugs[same], drug)
    return drugs


def _drug(record: Record, use: MedicationUse, *, since: date | None, stay: str | None) -> Drug:
    concept, normalised = _product(record, use)
    ordered = isinstance(use, MedicationOrder)
    where = record.reference_to(use.encounter) if isinstance(use, MedicationOrder) else None
    return Drug(
        text=concept.label or "(medication without a name)",
        reference=use.reference,
        rxnorm=concept.code_in(RXNORM),
        normalised=normalised,
        since=since,
        ordered=ordered,
        in_stay=stay is not None and where == stay,
    )


def _product(record: Record, use: MedicationUse) -> tuple[Concept, Normalised]:
    """Find the product in the resource itself or in the Medication it refers to."""
    concept = use.medication_codeable_concept
    if concept is not None and (concept.label or concept.codings):
        return concept, normalise(concept)
    medication = record.resolve(Medication, use.medication_reference, within=use)
    shown = use.medication_reference.display if use.medication_reference else None
    if medication is None:
        concept = Concept(text=shown)
        return concept, normalise(concept)
    named = medication.code or Concept(text=shown)
    normalised = normalise(named)
    if not normalised.known:
        normalised = _from_parts(medication) or normalised
    return Concept(coding=named.coding, text=shown or named.label), normalised


def _from_parts(medication: Medication) -> Normalised | None:
    """Put a product together from the ingredients that the Medication lists."""
    parts = [item.item_codeable_concept for item in medication.ingredient or []]
    normalised = [normalise(part) for part in parts if part is not None]
    if not normalised or not all(part.known for part in normalised):
        return None
    found = {i.name: i for part in normalised for i in part.ingredients}
    return Normalised(
        tuple(found.values()),
        min(part.confidence for part in normalised),
        "ingredients listed in the Medication",
    )


def _same_product(one: Drug, other: Drug) -> bool:
    if one.rxnorm and other.rxnorm:
        return one.rxnorm == other.rxnorm
    return one.text.casefold() == other.text.casefold()


def _joined(drug: Drug, statement: Drug) -> Drug:
    return Drug(
        text=drug.text,
        reference=drug.reference,
        rxnorm=drug.rxnorm or statement.rxnorm,
        normalised=max(drug.normalised, statement.normalised, key=lambda n: n.confidence),
        since=drug.since,
        ordered=drug.ordered,
        in_stay=drug.in_stay,
        also=(*drug.also, statement.reference),
    )
