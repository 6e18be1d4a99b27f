"""People who are away, and who has their tasks meanwhile: recorded in the tenant's own stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ripieno.journal.store import Store
from ripieno.journal.tasks import Absence, standing_in
from ripieno.kernel.addressees import OPERATOR, address
from ripieno.kernel.allowed import as_now, check_away
from ripieno.kernel.clock import Clock, moment
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal

__all__ = ["clear_absences", "set_absence"]

LATEST: Final = 2**53 - 1
"""The largest number of microseconds that an event can hold."""


async def set_absence(
    store: Store, clock: Clock, *, by: Principal, person: str, substitute: str, from_at: int, until_at: int
) -> Absence:
    """Let `substitute`, a person or a role, have the tasks of `person` from one time until another.

    That counts for tasks that wait already as for new ones. Raises `NotAllowedError` unless it is one's
    own absence or one is an operator, and `InputError` where it is over already, or where nobody would
    be left to stand in because it leads back in a circle.
    """
    who, instead = address(person), address(substitute)
    given = {"instead": instead, "from": from_at, "until": until_at}
    by = await check_absence(store, by, who, given)
    now = clock.now()
    if until_at <= max(from_at, now):
        msg = "an absence ends after it begins, and after now"
        raise InputError(msg)
    if until_at > LATEST:
        msg = f"an absence ends before {moment(LATEST):%Y}"
        raise InputError(msg)
    if not who.startswith("person:") or instead == who:
        msg = f"{instead} cannot stand in for {who}; a person is away, and somebody else stands in"
        raise InputError(msg)
    absence = Absence(new_id(), by.tenant, who, instead, from_at, until_at, by.id, now)
    overlapping = [
        other
        for other in await store.absences(by.tenant, after=now)
        if other.from_at < until_at and from_at < other.until_at
    ]
    for at in sorted({from_at, *(max(other.from_at, from_at) for other in overlapping)}):
        if standing_in([*overlapping, absence], who, at) == who:
            msg = f"{instead} is away then as well, and in the end {who} would stand in for themselves"
            raise InputError(msg, remedy="ripieno inbox away list shows who is away when")
    await store.set_absence(absence)
    return absence


async def clear_absences(store: Store, clock: Clock, *, by: Principal, person: str) -> Sequence[Absence]:
    """End every absence of a person, present and to come; raises `NotFoundError` when there is none."""
    who = address(person)
    by = await check_absence(store, by, who, {"clear": True})
    found = [
        absence for absence in await store.absences(by.tenant, after=clock.now()) if absence.person == who
    ]
    if not found:
        msg = f"{who} is not away, and will not be"
        raise NotFoundError(msg)
    for absence in found:
        await store.clear_absence(absence, by.id)
    return found


async def check_absence(store: Store, by: Principal, who: str, given: Mapping[str, object]) -> Principal:
    """Give `by` with leave to say that somebody is away; raises `NotAllowedError`.

    It is one's own absence, or one is an operator.
    """
    by = as_now(store, by)
    if who != by.id and not by.holds(OPERATOR):
        msg = f"{who} says when they are away, or an operator; {by.id} is neither"
        raise NotAllowedError(msg)
    return await check_away(store, who, by, given=given)
