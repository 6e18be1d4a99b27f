"""The workflow itself: which participants, in which order, and what becomes of doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from ripieno.blueprints.hospital_discharge import tools
from ripieno.blueprints.hospital_discharge.billing import BillingPlan, prepare_preauthorisation
from ripieno.blueprints.hospital_discharge.coordination import plan_visits
from ripieno.blueprints.hospital_discharge.fhir import check_bundle, open_record
from ripieno.blueprints.hospital_discharge.package import DischargePackage, discharge_package
from ripieno.blueprints.hospital_discharge.reconciliation import Reconciliation
from ripieno.blueprints.hospital_discharge.reconciliation import reconcile as reconcile_medications
from ripieno.blueprints.hospital_discharge.stay import last_day, latest_stay
from ripieno.blueprints.hospital_discharge.summary import summarise as summarise_stay
from ripieno.blueprints.hospital_discharge.summary_model import Summary
from ripieno.blueprints.hospital_discharge.systems import Appointment, Authorisation
from ripieno.blueprints.hospital_discharge.timing import (
    LateArrangement,
    Timing,
    timing_of,
    today_at_the_clinic,
)
from ripieno.connectors.tool import tool
from ripieno.model.action import Call
from ripieno.model.errors import InputError, RefusedError, ToolError
from ripieno.model.limits import Limits
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context
from ripieno.model.quotation import Quoted, quoted, stands_in
from ripieno.participants.function import Function, function
from ripieno.participants.human import human, role
from ripieno.patterns.branch import branch, when
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Data, Replaces, Workflow

__all__ = [
    "THRESHOLD",
    "billed",
    "check_record",
    "clinician",
    "coordinate",
    "in_time",
    "late",
    "packaged",
    "summarise",
    "timing",
    "withheld",
    "workflow",
]

THRESHOLD = 0.85
"""Below it, and whatever does not complete, a clinician decides."""


@asynccontextmanager
async def _refusals() -> AsyncGenerator[None]:
    """Give what a system refuses as a definite failure; all else that goes wrong is uncertain."""
    try:
        yield
    except (RefusedError, InputError) as error:
        raise ToolError(error.message) from error


@tool(on_uncertain=tools.find_visit, undo=tools.cancel_visit, timeout="2s", settle="500ms")
async def book_visit(patient: str, clinic: str, at: str, reason: str, call: Call) -> dict[str, Any]:
    """Book a follow-up visit. The system books twice when asked twice, so that in doubt it is asked first."""
    async with _refusals():
        return await tools.book_visit(patient, clinic, at, reason, call)


@tool(on_uncertain="retry", undo=tools.void_preauthorisation, timeout="2s", settle="500ms")
async def request_preauthorisation(  # noqa: PLR0917 - the fields of one request
    patient: str, payer: str, amount: str, currency: str, services: list[str], call: Call
) -> dict[str, Any]:
    """Ask a payer to authorise the care after the stay. The system knows the key: repeating is safe."""
    async with _refusals():
        return await tools.request_preauthorisation(patient, payer, amount, currency, services, call)


summarise = Function(summarise_stay, name="summarise", pure=True)
reconcile = Function(reconcile_medications, name="reconcile", pure=True)
timing = Function(timing_of, name="timing", pure=True)


def withheld(timing: Timing, arranging: LateArrangement) -> str | None:
    """Say why nothing is arranged, where a clinician wants nothing arranged for a stay that is history."""
    if arranging.approved:
        return None
    said = f" ({arranging.note})" if arranging.note else ""
    return f"the stay ended on {timing.ended}, and a clinician decided against it{said}"


def _nothing(why: str) -> Outcome:
    return Outcome("complete", None, confidence=Confidence(1.0, "decided by a clinician"), reason=why)


@function(pure=True)
def in_time() -> LateArrangement:
    """Arrange as a matter of course where the stay has just ended."""
    return LateArrangement(approved=True)


@function(pure=True)
async def coordinate(
    input: dict[str, Any],  # noqa: A002 - bound by this name
    summarise: Summary,
    timing: Timing,
    arranging: LateArrangement,
    context: Context,
) -> Outcome:
    """Book the visits that the discharge needs, the most urgent first; all of them lie in the future."""
    why_not = withheld(timing, arranging)
    if why_not is not None:
        return _nothing(why_not)
    today = await today_at_the_clinic(context)
    planned = await asyncio.to_thread(plan_visits, input, summarise, today)
    booked = [
        await context.use(
            book_visit,
            patient=visit.patient,
            clinic=visit.clinic,
            at=visit.at.isoformat(),
            reason=visit.reason,
        )
        for visit in planned
    ]
    reason = None if booked else "no stay that has ended, so that nothing is followed up yet"
    return Outcome(
        "complete", booked, confidence=Confidence(1.0, "booked in the scheduling system"), reason=reason
    )


@function(pure=True)
async def bill(
    input: dict[str, Any],  # noqa: A002 - bound by this name
    summarise: Summary,
    timing: Timing,
    arranging: LateArrangement,
    context: Context,
) -> Outcome:
    """Ask the payer for pre-authorisation, where there is something to ask and somebody to ask it of.

    That there is not is a result as well: the package then says why.
    """
    return await billed(input, summarise, withheld(timing, arranging), context)


async def billed(
    bundle: dict[str, Any],
    summary: Summary,
    why_not: str | None,
    context: Context,
    payer: str | None = None,
) -> Outcome:
    """Ask for pre-authorisation as the record says; of `payer` in place of its own where one is given."""
    if why_not is not None:
        return _nothing(why_not)
    prepared = await asyncio.to_thread(prepare_preauthorisation, bundle, summary)
    plan: BillingPlan = prepared.output
    if payer is not None and plan.payer is not None and _bare(payer) == _bare(plan.payer):
        payer = None  # the one of the record, named once more
    authorisation = None
    if plan.decision == "request" or (payer is not None and plan.decision == "self-pay"):
        authorisation = await context.use(
            request_preauthorisation,
            patient=plan.patient,
            payer=payer or _as_recorded(plan.payer, bundle),
            amount=plan.amount,
            currency=plan.currency,
            services=[line.text for line in plan.lines],
        )
    return Outcome(
        "complete",
        {"authorisation": authorisation, "note": prepared.reason},
        confidence=prepared.confidence or Confidence(1.0, "the record says so"),
        evidence=prepared.evidence,
        reason=prepared.reason,
    )


def _bare(name: str) -> str:
    return " ".join(name.split()).casefold()


def _as_recorded(payer: str | None, bundle: dict[str, Any]) -> str | Quoted | None:
    """Give the record's payer as a quotation of it: known for that however short its name is."""
    return quoted(payer) if payer is not None and stands_in(payer, bundle) else payer


