"""When a group chat ends and who speaks in it, as files write it: a name, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ripieno.patterns import conditions, managers, outside
from ripieno.workflows.fields import LARGEST, Document, Dollars, Name, Reference, Time, by_key, wrong

if TYPE_CHECKING:
    from ripieno.participants.base import BaseParticipant
    from ripieno.workflows.document import Stage

__all__ = ["End", "EndSettings", "ManagerRule", "ManagerSettings", "condition", "manager"]

BESIDE: Final[Mapping[str, str]] = {"by": "text", "field": "verdict"}
"""Fields that say more of another."""


class EndSettings(Document):
    """What ends a chat: exactly one of these."""

    rounds: int | None = Field(default=None, ge=1, le=LARGEST, description="so many turns for each; a limit")
    text: str | None = Field(default=None, min_length=1, description="words in somebody's latest message")
    by: str | None = Field(default=None, description="who has to say the `text`; anybody when left out")
    verdict: str | None = Field(default=None, description="what all checkers say of the latest version")
    field: str | None = Field(
        default=None, description="the field that holds the `verdict`; `verdict` when left out"
    )
    stalled: int | None = Field(
        default=None, ge=1, le=LARGEST, description="so many turns that only repeat; a limit"
    )
    time: Time | None = Field(default=None, description="since the chat began; a limit")
    tokens: int | None = Field(
        default=None, ge=1, le=LARGEST, description="spent by the chat so far, looked at between turns"
    )
    cost: Dollars | None = Field(
        default=None, description="US dollars spent by the chat so far, looked at between turns"
    )
    external: Name | None = Field(
        default=None, description="a signal that an operator gives with `ripieno runs signal`"
    )
    any: list[End] | None = Field(default=None, min_length=1, description="one of several")
    all: list[End] | None = Field(default=None, min_length=1, description="several at once")

    @model_validator(mode="after")
    def _one(self) -> EndSettings:
        kinds = self.model_fields_set - set(BESIDE)
        if len(kinds) != 1:
            known = [name for name in type(self).model_fields if name not in BESIDE]
            msg = f"expected one of: {', '.join(known)}"
            raise wrong(msg)
        for name in self.model_fields_set & set(BESIDE):
            if BESIDE[name] not in kinds:
                msg = f"{name!r} stands beside {BESIDE[name]!r} alone"
                raise wrong(msg)
        if self.cost == "0":
            msg = "cost must be more than nothing"
            raise wrong(msg)
        return self


End = Annotated[
    Annotated[Literal["consensus"], Tag("<name>")] | Annotated[EndSettings, Tag("<end>")],
    Discriminator(by_key({}, otherwise="<end>")),
]
"""When a chat ends: `consensus`, or a mapping."""


class ManagerSettings(Document):
    """Who says who speaks next: exactly one of these."""

    maker_checker: str | None = Field(
        default=None, description="the one who makes; all others check, then it is the maker's turn again"
    )
    object: Reference | None = Field(
        default=None, alias="import", description="a Python function of the thread that gives a name"
    )
    step: Stage | None = Field(
        default=None, description="a participant that gives a name, as its output or in a field `next`"
    )

    @model_validator(mode="after")
    def _one(self) -> ManagerSettings:
        if len(self.model_fields_set) != 1:
            msg = "expected one of: maker_checker, import, step"
            raise wrong(msg)
        return self


ManagerRule = Annotated[
    Annotated[Literal["round_robin"], Tag("<name>")] | Annotated[ManagerSettings, Tag("<manager>")],
    Discriminator(by_key({}, otherwise="<manager>")),
]
"""Who speaks next: `round_robin`, or a mapping."""


def condition(end: str | EndSettings) -> conditions.Condition:
    """Give the condition itself."""
    if isinstance(end, str):
        return conditions.consensus()
    if end.text is not None:
        return conditions.text(end.text, by=end.by)
    if end.verdict is not None:
        return conditions.verdict(end.verdict, field=end.field or "verdict")
    if end.any is not None:
        return conditions.Any_([condition(one) for one in end.any])
    if end.all is not None:
        return conditions.All([condition(one) for one in end.all])
    kind = next(iter(end.model_fields_set))
    limits: dict[str, Any] = {
        "rounds": conditions.rounds,
        "stalled": conditions.stalled,
        "time": conditions.elapsed,
        "tokens": outside.tokens,
        "cost": outside.cost,
        "external": outside.external,
    }
    return limits[kind](getattr(end, kind))


def manager(rule: str | ManagerSettings, asked: BaseParticipant | None, function: Any) -> managers.Manager:
    """Give the manager itself; `asked` and `function` are what its settings name."""
    if isinstance(rule, str):
        return managers.round_robin()
    if rule.maker_checker is not None:
        return managers.maker_checker(rule.maker_checker)
    return managers.ByFunction(function) if asked is None else managers.ByParticipant(asked)
