"""Whose approval a policy asks for: what its `@approval` says, and when that is satisfied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ripieno.model.durations import seconds
from ripieno.model.effect_rule import Approver
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.gate import Actor, Approval, Vouching

__all__ = ["Demand", "parse_approval", "parse_vouch"]

WHO: Final = re.compile(
    r"(?:(?P<count>[1-9]\d?) of )?(?P<kind>role|person):(?P<name>[A-Za-z0-9][A-Za-z0-9._@+-]*)"
)
VOUCHING: Final[tuple[Vouching, ...]] = ("values", "sources")
FORM: Final = 'write "role:NAME", "person:NAME" or "2 of role:NAME"; then ", due 4h" and ", then role:NAME"'


@dataclass(frozen=True, slots=True)
class Demand:
    """What one policy asks for before what it forbids may happen."""

    approver: Approver
    count: int = 1
    """How many different people have to approve."""
    vouch: frozenset[Vouching] = frozenset()
    """What one who approves may vouch for in the rest of the run."""

    def missing(self, approvals: Sequence[Approval], actor: Actor) -> int:
        """Tell how many approvals are missing; nobody approves what they propose, or what is for them."""
        own = {one.id for one in actor.chain}
        if any(given.emergency and given.by not in own for given in approvals):
            return 0
        people = {given.by for given in approvals if given.by not in own and self._counts(given)}
        return max(0, self.count - len(people))

    def _counts(self, given: Approval) -> bool:
        return any(
            given.by == one.person if one.role is None else given.role == one.role
            for one in (self.approver, *self.approver.then)
        )


def parse_approval(text: str, because: str) -> Demand:
    """Read what an `@approval` says; raises `DefinitionError` where it cannot be carried out."""
    first, *rest = (part.strip() for part in text.split(","))
    found = WHO.fullmatch(first)
    if found is None:
        msg = f"@approval({text!r}) does not say whom to ask"
        raise DefinitionError(msg, remedy=FORM)
    count = int(found["count"] or 1)
    if found["kind"] == "person" and count > 1:
        msg = f"@approval({text!r}): one person cannot approve {count} times"
        raise DefinitionError(msg, remedy=FORM)
    due: float | None = None
    then: list[Approver] = []
    for part in rest:
        word, _, value = part.partition(" ")
        if word == "due" and due is None and not then:
            due = seconds(value)
        elif (
            word == "then" and (other := WHO.fullmatch(value)) and other["count"] is None and due is not None
        ):
            then.append(approver(other, due, because))
        else:
            msg = f"@approval({text!r}): {part!r} is not understood"
            raise DefinitionError(
                msg, remedy=f"{FORM}; whoever is asked `then` is asked once `due` has passed"
            )
    return Demand(approver(found, due, because, tuple(then)), count)


def parse_vouch(text: str, demand: Demand) -> Demand:
    """Read what a `@vouch` says beside an `@approval`; raises `DefinitionError`."""
    said = [part.strip() for part in text.split(",")]
    for one in said:
        if one not in VOUCHING:
            msg = f"@vouch({text!r}): {one!r} is not understood{nearest(one, VOUCHING)}"
            raise DefinitionError(msg, remedy='write "values", "sources" or "values, sources"')
    if demand.count > 1:
        msg = f"@vouch({text!r}): where {demand.count} have to approve, none of them vouches alone"
        raise DefinitionError(msg, remedy="leave @vouch out, or ask for one approval")
    return replace(demand, vouch=frozenset(one for one in VOUCHING if one in said))


def approver(
    found: re.Match[str], due: float | None, because: str, then: tuple[Approver, ...] = ()
) -> Approver:
    """Give whoever is asked, as the kernel asks them."""
    person = f"person:{found['name']}" if found["kind"] == "person" else None
    return Approver(None if person else found["name"], due=due, because=because, person=person, then=then)
