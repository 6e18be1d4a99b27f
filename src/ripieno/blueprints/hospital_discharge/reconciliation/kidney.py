"""Kidney function for dosing rules: the reported eGFR, checked against the creatinine beside it.

Source of the estimate: CKD-EPI 2021, Inker et al., N Engl J Med 2021;385:1737-1749.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.observations import EGFR, measured
from ripieno.blueprints.hospital_discharge.summary_model import Measurement, Summary

__all__ = ["Kidney", "ckd_epi_2021", "kidney_function"]

_ADULT = 18
_FAR_APART = 2.0
"""Estimates that differ by more than this factor contradict each other."""


@dataclass(frozen=True, slots=True)
class Kidney:
    """The eGFR that rules use, and what contradicts it."""

    egfr: float
    unit: str
    basis: str
    reference: str
    contradiction: str | None = None
    """Set where the reported eGFR and the creatinine of the same day cannot both be right."""


def kidney_function(summary: Summary) -> Kidney | None:
    """Give the lower of the reported and the calculated eGFR; None when neither can be had."""
    reported = measured(EGFR, summary.observations)
    creatinine = measured("Creatinine", summary.observations)
    calculated = _calculated(summary, creatinine)
    if reported is None:
        if calculated is None or creatinine is None:
            return None
        return Kidney(calculated, "mL/min/1.73 m2", "CKD-EPI 2021 from creatinine", creatinine.reference)
    plain = Kidney(reported.value, reported.unit, f"reported on {reported.day}", reported.reference)
    if calculated is None or creatinine is None or creatinine.day != reported.day:
        return plain
    low, high = sorted((max(reported.value, 1.0), max(calculated, 1.0)))
    if high / low <= _FAR_APART:
        return plain
    contradiction = (
        f"reported eGFR {reported.value:g}, but creatinine {creatinine.value:g} {creatinine.unit} "
        f"of the same day gives {calculated:g} (CKD-EPI 2021)"
    )
    if reported.value <= calculated:
        return Kidney(plain.egfr, plain.unit, plain.basis, plain.reference, contradiction)
    basis = "CKD-EPI 2021 from creatinine"
    return Kidney(calculated, "mL/min/1.73 m2", basis, creatinine.reference, contradiction)


def ckd_epi_2021(*, creatinine_mg_dl: float, age: int, female: bool) -> float:
    """Estimate the glomerular filtration rate of an adult in mL/min/1.73 m2."""
    kappa, alpha = (0.7, -0.241) if female else (0.9, -0.302)
    ratio = creatinine_mg_dl / kappa
    estimate = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age
    return estimate * 1.012 if female else estimate


def _calculated(summary: Summary, creatinine: Measurement | None) -> float | None:
    person = summary.patient
    if creatinine is None or creatinine.value <= 0 or creatinine.unit.casefold() != "mg/dl":
        return None
    if person.age is None or person.age < _ADULT or person.sex not in {"female", "male"}:
        return None
    value = ckd_epi_2021(creatinine_mg_dl=creatinine.value, age=person.age, female=person.sex == "female")
    return round(value, 1)
