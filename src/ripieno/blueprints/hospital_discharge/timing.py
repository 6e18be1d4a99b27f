"""Whether a stay is followed up as a matter of course: one that ended long ago is history."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from ripieno.blueprints.hospital_discharge.coordination import LONGEST_TERM, plan_visits
from ripieno.blueprints.hospital_discharge.summary_model import Document, Summary
from ripieno.blueprints.hospital_discharge.working_hours import CLINIC_HOURS
from ripieno.model.outcome import Confidence, Evidence, Outcome
from ripieno.model.participant import Context

__all__ = ["LateArrangement", "Timing", "timing_of", "timing_on", "today_at_the_clinic"]


class Timing(Document):
    """How long ago a stay has ended."""

    today: date
    ended: date | None
    historical: bool
    """True when every term of a follow-up is over: then nothing is arranged unless a person says so."""


class LateArrangement(BaseModel):
    """What is asked about a stay that ended long ago."""

    approved: bool = Field(
        description="whether visits are booked and a payer is asked now; else the package goes without"
    )
    note: str = Field(default="", description="what the patient's package should say about it")


async def today_at_the_clinic(context: Context) -> date:
    """Give the day that it is at the clinics; recorded."""
    return (await context.now()).astimezone(CLINIC_HOURS.zone).date()


async def timing_of(input: dict[str, Any], summarise: Summary, context: Context) -> Outcome:  # noqa: A002 - bound by this name
    """Tell whether the stay is history, with what would be booked as evidence where it is."""
    today = await today_at_the_clinic(context)
    found = timing_on(summarise, today)
    if not found.historical:
        return Outcome("complete", found, confidence=Confidence(1.0, "the date of discharge"))
    assert summarise.stay is not None, "without a stay there is nothing that could be history"
    assert found.ended is not None, "only a stay that has ended is history"
    ago = f"ended on {found.ended}, {(today - found.ended).days:,} days before {today}"
    evidence = [
        Evidence(f"The stay {ago}: every term of a follow-up is over", summarise.stay.reference),
        *(
            Evidence(
                f"Would be booked: {visit.clinic}, from {visit.at:%a %d %b %Y}",
                ", ".join(visit.conditions) or summarise.patient.reference,
                visit.source,
            )
            for visit in await asyncio.to_thread(plan_visits, input, summarise, today)
        ),
    ]
    confidence = Confidence(1.0, "the date of discharge")
    return Outcome("complete", found, confidence=confidence, evidence=evidence, reason=f"the stay {ago}")


def timing_on(summary: Summary, today: date) -> Timing:
    """Tell the same of a day."""
    ended = None if summary.stay is None or summary.patient.died else summary.stay.discharged
    return Timing(today=today, ended=ended, historical=ended is not None and today - ended > LONGEST_TERM)
