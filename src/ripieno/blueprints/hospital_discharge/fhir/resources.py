"""The FHIR R4 resources that the workflow reads, each with only the fields it needs."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PrivateAttr

from ripieno.blueprints.hospital_discharge.fhir.elements import (
    Coding,
    Concept,
    Element,
    FhirText,
    Money,
    Period,
    Quantity,
    Reference,
)
from ripieno.blueprints.hospital_discharge.fhir.moment import FhirMoment

__all__ = [
    "READ",
    "Allergy",
    "Claim",
    "Condition",
    "Coverage",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "Medication",
    "MedicationOrder",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
    "Resource",
]


class Resource(Element):
    """Base of the resources."""

    id: FhirText | None = None
    contained: list[dict[str, Any]] | None = None
    _reference: str = PrivateAttr(default="")

    @property
    def reference(self) -> str:
        """Where it stands, as `Type/id`; the entry's address where it has no id."""
        return self._reference

    def file_under(self, reference: str) -> None:
        """Remember where the resource stands; called once, by the record that read it."""
        self._reference = reference


class HumanName(Element):
    """A name of a person."""

    text: FhirText | None = None
    family: FhirText | None = None
    given: list[FhirText | None] | None = None


class Patient(Resource):
    """The person the record is about."""

    name: list[HumanName] | None = None
    gender: FhirText | None = None
    birth_date: FhirMoment = None
    deceased_boolean: bool | None = None
    deceased_date_time: FhirMoment = None


class Hospitalization(Element):
    """How a stay ended."""

    discharge_disposition: Concept | None = None


class Encounter(Resource):
    """A contact with the health service; an inpatient stay is one kind."""

    status: FhirText | None = None
    class_: Coding | None = Field(default=None, alias="class")
    type: list[Concept] | None = None
    reason_code: list[Concept] | None = None
    subject: Reference | None = None
    period: Period | None = None
    hospitalization: Hospitalization | None = None


class Condition(Resource):
    """A diagnosis or problem."""

    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    code: Concept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    onset_date_time: FhirMoment = None
    recorded_date: FhirMoment = None
    abatement_date_time: FhirMoment = None


class Procedure(Resource):
    """Something that was done to the patient."""

    status: FhirText | None = None
    code: Concept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    performed_date_time: FhirMoment = None
    performed_period: Period | None = None


class Component(Element):
    """A part of an observation, such as the systolic pressure."""

    code: Concept | None = None
    value_quantity: Quantity | None = None


class Observation(Resource):
    """A measurement."""

    status: FhirText | None = None
    code: Concept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    effective_date_time: FhirMoment = None
    effective_period: Period | None = None
    issued: FhirMoment = None
    value_quantity: Quantity | None = None
    component: list[Component] | None = None


class Ingredient(Element):
    """What a medication is made of."""

    item_codeable_concept: Concept | None = None


class Medication(Resource):
    """A medicinal product, referred to by orders and statements."""

    code: Concept | None = None
    ingredient: list[Ingredient] | None = None


class MedicationUse(Resource):
    """What orders and statements have in common."""

    status: FhirText | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    subject: Reference | None = None


class MedicationOrder(MedicationUse):
    """A MedicationRequest."""

    intent: FhirText | None = None
    do_not_perform: bool | None = None
    encounter: Reference | None = None
    authored_on: FhirMoment = None


class MedicationStatement(MedicationUse):
    """What the patient is said to take, whoever ordered it."""

    effective_date_time: FhirMoment = None
    effective_period: Period | None = None
    date_asserted: FhirMoment = None


class Reaction(Element):
    """How an allergy showed."""

    substance: Concept | None = None
    manifestation: list[Concept] | None = None


class Allergy(Resource):
    """An AllergyIntolerance."""

    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    type: FhirText | None = None
    category: list[FhirText | None] | None = None
    criticality: FhirText | None = None
    code: Concept | None = None
    patient: Reference | None = None
    reaction: list[Reaction] | None = None


class Coverage(Resource):
    """Who pays."""

    status: FhirText | None = None
    type: Concept | None = None
    subscriber_id: FhirText | None = None
    beneficiary: Reference | None = None
    period: Period | None = None
    payor: list[Reference] | None = None


class Insurance(Element):
    """The cover a claim is made under."""

    coverage: Reference | None = None


class ClaimItem(Element):
    """One line of a claim."""

    product_or_service: Concept | None = None
    encounter: list[Reference] | None = None


class Claim(Resource):
    """A request for payment."""

    status: FhirText | None = None
    use: FhirText | None = None
    patient: Reference | None = None
    billable_period: Period | None = None
    created: FhirMoment = None
    prescription: Reference | None = None
    insurance: list[Insurance] | None = None
    item: list[ClaimItem] | None = None
    total: Money | None = None


class ExplanationOfBenefit(Resource):
    """What the payer made of a claim; Synthea keeps the coverage contained in it."""

    status: FhirText | None = None
    patient: Reference | None = None
    created: FhirMoment = None
    claim: Reference | None = None
    insurance: list[Insurance] | None = None


class Attachment(Element):
    """The content of a document, in Base64, or where it is kept."""

    content_type: FhirText | None = None
    data: FhirText | None = None
    title: FhirText | None = None


class DocumentContent(Element):
    """One form in which a document is there."""

    attachment: Attachment | None = None


class DocumentContext(Element):
    """What a document is about."""

    encounter: list[Reference] | None = None


class DocumentReference(Resource):
    """A document, such as a clinical note: anybody who may write into the record has written it."""

    status: FhirText | None = None
    type: Concept | None = None
    subject: Reference | None = None
    date: FhirMoment = None
    content: list[DocumentContent] | None = None
    context: DocumentContext | None = None


READ: dict[str, type[Resource]] = {
    "Patient": Patient,
    "Encounter": Encounter,
    "Condition": Condition,
    "Procedure": Procedure,
    "Observation": Observation,
    "Medication": Medication,
    "MedicationRequest": MedicationOrder,
    "MedicationStatement": MedicationStatement,
    "AllergyIntolerance": Allergy,
    "Coverage": Coverage,
    "DocumentReference": DocumentReference,
    "Claim": Claim,
    "ExplanationOfBenefit": ExplanationOfBenefit,
}
"""The resource types that are read; all others are let through unseen."""
