"""Medication reconciliation: active medications to ingredients, and what stands between them.

The tables are small and illustrative: own words, each row with the source it can be checked in.
They show how such knowledge is plugged in; they are not a clinical decision support system.
"""

from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding, Kind, Severity
from ripieno.blueprints.hospital_discharge.reconciliation.medications import ActiveMedication
from ripieno.blueprints.hospital_discharge.reconciliation.reconcile import (
    Reconciliation,
    confidence_of,
    reconcile,
)

__all__ = ["ActiveMedication", "Finding", "Kind", "Reconciliation", "Severity", "confidence_of", "reconcile"]
