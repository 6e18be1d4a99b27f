"""Acting for somebody else: whoever does never has more rights than each of those it acts for."""

from __future__ import annotations

from dataclasses import replace

from ripieno.model.errors import NotAllowedError
from ripieno.model.gate import Actor
from ripieno.model.principal import Principal

__all__ = ["effective", "effective_of"]


def effective(principal: Principal, *on_behalf_of: Principal) -> Principal:
    """Give a principal with the roles that it has while it acts for others, one on behalf of the next.

    It holds a role only where every one of the chain does; the order makes no difference. Raises
    `NotAllowedError` for a chain that leads into another tenant.
    """
    chain = (principal, *on_behalf_of)
    for other in on_behalf_of:
        if other.tenant != principal.tenant:
            msg = f"{principal.id} of one tenant cannot act for {other.id} of another"
            raise NotAllowedError(msg)
    limited = [one.roles for one in chain if not one.every_role]
    if not limited:
        return principal
    roles = limited[0].intersection(*limited[1:])
    return replace(principal, roles=roles, every_role=False)


def effective_of(actor: Actor) -> Principal:
    """Give whoever proposes an act with the roles that count for it; see `effective`."""
    return effective(*actor.chain)
