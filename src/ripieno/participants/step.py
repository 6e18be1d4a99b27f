"""A participant with conditions of its place: escalation, retry, timeout, what a failure means."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from ripieno.mediation.validation.check import Check
from ripieno.model.decimals import decimal
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.limits import Limits
from ripieno.model.mode import Mode
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.checked import Checked, check_declared
from ripieno.participants.human import Human
from ripieno.participants.limiting import stand_in
from ripieno.participants.modes import SHADOW_WITHIN, Moded, ModeSettings
from ripieno.participants.references import reference, source_digest
from ripieno.participants.timer import Timer

__all__ = ["FailureRule", "Step"]

FailureRule = Literal["stop", "continue", "undo"]
"""What a sequence does when a stage does not complete; `undo` stops, and takes back what was done in it."""

LONGEST_BACKOFF = 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """How a participant is qualified in its place."""

    escalate_below: float | None = None
    escalate_to: BaseParticipant | None = None
    attempts: int = 1
    backoff: Duration = "1s"
    timeout: Duration | None = None
    on_failure: FailureRule = "stop"
    mode: Mode = "auto"
    person: Human | None = None
    shadow_within: Duration = SHADOW_WITHIN
    limits: Limits | None = None
    checks: tuple[Check, ...] = ()
    domain: str | None = None
    """The field of knowledge it works in, such as `billing`."""
    boundary: str | None = None
    """What it may reach: data, tools and systems behind one security boundary, such as `payments`."""


class Step(BaseParticipant):
    """Wraps a participant, keeps its name, and adds nothing to its path."""

    kind = "step"

    def __init__(self, participant: BaseParticipant, **settings: Any) -> None:
        super().__init__(participant.name)
        self.participant = participant
        self.settings = Settings(**settings)
        self.modes = ModeSettings(self.settings.mode, self.settings.person, self.settings.shadow_within)
        self._check()
        self._acting = self._checked(participant)
        if self.modes.person is not None:  # and what a person does or edits has to pass as well
            self._acting = self._checked(Moded(self._acting, self.modes))

    def _checked(self, participant: BaseParticipant) -> BaseParticipant:
        checks = self.settings.checks
        return Checked(participant, checks) if checks else participant

    def _check(self) -> None:
        settings = self.settings
        self.modes.check(self.participant)
        if settings.escalate_below is not None and not 0 < settings.escalate_below <= 1:
            msg = (
                f"{self.name}: escalate below must be above 0 and at most 1, got {settings.escalate_below!r}"
            )
            raise DefinitionError(msg)
        if settings.attempts < 1:
            msg = f"{self.name}: attempts must be at least 1, got {settings.attempts!r}"
            raise DefinitionError(msg)
        if settings.on_failure not in ("stop", "continue", "undo"):
            msg = f"{self.name}: on_failure must be 'stop', 'continue' or 'undo', got {settings.on_failure!r}"
            raise DefinitionError(msg)
        check_declared(self.name, settings.checks)
        seconds(settings.backoff)
        if settings.timeout is not None:
            seconds(settings.timeout)
        if settings.limits is not None and not settings.limits.bounded:
            msg = f"{self.name}: limit says nothing"
            raise DefinitionError(
                msg, remedy="set tokens, cost_usd, model_calls, active, deadline or another"
            )

    def _step(self, **settings: Any) -> Self:
        known = {
            field.name: getattr(self.settings, field.name) for field in dataclasses.fields(self.settings)
        }
        return type(self)(self.participant, **{**known, **settings})

    def children(self) -> Sequence[BaseParticipant]:
        """Give the participant, the one it escalates to, its mode's person, and who stands in for it."""
        reviewers = (check.reviewer for check in self.settings.checks)
        limits = stand_in(self.settings.limits)
        others = (self.settings.escalate_to, self.settings.person, limits, *reviewers)
        return (self.participant, *(other for other in others if other is not None))

    def dependencies(self) -> frozenset[str] | None:
        """Give what the participant itself reads."""
        return self.participant.dependencies()

    def describe(self) -> dict[str, Json]:
        """Give the step and those of its settings that are not the default."""
        settings = self.settings
        document: dict[str, Json] = {"step": self.name}
        if settings.escalate_to is not None and settings.escalate_below is not None:
            document["escalate"] = {
                "below": decimal(settings.escalate_below),
                "to": settings.escalate_to.name,
            }
        if settings.attempts > 1:
            document["retry"] = {"attempts": settings.attempts, "backoff": in_seconds(settings.backoff)}
        if settings.timeout is not None:
            document["timeout"] = in_seconds(settings.timeout)
        if settings.on_failure != "stop":
            document["on_failure"] = settings.on_failure
        if settings.limits is not None:
            document["limit"] = settings.limits.document()
        if settings.checks:
            document["check"] = [check.describe() for check in settings.checks]
        about: dict[str, Json] = {"domain": settings.domain, "boundary": settings.boundary}
        if any(about.values()):
            document["about"] = {name: value for name, value in about.items() if value}
        return {**document, **self.modes.describe()}

    def identity(self) -> dict[str, Json]:
        """Give the source digests of the functions that check."""
        functions = [check.rule.code() for check in self.settings.checks if check.rule is not None]
        return {reference(one): source_digest(one) for one in functions if one is not None}

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what the participant itself reads."""
        return self.participant.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let the participant act as a scope of its own, for when a step stands alone."""
        outcome, _ = await self.run_in(context, task)
        return outcome

    async def run_in(self, context: Context, task: Task, *, key: str | None = None) -> tuple[Outcome, Task]:
        """Run in the scope of the pattern around it; give the outcome and the task for the next stage."""
        outcome = await self._attempts(task, context, key)
        after = task.after(self.name, outcome)
        to, below = self.settings.escalate_to, self.settings.escalate_below
        if to is None or below is None:
            return outcome, after
        return await self._escalate(context, outcome, after, to)

    async def _attempts(self, task: Task, context: Context, key: str | None) -> Outcome:
        wait = seconds(self.settings.backoff)
        for attempt in range(1, self.settings.attempts + 1):
            visit = key if key is None or attempt == 1 else f"{key}.{attempt}"
            outcome = await self._once(task, context, visit)
            if outcome.status != "failed" or attempt == self.settings.attempts:
                return outcome
            await context.sleep(min(wait * 2 ** (attempt - 1), LONGEST_BACKOFF))
        raise AssertionError  # pragma: no cover - there is at least one attempt

    async def _once(self, task: Task, context: Context, key: str | None) -> Outcome:
        if self.settings.timeout is None:
            return await context.call(self._acting, task, key=key, limits=self.settings.limits)
        limit = seconds(self.settings.timeout)
        timer = Timer(f"{self.name}.timeout", limit)
        async with context.branches() as branches:
            path = branches.start(self._acting, task, key=key, limits=self.settings.limits)
            branches.start(timer, task, key=key)
            ended = await branches.next()
        assert ended is not None, "one of two branches ends first"
        if ended[0] == path:
            return ended[1]
        return Outcome("failed", reason=f"{self.name} did not end within {limit:g} s", failure="timeout")

    async def _escalate(
        self, context: Context, outcome: Outcome, after: Task, to: BaseParticipant
    ) -> tuple[Outcome, Task]:
        below = self.settings.escalate_below
        assert below is not None, "escalation has a threshold"
        needed = outcome.below(below) or not outcome.ok
        confidence = "none" if outcome.confidence is None else f"{outcome.confidence.value:g}"
        chosen = await context.choose(
            f"escalate {self.name}",
            to.name if needed else "go on",
            offered=["go on", to.name],
            because={"status": outcome.status, "confidence": confidence, "below": below},
        )
        if chosen != to.name:
            return outcome, after
        decision = await context.call(to, after)
        seen = Task(after.input, {**after.state, to.name: decision}, self.name)
        if not decision.ok:
            return Outcome(decision.status, outcome.parts[0], reason=decision.parts[2]), seen
        settled = Outcome(
            "complete",
            outcome.parts[0],
            confidence=decision.confidence or Confidence(1.0, f"decided by {to.name}"),
            evidence=outcome.parts[1],
            reason=decision.parts[2],
            seq=decision.seq,
        )
        return settled, seen
