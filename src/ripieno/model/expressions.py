"""Small expressions over named values, as conditions and checks have them.

`a.b` reads field `b` of `a`, and nothing else: not an attribute of a Python object, nor a method. What can be
called is a handful of functions that change nothing. Evaluated by simpleeval, which knows no imports.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, cast

from simpleeval import EvalWithCompoundTypes  # pyright: ignore[reportMissingTypeStubs] - it ships none

from ripieno.model.errors import DefinitionError, InputError, nearest

__all__ = ["Formula"]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"len": len, "min": min, "max": max, "sum": sum, "abs": abs}
LONGEST = 1000
LIKE = "amount > 10_000 and region == 'EU'"


class Formula:
    """A parsed expression; one that cannot be parsed is refused when what it belongs to is declared."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            msg = f"an expression may have {LONGEST} characters, this one has {len(text)}"
            raise DefinitionError(msg)
        try:
            self._parsed = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            msg = f"cannot read the expression {text!r}: {told(error)}"
            raise DefinitionError(msg, remedy=f"an expression looks like: {LIKE}") from error
        self._check()

    def _check(self) -> None:
        """Refuse what cannot be evaluated, and a call of anything but the known functions.

        A method could change what it is given.
        """
        known = {*cast("Any", EvalWithCompoundTypes)().nodes, ast.Attribute}
        for node in ast.walk(self._parsed):
            if isinstance(node, ast.expr) and type(node) not in known:
                msg = f"{ast.unparse(node)} is nothing that the expression {self.text!r} can have"
                raise DefinitionError(msg, remedy=f"an expression looks like: {LIKE}")
            if isinstance(node, ast.Call) and not (
                isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
            ):
                msg = f"{ast.unparse(node.func)}() cannot be called in the expression {self.text!r}"
                raise DefinitionError(msg, remedy=f"it may call {', '.join(FUNCTIONS)}")

    def of(self, names: Mapping[str, Any]) -> Any:
        """Give the expression's value for these names; raises `InputError` when it has none."""
        evaluator: Any = EvalWithCompoundTypes(names=dict(names), functions=dict(FUNCTIONS))

        def read(node: Any) -> Any:
            return field(evaluator.nodes[type(node.value)](node.value), node.attr)

        evaluator.nodes[ast.Attribute] = read
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
        return frozenset(node.id for node in ast.walk(self._parsed) if isinstance(node, ast.Name))


def told(error: SyntaxError | ValueError) -> str:
    """Say what is wrong with a text, and where."""
    at, what = getattr(error, "offset", None), getattr(error, "msg", error)
    return f"{what} at character {at}" if at else f"{what} at its end"


def field(value: Any, name: str) -> Any:
    """Give a field of an object; raises `InputError` where there is none of that name."""
    known = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if name not in known:
        msg = f"no field {name!r}{nearest(name, known)}"
        raise InputError(msg)
    return known[name]
