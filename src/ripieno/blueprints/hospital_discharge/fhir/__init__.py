"""What the workflow reads of FHIR R4: plain JSON, validated at the edge, field by field.

Only fields that are read are typed; all others are let through unseen. See
`docs/decisions/0003-plain-fhir-json.md` for why no complete FHIR library is used.
"""

from ripieno.blueprints.hospital_discharge.fhir.bundle import check_bundle, open_record
from ripieno.blueprints.hospital_discharge.fhir.elements import Concept, Money, Quantity, Reference
from ripieno.blueprints.hospital_discharge.fhir.moment import Moment
from ripieno.blueprints.hospital_discharge.fhir.record import Record
from ripieno.blueprints.hospital_discharge.fhir.resources import (
    Allergy,
    Claim,
    Condition,
    Coverage,
    DocumentReference,
    Encounter,
    ExplanationOfBenefit,
    Medication,
    MedicationOrder,
    MedicationStatement,
    Observation,
    Patient,
    Procedure,
    Resource,
)

__all__ = [
    "Allergy",
    "Claim",
    "Concept",
    "Condition",
    "Coverage",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "Medication",
    "MedicationOrder",
    "MedicationStatement",
    "Moment",
    "Money",
    "Observation",
    "Patient",
    "Procedure",
    "Quantity",
    "Record",
    "Reference",
    "Resource",
    "check_bundle",
    "open_record",
]
