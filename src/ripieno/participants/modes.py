"""A participant in one of its modes: done by a person, shadowing a person, suggesting to one, or acting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.effect_rule import WITHHELD, EffectRule
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.mode import MODES, Mode
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value
from ripieno.participants.agreement import VERDICTS, differing, verdict
from ripieno.participants.base import BaseParticipant
from ripieno.participants.human import Human
from ripieno.participants.mode_forms import asking, doing_form, judging_form
from ripieno.participants.timer import Timer
from ripieno.participants.workflow import Subworkflow, people_of

__all__ = ["SHADOW_WITHIN", "ModeSettings", "Moded", "decide_mode", "offered"]

SHADOW_WITHIN: Duration = "1m"
"""How long a shadow may still take once the person has answered. People take longer than most agents,
and comparing is what a shadow is for; but the work does not wait for it for long."""

SHADOW = "shadow"
"""Key of a shadow's visit: `reconcile@shadow`, beside that of the person."""


@dataclass(frozen=True, slots=True)
class ModeSettings:
    """The mode that is declared for a participant in its place, and whom its modes need."""

    mode: Mode = "auto"
    person: Human | None = None
    """Who acts, or approves; without one the mode is `auto`, and cannot be changed."""
    shadow_within: Duration = SHADOW_WITHIN

    def check(self, participant: BaseParticipant) -> None:
        """Raise `DefinitionError` when the participant cannot have this mode."""
        name = participant.name
        if self.mode not in MODES:
            msg = f"{name}: mode must be one of {', '.join(MODES)}, got {self.mode!r}"
            raise DefinitionError(msg)
        if self.person is None:
            if self.mode != "auto":
                msg = f"{name}: mode {self.mode!r} needs a person, and none is declared"
                raise DefinitionError(msg, remedy="name who acts or approves: person=human(...)")
            if self.shadow_within != SHADOW_WITHIN:
                msg = f"{name}: shadow_within is for a shadow, and no person is declared beside it"
                raise DefinitionError(msg)
            return
        if not isinstance(self.person, Human):  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a program gives
            msg = f"{name}: the person of a mode must be a human, got {self.person!r}"
            raise DefinitionError(msg)
        if isinstance(participant, Human):
            msg = f"{name}: a person has no mode: they act themselves"
            raise DefinitionError(msg, remedy="give a mode to what is to stand in for them")
        if self.mode not in offered(participant):
            msg = f"{name}: a shadow asks nobody, but {people_in(participant)} would be asked by this one"
            raise DefinitionError(msg, remedy="give the mode to a part that asks nobody")
        seconds(self.shadow_within)

    def describe(self) -> dict[str, Json]:
        """Give what is declared, as far as it is not the default."""
        if self.person is None:
            return {}
        document: dict[str, Json] = {"mode": self.mode, "person": self.person.name}
        if seconds(self.shadow_within) != seconds(SHADOW_WITHIN):
            document["shadow_within"] = in_seconds(self.shadow_within)
        return document


def people_in(participant: BaseParticipant) -> str:
    """Give the names of the people within a participant."""
    names = {one.name for one in participant.everyone() if isinstance(one, Human)}
    for one in participant.everyone():
        if isinstance(one, Subworkflow):
            names.update(people_of(one.workflow))
    return ", ".join(sorted(names))


def offered(participant: BaseParticipant) -> tuple[Mode, ...]:
    """Give the modes that a participant can have beside a person: one that asks people shadows nobody."""
    return tuple(mode for mode in MODES if mode != "shadow" or not people_in(participant))


async def decide_mode(context: Context, participant: str, declared: Mode) -> Mode:
    """Decide the mode of one visit: the one place where that is done. Recorded; on replay it is read.

    What was said last to the run counts, else what was set for its version when it started, else what
    is declared. A visit keeps the mode that it began in.
    """
    because: dict[str, Any] = {"why": "declared"}
    mode = declared
    change = context.mode_change(participant)
    if change is not None:
        mode = change.mode
        because = {"why": f"set for the {change.source}", "by": change.by}
        if change.reason is not None:
            because["reason"] = change.reason
    return await context.choose("mode", mode, offered=MODES, because=because)  # pyright: ignore[reportReturnType] - one of those offered


