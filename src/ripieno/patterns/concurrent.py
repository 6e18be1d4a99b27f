"""Participants side by side, joined by a declared rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from ripieno.model.action import UndoRule
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.timer import Timer
from ripieno.patterns.base import Pattern, Stage
from ripieno.patterns.resolvers import Resolver, Settled

__all__ = ["BranchFailure", "Concurrent", "concurrent"]

BranchFailure = Literal["collect", "fail_fast"] | int
"""What a branch that does not complete does to the others; a number is how many have to complete."""


class Concurrent(Pattern):
    """Starts all branches at once; a fast one waits for a slow one only here, at the join.

    `collect` waits for every branch and lets the resolver judge; `fail_fast` stops the others as
    soon as one does not complete; a number stops them as soon as so many cannot complete any more.
    The resolver stops them too, once what was found settles it. A branch that has ended is never
    run again after a crash, and the claimed effects of one that is stopped are awaited first.

    A branch loses when it was stopped, when the rule decided against it, or when the whole failed;
    where the rule settles nothing, none of those that ended has lost. What losers have done to other
    systems is named in the log, and taken back with `losers="undo"`.
    """

    kind = "concurrent"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        resolve: Resolver,
        on_failure: BranchFailure = "collect",
        losers: UndoRule = "list",
    ) -> None:
        super().__init__(name, stages)
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            msg = f"{self.name}: two branches have the same name: {', '.join(sorted(names))}"
            raise DefinitionError(msg)
        required = isinstance(on_failure, int) and 1 <= on_failure <= len(names)
        if on_failure not in ("collect", "fail_fast") and not required:
            wanted = f"'collect', 'fail_fast' or a number from 1 to {len(names)}"
            msg = f"{self.name}: on_failure must be {wanted}, got {on_failure!r}"
            raise DefinitionError(msg)
        if losers not in get_args(UndoRule):
            msg = f"{self.name}: losers must be 'list' or 'undo', got {losers!r}"
            raise DefinitionError(msg)
        self.resolver = resolve
        self.losers: UndoRule = losers
        self.on_branch_failure = on_failure

    def children(self) -> Sequence[BaseParticipant]:
        """Give the branches, and whom the resolver asks."""
        return [*self.stages, *self.resolver.participants()]

    def settings(self) -> dict[str, Json]:
        """Give branches, resolver and what a failure does."""
        settings: dict[str, Json] = {"steps": self.flow(), "resolve": self.resolver.describe()}
        if self.on_branch_failure != "collect":
            settings["on_failure"] = self.on_branch_failure
        if self.losers != "list":
            settings["losers"] = self.losers
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run the branches and settle what they found."""
        found: dict[str, Outcome] = {}
        names: dict[str, str] = {}
        context.so_far(
            lambda: Outcome("partial", {name: one.output for name, one in found.items() if one.ok})
        )
        async with context.branches() as branches:
            for stage in self.stages:
                names[branches.start(stage, task)] = stage.name
            if self.resolver.within is not None:
                branches.start(Timer("within", self.resolver.within), task)
            while (ended := await branches.next()) is not None:
                path, outcome = ended
                if path not in names:
                    break  # the time is over
                found[names[path]] = outcome
                if len(found) == len(names) or self._hopeless(found) or self.resolver.enough(found):
                    break
        ordered = {stage.name: found[stage.name] for stage in self.stages if stage.name in found}
        if self._hopeless(ordered):
            failed = "; ".join(
                f"{name}: {one.reason or one.status}" for name, one in ordered.items() if not one.ok
            )
            outcome = Outcome("failed", reason=f"{self.name} cannot complete as declared: {failed}")
            settled = Settled(outcome, frozenset())
        else:
            settled = await self.resolver.resolve(ordered, task, context)
        lost = [path for path, name in names.items() if self._lost(name, ordered, settled)]
        if lost:
            await context.undo(lost, why=f"{self.name}: these branches lost", rule=self.losers)
        return settled.outcome

    @staticmethod
    def _lost(name: str, found: Mapping[str, Outcome], settled: Settled) -> bool:
        """Tell whether a branch was stopped, or its result is not among those that stand."""
        return name not in found or (settled.winners is not None and name not in settled.winners)

    def _hopeless(self, found: Mapping[str, Outcome]) -> bool:
        """Tell whether more branches have failed than may."""
        failed = sum(not outcome.ok for outcome in found.values())
        if self.on_branch_failure == "fail_fast":
            return failed > 0
        if isinstance(self.on_branch_failure, int):
            return len(self.stages) - failed < self.on_branch_failure
        return False


def concurrent(
    *stages: Stage,
    resolve: Resolver,
    name: str | None = None,
    on_failure: BranchFailure = "collect",
    losers: UndoRule = "list",
) -> Concurrent:
    """Run participants side by side and join them by the rule `resolve`.

    With `losers="undo"` the effects of branches that lose are taken back, the latest first, as their
    tools declare; by default they are only named in the log.
    """
    return Concurrent(name, stages, resolve=resolve, on_failure=on_failure, losers=losers)
