"""The hospital discharge as a scenario for crash tests: one sample patient, and the local systems."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any, cast

from kernel.support.scenario import Scenario
from ripieno.blueprints.hospital_discharge import workflow
from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from ripieno.blueprints.hospital_discharge.systems import systems_at
from ripieno.kernel.commands import AskedFor

__all__ = ["SCENARIO"]

PATIENT = "interaction"
"""Three visits or so to book, a payer to ask, and a finding for the clinician."""

SYSTEMS = "hospital.sqlite"

DAY = date.today()  # noqa: DTZ011 - the day on the wall
"""The same for all processes of one test, which are forked from one that has read it."""


def settle_in(home: Path) -> None:
    os.environ["RIPIENO_HOSPITAL_SYSTEMS"] = str(home / SYSTEMS)


def effects(home: Path) -> list[str]:
    """Give each booking as often as it was made, and each request to the payer once per key."""
    calls = systems_at(home / SYSTEMS).calls()
    booked = [call for call in calls if call.operation == "book"]
    asked = {call.key: call for call in calls if call.operation == "request"}
    return sorted(f"{call.operation} {call.arguments} {call.answer}" for call in [*booked, *asked.values()])


def answered(asked: AskedFor, home: Path) -> dict[str, Any]:
    """Answer as the clinician, who has seen the evidence."""
    del home
    assert asked.row.kind == "task", "no call of this workflow leaves a doubt that a person has to settle"
    return {"proceed": True, "note": "seen"}


def without_keys(found: Any) -> Any:
    """Leave out idempotency keys, which no two runs share."""
    match found:
        case dict():
            fields = cast("dict[str, Any]", found)
            return {name: without_keys(value) for name, value in fields.items() if name != "key"}
        case list():
            return [without_keys(item) for item in cast("list[Any]", found)]
        case _:
            return found


SCENARIO = Scenario(workflow, lambda: recent_sample(PATIENT, DAY), settle_in, effects, answered, without_keys)
