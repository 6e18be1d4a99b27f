"""Who acts: a person, an agent, a service or the system, within one tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from ripieno.model.errors import InputError

__all__ = ["Principal", "PrincipalKind"]

PrincipalKind = Literal["person", "agent", "service", "system"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Principal:
    """One identity in one tenant, with the roles it holds at this moment."""

    kind: PrincipalKind
    name: str
    """A non-personal identifier: ASCII letters, digits and `._@+-`, at most 128 characters."""
    tenant: str = "default"
    roles: frozenset[str] = frozenset()
    every_role: bool = False
    """True for the operator of an embedded data folder, whose machine it is."""

    def __post_init__(self) -> None:
        for what, value in (("principal", self.name), ("tenant", self.tenant)):
            if not NAME.fullmatch(value):
                msg = (
                    f"{what} name {value!r} must be 1 to 128 of A-Z a-z 0-9 . _ @ + -,"
                    " starting with a letter or digit"
                )
                raise InputError(msg)

    @property
    def id(self) -> str:
        """The identifier as the log shows it, such as `person:ada`."""
        return f"{self.kind}:{self.name}"

    def holds(self, role: str) -> bool:
        """Tell whether the principal holds `role`."""
        return self.every_role or role in self.roles
