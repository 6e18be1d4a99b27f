"""Conditions and selections in workflow files: small expressions over the input and earlier results.

Names are the fields of the input (when it is an object), `input` itself, `previous`, and every
participant whose result can be seen; `a.b` reads field `b` of `a`.
"""

from __future__ import annotations

from typing import Any, cast

from ripieno.model.expressions import Formula
from ripieno.model.participant import Task

__all__ = ["Expression", "names_of"]


class Expression(Formula):
    """An expression over what a participant sees."""

    def evaluate(self, task: Task) -> Any:
        """Give the expression's value for a task; raises `InputError` when it has none."""
        return self.of(names_of(task))


def names_of(task: Task) -> dict[str, Any]:
    """Give the names that an expression may use for a task."""
    given = task.input.decode()
    names: dict[str, Any] = {}
    if isinstance(given, dict):
        names.update((str(name), value) for name, value in cast("dict[str, Any]", given).items())
    names["input"] = given
    names.update((name, outcome.output) for name, outcome in task.state.items())
    if task.previous is not None:
        names["previous"] = task.state[task.previous].output
    return names