@function(pure=True)
def package(  # noqa: PLR0917 - bound by name
    summarise: Summary,
    reconcile: Reconciliation,
    arrangements: dict[str, Any] | None,
    timing: Timing,
    arranging: LateArrangement,
    clinician: dict[str, Any] | None = None,
) -> DischargePackage:
    """Put everything together into what leaves the hospital with the patient.

    Where a clinician let the case go on without an arrangement, the package says what is missing.
    """
    return packaged(summarise, reconcile, arrangements, withheld(timing, arranging), clinician)


def packaged(
    summary: Summary,
    reconciliation: Reconciliation,
    arrangements: dict[str, Any] | None,
    why_not: str | None,
    clinician: dict[str, Any] | None,
) -> DischargePackage:
    """Put together what was found and arranged."""
    made = arrangements or {}
    asked: dict[str, Any] = made.get("bill") or {}
    missing = [f"Not arranged: {name}." for name in ("coordinate", "bill") if name not in made]
    if why_not is not None:
        missing = [f"No visits and no pre-authorisation: {why_not}."]
    authorisation = asked.get("authorisation")
    return discharge_package(
        summary,
        reconciliation,
        clinician,
        [Appointment.model_validate(visit) for visit in made.get("coordinate") or ()],
        None if authorisation is None else Authorisation.model_validate(authorisation),
        notes=[*missing, *([asked["note"]] if asked.get("note") else [])],
    )


def check_record(value: object) -> None:
    """Raise `InputError` for a bundle that the workflow could not work on: before a run is made of it."""
    check_bundle(value)
    record = open_record(value)
    last_day(record, latest_stay(record))


clinician = human("clinician", role="clinician", due="4h", then=role("chief-of-staff"))
late = human(
    "late",
    role="clinician",
    title="The stay ended long ago: book visits and ask the payer now?",
    form=LateArrangement,
    due="4h",
    then=role("chief-of-staff"),
)

workflow = Workflow(
    "hospital-discharge",
    sequential(
        summarise.escalate(below=THRESHOLD, to=clinician),
        reconcile.escalate(below=THRESHOLD, to=clinician),
        timing,
        branch({when("timing.historical"): late}, otherwise=in_time, name="arranging"),
        concurrent(coordinate, bill, resolve=merge(), name="arrangements").escalate(
            below=THRESHOLD, to=clinician
        ),
        package,
    ),
    owner="care-transitions",
    purpose="a safe discharge: summary, medication reconciliation, follow-up visits, pre-authorisation",
    risk="high",
    data=[Data.PHI],
    policy="healthcare",
    limits=Limits(deadline="7d"),
    replaces=Replaces(minutes=45, touchpoints=6),
    check_input=check_record,
    source="ripieno.blueprints.hospital_discharge:workflow",
)
"""From a FHIR R4 bundle to a discharge package; rules over the record, no model."""