class Moded(BaseParticipant):
    """Stands in a participant's place and lets it, a person, or both act, by the mode of the visit."""

    kind = "mode"

    def __init__(self, participant: BaseParticipant, settings: ModeSettings) -> None:
        super().__init__(participant.name)
        assert settings.person is not None, "without a person there is one mode"
        self.participant = participant
        self.settings = settings
        self.person = settings.person
        self._doing = asking(self.person, doing_form(participant, self.person))
        self._judging = asking(self.person, judging_form(participant))

    def describe(self) -> dict[str, Json]:
        """Give nothing of its own: the mode is a setting of the step."""
        return self.participant.describe()

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what the participant itself reads."""
        return self.participant.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Act in the mode of this visit."""
        match await decide_mode(context, self.name, self.settings.mode):
            case "manual":
                theirs = await context.call(self._doing, self._seen(task, context))
                return done_by(theirs)
            case "shadow":
                return await self._shadowed(task, context)
            case "suggest":
                return await self._suggested(task, context)
            case "auto":
                return await context.call(self.participant, task)

    # -- manual and shadow ------------------------------------------------------------------------

    def _seen(self, task: Task, context: Context) -> Task:
        """Give the task as the person sees it: the input, and what others found before."""
        before = {name: {"status": one.status, "says": one.output} for name, one in task.state.items()}
        shown = context.value({"input": task.input.decode(), "before": before})
        return shown_as(f"the work of {self.name}", Outcome("partial", shown), task)

    async def _shadowed(self, task: Task, context: Context) -> Outcome:
        """Let the person act and the participant beside them; nothing that it finds is used.

        The person's answer is not waited with, however the shadow fares, but for `shadow_within`.
        """
        ended: dict[str, Outcome] = {}
        async with context.branches() as branches:
            asked = branches.start(self._doing, self._seen(task, context))
            beside = branches.start(self.participant, task, key=SHADOW, effects=WITHHELD)
            while asked not in ended:
                ended.update([await one_of(branches)])
            if beside not in ended:
                branches.start(Timer("shadow-within", seconds(self.settings.shadow_within)), task)
                ended.update([await one_of(branches)])
        theirs = ended[asked]
        await self._compare(context, theirs, ended.get(beside))
        return done_by(theirs)

    async def _compare(self, context: Context, theirs: Outcome, own: Outcome | None) -> None:
        """Record how the shadow stands to the person."""
        told = done_by(theirs)
        answered = told if theirs.output is not None else None
        fields = differing(told.output, own.output) if own is not None and told.ok and own.ok else []
        because: dict[str, Any] = {"person": told.status}
        if own is not None:
            because["shadow"] = own.status
            because["confidence"] = None if own.confidence is None else own.confidence.value
            because["reason"] = own.reason
        if fields:
            because["differing"] = fields
        if context.withheld:
            because["would have done"] = [[act.tool, act.arguments.decode()] for act in context.withheld]
        because = {name: value for name, value in because.items() if value is not None}
        await context.choose(SHADOW, verdict(answered, own, fields), offered=VERDICTS, because=because)

    # -- suggest ----------------------------------------------------------------------------------

    async def _suggested(self, task: Task, context: Context) -> Outcome:
        """Let the participant propose, each of its effects and its outcome to be approved by the person."""
        approver = self.person.approver(f"{self.name} suggests, and does not act by itself")
        rule = EffectRule(approvers=(approver,))
        suggested = await context.call(self.participant, task, effects=rule)
        if suggested.status not in ("complete", "partial"):
            return suggested
        output, evidence, reason = suggested.parts
        seen = shown_as(f"what {self.name} suggests", suggested, task)
        judged = await context.call(self._judging, seen)
        if not judged.ok:
            return Outcome("escalated", output, evidence=evidence, reason=judged.parts[2])
        said: Any = judged.output
        edited = "output" in said and bool(differing(output_of(output), said["output"]))
        if edited:
            return Outcome(
                "complete",
                said["output"],
                confidence=decided(judged, "edited"),
                evidence=evidence,
                reason=judged.parts[2],
            )
        return Outcome(
            suggested.status,
            output,
            confidence=decided(judged, "approved"),
            evidence=evidence,
            reason=reason,
        )


def shown_as(what: str, outcome: Outcome, task: Task) -> Task:
    """Give a task whose stage before is what a person is to see. No participant has a name with spaces."""
    return Task(task.input, {**task.state, what: outcome}, what)


async def one_of(branches: Any) -> tuple[str, Outcome]:
    """Give the next branch to end, where one is known to be at work."""
    ended = await branches.next()
    assert ended is not None, "a branch was started"
    return ended


def done_by(theirs: Outcome) -> Outcome:
    """Give what a person did in a participant's place, out of their answer."""
    said: Any = theirs.output
    if not theirs.ok:
        return Outcome("escalated", reason=theirs.parts[2])
    return Outcome("complete", said["output"], confidence=decided(theirs, "done"), reason=theirs.parts[2])


def decided(theirs: Outcome, how: str) -> Confidence:
    """Give the confidence of what a person decided, saying who it was."""
    method = "by a person" if theirs.confidence is None else theirs.confidence.method.removeprefix("decided ")
    return Confidence(1.0, f"{how} {method}")


def output_of(output: Any) -> Any:
    """Give an output as plain data, recorded or not."""
    return output.decode() if isinstance(output, Value) else output
