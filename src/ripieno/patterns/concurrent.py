"""Participants side by side, joined by a declared rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.patterns.base import Pattern, Stage
from ripieno.patterns.resolvers import Resolver

__all__ = ["BranchFailure", "Concurrent", "concurrent"]

BranchFailure = Literal["collect", "fail_fast"]


class Concurrent(Pattern):
    """Starts all branches at once; a fast one waits for a slow one only here, at the join.

    `collect` waits for every branch and lets the resolver judge; `fail_fast` stops the others as
    soon as one does not complete. A branch that has ended is never run again after a crash.
    """

    kind = "concurrent"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        resolve: Resolver,
        on_failure: BranchFailure = "collect",
    ) -> None:
        super().__init__(name, stages)
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            msg = f"{self.name}: two branches have the same name: {', '.join(sorted(names))}"
            raise DefinitionError(msg)
        if on_failure not in ("collect", "fail_fast"):
            msg = f"{self.name}: on_failure must be 'collect' or 'fail_fast', got {on_failure!r}"
            raise DefinitionError(msg)
        self.resolver = resolve
        self.on_branch_failure = on_failure

    def settings(self) -> dict[str, Json]:
        """Give branches, resolver and what a failure does."""
        settings: dict[str, Json] = {"steps": self.flow(), "resolve": self.resolver.describe()}
        if self.on_branch_failure != "collect":
            settings["on_failure"] = self.on_branch_failure
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run the branches and settle what they found."""
        found: dict[str, Outcome] = {}
        names: dict[str, str] = {}
        async with context.branches() as branches:
            for stage in self.stages:
                names[branches.start(stage, task)] = stage.name
            while (ended := await branches.next()) is not None:
                path, outcome = ended
                found[names[path]] = outcome
                if not outcome.ok and self.on_branch_failure == "fail_fast":
                    break
        ordered = {stage.name: found[stage.name] for stage in self.stages if stage.name in found}
        return self.resolver.resolve(ordered)


def concurrent(
    *stages: Stage, resolve: Resolver, name: str | None = None, on_failure: BranchFailure = "collect"
) -> Concurrent:
    """Run participants side by side and join them by the rule `resolve`."""
    return Concurrent(name, stages, resolve=resolve, on_failure=on_failure)
