"""What a policy reads, found in its syntax: a decision sees that and nothing else, and is cached by that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cedarpy import pst

__all__ = ["Node", "Reads", "chain", "reads_of"]


@dataclass(slots=True)
class Node:
    """One attribute that is read: whether it is there, its value as a whole, or parts of it."""

    value: bool = False
    """True where the value itself is read, not just its presence or its parts."""
    parts: dict[str, Node] = field(default_factory=dict[str, "Node"])

    def at(self, path: Iterable[str]) -> Node:
        """Give the node of a path below this one, made where there was none."""
        node = self
        for name in path:
            node = node.parts.setdefault(name, Node())
        return node

    def has(self, path: Iterable[str]) -> bool:
        """Tell whether anything at a path, or the whole above it, is read."""
        node: Node | None = self
        for name in path:
            if node is None or node.value:
                break
            node = node.parts.get(name)
        return node is not None

    def add(self, other: Node) -> None:
        """Read all that another one reads as well."""
        self.value = self.value or other.value
        for name, part in other.parts.items():
            self.at((name,)).add(part)


@dataclass(slots=True)
class Reads:
    """All that is read of a proposed act."""

    context: Node = field(default_factory=Node)
    principal: Node = field(default_factory=Node)
    """Its value is read where it matters who it is, beside roles and attributes."""
    resource: Node = field(default_factory=Node)
    roles: set[str] = field(default_factory=set[str])
    """The roles that are asked about."""

    def add(self, other: Reads) -> None:
        """Read all that another one reads as well."""
        self.context.add(other.context)
        self.principal.add(other.principal)
        self.resource.add(other.resource)
        self.roles |= other.roles

    def of(self, variable: str) -> Node:
        """Give what is read of a variable; the action is known from the shard."""
        nodes = {"context": self.context, "principal": self.principal, "resource": self.resource}
        return nodes.get(variable, Node())


def reads_of(policy: pst.Template) -> Reads:
    """Find what a policy reads, in its head and in its conditions."""
    reads = Reads()
    heads = (("principal", policy.principal), ("resource", policy.resource))
    for variable, head in heads:
        if isinstance(head, pst.ScopeEq | pst.ScopeIn | pst.ScopeIsIn) and isinstance(
            head.entity, pst.EntityUid
        ):
            is_in(reads, variable, [head.entity])
    for clause in policy.clauses:
        visit(reads, clause.expr)
    return reads


def is_in(reads: Reads, variable: str, entities: Iterable[pst.EntityUid]) -> None:
    """Note that a variable is compared with entities: roles are read as such, all else as who it is."""
    for entity in entities:
        if variable == "principal" and str(entity.type) == "Role":
            reads.roles.add(entity.id)
        else:
            reads.of(variable).value = True


def chain(expression: pst.Expr) -> tuple[str, tuple[str, ...]] | None:
    """Give the variable and the path of `context.arguments.amount`; None for any other expression."""
    path: list[str] = []
    while isinstance(expression, pst.GetAttr):
        path.append(expression.attr)
        expression = expression.base
    return (expression.name, tuple(reversed(path))) if isinstance(expression, pst.Var) else None


def visit(reads: Reads, expression: pst.Expr) -> None:
    """Note what an expression reads."""
    if found := chain(expression):
        variable, path = found
        reads.of(variable).at(path).value = True
        return
    if isinstance(expression, pst.HasAttr) and (found := chain(expression.base)):
        reads.of(found[0]).at((*found[1], *expression.attrs))
        return
    if (
        isinstance(expression, pst.BinaryOp)
        and expression.op == "in"
        and isinstance(expression.left, pst.Var)
    ):
        named = entities_in(expression.right)
        if named is not None:
            is_in(reads, expression.left.name, named)
            return
    if isinstance(expression, pst.Is) and isinstance(expression.base, pst.Var):
        if expression.in_expr is not None:
            visit(reads, pst.BinaryOp("in", expression.base, expression.in_expr))
        return
    for part in parts_of(expression):
        visit(reads, part)


def entities_in(expression: pst.Expr) -> list[pst.EntityUid] | None:
    """Give the entities that an expression names and nothing else; None where it is more than that."""
    elements = expression.elements if isinstance(expression, pst.Set) else (expression,)
    named = [one.value for one in elements if isinstance(one, pst.EntityLit)]
    return named if len(named) == len(elements) else None


def parts_of(expression: pst.Expr) -> tuple[pst.Expr, ...]:
    """Give the expressions right within another."""
    found: tuple[pst.Expr | None, ...] = ()
    match expression:
        case pst.UnaryOp():
            found = (expression.arg,)
        case pst.BinaryOp():
            found = (expression.left, expression.right)
        case pst.GetAttr() | pst.HasAttr() | pst.Like():
            found = (expression.base,)
        case pst.Is():
            found = (expression.base, expression.in_expr)
        case pst.IfThenElse():
            found = (expression.cond, expression.then_expr, expression.else_expr)
        case pst.Set():
            found = expression.elements
        case pst.Record():
            found = tuple(expression.fields.values())
        case _:  # variables, literals
            pass
    return tuple(part for part in found if part is not None)
