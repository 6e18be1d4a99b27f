"""What stands under `participants` of a workflow file: functions, people, and what Python declares."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, WithJsonSchema, model_validator

from ripieno.model.mode import Mode
from ripieno.workflows.fields import (
    LARGEST,
    Document,
    Dollars,
    Import,
    Name,
    Reference,
    Time,
    list_or_settings,
    wrong,
)
from ripieno.workflows.limits import AllowanceDocument
from ripieno.workflows.resilience import ResilienceDocument

__all__ = [
    "FunctionEntry",
    "FunctionSettings",
    "HumanEntry",
    "HumanSettings",
    "ImportEntry",
    "RemoteEntry",
    "RemoteSettings",
    "Schema",
    "SchemaText",
    "Then",
    "WithMode",
    "WorkflowEntry",
    "WorkflowSettings",
]

# -- schemas of what people answer and of what a run takes ---------------------------------------------


class SchemaText(Document):
    """A JSON Schema (2020-12), in a file or as it stands."""

    text: str | dict[str, Any] = Field(
        alias="schema", description="a file beside this one, or the JSON Schema itself"
    )


def schema_shape(value: Any) -> str:
    """Tell the three ways of giving a schema apart."""
    keys: set[str] = set(value) if isinstance(value, dict) else set()  # pyright: ignore[reportUnknownArgumentType] - keys are strings
    return "<import>" if keys == {"import"} else "<schema>" if keys == {"schema"} else "<inline>"


INLINE: Final = {"type": "object", "not": {"anyOf": [{"required": ["schema"]}, {"required": ["import"]}]}}
"""A schema as it stands, told apart for editors from the two other ways."""

Schema = Annotated[
    Annotated[SchemaText, Tag("<schema>")]
    | Annotated[Import, Tag("<import>")]
    | Annotated[dict[str, Any], Tag("<inline>"), WithJsonSchema(INLINE)],
    Discriminator(schema_shape),
]


class WithMode(Document):
    """Who acts: the participant, a person, or both."""

    mode: Mode | None = Field(
        default=None,
        description="`manual`: the person acts; `shadow`: so too, and the participant beside them, compared"
        " and never used; `suggest`: the person approves its effects and outcome; `auto`: it acts",
    )
    person: Name | None = Field(
        default=None, description="the human participant who acts or approves; lets the mode be changed later"
    )
    shadow_within: Time | None = Field(
        default=None, description="how long a shadow may still take once the person has answered; 1 min"
    )


# -- participants ----------------------------------------------------------------------------------------


class FunctionSettings(Document):
    """Plain automation: a Python function."""

    object: Reference = Field(alias="import", description="`module:attribute` of the function")
    pure: bool | None = Field(
        default=None,
        description="true when it changes nothing and may be called again; otherwise it is an effect",
    )
    version: str | None = Field(default=None, description="declared version, beside the digest of its source")
    timeout: Time | None = Field(default=None, description="longest time of one call of an effect; 60 s")
    resilience: ResilienceDocument | None = Field(
        default=None, description="what the call of an effect passes on its way out; see there"
    )


class FunctionEntry(WithMode):
    """A function."""

    function: FunctionSettings


class Asked(Document):
    """A role, or one person."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (getattr(self, "role", None) is None) == (getattr(self, "person", None) is None):
            msg = "expected either a role or a person who is asked"
            raise wrong(msg)
        return self


class Then(Asked):
    """Who is asked when nobody answered in time."""

    role: str | None = Field(default=None, min_length=1, description="the role that may answer; or")
    person: str | None = Field(default=None, min_length=1, description="the one person who may")
    due: Time | None = Field(default=None, description="time to answer in; for ever when left out")


class HumanSettings(Asked):
    """A person, asked by role or by name."""

    role: str | None = Field(default=None, min_length=1, description="the role that may answer; or")
    person: str | None = Field(
        default=None, min_length=1, description="the one person who may: `ada` for the principal `person:ada`"
    )
    form: Schema | None = Field(
        default=None,
        description="JSON Schema of the answer, or a Pydantic model; yes or no with a note when left out",
    )
    title: str | None = Field(default=None, description="what is asked, in one line")
    due: Time | None = Field(default=None, description="time to answer in; for ever when left out")
    calendar: Name | None = Field(
        default=None, description="name of a calendar: durations are its working time"
    )
    remind: list[str] = Field(
        default_factory=list[str], description="when people are reminded: `1h before` it is due, `every 1d`"
    )
    then: (
        Annotated[
            Annotated[list[Then], Field(min_length=1), Tag("<list>")] | Annotated[Then, Tag("<settings>")],
            Discriminator(list_or_settings),
        ]
        | None
    ) = Field(
        default=None, description="who is asked when nobody answered in time; a list, one after another"
    )


