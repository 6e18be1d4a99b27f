"""The sample patients that ship with the workflow: small synthetic FHIR R4 bundles of our own making."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ripieno.model.errors import NotFoundError, nearest

__all__ = ["SAMPLES", "sample", "sample_folder"]

SAMPLES: dict[str, str] = {
    "clean": "pneumonia, two medications, nothing to find",
    "drug-allergy": "an antibiotic of the class that the patient is allergic to",
    "duplicate": "furosemide at home and a second order from the ward",
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


def sample_folder() -> Traversable:
    """Give the folder of the sample bundles, one `NAME.json` each."""
    return files("ripieno.blueprints.hospital_discharge") / "samples"
