"""The first case whose condition holds. Plain control flow; no agent is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.references import reference, source_digest
from ripieno.patterns.base import Pattern, Stage, as_participant, flow
from ripieno.patterns.expressions import Expression, names_of

__all__ = ["Branch", "When", "branch", "when"]


class When:
    """A condition: an expression, or a function of the names that an expression would see."""

    def __init__(self, condition: str | Callable[[Mapping[str, Any]], bool]) -> None:
        self._expression = Expression(condition) if isinstance(condition, str) else None
        self._function = None if isinstance(condition, str) else condition

    def holds(self, task: Task) -> bool:
        """Tell whether the condition holds for a task."""
        if self._expression is not None:
            return bool(self._expression.evaluate(task))
        assert self._function is not None, "a condition is an expression or a function"
        return bool(self._function(names_of(task)))

    @property
    def reads(self) -> frozenset[str] | None:
        """The names that an expression mentions; None for a function, of which it cannot be told."""
        return None if self._expression is None else self._expression.reads

    @property
    def references(self) -> tuple[str, ...]:
        """The function by its name; nothing for an expression."""
        return () if self._function is None else (reference(self._function),)

    @property
    def identity(self) -> dict[str, Json]:
        """The function's source digest by its name; nothing for an expression, which the definition holds."""
        if self._function is None:
            return {}
        return {reference(self._function): source_digest(self._function)}

    def __str__(self) -> str:
        if self._expression is not None:
            return self._expression.text
        return reference(self._function)

    def describe(self) -> Json:
        """Give the condition as it stands in the definition."""
        return str(self) if self._expression is not None else {"import": str(self)}


def when(condition: str | Callable[[Mapping[str, Any]], bool]) -> When:
    """Name a condition, such as `when("amount > 10_000")`."""
    return When(condition)


class Branch(Pattern):
    """Runs the first case that holds, else `otherwise`, else nothing; the choice is recorded."""

    kind = "branch"

    def __init__(self, name: str | None, cases: Mapping[When, Stage], otherwise: Stage | None) -> None:
        self.cases = [(condition, as_participant(stage)) for condition, stage in cases.items()]
        self.otherwise = None if otherwise is None else as_participant(otherwise)
        stages = [stage for _, stage in self.cases]
        super().__init__(name, stages if self.otherwise is None else [*stages, self.otherwise])
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            msg = f"{self.name}: two cases have the same name: {', '.join(sorted(names))}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give the cases in order."""
        settings: dict[str, Json] = {
            "cases": [{"when": condition.describe(), "then": flow(stage)} for condition, stage in self.cases]
        }
        if self.otherwise is not None:
            settings["otherwise"] = flow(self.otherwise)
        return settings

    def identity(self) -> dict[str, Json]:
        """Give the source digests of conditions that are functions."""
        return {name: source for condition, _ in self.cases for name, source in condition.identity.items()}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Choose, record the choice, and run what was chosen."""
        held = next(((str(when), stage) for when, stage in self.cases if when.holds(task)), None)
        why, stage = held or ("no condition held", self.otherwise)
        chosen = await context.choose(
            self.name,
            stage.name if stage is not None else "nothing",
            offered=[stage.name for stage in self.stages],
            because={"condition": why},
        )
        for stage in self.stages:
            if stage.name == chosen:
                outcome, _ = await stage.run_in(context, task)
                return outcome
        return Outcome("complete", reason=why)


def branch(cases: Mapping[When, Stage], *, otherwise: Stage | None = None, name: str | None = None) -> Branch:
    """Run the first case whose condition holds."""
    return Branch(name, cases, otherwise)
