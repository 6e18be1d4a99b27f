"""As what a policy takes each argument that it reads: found from the operations it does with it.

The arguments of a tool whose declaration is not known where policies are read have the types that the
policies give them; what comes as anything else at a decision is an error, and so a denial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cedarpy import pst

from ripieno.mediation.policy.reads import chain, parts_of
from ripieno.mediation.policy.vocabulary import ValueKind

__all__ = ["ArgumentPath", "argument_kinds"]

ArgumentPath = tuple[str, ...]
"""The path of an argument below `context.arguments`."""

ORDERED: Final = frozenset({"less", "less_eq", "greater", "greater_eq", "add", "sub", "mul"})
DECIMALS: Final = frozenset({"decimal_less_than", "decimal_less_eq", "decimal_greater", "decimal_greater_eq"})
UNARY: Final[Mapping[str, ValueKind]] = {"not": "flag", "neg": "whole", "is_empty": "texts"}
SETS: Final = frozenset({"contains", "contains_all", "contains_any"})


def argument_kinds(policy: pst.Template) -> Mapping[ArgumentPath, ValueKind]:
    """Give as what each argument is read; those of which nothing can be told are left out."""
    found: dict[ArgumentPath, ValueKind] = {}
    for clause in policy.clauses:
        note(found, clause.expr, "flag")
    return found


def note(found: dict[ArgumentPath, ValueKind], expression: pst.Expr, kind: ValueKind | None) -> None:
    """Note the arguments in an expression that is used as a value of `kind`; None where it is not known."""
    read = chain(expression)
    if read is not None:
        variable, path = read
        of_argument = variable == "context" and len(path) > 1 and path[0] == "arguments"
        if of_argument and kind is not None:
            found.setdefault(path[1:], kind)
        return
    for part, its_kind in parts_with_kinds(expression, kind):
        note(found, part, its_kind)


def parts_with_kinds(
    expression: pst.Expr, kind: ValueKind | None
) -> Iterable[tuple[pst.Expr, ValueKind | None]]:
    """Give the expressions right within another, each with what it has to be there."""
    match expression:
        case pst.UnaryOp():
            return [(expression.arg, UNARY.get(expression.op))]
        case pst.BinaryOp():
            return [(part, operand(expression, part)) for part in (expression.left, expression.right)]
        case pst.Like():
            return [(expression.base, "text")]
        case pst.IfThenElse():
            return [(expression.cond, "flag"), (expression.then_expr, kind), (expression.else_expr, kind)]
        case _:
            return [(part, None) for part in parts_of(expression)]


def operand(expression: pst.BinaryOp, part: pst.Expr) -> ValueKind | None:
    """Give what one side of an operation has to be."""
    if expression.op in {"and", "or"}:
        return "flag"
    if expression.op in ORDERED:
        return "whole"
    if expression.op in DECIMALS:
        return "decimal"
    other = expression.right if part is expression.left else expression.left
    if expression.op in SETS and part is expression.left:
        return "wholes" if literal(other) in {"whole", "wholes"} else "texts"
    return literal(other)


def literal(expression: pst.Expr) -> ValueKind | None:
    """Give what a literal is; None for anything else."""
    match expression:
        case pst.BoolLit():
            return "flag"
        case pst.LongLit():
            return "whole"
        case pst.StringLit():
            return "text"
        case pst.UnaryOp(op="decimal"):
            return "decimal"
        case pst.Set() if expression.elements:
            return "wholes" if literal(expression.elements[0]) == "whole" else "texts"
        case _:
            return None
