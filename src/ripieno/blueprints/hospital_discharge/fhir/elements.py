"""The FHIR R4 data types that the workflow reads, each with only the fields it needs."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ripieno.blueprints.hospital_discharge.fhir.moment import FhirMoment

__all__ = [
    "Coding",
    "Concept",
    "Element",
    "FhirDecimal",
    "FhirText",
    "Money",
    "Period",
    "Quantity",
    "Reference",
]

_LARGEST = Decimal("1e15")
"""No clinical value or amount is larger; anything above is a damaged record."""


class Element(BaseModel):
    """Base of everything read from FHIR: strict about the types of known fields, blind to the rest."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        arbitrary_types_allowed=True,
    )


def _decimal(value: object) -> Decimal | None:
    """Read a JSON number by its digits, so that 129.16 stays 129.16."""
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"expected a number, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError, not TypeError, into a finding
    if isinstance(value, int) and abs(value) > _LARGEST:
        msg = "the number is too large to be a clinical value or an amount"
        raise ValueError(msg)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        msg = f"{value!r} is not a number"
        raise ValueError(msg) from error
    if not number.is_finite() or abs(number) > _LARGEST:
        msg = f"{value!r} is not a number that can be calculated with"
        raise ValueError(msg)
    return number


FhirDecimal = Annotated[Decimal | None, BeforeValidator(_decimal)]
"""A Pydantic field that holds a FHIR `decimal`, or None when absent."""


def _whole(text: str) -> str:
    """Refuse lone surrogates: JSON can spell them, but no store, form or screen can take them."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        msg = "the text holds half a character (a lone surrogate)"
        raise ValueError(msg)
    return text


FhirText = Annotated[str, AfterValidator(_whole)]
"""A Pydantic field that holds text which can be written down again."""


class Coding(Element):
    """One code of one system."""

    system: FhirText | None = None
    code: FhirText | None = None
    display: FhirText | None = None


class Concept(Element):
    """A CodeableConcept: codes and a text that mean the same thing."""

    coding: list[Coding] | None = None
    text: FhirText | None = None

    @property
    def codings(self) -> list[Coding]:
        """The codes, possibly none."""
        return self.coding or []

    @property
    def label(self) -> str:
        """The words to show a person: text, else a display, else a code, else the empty string."""
        words = [self.text, *(c.display for c in self.codings), *(c.code for c in self.codings)]
        return next((word.strip() for word in words if word and word.strip()), "")

    def code_in(self, system: str) -> str | None:
        """Give the first code of `system`."""
        return next((c.code for c in self.codings if c.system == system and c.code), None)

    def has_code(self, *codes: str) -> bool:
        """Tell whether any coding carries one of `codes`."""
        return any(c.code in codes for c in self.codings)


class Period(Element):
    """A time span; either end may be unknown."""

    start: FhirMoment = None
    end: FhirMoment = None


class Quantity(Element):
    """A measured amount."""

    value: FhirDecimal = None
    unit: FhirText | None = None
    code: FhirText | None = None


class Money(Element):
    """An amount of a currency (ISO 4217)."""

    value: FhirDecimal = None
    currency: FhirText | None = None


class Reference(Element):
    """A pointer to another resource: `urn:uuid:...`, `Type/id`, a URL or `#id` of a contained one."""

    reference: FhirText | None = Field(default=None)
    display: FhirText | None = None
