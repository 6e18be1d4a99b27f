"""Managers that follow a script, and the workflows in which they direct."""

from __future__ import annotations

from typing import Any

from ledgers import DONE, facts, look, plan
from running import Running, pure

from ripieno import Function, Limits, Outcome, Workflow, approved
from ripieno.participants.base import BaseParticipant
from ripieno.patterns.magentic import Magentic, magentic

__all__ = ["OPERATOR_RULE", "Script", "ending", "restrained", "team"]

OPERATOR_RULE = approved("operator")


def ending_of(turn: dict[str, Any]) -> str:
    """Give an answer that says why it is over."""
    return f"answer: {turn['ending']}"


class Script:
    """A manager: for each phase its answers in order, the last of them for ever; it keeps its turns."""

    def __init__(self, **answers: Any) -> None:
        usual: dict[str, Any] = {
            "facts": facts(),
            "plan": plan(),
            "replan": plan(),
            "progress": [look(), DONE],
            "synthesis": ending_of,
        }
        self.answers: dict[str, list[Any]] = {
            name: one if isinstance(one, list) else [one] for name, one in {**usual, **answers}.items()
        }
        self.turns: list[dict[str, Any]] = []

    def told(self, phase: str) -> list[dict[str, Any]]:
        """Give what it was told in each turn of a phase."""
        return [turn for turn in self.turns if turn["phase"] == phase]

    def participant(self, name: str = "lead") -> Function:
        """Give it as a participant."""

        def act(turn: dict[str, Any]) -> Any:
            answers = self.answers[turn["phase"]]
            answer = answers[min(len(self.told(turn["phase"])), len(answers) - 1)]
            self.turns.append(turn)
            if isinstance(answer, Exception):
                raise answer
            return answer(turn) if callable(answer) else answer

        return pure(act, name)


def works() -> Any:
    return "found something"


def team(script: Script, *workers: Any, **settings: Any) -> Magentic:
    """Give a magentic of a scripted manager and workers, one of whom is called `worker` unless given."""
    stages = workers or (pure(works, "worker"),)
    known: dict[str, Any] = {"planner": script.participant(), "effects": OPERATOR_RULE, **settings}
    return magentic(*stages, **known)


def restrained(flow: BaseParticipant, name: str = "tested") -> Workflow:
    """Give a workflow that may hold a magentic: with limits and a policy."""
    return Workflow(name, flow, policy="standard", limits=Limits(deadline="30d"))


async def ending(running: Running, script: Script, *workers: Any, **settings: Any) -> Outcome:
    """Run a team and give its outcome."""
    return await running.run(restrained(team(script, *workers, **settings)), "why is it slow?")
