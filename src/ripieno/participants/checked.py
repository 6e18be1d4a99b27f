"""A participant whose input and results are checked: repaired, decided by a person, or not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.mediation.validation.check import Check
from ripieno.model.checks import Escalate, Of, Otherwise, Repair
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Answer, Context, Question, Task
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant

__all__ = ["COMPLAINT", "Checked", "check_declared"]

COMPLAINT = "complaint"
"""The parameter that receives what was wrong with a result that is to be made again: `complaint`, the
`output` it was about, and how many `repairs` are left."""


class Checked(BaseParticipant):
    """Stands in a participant's place, lets it act, and gives only what passes."""

    kind = "checked"

    def __init__(self, participant: BaseParticipant, checks: Sequence[Check]) -> None:
        super().__init__(participant.name)
        self.participant = participant
        self._checks: dict[Of, list[Check]] = {"input": [], "result": []}
        for check in checks:
            self._checks[check.of].append(check)

    def describe(self) -> dict[str, Json]:
        """Give nothing of its own: checks are a setting of the step."""
        return self.participant.describe()

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what the participant itself reads."""
        return self.participant.reads(task)

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let the participant act on what passes; what it gives is used once it passes."""
        before = Trial(self.name, "input", self._checks["input"], task, context)
        given = Outcome("complete", task.input)
        begun = await before.settled(given)
        if begun is not given:
            return Outcome(begun.status, reason=begun.parts[2])
        trial = Trial(self.name, "result", self._checks["result"], task, context)
        seen, repairs = task, 0
        while True:
            outcome = await context.call(self.participant, seen)
            if outcome.status not in ("complete", "partial"):
                return outcome
            found = await trial.judged(outcome)
            if not isinstance(found.rule, Repair):
                return await trial.decided(outcome, found)
            left = found.rule.times - repairs
            if left <= 0:
                reason = f"{self.name}: {found.reason}, repaired {repairs} times"
                return Outcome("failed", evidence=outcome.parts[1], reason=reason)
            repairs += 1
            told = {"complaint": found.reason, "output": outcome.output, "repairs": left - 1}
            state = {**task.state, COMPLAINT: Outcome("complete", context.value(told))}
            seen = Task(task.input, state, task.previous, task.turn)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found about something; nothing where it passes."""

    reason: str = ""
    rule: Otherwise | None = None
    """What becomes of it; None for what passes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The checks of one input, or of the results, of one visit."""

    name: str
    of: Of
    checks: Sequence[Check]
    task: Task
    context: Context

    async def settled(self, outcome: Outcome) -> Outcome:
        """Judge it, and decide."""
        return await self.decided(outcome, await self.judged(outcome))

    async def judged(self, outcome: Outcome) -> Found:
        """Give what the checks find; those who review are asked last, and of what passes the rest."""
        plain = [check for check in self.checks if check.rule is not None]
        output = outcome.parts[0]
        value = output if isinstance(output, Value) else self.context.value(output)
        if plain:
            judged = await self.context.judge(self.name, self.of, plain, value, outcome.evidence)
            if judged.verdict != "passed":
                return Found(judged.reason, plain[judged.by].otherwise)
        for check in self.checks:
            if check.rule is None:
                complaint = await self._reviewed(check, outcome)
                if complaint is not None:
                    return Found(complaint, check.otherwise)
        return Found()

    async def _reviewed(self, check: Check, outcome: Outcome) -> str | None:
        """Ask a reviewer; whoever does not clearly approve does not."""
        reviewer: BaseParticipant = check.reviewer
        shown: dict[str, Any] = {"input": self.task.input.decode()}
        if self.of == "result":
            shown["output"] = outcome.output
        said = await self.context.call(reviewer, Task(self.context.value(shown), self.task.state))
        complaint = complaint_of(said, reviewer.name)
        complaint = complaint if complaint is None or check.says is None else check.says
        await self.context.choose(
            f"review by {reviewer.name}",
            "passed" if complaint is None else "not passed",
            offered=["passed", "not passed"],
            because={"complaint": complaint} if complaint else {},
        )
        return complaint

    async def decided(self, outcome: Outcome, found: Found) -> Outcome:
        """Give what comes of it: the outcome where it passes, a failure, or what a person says."""
        while isinstance(found.rule, Escalate) and not self.context.effects.withheld:
            to = found.rule
            answer = await self.context.ask(self._question(outcome, found.reason, to))
            refusal = refused(self.name, answer, found.reason, to)
            if refusal is not None:
                return Outcome("escalated", outcome.parts[0], evidence=outcome.parts[1], reason=refusal)
            if "output" not in answer.value:
                return outcome
            sure = Confidence(1.0, f"edited by {answer.by}")
            output = self.context.value(answer.value["output"])
            outcome = Outcome("complete", output, confidence=sure, evidence=outcome.parts[1])
            found = await self.judged(outcome)
        if found.rule is None:
            return outcome
        return Outcome("failed", evidence=outcome.parts[1], reason=f"{self.name}: {found.reason}")

    def _question(self, outcome: Outcome, complaint: str, to: Escalate) -> Question:
        properties: dict[str, Any] = {
            "proceed": {"type": "boolean", "description": "whether it is used"},
            "note": {"type": "string", "description": "why not, where it is not"},
        }
        about = {"participant": self.name, "because": complaint, "input": self.task.input.decode()}
        if self.of == "result":
            properties["output"] = {"description": "what is used instead, checked again"}
            about["output"] = outcome.output
        form = {
            "type": "object",
            "title": f"The {self.of} of {self.name} does not pass: may it be used?",
            "properties": properties,
            "required": ["proceed"],
            "additionalProperties": False,
        }
        return Question(to.role, f"may the {self.of} of {self.name} be used?", form, about, due=to.due)


def refused(name: str, answer: Answer, complaint: str, to: Escalate) -> str | None:
    """Say why a person does not let it pass; None when they do."""
    if answer.expired:
        return f"{name}: {complaint}; {to.role} did not answer in time"
    if answer.value["proceed"]:
        return None
    return f"{name}: rejected by {answer.by}: {answer.reason or answer.value.get('note') or complaint}"


def check_declared(name: str, checks: Sequence[Check]) -> None:
    """Raise `DefinitionError` for a check that a participant cannot have."""
    for check in checks:
        if not isinstance(check, Check):  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a program gives
            msg = f"{name}: expected on_input(...) or on_result(...), got {check!r}"
            raise DefinitionError(msg)
        if check.of == "arguments":
            msg = f"{name}: arguments are those of a call"
            raise DefinitionError(msg, remedy="check what a participant is given with on_input(...)")
        if check.rule is None and not isinstance(check.reviewer, BaseParticipant):
            msg = f"{name}: a reviewer has to be a participant, got {check.reviewer!r}"
            raise DefinitionError(msg)


def complaint_of(said: Outcome, reviewer: str) -> str | None:
    """Give what a reviewer complains of; None for approval, in the words of an agent or of a person."""
    output: Any = said.output
    if not said.ok:
        return f"{reviewer} could not review it: {said.reason or said.status}"
    if isinstance(output, bool):
        return None if output else f"{reviewer} does not approve it"
    known = cast("dict[str, Any]", output) if isinstance(output, dict) else {}
    if (known.get("approved", known.get("proceed"))) is True:
        return None
    complaint = known.get("complaint") or known.get("note")
    return str(complaint) if complaint else f"{reviewer} does not approve it"
