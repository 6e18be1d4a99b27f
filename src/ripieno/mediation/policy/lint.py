"""What makes a policy unsafe: attributes read without a guard, and whatever could fail when it is evaluated.

Cedar skips a policy whose evaluation fails. For a `forbid` that would be an open door, so that such a policy
is refused when it is loaded; what fails all the same at a decision is a denial.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from cedarpy import pst

from ripieno.mediation.policy.engine import type_errors
from ripieno.mediation.policy.guards import as_validated
from ripieno.mediation.policy.policies import Policy
from ripieno.mediation.policy.reads import Node, parts_of
from ripieno.mediation.policy.schema import schema
from ripieno.mediation.policy.usage import ArgumentPath
from ripieno.mediation.policy.values import NAMES
from ripieno.mediation.policy.vocabulary import ValueKind
from ripieno.model.errors import DefinitionError

__all__ = ["argument_types", "check_policy", "conflicts", "duplicates", "explained", "sources"]

MAY_OVERFLOW: Final = frozenset({"add", "sub", "mul", "neg", "offset", "duration_since"})
PREFIX: Final = re.compile(r"^for policy `[^`]*`, ")
UNGUARDED: Final = re.compile(r"unable to guarantee safety of access to optional attribute `([^`]+)`")


def duplicates(policies: Sequence[Policy]) -> Iterator[DefinitionError]:
    """Give the policies whose id another one has that is used together with them."""
    first: dict[str, Policy] = {}
    for policy in policies:
        other = first.setdefault(policy.id, policy)
        if other is not policy:
            msg = f"@id({policy.id!r}) is taken by {other.place}"
            yield DefinitionError(msg, place=policy.place, remedy="give each policy an id of its own")


def check_policy(policy: Policy) -> Iterator[DefinitionError]:
    """Give all that is wrong with a policy by itself."""
    for clause in policy.syntax.clauses:
        for message, remedy in dangers(clause.expr):
            yield DefinitionError(f"{policy.id}: {message}", place=policy.place, remedy=remedy)
    context = policy.reads.context
    if context.value:
        msg = f"{policy.id}: reads the context as a whole"
        yield DefinitionError(msg, place=policy.place, remedy="name the attributes that matter")
    for message, remedy in mistyped(policy):
        yield DefinitionError(f"{policy.id}: {message}", place=policy.place, remedy=remedy)


def dangers(expression: pst.Expr) -> Iterator[tuple[str, str]]:
    """Give what in an expression could fail when it is evaluated, beyond what types tell."""
    if (
        isinstance(expression, pst.UnaryOp | pst.BinaryOp)
        and expression.op in MAY_OVERFLOW
        and reading(expression)
    ):
        yield (
            "arithmetic may overflow, and Cedar skips a policy that fails",
            "compare with a number written out",
        )
    if isinstance(expression, pst.GetAttr | pst.HasAttr) and isinstance(expression.base, pst.EntityLit):
        named = f"{expression.base.value}"
        yield (
            f"reads an attribute of {named}, of which nothing is known",
            "read those of principal and resource",
        )
    for part in parts_of(expression):
        yield from dangers(part)


def reading(expression: pst.Expr) -> bool:
    """Tell whether an expression depends on the act."""
    return isinstance(expression, pst.Var) or any(map(reading, parts_of(expression)))


def mistyped(policy: Policy) -> Iterator[tuple[str, str]]:
    """Give what Cedar's validator says of a policy, under the schema of what it reads."""
    for error in type_errors(as_validated(policy.syntax), schema(argument_types(policy), sources(policy))):
        yield explained(error)


def explained(error: str) -> tuple[str, str]:
    """Give what the validator says so that it tells what to do."""
    error = PREFIX.sub("", error)
    unguarded = UNGUARDED.search(error)
    if unguarded is None:
        return error, "docs/concepts/policy.md lists what policies can speak of"
    above, _, name = unguarded[1].rpartition(".")
    whole = "context" if "in context" in error else "resource"
    base = f"{whole}.{above}" if above else whole
    return (
        f"{base}.{name} may not be there, and is read without a guard",
        f"ask first: {base} has {name} && ...",
    )


def conflicts(policies: Sequence[Policy]) -> Iterator[DefinitionError]:
    """Give the policies that take an argument of one tool for something else than others do."""
    first: dict[tuple[ArgumentPath, str | None], Policy] = {}
    for policy in sorted(policies, key=lambda one: (one.resource[1] is not None, one.id)):
        for path, kind in policy.arguments.items():
            name = policy.resource[1]
            other = first.get((path, None)) or first.setdefault((path, name), policy)
            if other.arguments[path] != kind:
                msg = (
                    f"{policy.id}: takes context.arguments.{'.'.join(path)} for {NAMES[kind]},"
                    f" and {other} for {NAMES[other.arguments[path]]}"
                )
                yield DefinitionError(msg, place=policy.place, remedy="it can be but one of them")


def argument_types(policy: Policy) -> frozenset[tuple[ArgumentPath, ValueKind]]:
    """Give the types of all arguments that a policy reads, or asks whether they are there."""
    kinds = dict(policy.arguments)
    for path in leaves(policy.reads.context.parts.get("arguments", Node())):
        kinds.setdefault(path, "text")
    return frozenset(kinds.items())


def leaves(node: Node, path: ArgumentPath = ()) -> Iterator[ArgumentPath]:
    """Give the paths of all that is read below a node."""
    for name, part in node.parts.items():
        if part.parts:
            yield from leaves(part, (*path, name))
        else:
            yield (*path, name)


def sources(policy: Policy) -> frozenset[ArgumentPath]:
    """Give the paths of the arguments whose source a policy reads."""
    return frozenset(leaves(policy.reads.context.parts.get("provenance", Node())))
