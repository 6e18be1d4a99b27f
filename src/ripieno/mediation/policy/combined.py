"""Many forbids asked as a few: whether any of them applies, which is all that matters as long as none does.

Cedar spends more on going from policy to policy than on a condition, and policies of a kind begin alike: they
ask whether the argument is there that they are about. Joined by `||`, with what they begin with asked once,
they say at a quarter of the cost that none of them holds. Where one does, or fails, each is asked by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cedarpy import PolicySet, pst

__all__ = ["combined"]

TOGETHER: Final = 100
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
    whole = any_of([tuple(part for one in conditions(policy) for part in parts(one)) for policy in policies])
    anything = pst.ScopeAny()
    return pst.Template(name, "forbid", anything, anything, anything, (pst.When(whole),), pst.FrozenMap())


def any_of(rows: Sequence[tuple[pst.Expr, ...]]) -> pst.Expr:
    """Give that one of these holds, each of which holds where all its parts do.

    What several begin with is asked once: where it does not hold, none of them does.
    """
    if not all(rows):
        return pst.BoolLit(value=True)
    begun: dict[str, list[tuple[pst.Expr, ...]]] = {}
    for row in rows:
        begun.setdefault(repr(row[0]), []).append(row)
    found = [
        same[0][0]
        if not all(row[1:] for row in same)
        else pst.BinaryOp("and", same[0][0], any_of([row[1:] for row in same]))
        for same in begun.values()
    ]
    return either(found)


def parts(expression: pst.Expr) -> Iterator[pst.Expr]:
    """Give what all has to hold for an expression to hold, in the order in which it is asked."""
    if isinstance(expression, pst.BinaryOp) and expression.op == "and":
        yield from parts(expression.left)
        yield from parts(expression.right)
    else:
        yield expression


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


def either(found: Sequence[pst.Expr]) -> pst.Expr:
    """Join conditions of which one has to hold, in this order; Cedar limits how deep they may be nested."""
    if len(found) == 1:
        return found[0]
    middle = len(found) // 2
    return pst.BinaryOp("or", either(found[:middle]), either(found[middle:]))
