"""Who acts: a person, an agent, a service or the system, within one tenant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.event import Json

__all__ = ["ANYTHING", "By", "Principal", "PrincipalKind", "Scope", "leave_of"]

PrincipalKind = Literal["person", "agent", "service", "system"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


Leave = Mapping[str, Json]
"""By what policies something was let happen, as its event says it."""


class By(str):
    """The id of whoever does something, with the policies that let it: whatever records the one has both."""

    __slots__ = ("leave",)
    leave: Leave

    @classmethod
    def of(cls, principal_id: str, leave: Leave) -> By:
        """Give the id of somebody who was let do something."""
        found = cls(principal_id)
        found.leave = leave
        return found


def leave_of(by: object) -> Leave:
    """Give by what policies somebody was let do something; nothing where no policy was asked."""
    return by.leave if isinstance(by, By) else {}


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody's credential is good for, whatever roles they hold; None limits nothing."""

    workflows: frozenset[str] | None = None
    acts: frozenset[str] | None = None
    """Kinds of actions, such as `run.start`; see `ripieno.model.gate.ActionKind`."""

    def covers(self, act: str) -> bool:
        """Tell whether an act of this kind may be proposed at all."""
        return self.acts is None or act in self.acts

    def reaches(self, workflow: str) -> bool:
        """Tell whether a workflow, its runs and their tasks are within it."""
        return self.workflows is None or workflow in self.workflows


TENANT_WIDE: Final = frozenset({"identity.change", "policy.change"})
"""Kinds of actions that are not about one workflow."""

ANYTHING: Final = Scope()
"""Of a credential that is good for everything its principal may do."""


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
    scope: Scope = ANYTHING
    """Of the credential that it has come with."""
    credential: str | None = field(default=None, compare=False)
    """The id of the API key that it has come with; None for any other way to come."""

    leave: Leave | None = field(default=None, compare=False, repr=False)
    """By what policies it was let do what it is about to do; its id then says so, too."""

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
        found = f"{self.kind}:{self.name}"
        return found if self.leave is None else By.of(found, self.leave)

    def check_scope(self, act: str, workflow: str | None = None) -> None:
        """Raise `NotAllowedError` for an act, or a workflow, that the credential is not good for.

        What changes the tenant as a whole is not for one that is good for some workflows only.
        """
        if not self.scope.covers(act):
            good = ", ".join(sorted(self.scope.acts or ())) or "nothing"
            msg = f"the key of {self.id} is not good for {act}, but for {good}"
            raise NotAllowedError(msg, remedy="a key with a wider scope: ripieno keys create")
        if workflow is None and act in TENANT_WIDE and self.scope.workflows is not None:
            msg = f"the key of {self.id} is good for some workflows, and {act} is about all of the tenant"
            raise NotAllowedError(msg, remedy="a key with a wider scope: ripieno keys create")
        if workflow is not None and not self.scope.reaches(workflow):
            msg = f"the key of {self.id} is not good for workflow {workflow!r}"
            raise NotAllowedError(msg, remedy="a key with a wider scope: ripieno keys create")

    def holds(self, role: str) -> bool:
        """Tell whether the principal holds `role`."""
        return self.every_role or role in self.roles
