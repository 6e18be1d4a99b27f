"""Many forbids asked as a few: whether any of them applies, which is all that matters as long as none does.

Cedar spends more on going from policy to policy than on a condition. Ten conditions joined by `||` say at
half the cost that none of them holds. Where one does, or fails, each policy is asked by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Final

from cedarpy import PolicySet, pst

__all__ = ["combined"]

TOGETHER: Final = 10
"""So many conditions make one."""


def combined(policies: Sequence[pst.Template]) -> str:
    """Give forbids that apply where any of these does, to acts that fit their action and resource."""
    found = {
        f"policy{number}": one_of(policies[first : first + TOGETHER], f"policy{number}")
        for number, first in enumerate(range(0, len(policies), TOGETHER))
    }
    node = pst.PolicySet(templates=pst.FrozenMap(), static_policies=pst.FrozenMap(found), template_links=())
    return str(PolicySet.from_pst(node))


def one_of(policies: Sequence[pst.Template], name: str) -> pst.Template:
    """Give one forbid that applies where any of these does."""
    whole = reduce(either, [reduce(both, conditions(policy), pst.BoolLit(value=True)) for policy in policies])
    anything = pst.ScopeAny()
    return pst.Template(name, "forbid", anything, anything, anything, (pst.When(whole),), pst.FrozenMap())


def conditions(policy: pst.Template) -> Iterator[pst.Expr]:
    """Give all that has to hold for a policy to apply, beside its action and resource."""
    who = pst.Var("principal")
    match policy.principal:
        case pst.ScopeEq(pst.EntityUid() as entity):
            yield pst.BinaryOp("eq", who, pst.EntityLit(entity))
        case pst.ScopeIn(pst.EntityUid() as entity):
            yield pst.BinaryOp("in", who, pst.EntityLit(entity))
        case pst.ScopeIs(kind):
            yield pst.Is(who, kind, None)
        case pst.ScopeIsIn(kind, pst.EntityUid() as entity):
            yield pst.Is(who, kind, pst.EntityLit(entity))
        case _:
            pass
    for clause in policy.clauses:
        yield clause.expr if isinstance(clause, pst.When) else pst.UnaryOp("not", clause.expr)


def both(left: pst.Expr, right: pst.Expr) -> pst.Expr:
    """Join two conditions that have to hold, in this order."""
    return right if left == pst.BoolLit(value=True) else pst.BinaryOp("and", left, right)


def either(left: pst.Expr, right: pst.Expr) -> pst.Expr:
    """Join two conditions of which one has to hold."""
    return pst.BinaryOp("or", left, right)
