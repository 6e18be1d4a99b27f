"""Conditions and selections in workflow files: small expressions over the input and earlier results.

Names are the fields of the input (when it is an object), `input` itself, `previous`, and every
participant whose result can be seen; `a.b` reads field `b` of `a`. Evaluated by simpleeval, which
knows no imports, no attributes of Python objects and no loops.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, cast

from simpleeval import (  # pyright: ignore[reportMissingTypeStubs] - it ships none
    EvalWithCompoundTypes,
    InvalidExpression,
)

from ripieno.model.errors import DefinitionError, InputError, nearest
from ripieno.model.participant import Task

__all__ = ["Expression", "names_of"]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"len": len, "min": min, "max": max, "sum": sum, "abs": abs}
LONGEST = 1000


class Fields(dict[str, Any]):
    """An object whose fields can be read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return fields(self[name])
        except KeyError:
            msg = f"no field {name!r}{nearest(name, self)}"
            raise InputError(msg) from None


def fields(value: Any) -> Any:
    """Give a value with its objects readable by attribute."""
    return Fields(cast("dict[str, Any]", value)) if isinstance(value, dict) else value


class Expression:
    """A parsed expression; one that cannot be parsed is refused when the workflow is loaded."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            msg = f"an expression may have {LONGEST} characters, this one has {len(text)}"
            raise DefinitionError(msg)
        try:
            self._parsed: ast.AST = cast("Any", EvalWithCompoundTypes).parse(text)
        except (InvalidExpression, SyntaxError, ValueError) as error:
            msg = f"cannot read the expression {text!r}: {error}"
            raise DefinitionError(
                msg, remedy="an expression looks like: amount > 10_000 and region == 'EU'"
            ) from error

    def evaluate(self, task: Task) -> Any:
        """Give the expression's value for a task; raises `InputError` when it has none."""
        evaluator: Any = EvalWithCompoundTypes(names=names_of(task), functions=dict(FUNCTIONS))
        try:
            return evaluator.eval(self.text, previously_parsed=self._parsed)
        except InputError:
            raise
        except Exception as error:  # functions and values are the user's: they raise what they will
            msg = f"{self.text!r} has no value here: {error}"
            raise InputError(msg) from error

    @property
    def reads(self) -> frozenset[str]:
        """The names that the expression mentions."""
        tree = ast.parse(self.text, mode="eval")
        return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def names_of(task: Task) -> dict[str, Any]:
    """Give the names that an expression may use for a task."""
    given = task.input.decode()
    names: dict[str, Any] = {}
    if isinstance(given, dict):
        names.update((str(name), fields(value)) for name, value in cast("dict[str, Any]", given).items())
    names["input"] = fields(given)
    names.update((name, fields(outcome.output)) for name, outcome in task.state.items())
    if task.previous is not None:
        names["previous"] = fields(task.state[task.previous].output)
    return names