class HumanEntry(Document):
    """A person."""

    human: HumanSettings


class ImportEntry(WithMode, Import):
    """A participant that is declared in Python, taken as it is."""


class WorkflowSettings(Document):
    """Another workflow: each visit is a run of its own, a child of the run that it is part of."""

    object: Reference | None = Field(
        default=None, alias="import", description="`module:attribute` of a workflow in Python; or"
    )
    file: str | None = Field(default=None, min_length=1, description="a workflow file, beside this one; or")
    definition: dict[str, Any] | None = Field(
        default=None, description="the workflow written out, as it would stand in a file of its own"
    )
    input: str = Field(
        default="input",
        min_length=1,
        description="what it is run on: `input`, `previous`, `turn`, or the result of a participant by name",
    )
    allowance: AllowanceDocument | None = Field(
        default=None, description="what each run may spend; when left out, all that is left above it"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [one for one in (self.object, self.file, self.definition) if one is not None]
        if len(given) != 1:
            msg = "expected a workflow by one of import, file and definition"
            raise wrong(msg)
        return self


class WorkflowEntry(WithMode):
    """A workflow."""

    workflow: WorkflowSettings


class RemoteCost(Document):
    """The most that one message can cost."""

    model_calls: int = Field(default=0, ge=0, le=LARGEST, description="requests to models")
    tokens: int = Field(default=0, ge=0, le=LARGEST, description="tokens")
    cost_usd: Dollars | None = Field(default=None, description="US dollars")


class RemoteSettings(Document):
    """An agent that works elsewhere and speaks A2A."""

    url: str = Field(min_length=1, description="the address of its card, or the one below which that stands")
    card: str = Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="the digest of the card that was approved: `ripieno agents import` gives it",
    )
    secret: str | None = Field(
        default=None, description="a reference such as `secret://env/TRIAGE_KEY`: what it knows us by"
    )
    client_id: str | None = Field(default=None, description="for OAuth 2, beside the secret")
    scopes: list[str] = Field(default_factory=list[str], description="for OAuth 2")
    input: str = Field(
        default="input",
        min_length=1,
        description="what it is sent: `input`, `previous`, `turn`, or the result of a participant by name",
    )
    asks: (
        Annotated[
            Annotated[list[Then], Field(min_length=1), Tag("<list>")] | Annotated[Then, Tag("<settings>")],
            Discriminator(list_or_settings),
        ]
        | None
    ) = Field(
        default=None,
        description="who answers its questions, one after another; the workflow does when left out",
    )
    streaming: bool = Field(default=False, description="whether one listens to it while it works")
    timeout: Time | None = Field(default=None, description="longest time of one call; 60 s")
    look: Time | None = Field(
        default=None, description="after how long its task is looked at again first; 5 s"
    )
    look_at_most: Time | None = Field(default=None, description="after how long at most; 5 min")
    effect: Literal["read", "write"] = Field(
        default="write", description="`read` where somebody answers for it that to ask it changes nothing"
    )
    on_uncertain: Literal["retry", "verify", "ask"] | None = Field(
        default=None,
        description="what to do when a crash leaves it open whether a message was sent; `ask`, or `retry`"
        " for one that only reads",
    )
    cost: RemoteCost | None = Field(default=None, description="the most that one message can cost")
    trust: Literal["trusted", "untrusted"] | None = Field(
        default=None, description="`trusted` where somebody answers for all that it gives"
    )
    data: list[str] = Field(default_factory=list[str], description="the classes of data that it gives")
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="where it is, for tenants that are pinned to a region",
    )
    resilience: ResilienceDocument | None = Field(
        default=None, description="what its calls pass on their way out; see there"
    )


class RemoteEntry(WithMode):
    """A remote agent."""

    remote: RemoteSettings
