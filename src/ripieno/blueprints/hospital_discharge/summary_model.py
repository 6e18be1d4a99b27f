"""The clinical summary as data: what `summarise` gives and the later participants receive."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Diagnosis",
    "Document",
    "Interpretation",
    "Intervention",
    "Measurement",
    "Person",
    "Stay",
    "Summary",
]

Interpretation = Literal["low", "normal", "high"]


class Document(BaseModel):
    """Base of the workflow's documents: immutable, nothing unknown in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(Document):
    """Who the record is about."""

    reference: str
    name: str
    sex: str | None = None
    born: date | None = None
    age: int | None = None
    """In whole years, on the summary's `as_of` day."""
    died: bool = False
    died_on: date | None = None


class Stay(Document):
    """One inpatient stay."""

    reference: str
    kind: str
    admitted: date
    discharged: date | None
    """None while the stay goes on."""
    nights: int | None
    reasons: list[str] = Field(default_factory=list[str])
    disposition: str | None = None
    stays_in_record: int = 1


class Diagnosis(Document):
    """An active condition."""

    text: str
    code: str | None = None
    """SNOMED CT, where the record has one."""
    since: date | None = None
    reference: str


class Intervention(Document):
    """A procedure of the stay."""

    text: str
    code: str | None = None
    day: date | None = None
    reference: str


class Measurement(Document):
    """The latest value of one kind of observation."""

    name: str
    loinc: str
    value: float
    unit: str
    day: date | None
    interpretation: Interpretation | None = None
    """None where no adult reference range applies to this person, unit or kind."""
    expected: str | None = None
    """The range compared with, and its source."""
    reference: str


class Summary(Document):
    """The stay in one page, each line with the FHIR reference it comes from."""

    patient: Person
    as_of: date
    """The last day the record speaks of, or the day of death; ages are counted to it."""
    stay: Stay | None = None
    conditions: list[Diagnosis] = Field(default_factory=list[Diagnosis])
    procedures: list[Intervention] = Field(default_factory=list[Intervention])
    observations: list[Measurement] = Field(default_factory=list[Measurement])
    notes: list[str] = Field(default_factory=list[str])
    """What a reader of the summary must know about the record behind it."""
