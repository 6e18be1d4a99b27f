"""A declared check: what it is about, what has to hold, and what becomes of what does not pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.mediation.validation.rules import (
    CitesRule,
    ExpressionRule,
    ForbidsRule,
    FunctionRule,
    RangesRule,
    Rule,
    SchemaRule,
    SizeRule,
)
from ripieno.model.checks import Escalate, Given, Of, Otherwise, Repair
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json

__all__ = ["Check", "Ranges", "escalate", "on_arguments", "on_input", "on_result", "repair"]

Ranges = Mapping[str, Sequence[float | None]]
"""Least and most by dotted path; None leaves one of them open."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    of: Of
    rule: Rule | None
    """What has to hold; None where a participant judges."""
    reviewer: Any = None
    """The participant that judges, where one does."""
    says: str | None = None
    """The complaint in words of one's own."""
    otherwise: Otherwise = "reject"

    async def complaint(self, given: Given) -> str | None:
        """Say what is wrong; None when it passes, or where a participant judges it later."""
        if self.rule is None:
            return None
        try:
            problem = await self.rule.problem(given)
        except Exception as error:  # noqa: BLE001 - what cannot be checked does not pass
            problem = f"could not be checked: {type(error).__name__}"
        return problem if problem is None or self.says is None else self.says

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in the definition."""
        what: Json = {"review": self.reviewer.name} if self.rule is None else self.rule.describe()
        document: dict[str, Json] = {self.of: what}
        if self.says is not None:
            document["says"] = self.says
        if isinstance(self.otherwise, Repair):
            document["otherwise"] = {"repair": self.otherwise.times}
        elif isinstance(self.otherwise, Escalate):
            due = self.otherwise.due
            settings: dict[str, Json] = {} if due is None else {"due": in_seconds(due)}
            document["otherwise"] = {"escalate": {"role": self.otherwise.role, **settings}}
        return document


def repair(times: int = 2) -> Repair:
    """Ask whoever proposed it again, with the complaint, so often at most; after that it is rejected."""
    if times < 1:
        msg = f"repair must be at least 1, got {times!r}"
        raise DefinitionError(msg)
    return Repair(times)


def escalate(role: str, *, due: Duration | None = None) -> Escalate:
    """Let whoever holds a role decide; no answer within `due` counts as no."""
    if not role.strip():
        msg = "escalate needs a role that may decide"
        raise DefinitionError(msg)
    return Escalate(role, None if due is None else seconds(due))


def made(of: Of, rule: object, says: str | None, otherwise: Otherwise, **rules: Any) -> Check:
    """Give a check from what a program or a file says; exactly one rule."""
    given: dict[str, Any] = {
        name: value for name, value in {"rule": rule, **rules}.items() if value is not None
    }
    if len(given) != 1:
        msg = f"a check of {of} has one rule, this one has {', '.join(given) or 'none'}"
        raise DefinitionError(msg, remedy="declare one check for each thing that has to hold")
    [(name, value)] = given.items()
    if otherwise != "reject" and not isinstance(otherwise, Repair | Escalate):  # pyright: ignore[reportUnnecessaryIsInstance] - whatever a program gives
        msg = f"otherwise must be 'reject', repair(...) or escalate(...), got {otherwise!r}"
        raise DefinitionError(msg)
    if name == "reviewer":
        return Check(of, None, value, says, otherwise)
    make: Mapping[str, Callable[[Any], Rule]] = {
        "rule": plain_rule,
        "ranges": RangesRule,
        "forbids": ForbidsRule,
        "max_bytes": SizeRule,
        "cites": CitesRule,
    }
    return Check(of, make[name](value), None, says, otherwise)


def plain_rule(rule: object) -> Rule:
    """Give the rule that an expression, a schema or a function is."""
    if isinstance(rule, str):
        return ExpressionRule(rule)
    if isinstance(rule, Mapping):
        return SchemaRule(cast("Mapping[str, Any]", rule))
    if callable(rule):
        return FunctionRule(rule)
    msg = f"expected an expression, a JSON Schema or a function to check by, got {rule!r}"
    raise DefinitionError(msg)


def on_arguments(
    rule: str | Mapping[str, Any] | Callable[[Any], Any] | None = None,
    *,
    ranges: Ranges | None = None,
    forbids: Sequence[str] | None = None,
    max_bytes: int | None = None,
    says: str | None = None,
    otherwise: Otherwise = "reject",
) -> Check:
    """Check the arguments of a call, before anybody approves it and before it is claimed.

    One rule: an expression over the arguments such as `"amount <= limit"`; a JSON Schema; a function
    that gives None or True for what passes and otherwise says what is wrong; `ranges` of numbers by
    dotted path; patterns that it `forbids`; or `max_bytes`. `says` is the complaint in your words.
    """
    return made("arguments", rule, says, otherwise, ranges=ranges, forbids=forbids, max_bytes=max_bytes)


def on_input(
    rule: str | Mapping[str, Any] | Callable[[Any], Any] | None = None,
    *,
    ranges: Ranges | None = None,
    forbids: Sequence[str] | None = None,
    max_bytes: int | None = None,
    reviewer: Any = None,
    says: str | None = None,
    otherwise: Otherwise = "reject",
) -> Check:
    """Check what a participant is given, before it begins; see `on_arguments` and `on_result`.

    Nobody can repair what is given to all: such a check rejects, or asks a person.
    """
    if isinstance(otherwise, Repair):
        msg = "an input cannot be repaired: whoever works on it has not made it"
        raise DefinitionError(msg, remedy="reject it, or escalate")
    rules: dict[str, Any] = {"ranges": ranges, "forbids": forbids, "max_bytes": max_bytes}
    return made("input", rule, says, otherwise, **rules, reviewer=reviewer)


def on_result(
    rule: str | Mapping[str, Any] | Callable[[Any], Any] | None = None,
    *,
    ranges: Ranges | None = None,
    forbids: Sequence[str] | None = None,
    max_bytes: int | None = None,
    cites: int | None = None,
    reviewer: Any = None,
    says: str | None = None,
    otherwise: Otherwise = "reject",
) -> Check:
    """Check what a call or a participant gave, before it is used; see `on_arguments`.

    `cites` asks for so many pieces of evidence, of a participant. A `reviewer` is a participant that is
    given `input` and `output`, and says `{"approved": true}`, or false with a `complaint`.
    """
    rules: dict[str, Any] = {"ranges": ranges, "forbids": forbids, "max_bytes": max_bytes, "cites": cites}
    return made("result", rule, says, otherwise, **rules, reviewer=reviewer)
