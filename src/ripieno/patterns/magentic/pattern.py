"""The magentic pattern as a participant: who takes part, its limits, and how it stands in a definition."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.effect_rule import EffectRule
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.human import Human
from ripieno.participants.step import Step
from ripieno.patterns.base import Pattern, Stage, as_participant, named, unique
from ripieno.patterns.magentic.course import Course, Rules, Sight
from ripieno.patterns.magentic.synthesis import so_far, synthesised

__all__ = ["Magentic", "magentic"]


class Magentic(Pattern):
    """Managers plan and direct, workers work, until the request is satisfied or a limit is reached.

    After Magentic-One (Fourney et al., 2024, arXiv 2411.04468). `complete` only when the request was
    found satisfied; a limit or a manager that gives nothing usable ends it as `partial`, a plan that no
    person lets through as `escalated`. At every ending the output is `{"answer": ..., "missing": [...]}`,
    its evidence the facts that were given or verified.
    """

    kind = "magentic"

    def __init__(
        self,
        name: str | None,
        stages: Sequence[Stage],
        *,
        planner: Stage,
        effects: EffectRule,
        progress: Stage | None = None,
        synthesise: Stage | None = None,
        review: Stage | None = None,
        rounds: int = 20,
        stalls: int = 3,
        replans: int = 2,
        asks: int = 3,
        within: Duration | None = None,
        sees: Sight = "own",
    ) -> None:
        super().__init__(name, stages)
        unique(self)
        plans = as_participant(planner)
        known = {planner: plans}
        workers = {stage.name: stage for stage in self.stages}
        self.rules = Rules(
            name=self.name,
            workers=workers,
            described={stage.name: description(stage) for stage in self.stages},
            planner=plans,
            progress=plans if progress is None else known.setdefault(progress, as_participant(progress)),
            synthesise=known.get(synthesise or planner) or as_participant(synthesise or planner),
            review=None if review is None else as_participant(review),
            rounds=rounds,
            stalls=stalls,
            replans=replans,
            asks=asks,
            within=None if within is None else seconds(within),
            sees=sees if isinstance(sees, str) else list(sees),
            effects=effects,
        )
        self._check_limits()
        self._check_people()

    def _check_limits(self) -> None:
        rules = self.rules
        least = {"rounds": 1, "stalls": 0, "replans": 0, "asks": 1}
        for what, lowest in least.items():
            number = getattr(rules, what)
            if number < lowest:
                msg = f"{self.name}: {what} must be at least {lowest}, got {number!r}"
                raise DefinitionError(msg)
        if isinstance(rules.sees, str):
            if rules.sees not in ("own", "all"):
                msg = f"{self.name}: sees must be 'own', 'all' or names of workers, got {rules.sees!r}"
                raise DefinitionError(msg)
            return
        for unknown in set(rules.sees) - set(rules.workers):
            msg = f"{self.name}: {unknown!r} is none of the workers{nearest(unknown, rules.workers)}"
            raise DefinitionError(msg)

    def _check_people(self) -> None:
        rules = self.rules
        if rules.effects.free or len(rules.effects.approvers) > 1:
            msg = f"{self.name}: nobody approves what its workers do to other systems"
            raise DefinitionError(
                msg, remedy='set effects=approved("role"), or WITHHELD to have nothing done'
            )
        for manager in self.managers():
            if manager.name in (*rules.workers, self.name):
                msg = f"{self.name}: {manager.name!r} is a worker and manages the work"
                raise DefinitionError(msg, remedy="give the manager a name and a part of its own")
        if rules.review is not None and rules.review.name in (rules.planner.name, rules.progress.name):
            msg = f"{self.name}: {rules.review.name!r} reviews its own plan"
            raise DefinitionError(msg, remedy="let somebody else review it, or nobody")

    def managers(self) -> list[BaseParticipant]:
        """Give planner, progress, synthesis and review, each participant once."""
        rules = self.rules
        asked = (rules.planner, rules.progress, rules.synthesise, rules.review)
        return list(dict.fromkeys(one for one in asked if one is not None))

    def children(self) -> Sequence[BaseParticipant]:
        """Give the workers, then those who manage them."""
        return [*self.stages, *self.managers()]

    def dependencies(self) -> frozenset[str] | None:
        """Give what workers and managers read from outside; None when one cannot tell."""
        names = set[str]()
        for child in self.children():
            of_child = child.dependencies()
            if of_child is None:
                return None
            names |= of_child
        return frozenset(names - {child.name for child in self.children()})

    def settings(self) -> dict[str, Json]:
        """Give workers, managers and limits."""
        rules = self.rules
        settings: dict[str, Json] = {
            "steps": self.flow(),
            "planner": named(rules.planner),
            "rounds": rules.rounds,
            "stalls": rules.stalls,
            "replans": rules.replans,
            "asks": rules.asks,
            "sees": rules.sees if isinstance(rules.sees, str) else list(rules.sees),
            "effects": described_effects(rules.effects),
        }
        for role, manager in (("progress", rules.progress), ("synthesise", rules.synthesise)):
            if manager is not rules.planner:
                settings[role] = named(manager)
        if rules.review is not None:
            settings["review"] = named(rules.review)
        if rules.within is not None:
            settings["within"] = in_seconds(rules.within)
        return settings

    async def act(self, task: Task, context: Context) -> Outcome:
        """Work until there is an end, and put the answer together."""
        course = Course(self.rules, task, context)
        context.so_far(lambda: so_far(course.ledger))
        return await synthesised(course, await course.ending())


def described_effects(rule: EffectRule) -> Json:
    """Give a rule for effects as it stands in the definition."""
    if rule.withheld:
        return "withheld"
    [approver] = rule.approvers
    settings: dict[str, Json] = {"role": approver.role}
    if approver.due is not None:
        settings["due"] = in_seconds(approver.due)
    if approver.because:
        settings["because"] = approver.because
    return {"approved": settings}


def description(stage: BaseParticipant) -> str:
    """Say in a line what a worker is for: a docstring, who a person is, or what is in a pattern."""
    if isinstance(stage, Step):
        return description(stage.participant)
    if isinstance(stage, Function):
        return (inspect.getdoc(stage.function) or stage.name).partition("\n")[0]
    if isinstance(stage, Human):
        return stage.title or f"a person: {stage.asked[0].name}"
    within = ", ".join(child.name for child in stage.children())
    return f"{stage.kind} of {within}" if within else stage.kind


def magentic(
    *workers: Stage,
    planner: Stage,
    effects: EffectRule,
    progress: Stage | None = None,
    synthesise: Stage | None = None,
    review: Stage | None = None,
    rounds: int = 20,
    stalls: int = 3,
    replans: int = 2,
    asks: int = 3,
    within: Duration | None = None,
    sees: Sight = "own",
    name: str | None = None,
) -> Magentic:
    """Let managers plan and direct open-ended work; the last rung, for what cannot be laid out in advance.

    `planner` gives facts and plans, `progress` says after each turn how it goes and who is next,
    `synthesise` puts the answer together; the planner does all three unless others are named. Each reads
    its `turn`, whose `phase` says what is asked, and answers with the document of that phase (`Facts`,
    `Plan`, `Replan`, `Progress`); one that is malformed is asked for at most `asks` times. A person may
    `review` each plan. Work ends after `rounds` turns, after `replans` plans that stalled more than
    `stalls` times, or after the time `within`. `effects` says who approves what workers do to other systems.
    """
    return Magentic(
        name,
        workers,
        planner=planner,
        effects=effects,
        progress=progress,
        synthesise=synthesise,
        review=review,
        rounds=rounds,
        stalls=stalls,
        replans=replans,
        asks=asks,
        within=within,
        sees=sees,
    )
