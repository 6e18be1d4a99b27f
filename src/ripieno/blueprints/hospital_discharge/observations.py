"""The latest of each observation that matters at discharge, against adult reference ranges.

Ranges are orientation for a reader, never a diagnosis: they apply to adults, and only where the
unit is the one they are stated in.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.fhir import Concept, Moment, Observation, Quantity, Record
from ripieno.blueprints.hospital_discharge.summary_model import Interpretation, Measurement, Person

__all__ = ["Kind", "latest_measurements", "measured"]

_ABIM = "ABIM Laboratory Test Reference Ranges"
_KDIGO = "KDIGO 2024 CKD guideline"
_ADULT = 18
_LOINC = "http://loinc.org"
_VALID = {"final", "amended", "corrected"}


@dataclass(frozen=True, slots=True)
class Range:
    """What is expected of an adult; either end may be open."""

    low: float | None
    high: float | None
    unit: str
    source: str
    sex: str | None = None
    """Set where the range holds for one sex only."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of observation, under whichever LOINC codes laboratories report it."""

    name: str
    codes: tuple[str, ...]
    ranges: tuple[Range, ...] = ()


EGFR = "eGFR"

KINDS: tuple[Kind, ...] = (
    Kind("Systolic blood pressure", ("8480-6",), (Range(90, 140, "mm[Hg]", "NICE NG136, ESC 2018"),)),
    Kind("Diastolic blood pressure", ("8462-4",), (Range(60, 90, "mm[Hg]", "NICE NG136, ESC 2018"),)),
    Kind("Heart rate", ("8867-4",), (Range(60, 100, "/min", "American Heart Association"),)),
    Kind("Respiratory rate", ("9279-1",)),
    Kind("Oxygen saturation", ("2708-6", "59408-5")),
    Kind("Body temperature", ("8310-5", "8331-1")),
    Kind("Body weight", ("29463-7",)),
    Kind("Body mass index", ("39156-5",)),
    Kind(
        "Creatinine",
        ("38483-4", "2160-0"),
        (Range(0.7, 1.3, "mg/dL", _ABIM, "male"), Range(0.5, 1.1, "mg/dL", _ABIM, "female")),
    ),
    Kind(
        EGFR,
        ("33914-3", "48642-3", "48643-1", "62238-1", "88293-6", "98979-8"),
        (Range(60, None, "mL/min/{1.73_m2}", _KDIGO), Range(60, None, "mL/min", _KDIGO)),
    ),
    Kind("Potassium", ("6298-4", "2823-3"), (Range(3.5, 5.0, "mmol/L", _ABIM),)),
    Kind("Sodium", ("2947-0", "2951-2"), (Range(136, 145, "mmol/L", _ABIM),)),
    Kind("Urea nitrogen", ("6299-2", "3094-0"), (Range(8, 20, "mg/dL", _ABIM),)),
    Kind("Calcium", ("49765-1", "17861-6"), (Range(8.6, 10.2, "mg/dL", _ABIM),)),
    Kind("Glucose", ("2339-0", "2345-7")),
    Kind("Haemoglobin A1c", ("4548-4",), (Range(None, 5.6, "%", "ADA Standards of Care, section 2"),)),
    Kind("INR", ("6301-6", "34714-6")),
    Kind(
        "Haemoglobin",
        ("718-7",),
        (Range(14, 18, "g/dL", _ABIM, "male"), Range(12, 16, "g/dL", _ABIM, "female")),
    ),
    Kind("Platelets", ("777-3",), (Range(150, 450, "10*3/uL", _ABIM),)),
    Kind("Leukocytes", ("6690-2",), (Range(4.0, 11.0, "10*3/uL", _ABIM),)),
    Kind("LDL cholesterol", ("18262-6", "13457-7", "2089-1")),
    Kind("NT-proBNP", ("33762-6",)),
    Kind("Left ventricular ejection fraction", ("10230-1",)),
    Kind("FEV1/FVC", ("19926-5",)),
)

_KIND_OF = {code: kind for kind in KINDS for code in kind.codes}


@dataclass(frozen=True, slots=True)
class _Reading:
    code: str
    quantity: Quantity
    at: Moment | None
    reference: str


def latest_measurements(record: Record, person: Person) -> list[Measurement]:
    """Give the latest reading of each known kind, in the order a clinician reads them."""
    latest: dict[str, _Reading] = {}
    for observation in record.all(Observation):
        for reading in _readings(observation):
            kind = _KIND_OF[reading.code]
            known = latest.get(kind.name)
            if known is None or _later(reading.at, known.at):
                latest[kind.name] = reading
    return [_measurement(kind, latest[kind.name], person) for kind in KINDS if kind.name in latest]


def measured(name: str, measurements: list[Measurement]) -> Measurement | None:
    """Find a measurement by the name of its kind."""
    return next((item for item in measurements if item.name == name), None)


def _readings(observation: Observation) -> list[_Reading]:
    if observation.status not in _VALID:
        return []
    period = observation.effective_period
    at = observation.effective_date_time or (period.start if period else None) or observation.issued
    parts = [(observation.code, observation.value_quantity)]
    parts += [(part.code, part.value_quantity) for part in observation.component or []]
    found: list[_Reading] = []
    for concept, quantity in parts:
        code = _known_code(concept)
        if code is not None and quantity is not None and quantity.value is not None:
            found.append(_Reading(code, quantity, at, observation.reference))
    return found


def _known_code(concept: Concept | None) -> str | None:
    code = concept.code_in(_LOINC) if concept else None
    return code if code in _KIND_OF else None


def _later(one: Moment | None, other: Moment | None) -> bool:
    return one is not None and (other is None or one > other)


def _measurement(kind: Kind, reading: _Reading, person: Person) -> Measurement:
    value = round(float(reading.quantity.value or 0), 2)
    unit = reading.quantity.code or reading.quantity.unit or ""
    expected = _range(kind, unit, person)
    return Measurement(
        name=kind.name,
        loinc=reading.code,
        value=value,
        unit=reading.quantity.unit or unit,
        day=reading.at.day if reading.at else None,
        interpretation=_interpret(value, expected) if expected else None,
        expected=_words(expected) if expected else None,
        reference=reading.reference,
    )


def _range(kind: Kind, unit: str, person: Person) -> Range | None:
    if person.age is None or person.age < _ADULT:
        return None
    fitting = (r for r in kind.ranges if r.unit == unit and r.sex in {None, person.sex})
    return next(fitting, None)


def _interpret(value: float, expected: Range) -> Interpretation:
    if expected.low is not None and value < expected.low:
        return "low"
    if expected.high is not None and value > expected.high:
        return "high"
    return "normal"


def _words(expected: Range) -> str:
    low = "" if expected.low is None else f"{expected.low:g}"
    high = "" if expected.high is None else f"{expected.high:g}"
    bounds = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return f"{bounds} {expected.unit} ({expected.source})"
