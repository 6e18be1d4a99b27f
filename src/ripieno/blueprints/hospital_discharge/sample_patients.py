"""The sample patients that ship with the workflow: small synthetic FHIR R4 bundles of our own making."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from ripieno.model.errors import NotFoundError, nearest

__all__ = ["SAMPLES", "recent_sample", "sample", "sample_folder"]

_WRITTEN: Final = date(2026, 11, 21)
"""The last day of which the samples speak."""

_DAY: Final = re.compile(r'(?<=")\d{4}-\d{2}-\d{2}(?=["T])')

SAMPLES: dict[str, str] = {
    "clean": "pneumonia, two medications, nothing to find",
    "drug-allergy": "an antibiotic of the class that the patient is allergic to",
    "duplicate": "furosemide at home and a second order from the ward",
    "injected-note": "a clinical note tells whoever reads it where the pre-authorisation has to go",
    "interaction": "warfarin beside naproxen",
    "low-confidence": "a remedy that no table knows",
    "stay-not-ended": "still in hospital",
}
"""The names of the samples, and what each shows."""


def sample(name: str) -> dict[str, Any]:
    """Load a sample bundle by its name; raises NotFoundError for another."""
    if name not in SAMPLES:
        msg = f"there is no sample patient {name!r}{nearest(name, SAMPLES)}"
        raise NotFoundError(msg, remedy=f"There are: {', '.join(SAMPLES)}.")
    return json.loads(sample_folder().joinpath(f"{name}.json").read_text(encoding="utf-8"))


def recent_sample(name: str, today: date | None = None) -> dict[str, Any]:
    """Load a sample as if it spoke up to `today`, by default the machine's: all of its days are moved.

    So that a discharge can be shown on any day, with visits that lie ahead.
    """
    moved = (today or date.today()) - _WRITTEN  # noqa: DTZ011 - the day on the wall

    def move(found: re.Match[str]) -> str:
        return (date.fromisoformat(found[0]) + moved).isoformat()

    return json.loads(_DAY.sub(move, json.dumps(sample(name), ensure_ascii=False)))


def sample_folder() -> Traversable:
    """Give the folder of the sample bundles, one `NAME.json` each."""
    return files("ripieno.blueprints.hospital_discharge") / "samples"
