"""The policies that hold together, parsed once, and asked in the shard that concerns an act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cedarpy import PolicySet

from ripieno.mediation.policy.combined import combined
from ripieno.mediation.policy.engine import ask
from ripieno.mediation.policy.policies import Policy, digest_of
from ripieno.mediation.policy.reads import Reads
from ripieno.mediation.policy.requests import Acting, Proposed, Request, Wanted, acting, proposed, request
from ripieno.mediation.policy.rulings import Ruling, denied, permitted
from ripieno.mediation.policy.usage import ArgumentPath
from ripieno.mediation.policy.values import UnreadableError
from ripieno.mediation.policy.vocabulary import PRINCIPALS, ValueKind, entity_type
from ripieno.model.gate import Action, Actor, Tracing
from ripieno.model.principal import Principal

__all__ = ["OF_SOURCES", "Rules", "Shard"]

MANY: Final = 8
"""From so many forbids on they are first asked together."""

OF_THE_WORKFLOW: Final = frozenset({"workflow", "labels"})
CARRYING: Final = frozenset({"tool.call", "tool.undo", "model.call", "answer"})
"""Acts that carry values which were found in the course of a run."""

OF_SOURCES: Final = frozenset({"provenance", "sources", "steering", "shown"})
OF_CLASSES: Final = frozenset({"labels", "passes"})
NOTHING: Final[frozenset[Tracing]] = frozenset()
REMEMBERED: Final = 4096
"""Rulings that a shard remembers; it forgets them all when there are more."""


class Shard:
    """The policies that may concern one kind of act upon one kind of thing, or upon one thing."""

    def __init__(self, action: str, resource: str, policies: Sequence[Policy], version: str) -> None:
        self.action = action
        self.version = version
        self.policies = tuple(policies)
        reads, arguments = Reads(), dict[ArgumentPath, ValueKind]()
        for policy in policies:
            reads.add(policy.reads)
            arguments |= policy.arguments
        self.wanted = Wanted.of(reads, arguments, resource)
        self._blind = self.wanted.nothing
        self.general = not reads.context.parts.keys() - OF_THE_WORKFLOW
        """True when nothing is read of one act that is not the same for all of its kind in a workflow."""
        self._tracing = [
            (policy.principal, found)
            for policy in (policies if action in CARRYING else ())
            if (found := tracing_of(policy))
        ]
        """What is read of where the values of an act come from, by the type of principal concerned."""
        self._all = parsed(self.policies)
        self._firm = tuple(policy for policy in self.policies if not policy.asks)
        self._without_asking = self._all if len(self._firm) == len(self.policies) else parsed(self._firm)
        self._permits = tuple(policy for policy in self.policies if policy.effect == "permit")
        self._quick = quick(self._permits, self.policies)
        self._remembered: dict[tuple[bytes, bytes], Ruling] = {}
        self._by_kind: dict[str, Ruling] = {}
        self._known: dict[Principal, Acting] = {}
        self._first: tuple[Action, Proposed] | None = None
        """What was read of the act of somebody for whom it is decided next."""

    def traces(self, actor: Actor) -> frozenset[Tracing]:
        """Tell what is read of where the values of an act by somebody come from."""
        if not self._tracing:
            return NOTHING
        acting = {PRINCIPALS[one.kind] for one in actor.chain}
        return NOTHING.union(*(read for kind, read in self._tracing if kind is None or kind in acting))

    def ruling(self, action: Action, principal: Principal) -> Ruling:
        """Give what the policies say of an act by one principal; remembered by all that they read of it."""
        try:
            if self._blind:
                return self._by_kind.get(principal.kind) or self._first_of(action, principal)
            act, who = self._proposed(action, principal), self._acting(principal)
            found = self._remembered.get((who.key, act.key))
            if found is None:
                found = self.rule(Request(who.entity, act.resource, act.context))
                if len(self._remembered) >= REMEMBERED:
                    self._remembered.clear()
                self._remembered[who.key, act.key] = found
        except UnreadableError as error:
            variable, *path = error.path
            readers = [policy.id for policy in self.policies if policy.reads.of(variable).has(path)]
            return denied((), f"{error} (read by {named(readers)})")
        return found

    def _first_of(self, action: Action, principal: Principal) -> Ruling:
        """Rule on all acts by a kind of principal, where nothing else is read."""
        found = self.rule(request(action, principal, self.wanted))
        self._by_kind[principal.kind] = found
        return found

    def _proposed(self, action: Action, principal: Principal) -> Proposed:
        """Read an act once for both, where somebody acts for somebody else."""
        behalf = action.actor.on_behalf_of
        first, self._first = self._first, None
        if first is not None and first[0] is action and principal is behalf:
            return first[1]
        found = proposed(action, self.wanted)
        if behalf is not None:
            self._first = (action, found)
        return found

    def _acting(self, principal: Principal) -> Acting:
        found = self._known.get(principal)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[principal] = acting(principal, self.wanted)
        return found

    def rule(self, asked: Request) -> Ruling:
        """Ask Cedar; whatever cannot be evaluated is denied."""
        if self._quick is not None:
            answer = ask(self._quick, asked.cedar(self.action), asked.entities)
            if not answer.errors and all(number < len(self._permits) for number in answer.reasons):
                told = tuple(self._permits[number] for number in answer.reasons)
                return self._permitted(told) if answer.allowed else denied((), "")
        return self._ruled(asked)

    def _permitted(self, policies: tuple[Policy, ...]) -> Ruling:
        return permitted(policies, self.version, general=self.general)

    def _ruled(self, asked: Request) -> Ruling:
        """Ask about each policy by itself."""
        answer = ask(self._all, asked.cedar(self.action), asked.entities)
        if answer.errors:
            return denied((), f"policies could not be evaluated: {'; '.join(answer.errors)}")
        told = tuple(self.policies[number] for number in answer.reasons)
        if answer.allowed:
            return self._permitted(told)
        asking = tuple(policy for policy in told if policy.asks)
        if not told or len(asking) < len(told):
            return denied(tuple(policy for policy in told if not policy.asks), "")
        answer = ask(self._without_asking, asked.cedar(self.action), asked.entities)
        if not answer.allowed:
            return denied((), "")
        return Ruling("ask", tuple(self._firm[number] for number in answer.reasons), asking)


def tracing_of(policy: Policy) -> frozenset[Tracing]:
    """Give what a policy reads of where the values of an act come from."""
    parts = policy.reads.context.parts.keys()
    found: set[Tracing] = set()
    if parts & OF_SOURCES:
        found.add("sources")
    if parts & OF_CLASSES:
        found.add("labels")
    return frozenset(found)


def quick(permits: Sequence[Policy], policies: Sequence[Policy]) -> PolicySet | None:
    """Give the permits, and forbids that stand for all others; None where these are few, or nest too deep."""
    forbids = [policy.syntax for policy in policies if policy.effect == "forbid"]
    if len(forbids) < MANY:
        return None
    try:
        return PolicySet.from_str("\n".join(policy.text for policy in permits) + combined(forbids))
    except ValueError:
        return None


def parsed(policies: Sequence[Policy]) -> PolicySet:
    """Give the policies to Cedar, which calls them `policy0`, `policy1` in this order."""
    return PolicySet.from_str("\n".join(policy.text for policy in policies))


def named(ids: Sequence[str], most: int = 3) -> str:
    """Name some policies, not all of very many."""
    return ", ".join(ids[:most]) + (f" and {len(ids) - most} more" if len(ids) > most else "")


class Rules:
    """A set of policies that are asked together, such as those of a pack with a tenant's own."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = tuple(sorted(policies, key=lambda policy: policy.id))
        self.version = digest_of(self.policies)
        self._pinned = {policy.resource for policy in self.policies}
        self._shards: dict[tuple[str, str, str | None], Shard] = {}

    def ruling(self, action: Action, principal: Principal) -> Ruling:
        """Give what the policies say of an act by one principal."""
        return self.shard(action).ruling(action, principal)

    def shard(self, action: Action) -> Shard:
        """Give the policies that may concern an act; parsed when it is first asked for."""
        subject = action.subject
        resource = entity_type(subject.kind)
        name = subject.name if (resource, subject.name) in self._pinned else None
        found = self._shards.get((action.kind, resource, name))
        if found is None:
            concerned = [one for one in self.policies if concerns(one, action.kind, resource, name)]
            found = self._shards[action.kind, resource, name] = Shard(
                action.kind, resource, concerned, self.version
            )
        return found


def concerns(policy: Policy, kind: str, resource: str, name: str | None) -> bool:
    """Tell whether a policy's head may match an act of this kind upon this."""
    of_kind, of_name = policy.resource
    return (
        (policy.kinds is None or kind in policy.kinds)
        and of_kind in {None, resource}
        and of_name in {None, name}
    )
