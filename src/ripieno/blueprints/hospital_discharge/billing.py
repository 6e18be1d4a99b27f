"""The pre-authorisation request: what the stay and the continuing medications cost, and who pays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from ripieno.blueprints.hospital_discharge.coverage import Cover, cover_of
from ripieno.blueprints.hospital_discharge.fhir import Claim, Moment, Money, Record, open_record
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug, active_medications
from ripieno.blueprints.hospital_discharge.summary_model import Document, Summary
from ripieno.model.outcome import Confidence, Evidence, Outcome

__all__ = ["BillingPlan", "Line", "prepare_preauthorisation"]

_CENT = Decimal("0.01")
_COUNTED = {"active", None}


class Line(Document):
    """One claim that the request rests on."""

    kind: Literal["stay", "medication"]
    text: str
    amount: str
    """Decimal, two places."""
    currency: str
    claim: str
    """FHIR reference of the claim."""


class BillingPlan(Document):
    """What to ask of the payer, if anything."""

    decision: Literal["request", "self-pay", "nothing to request"]
    patient: str
    payer: str | None = None
    member: str | None = None
    coverage: str | None = None
    """FHIR reference of where the record names the payer."""
    diagnoses: list[str] = Field(default_factory=list[str])
    """SNOMED CT codes, else words, of the reasons of the stay and the active conditions."""
    lines: list[Line] = Field(default_factory=list[Line])
    amount: str = "0.00"
    currency: str | None = None


def prepare_preauthorisation(input: dict[str, Any], summarise: Summary) -> Outcome:  # noqa: A002 - bound by this name
    """Work out the request for the care after the stay, without sending it.

    The output is a `BillingPlan`. `partial` where there is nobody to ask (no cover, or the record
    says that the patient pays), where the claims mix currencies, where no stay has ended, and for a
    person who has died.
    """
    record = open_record(input)
    drugs = active_medications(record, as_of=summarise.as_of, stay=None)
    stay_claims, drug_claims = _claims(record, summarise, drugs)
    lines = [line for claim in stay_claims if (line := _line("stay", claim, _service(claim)))]
    lines += [line for claim, drug in drug_claims if (line := _line("medication", claim, drug.text))]
    cover = cover_of(record, _by_age(record.all(Claim), stay_claims), on=summarise.as_of)
    currencies = {line.currency for line in lines}
    plan = BillingPlan(
        decision=_decision(summarise, cover, lines),
        patient=summarise.patient.reference,
        payer=cover.payer if cover else None,
        member=cover.member if cover else None,
        coverage=cover.reference if cover else None,
        diagnoses=[item.code or item.text for item in summarise.conditions],
        lines=lines,
        amount=str(_sum(lines)) if len(currencies) == 1 else "0.00",
        currency=next(iter(currencies)) if len(currencies) == 1 else None,
    )
    return _outcome(plan, summarise, cover, currencies)


def _decision(
    summary: Summary, cover: Cover | None, lines: list[Line]
) -> Literal["request", "self-pay", "nothing to request"]:
    stay = summary.stay
    over = stay is not None and stay.discharged is not None
    if summary.patient.died or not over or not lines or len({line.currency for line in lines}) > 1:
        return "nothing to request"
    return "request" if cover is not None and cover.insured else "self-pay"


def _outcome(plan: BillingPlan, summary: Summary, cover: Cover | None, currencies: set[str]) -> Outcome:
    evidence = [
        Evidence(f"{line.text}: {line.amount} {line.currency}", line.claim, line.kind) for line in plan.lines
    ]
    if cover is not None:
        evidence.insert(0, Evidence(f"Payer: {cover.payer}", cover.reference))
    if plan.decision == "request":
        confidence = Confidence(0.95, "cover and amounts read from the record")
        return Outcome("complete", plan, confidence=confidence, evidence=evidence)
    if summary.patient.died:
        reason = "The person has died: no care is authorised in advance."
    elif summary.stay is None or summary.stay.discharged is None:
        reason = "There is no stay that has ended, so that nothing follows it yet."
    elif len(currencies) > 1:
        reason = (
            f"The claims mix currencies ({', '.join(sorted(currencies))}); no single amount can be asked for."
        )
    elif not plan.lines:
        reason = (
            "The record holds no claim for the stay or the active medications: there is no amount to ask for."
        )
    elif cover is None:
        reason = "The record names no cover: the patient pays, and should get an estimate."
    else:
        reason = f"The record says {cover.payer!r}: the patient pays, and should get an estimate."
    return Outcome("partial", plan, evidence=evidence, reason=reason)


def _claims(
    record: Record, summary: Summary, drugs: list[Drug]
) -> tuple[list[Claim], list[tuple[Claim, Drug]]]:
    """Give the claims of the stay, and the latest pharmacy claim of each active medication."""
    stay = summary.stay.reference if summary.stay else None
    by_reference = {reference: drug for drug in drugs for reference in (drug.reference, *drug.also)}
    stay_claims: list[Claim] = []
    drug_claims: dict[str, tuple[Claim, Drug]] = {}
    for claim in _by_age(record.all(Claim)):
        if claim.status not in _COUNTED:
            continue
        if claim.prescription is not None:
            drug = by_reference.get(record.reference_to(claim.prescription) or "")
            if drug is not None:
                drug_claims[drug.reference] = (claim, drug)
        elif stay is not None and stay in _encounters(record, claim):
            stay_claims.append(claim)
    return stay_claims, list(drug_claims.values())


def _encounters(record: Record, claim: Claim) -> set[str | None]:
    return {record.reference_to(reference) for item in claim.item or [] for reference in item.encounter or []}


def _by_age(claims: list[Claim], last: list[Claim] | None = None) -> list[Claim]:
    """Sort by date, the oldest first and undated ones before them; `last` comes after all others."""
    behind = {claim.reference for claim in last or []}
    return sorted(claims, key=lambda claim: (claim.reference in behind, _day(claim)))


def _day(claim: Claim) -> str:
    period = claim.billable_period
    at: Moment | None = (period.start if period else None) or claim.created
    return at.instant.isoformat() if at else ""


def _service(claim: Claim) -> str:
    named = (item.product_or_service for item in claim.item or [])
    return next((service.label for service in named if service and service.label), "Inpatient stay")


def _line(kind: Literal["stay", "medication"], claim: Claim, text: str) -> Line | None:
    total: Money | None = claim.total
    if total is None or total.value is None or total.value <= 0 or not total.currency:
        return None
    amount = str(total.value.quantize(_CENT))
    return Line(kind=kind, text=text, amount=amount, currency=total.currency, claim=claim.reference)


def _sum(lines: list[Line]) -> Decimal:
    return sum((Decimal(line.amount) for line in lines), Decimal("0.00"))
