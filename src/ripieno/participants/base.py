"""What all participants share: a name, a description that gives a digest, and ways to qualify them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ripieno.model.durations import Duration
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.limits import Limits, OnExhausted
from ripieno.model.mode import Mode
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.spending import Money

if TYPE_CHECKING:
    from ripieno.mediation.validation.check import Check
    from ripieno.participants.human import Human
    from ripieno.participants.step import FailureRule, Step

__all__ = ["BaseParticipant"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+.-]{0,63}")


class BaseParticipant(ABC):
    """A participant by inheritance. Anything that fits the `Participant` protocol works as well."""

    kind: str = "participant"

    def __init__(self, name: str) -> None:
        if not NAME.fullmatch(name):
            rule = "a letter, then up to 63 letters, digits, `_`, `+`, `.` or `-`"
            msg = f"{self.kind} name {name!r} must be {rule}"
            raise DefinitionError(msg)
        self.name = name

    @abstractmethod
    async def act(self, task: Task, context: Context) -> Outcome:
        """Do the work."""

    @abstractmethod
    def describe(self) -> dict[str, Json]:
        """Give the settings as they stand in the definition, under the participant's kind."""

    async def run_in(self, context: Context, task: Task, *, key: str | None = None) -> tuple[Outcome, Task]:
        """Run in the scope of the pattern around it; give the outcome and the task for the next stage."""
        outcome = await context.call(self, task, key=key)
        return outcome, task.after(self.name, outcome)

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the references read from `task`: by default the input alone."""
        return {"input": task.input.ref}

    def identity(self) -> dict[str, Json]:
        """Give the declared version and source digest of the code behind it; empty where there is none."""
        return {}

    def children(self) -> Sequence[BaseParticipant]:
        """Give the participants within it, in order of declaration."""
        return ()

    def everyone(self) -> Iterator[BaseParticipant]:
        """Give this participant and all within it, depth first."""
        yield self
        for child in self.children():
            yield from child.everyone()

    def dependencies(self) -> frozenset[str] | None:
        """Give the names of participants whose results it reads; None when that cannot be told."""
        return None

    def output_form(self) -> Mapping[str, Any] | None:
        """Give the JSON Schema of its output, where that is declared."""
        return None

    # -- ways to qualify --------------------------------------------------------------------------

    def _step(self, **settings: Any) -> Step:
        from ripieno.participants.step import Step  # noqa: PLC0415 - a step is itself a participant

        return Step(self, **settings)

    def escalate(self, *, below: float, to: BaseParticipant) -> Step:
        """Hand the case to `to` when this ends with confidence under `below`, or is not complete."""
        return self._step(escalate_below=below, escalate_to=to)

    def about(self, *, domain: str | None = None, boundary: str | None = None) -> Step:
        """Say in which field it works and behind which security boundary; `check` compares them.

        Nothing at run time depends on it.
        """
        return self._step(domain=domain, boundary=boundary)

    def retry(self, attempts: int, *, backoff: Duration = "1s") -> Step:
        """Try again after a failure, up to `attempts` in all, waiting `backoff`, then twice that, and on."""
        return self._step(attempts=attempts, backoff=backoff)

    def timeout(self, after: Duration) -> Step:
        """Stop it after a time, waits included; it then counts as failed."""
        return self._step(timeout=after)

    def mode(self, mode: Mode, person: Human | None = None, *, shadow_within: Duration = "1m") -> Step:
        """Say who acts: `manual`, `shadow`, `suggest` or `auto`.

        `manual`: the person does it. `shadow`: so too, and this works beside them; what it finds is
        recorded, compared and never used, and it may take `shadow_within` longer than they do.
        `suggest`: the person approves each of its effects, and its outcome. `auto`: this acts.
        With a person declared the mode can be changed later, for a run or for a version.
        """
        return self._step(mode=mode, person=person, shadow_within=shadow_within)

    def limit(
        self,
        *,
        active: Duration | None = None,
        deadline: Duration | None = None,
        model_calls: int | None = None,
        tokens: int | None = None,
        cost_usd: Money | None = None,
        handoffs: int | None = None,
        rounds: int | None = None,
        on_exhausted: OnExhausted | None = None,
        allowance: bool = False,
    ) -> Step:
        """Say how far each visit of it may go, everything within included, and what then happens.

        `on_exhausted` is `"stop"` (ends as `partial`, with the best result so far), `"escalate"`,
        `ask("role")` for more, or `degrade(to)` a cheaper participant.
        """
        limits = Limits(
            active,
            deadline,
            model_calls,
            tokens,
            cost_usd,
            handoffs,
            rounds,
            on_exhausted=on_exhausted,
            allowance=allowance,
        )
        return self._step(limits=limits)

    def check(self, *checks: Check) -> Step:
        """Say what has to hold of its input and of its results, `on_input(...)` and `on_result(...)`.

        What does not pass is not used: it has failed, is made again with the complaint in the parameter
        `complaint`, or a person decides, as each check says.
        """
        return self._step(checks=checks)

    def on_failure(self, rule: FailureRule) -> Step:
        """Say what a sequence does when it does not complete: `stop`, `continue`, or `undo` what is done."""
        return self._step(on_failure=rule)
