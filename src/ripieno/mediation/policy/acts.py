"""An act written down, in YAML or JSON: for tests of policies, and to ask what would be decided about it."""

from __future__ import annotations

from typing import Any, Final, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ripieno.model.errors import DefinitionError, Place, RipienoError, nearest
from ripieno.model.gate import Action, ActionKind, Actor, Approval, Subject
from ripieno.model.principal import Principal, PrincipalKind
from ripieno.model.provenance import Trust

__all__ = ["ActDocument", "ApprovalDocument", "read_act"]

SubjectKind = Literal["tool", "participant", "workflow", "run", "task", "model", "policy", "identity", "data"]
SUBJECTS: Final[tuple[SubjectKind, ...]] = get_args(SubjectKind)
KINDS: Final[tuple[PrincipalKind, ...]] = ("person", "agent", "service", "system")


class Closed(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ApprovalDocument(Closed):
    """An approval that was given."""

    by: str = Field(description="who gave it, such as person:ben")
    role: str | None = Field(default=None, description="in which role; left out: asked in person")
    emergency: bool = Field(default=False, description="whether it was given by break-glass")


class ActDocument(Closed):
    """One act, as it would be proposed."""

    act: ActionKind = Field(description="the kind of act")
    upon: str = Field(description="what it is done to: tool payments.transfer")
    verb: str | None = Field(default=None, description="which of several commands; else the kind")
    by: str = Field(default="person:somebody", description="who acts, such as agent:planner")
    roles: list[str] = Field(default=[], description="the roles of who acts")
    on_behalf_of: str | None = Field(default=None, alias="for", description="for whom they act")
    roles_of_whom: list[str] = Field(default=[], alias="for_roles", description="the roles of these")
    tenant: str = "default"
    facts: dict[str, Any] = Field(default={}, description="what is known of what it is done to")
    workflow: dict[str, Any] | None = Field(default=None, description="the workflow: name, data, risk")
    arguments: dict[str, Any] | None = None
    labels: list[str] = Field(default=[], description="classes of data that it touches")
    provenance: dict[str, Any] | None = Field(default=None, description="how far each argument is trusted")
    sources: list[Trust] | None = Field(default=None, description="what is said of any argument")
    steering: list[Trust] | None = Field(
        default=None, description="the same of what decides upon what, to whom"
    )
    shown: list[Trust] | None = Field(default=None, description="what is said of anything it has taken in")
    passes: list[str] | None = Field(default=None, description="classes of data of what it passes on")
    approvals: list[ApprovalDocument] = Field(default=[], description="what was approved of it")
    run: str | None = None
    path: str | None = None

    def action(self, pack: str | None = None) -> Action:
        """Give the act, in a workflow under `pack` where it names none; raises `DefinitionError`."""
        kind, _, name = self.upon.partition(" ")
        arguments = self.arguments
        if kind not in SUBJECTS or not name:
            msg = f"upon: expected a kind and a name, such as `tool payments.transfer`, got {self.upon!r}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(SUBJECTS)}")
        behalf = self.on_behalf_of
        return Action(
            self.act,
            self.verb or self.act,
            Actor(
                principal(self.by, self.roles, self.tenant),
                None if behalf is None else principal(behalf, self.roles_of_whom, self.tenant),
            ),
            Subject(kind, name, facts(self.facts)),
            self._workflow(pack),
            self.run,
            self.path,
            given=None if arguments is None else lambda: arguments,
            labels=tuple(self.labels),
            approvals=tuple(Approval(one.by, one.role, one.emergency) for one in self.approvals),
            provenance=self.provenance,
            sources=None if self.sources is None else tuple(self.sources),
            steering=None if self.steering is None else tuple(self.steering),
            shown=None if self.shown is None else tuple(self.shown),
            passes=None if self.passes is None else tuple(self.passes),
        )

    def _workflow(self, pack: str | None) -> Subject | None:
        declared = dict(self.workflow or {})
        if pack is not None:
            declared.setdefault("policy", pack)
        if not declared:
            return None
        return Subject("workflow", str(declared.pop("name", "workflow")), facts(declared))


def facts(known: dict[str, Any]) -> dict[str, Any]:
    """Give facts as acts have them: lists as tuples."""
    return {
        name: tuple(cast("list[Any]", value)) if isinstance(value, list) else value
        for name, value in known.items()
    }


def principal(text: str, roles: list[str], tenant: str) -> Principal:
    """Read who acts, such as `person:ada`; raises `DefinitionError`."""
    kind, _, name = text.partition(":")
    if kind not in KINDS:
        msg = f"expected who acts as `person:ada`, got {text!r}{nearest(kind, KINDS)}"
        raise DefinitionError(msg, remedy=f"there are {', '.join(KINDS)}")
    try:
        return Principal(kind, name, tenant, frozenset(roles))
    except RipienoError as error:
        raise DefinitionError(error.message) from error


def read_act(found: object, place: Place) -> ActDocument:
    """Read an act; raises `DefinitionError` with the place and the field of a mistake."""
    try:
        return ActDocument.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        known = [one.alias or name for name, one in ActDocument.model_fields.items()]
        hint = nearest(str(first["loc"][0]), known) if first["type"] == "extra_forbidden" else ""
        remedy = f"there are {', '.join(known)}"
        msg = f"{first['msg']}{hint}"
        raise DefinitionError(msg, place=Place(place.file, place.line, field), remedy=remedy) from error
