"""The hospital-discharge workflow: from a FHIR R4 bundle to a discharge package.

Its participants are rules over the record, no model: `summarise`, `reconcile`, `plan_visits`,
`prepare_preauthorisation`. Side effects are in `tools`, the systems they change in `systems`.
"""

from ripieno.blueprints.hospital_discharge.billing import BillingPlan, prepare_preauthorisation
from ripieno.blueprints.hospital_discharge.coordination import VisitRequest, plan_visits
from ripieno.blueprints.hospital_discharge.fhir import check_bundle
from ripieno.blueprints.hospital_discharge.package import (
    DischargePackage,
    discharge_package,
    discharge_text,
)
from ripieno.blueprints.hospital_discharge.reconciliation import Reconciliation, reconcile
from ripieno.blueprints.hospital_discharge.summary import summarise
from ripieno.blueprints.hospital_discharge.summary_model import Summary
from ripieno.blueprints.hospital_discharge.workflow import workflow

__all__ = [
    "BillingPlan",
    "DischargePackage",
    "Reconciliation",
    "Summary",
    "VisitRequest",
    "check_bundle",
    "discharge_package",
    "discharge_text",
    "plan_visits",
    "prepare_preauthorisation",
    "reconcile",
    "summarise",
    "workflow",
]
