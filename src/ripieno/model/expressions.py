"""Small expressions over named values, as conditions and checks have them.

`a.b` reads field `b` of `a`. Evaluated by simpleeval, which knows no imports, no attributes of Python
objects and no loops.
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

__all__ = ["Formula", "fields"]

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


class Formula:
    """A parsed expression; one that cannot be parsed is refused when what it belongs to is declared."""

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

    def of(self, names: Mapping[str, Any]) -> Any:
        """Give the expression's value for these names; raises `InputError` when it has none."""
        evaluator: Any = EvalWithCompoundTypes(names=dict(names), functions=dict(FUNCTIONS))
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
