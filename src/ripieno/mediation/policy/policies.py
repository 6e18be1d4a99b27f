"""One policy as it was read: what it says to Cedar, what it asks for, and which acts it may concern."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cedarpy import policies_to_pst, pst

from ripieno.mediation.policy.approvals import Demand, parse_approval, parse_vouch
from ripieno.mediation.policy.problems import PolicyError
from ripieno.mediation.policy.reads import Reads, reads_of
from ripieno.mediation.policy.statements import Statement, statements
from ripieno.mediation.policy.usage import ArgumentPath, argument_kinds
from ripieno.mediation.policy.vocabulary import ValueKind
from ripieno.model.errors import DefinitionError, Place, nearest

__all__ = ["ANNOTATIONS", "Policy", "digest_of", "parse"]

ANNOTATIONS: Final = ("id", "approval", "reason", "vouch")
"""What may be said of a policy beside what it permits or forbids."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of a set."""

    id: str
    effect: Literal["permit", "forbid"]
    text: str
    place: Place
    reason: str
    """Its `@reason`, in a sentence for whoever is denied or asked; empty where it has none."""
    demand: Demand | None
    """Whose approval lifts what it forbids; None for a permit, and for what nobody can approve."""
    syntax: pst.Template = field(repr=False, compare=False)
    reads: Reads = field(repr=False, compare=False)
    arguments: Mapping[ArgumentPath, ValueKind] = field(repr=False, compare=False)
    """As what it takes the arguments that it reads."""

    @property
    def asks(self) -> bool:
        """True for what may happen once it has been approved."""
        return self.demand is not None

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds of acts that its head names; None for all."""
        match self.syntax.action:
            case pst.ActionEq(entity):
                return frozenset({entity.id})
            case pst.ActionIn(entities):
                return frozenset(entity.id for entity in entities)
            case _:
                return None

    @property
    def principal(self) -> str | None:
        """The type of principal that its head names; None for any."""
        match self.syntax.principal:
            case pst.ScopeEq(pst.EntityUid() as entity):
                return str(entity.type)
            case pst.ScopeIs(kind) | pst.ScopeIsIn(kind, _):
                return str(kind)
            case _:
                return None

    @property
    def resource(self) -> tuple[str | None, str | None]:
        """The type and the name of the one resource that its head names; None for any."""
        match self.syntax.resource:
            case pst.ScopeEq(pst.EntityUid() as entity) | pst.ScopeIn(pst.EntityUid() as entity):
                return str(entity.type), entity.id
            case pst.ScopeIs(kind) | pst.ScopeIsIn(kind, _):
                return str(kind), None
            case _:
                return None, None

    def __str__(self) -> str:
        return f"{self.id} ({self.place})"


def parse(source: str, file: str) -> list[Policy]:
    """Read the text of a policy file; raises `PolicyError` with all that is wrong, but for types."""
    found: list[Policy] = []
    problems: list[DefinitionError] = []
    for statement in statements(source):
        try:
            found.append(policy(statement, Place(file, statement.line)))
        except DefinitionError as error:
            place = error.place or Place(file, statement.line)
            problems.append(DefinitionError(error.message, place=place, remedy=error.remedy))
    if problems:
        raise PolicyError(problems)
    return found


def policy(statement: Statement, place: Place) -> Policy:
    """Read one policy; raises `DefinitionError`."""
    try:
        parsed = policies_to_pst(statement.text)
    except ValueError as error:
        msg = f"not a Cedar policy: {error}"
        raise DefinitionError(msg, place=place, remedy="the grammar: https://docs.cedarpolicy.com") from error
    if parsed.templates or len(parsed.static_policies) != 1:
        msg = "templates with ?principal or ?resource are not linked to anything here"
        raise DefinitionError(msg, place=place, remedy="write the policy out")
    (syntax,) = parsed.static_policies.values()
    said = said_of(syntax)
    reason = said.get("reason", "")
    demand = None
    if "approval" in said:
        if syntax.effect == "permit":
            msg = f"@approval on permit {said['id']!r}: what is permitted needs nobody's approval"
            raise DefinitionError(msg, remedy="annotate a forbid: what it forbids may happen once approved")
        demand = parse_approval(said["approval"], reason or said["id"])
    if "vouch" in said:
        if demand is None:
            msg = f"@vouch on {said['id']!r}, which asks for nobody's approval"
            raise DefinitionError(msg, remedy="put @approval beside it, or leave it out")
        demand = parse_vouch(said["vouch"], demand)
    return Policy(
        said["id"],
        syntax.effect,
        statement.text,
        place,
        reason,
        demand,
        syntax,
        reads_of(syntax),
        argument_kinds(syntax),
    )


def said_of(syntax: pst.Template) -> Mapping[str, str]:
    """Give what is said of a policy; raises `DefinitionError` where it is not understood."""
    said = dict(syntax.annotations)
    for name in said:
        if name not in ANNOTATIONS:
            msg = f"@{name} means nothing here{nearest(name, ANNOTATIONS)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join('@' + known for known in ANNOTATIONS)}")
    if not said.get("id", "").strip():
        msg = f"a {syntax.effect} without an @id"
        raise DefinitionError(msg, remedy='put @id("what-it-is-for") above it: decisions name their policies')
    return said


def digest_of(policies: Sequence[Policy]) -> str:
    """Give the SHA-256 of policies, whatever their order and wherever they stand."""
    whole = hashlib.sha256()
    for text in sorted(policy.text for policy in policies):
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()
