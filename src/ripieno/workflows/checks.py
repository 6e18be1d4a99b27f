"""Checks as files write them: what is checked, what has to hold, and what becomes of what does not pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ripieno.mediation.validation.check import Check, escalate, made, repair
from ripieno.mediation.validation.schemas import restored
from ripieno.model.checks import Of, Otherwise
from ripieno.model.errors import DefinitionError
from ripieno.workflows.fields import LARGEST, Document, Reference, Time, by_key, wrong
from ripieno.workflows.objects import import_from

if TYPE_CHECKING:
    from ripieno.participants.base import BaseParticipant
    from ripieno.workflows.document import Stage

__all__ = ["CheckRule", "EscalateSettings", "PlainCheck", "RuleOfCheck", "StageCheck", "check"]


def signed(value: object) -> object:
    """Take a number that is written as text, as in the printed form of a definition."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,100}(\.\d{1,400})?", value):
        return float(value)
    return value


Bound = Annotated[float | None, BeforeValidator(signed, json_schema_input_type=float | str | None)]


class RuleOfCheck(Document):
    """What has to hold: exactly one of these."""

    schema_: dict[str, Any] | None = Field(
        default=None, alias="schema", description="a JSON Schema (2020-12), as it stands"
    )
    function: Reference | None = Field(
        default=None,
        alias="import",
        description="`module:attribute` of a function that gives true, or what is wrong",
    )
    ranges: dict[str, Annotated[list[Bound], Field(min_length=2, max_length=2)]] | None = Field(
        default=None, description="least and most by dotted path; null leaves one open"
    )
    forbids: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="regular expressions that no text in it may match"
    )
    max_bytes: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="how large it may be, as JSON"
    )
    cites: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="how many pieces of evidence a participant has to cite"
    )
    review: Stage | None = Field(default=None, description="a participant that judges it, a person too")

    @model_validator(mode="after")
    def _one(self) -> RuleOfCheck:
        if len(self.model_fields_set) != 1:
            names = (field.alias or name for name, field in type(self).model_fields.items())
            msg = f"expected one rule: {', '.join(names)}"
            raise wrong(msg)
        return self


CheckRule = Annotated[
    Annotated[str, Field(min_length=1), Tag("<name>")] | Annotated[RuleOfCheck, Tag("<rule of a check>")],
    Discriminator(by_key({}, otherwise="<rule of a check>")),
]
"""An expression, or a mapping with one rule."""


class EscalateSettings(Document):
    """Who decides."""

    role: str = Field(min_length=1, description="the role that may decide")
    due: Time | None = Field(default=None, description="time to answer in; for ever when left out")


class OtherwiseSettings(Document):
    """What becomes of what does not pass: exactly one of these."""

    repair: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        default=None, description="whoever proposed it is asked again, so often at most"
    )
    escalate: EscalateSettings | None = Field(default=None, description="a person decides")

    @model_validator(mode="after")
    def _one(self) -> OtherwiseSettings:
        if len(self.model_fields_set) != 1:
            msg = "expected reject, {repair: times} or {escalate: {role: ...}}"
            raise wrong(msg)
        return self


OtherwiseRule = Annotated[
    Annotated[Literal["reject"], Tag("<name>")] | Annotated[OtherwiseSettings, Tag("<otherwise>")],
    Discriminator(by_key({}, otherwise="<otherwise>")),
]


class PlainCheck(Document):
    """A check of a tool: of its arguments, or of what a call gave."""

    arguments: CheckRule | None = Field(default=None, description="what has to hold of the arguments")
    result: CheckRule | None = Field(default=None, description="what has to hold of the result")
    says: str | None = Field(default=None, description="the complaint, in words of one's own")
    otherwise: OtherwiseRule = Field(
        default="reject",
        description="`reject`, have it repaired by whoever proposed it, or let a role decide",
    )

    @model_validator(mode="after")
    def _one(self) -> PlainCheck:
        if (self.arguments is None) == (self.result is None):
            msg = "a check is of one thing: expected arguments or result"
            raise wrong(msg)
        return self


class StageCheck(Document):
    """A check of a stage: of what it is given, or of what it gives."""

    input: CheckRule | None = Field(default=None, description="what has to hold of its input")
    result: CheckRule | None = Field(default=None, description="what has to hold of its result")
    says: str | None = Field(default=None, description="the complaint, in words of one's own")
    otherwise: OtherwiseRule = Field(
        default="reject",
        description="`reject`, have it repaired by whoever made it, or let a role decide",
    )

    @model_validator(mode="after")
    def _one(self) -> StageCheck:
        if (self.input is None) == (self.result is None):
            msg = "a check is of one thing: expected input or result"
            raise wrong(msg)
        if self.input is not None and isinstance(self.otherwise, OtherwiseSettings) and self.otherwise.repair:
            msg = "an input cannot be repaired: whoever works on it has not made it"
            raise wrong(msg)
        return self


def check(declared: PlainCheck | StageCheck, folder: Path, reviewer: BaseParticipant | None = None) -> Check:
    """Give the check itself; `reviewer` is whom its settings name."""
    of: Of = next(of for of in ("arguments", "input", "result") if getattr(declared, of, None) is not None)
    rule: str | RuleOfCheck = getattr(declared, of)
    plain: object = rule
    rules: dict[str, Any] = {}
    if isinstance(rule, RuleOfCheck):
        plain = None
        if rule.schema_ is not None:
            plain = restored(rule.schema_)
        elif rule.function is not None:
            plain = function(rule.function, folder)
        rules = {name: getattr(rule, name) for name in ("ranges", "forbids", "max_bytes", "cites")}
        rules["reviewer"] = reviewer
    return made(of, plain, declared.says, otherwise(declared.otherwise), **rules)


def function(reference: str, folder: Path) -> Any:
    """Give a function that checks."""
    found: Any = import_from(folder, reference)
    if callable(found):
        return found
    msg = f"expected a function at {reference!r}, found {type(found).__name__}"
    raise DefinitionError(msg)


def otherwise(declared: str | OtherwiseSettings) -> Otherwise:
    """Give what becomes of what does not pass."""
    if not isinstance(declared, OtherwiseSettings):
        return "reject"
    if declared.escalate is not None:
        return escalate(declared.escalate.role, due=declared.escalate.due)
    assert declared.repair is not None, "one of the two is said"
    return repair(declared.repair)
