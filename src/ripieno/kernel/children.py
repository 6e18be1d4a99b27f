"""Child runs: another workflow run for a visit, in a run of its own with an allowance out of the parent's.

The child's id is durable in the parent's chain before the child is made, and what it ended in comes to
the parent in the commit that ends it: there is one child, and one end, wherever a process dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.kernel.awaited_runs import AwaitedRun
from ripieno.kernel.births import Birth, bear
from ripieno.kernel.consent import Consent
from ripieno.model.definition import Definition
from ripieno.model.durations import in_seconds
from ripieno.model.event import Json
from ripieno.model.limits import Limits
from ripieno.model.spending import AMOUNTS, Spending
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Child"]


class Child(AwaitedRun):
    """A run of another workflow."""

    def __init__(
        self,
        scope: Scope,
        path: str,
        definition: Definition,
        given: Value,
        limits: Limits | None,
        *,
        consent: Consent | None,
    ) -> None:
        super().__init__(scope, path, given)
        self._definition = definition
        self._workflow = definition.name
        self._limits = limits
        self._consent = consent
        """By what it may start; None for one that was begun already."""

    def _check(self) -> None:
        """Raise also for an input that it would refuse."""
        self._definition.check_input(self._given.decode())
        super()._check()

    def _described(self) -> Mapping[str, Json]:
        allowed: Mapping[str, Json] = {} if self._consent is None else self._consent.noted
        return {"workflow": self._definition.name, "version": self._definition.version, **allowed}

    @property
    def _stands(self) -> bool:
        return self._consent is not None and self._consent.stands

    @property
    def _under(self) -> tuple[str, int] | None:
        return self._execution.proposals.under

    def _differs(self, body: Mapping[str, Any], *, imported: bool) -> str | None:
        asked = (body.get("workflow"), body.get("input") if not imported else self._given.ref)
        if asked == (self._definition.name, self._given.ref):
            return None
        another = " with another input" if asked[0] == self._definition.name else ""
        return f"began a run of {asked[0]}{another}, now one of {self._definition.name} is asked for"

    def _wanted(self) -> Spending:
        """Give what is reserved: the allowance, and all that is left of what is limited above besides."""
        declared = {} if self._limits is None else self._limits.amounts
        ledger = self.scope.ledger
        found = {name: max(1, left) for name in AMOUNTS if (left := ledger.left(name)) is not None}
        return Spending(**{**found, **declared})

    async def _bear(self) -> None:
        limits: dict[str, Json] = dict(self._held.document())
        for name in ("active", "deadline"):
            duration = None if self._limits is None else getattr(self._limits, name)
            if duration is not None:
                limits[name] = in_seconds(duration)
        if self._limits is not None and isinstance(self._limits.on_exhausted, str) and limits:
            limits["on_exhausted"] = self._limits.on_exhausted
        birth = Birth(
            self._run,
            self._definition,
            self.path,
            limits,
            self._rule(),
            self._execution.proposals.through(self.scope),
        )
        await bear(self._execution, birth, self._given.data)
