"""Who pays for a patient: from Coverage, else from what the claims were made under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ripieno.blueprints.hospital_discharge.fhir import Claim, Coverage, ExplanationOfBenefit, Record

__all__ = ["Cover", "cover_of"]

_SELF_PAY = {"no_insurance", "no insurance", "self-pay", "self pay", "uninsured", "none"}


@dataclass(frozen=True, slots=True)
class Cover:
    """The insurance that a request goes to."""

    payer: str
    reference: str
    """Where the record says so."""
    member: str | None = None

    @property
    def insured(self) -> bool:
        """False where the record states that nobody but the patient pays."""
        return self.payer.casefold().strip() not in _SELF_PAY


def cover_of(record: Record, claims: Sequence[Claim], *, on: date) -> Cover | None:
    """Find the cover in force on a day: a Coverage, else that of `claims`, the last one first."""
    for coverage in record.all(Coverage):
        cover = _from_coverage(coverage, on=on)
        if cover is not None:
            return cover
    explained = {record.reference_to(eob.claim): eob for eob in record.all(ExplanationOfBenefit) if eob.claim}
    for claim in reversed(claims):
        eob = explained.get(claim.reference)
        cover = (_contained(record, eob, on=on) if eob else None) or _named(claim)
        if cover is not None:
            return cover
    return None


def _from_coverage(coverage: Coverage, *, on: date) -> Cover | None:
    period = coverage.period
    begun = period is None or period.start is None or period.start.day <= on
    over = period is not None and period.end is not None and period.end.day < on
    if coverage.status not in {"active", None} or not begun or over:
        return None
    payors = [payor.display for payor in coverage.payor or [] if payor.display]
    kind = coverage.type.label if coverage.type else ""
    payer = next(iter(payors), kind)
    return Cover(payer, coverage.reference, coverage.subscriber_id) if payer else None


def _contained(record: Record, eob: ExplanationOfBenefit, *, on: date) -> Cover | None:
    for insurance in eob.insurance or []:
        coverage = record.resolve(Coverage, insurance.coverage, within=eob)
        cover = _from_coverage(coverage, on=on) if coverage else None
        if cover is not None:
            return cover
    return None


def _named(claim: Claim) -> Cover | None:
    for insurance in claim.insurance or []:
        if insurance.coverage is not None and insurance.coverage.display:
            return Cover(insurance.coverage.display, claim.reference)
    return None
