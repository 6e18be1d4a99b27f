"""A policy rewritten for Cedar's validator, which sees `has` as a guard only where it stands before an `&&`.

`!(context has x) || context.x == 1` is as safe, and how people write it: it says the same as
`if context has x then context.x == 1 else true`, which the validator understands. Only what is validated is
rewritten; what is decided by is the policy as it stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cedarpy import PolicySet, pst

__all__ = ["as_validated"]

TRUE: Final = pst.BoolLit(value=True)


def as_validated(policy: pst.Template) -> str:
    """Give the text of an equal policy in which the guards are where the validator looks for them."""
    clauses = tuple(replace(clause, expr=guarded(clause.expr)) for clause in policy.clauses)
    node = pst.PolicySet(
        templates=pst.FrozenMap(),
        static_policies=pst.FrozenMap({policy.id: replace(policy, clauses=clauses)}),
        template_links=(),
    )
    return str(PolicySet.from_pst(node))


def guarded(expression: pst.Expr) -> pst.Expr:
    """Give an equal expression in which `!a || b` is `if a then b else true`."""
    match expression:
        case pst.BinaryOp(op="or"):
            left, right = guarded(expression.left), guarded(expression.right)
            condition = denied_by(left)
            if condition is None:
                return pst.BinaryOp("or", left, right)
            return pst.IfThenElse(guarded(condition), right, TRUE)
        case pst.BinaryOp():
            return replace(expression, left=guarded(expression.left), right=guarded(expression.right))
        case pst.UnaryOp():
            return replace(expression, arg=guarded(expression.arg))
        case pst.IfThenElse():
            return pst.IfThenElse(
                guarded(expression.cond), guarded(expression.then_expr), guarded(expression.else_expr)
            )
        case _:
            return expression


def denied_by(expression: pst.Expr) -> pst.Expr | None:
    """Give the condition whose opposite an expression is; None for one that is no opposite."""
    match expression:
        case pst.UnaryOp(op="not"):
            return expression.arg
        case pst.IfThenElse(then_expr=then, else_expr=pst.BoolLit(value=True)):
            other = denied_by(then)
            return None if other is None else pst.BinaryOp("and", expression.cond, other)
        case _:
            return None
