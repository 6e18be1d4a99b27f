"""What the command at work may show: one place that every opening of the data folder passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final, Literal

from ripieno.model.errors import NotAllowedError
from ripieno.model.principal import Principal

__all__ = ["ACTS", "REACHED", "SHOWS", "check_shows", "check_whole", "shown_by"]

Shows = Literal["tenant", "reached", "nothing"]

SHOWS: ContextVar[Shows] = ContextVar("shows", default="tenant")
"""What the command at work shows: all that a tenant has, what is within reach of one's key, or nothing."""

ACTS: Final[Mapping[str, str]] = {
    "": "demo init run worker serve stop release restore",
    "inbox": "answer approve reject claim release delegate reassign reassign-all comment",
    "inbox away": "set clear",
    "runs": "pause resume cancel mode skip answer limit signal retry rollback erase fork migrate",
    "workflows": "register drain undrain compatible mode promote share rollback protect unprotect",
    "policy": "register promote share rollback",
    "agents": "import suspend resume retire",
    "budgets": "set clear",
    "holds": "set release",
    "memory": "forget",
    "documents": "add remove",
    "tenants": "delete pin unpin",
    "retention": "set clear apply",
    "principals": "add grant revoke suspend resume",
    "groups": "map unmap",
    "keys": "create revoke rotate",
    "models": "check",
    "connectors": "sign-in sign-out",
    "providers": "trust distrust",
    "audit": "review rotate-key checkpoint",
}
"""Commands that show nothing but what became of an act, which is decided for itself."""

REACHED: Final[Mapping[str, str]] = {
    "inbox": "list show",
    "runs": "list show events why watch",
    "workflows": "list show deployments agreement",
    "policy": "explain whatif",
    "agents": "list show",
    "audit": "report export prove",
}
"""Commands that keep to the workflows within reach of one's key themselves. All others show the tenant."""


def shown_by(arguments: Sequence[str]) -> Shows:
    """Give what the command shows that arguments begin with: all, where it is none of those named here."""
    kinds: tuple[tuple[Shows, Mapping[str, str]], ...] = (("nothing", ACTS), ("reached", REACHED))
    for shows, named in kinds:
        for nouns, verbs in named.items():
            above = nouns.split()
            rest = arguments[len(above) :]
            if list(arguments[: len(above)]) == above and rest and rest[0] in verbs.split():
                return shows
    return "tenant"


def check_shows(by: Principal) -> None:
    """Raise `NotAllowedError` where what the command shows is not for the key that `by` has come with."""
    shows = SHOWS.get()
    if shows == "nothing":
        return
    by.check_scope("data.read")
    if shows == "tenant":
        check_whole(by)


def check_whole(by: Principal) -> None:
    """Raise `NotAllowedError` for a key that is good for some workflows: it is about all of the tenant."""
    if by.scope.workflows is not None:
        msg = f"the key of {by.id} is good for some workflows, and this is about all of the tenant"
        raise NotAllowedError(msg, remedy="a key with a wider scope: ripieno keys create")
