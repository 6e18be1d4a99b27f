"""One participant after another, each seeing what those before it found."""

from __future__ import annotations

from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.step import Step
from ripieno.patterns.base import Pattern, Stage

__all__ = ["Sequential", "sequential"]


class Sequential(Pattern):
    """Ends with the last stage's outcome, or with the first that does not complete.

    A stage declared `on_failure("continue")` is passed over when it does not complete; the whole is
    then `partial`. With `on_failure("undo")` the effects of this stage and of those before it in the
    sequence are taken back, the latest first, as their tools declare; a person is asked about the rest.
    """

    kind = "sequential"

    def settings(self) -> dict[str, Json]:
        """Give the stages in order."""
        return {"steps": self.flow()}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run the stages in order."""
        skipped: list[str] = []
        outcome = Outcome("complete")
        for stage in self.stages:
            outcome, after = await stage.run_in(context, task)
            if outcome.ok:
                task = after
            elif isinstance(stage, Step) and stage.settings.on_failure == "continue":
                skipped.append(f"{stage.name} {outcome.status}")
            else:
                if isinstance(stage, Step) and stage.settings.on_failure == "undo":
                    await context.undo([context.path], why=f"{stage.name} did not complete")
                return outcome
        if not skipped:
            return outcome
        output, evidence, _ = outcome.parts
        reason = f"went on without {', '.join(skipped)}"
        return Outcome("partial", output, confidence=outcome.confidence, evidence=evidence, reason=reason)


def sequential(*stages: Stage, name: str | None = None) -> Sequential:
    """Run participants one after another."""
    return Sequential(name, stages)
