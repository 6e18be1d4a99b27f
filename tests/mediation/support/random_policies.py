"""Random policies and acts, and what should be decided about them, told without Cedar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ripieno.mediation.policy.library import Library
from ripieno.mediation.policy.packs import Pack, Source
from ripieno.model.gate import Action, ActionKind, Actor, Subject, Verdict
from ripieno.model.principal import Principal

_NOWHERE = Path()
ROLES = ("clerk", "treasurer")
TOOLS = ("pay", "note")
KINDS: tuple[ActionKind, ...] = ("tool.call", "tool.undo")


@dataclass(frozen=True)
class Rule:
    """One policy, before it is written in Cedar."""

    effect: str
    kinds: tuple[str, ...]
    """None at all: any."""
    role: str | None
    person: str | None
    tool: str | None
    label: str | None
    above: int | None
    asks: bool

    def text(self, number: int) -> str:
        """Write it in Cedar."""
        who = (
            f' in Role::"{self.role}"' if self.role else f' == Person::"{self.person}"' if self.person else ""
        )
        named = ", ".join(f'Action::"{kind}"' for kind in self.kinds)
        acts = f" in [{named}]" if named else ""
        tool = f' == Tool::"{self.tool}"' if self.tool else " is Tool"
        when = [f'context.labels.contains("{self.label}")'] if self.label else []
        if self.above is not None:
            when.append(f"context has arguments.amount && context.arguments.amount > {self.above}")
        approval = '@approval("role:boss") ' if self.asks else ""
        conditions = f" when {{ {' && '.join(when)} }}" if when else ""
        head = f"{self.effect} (principal{who}, action{acts}, resource{tool})"
        return f'@id("p{number}") {approval}{head}{conditions};'

    def holds(self, act: Action, by: Principal) -> bool:
        """Tell whether it concerns an act by one principal."""
        arguments: Mapping[str, Any] = {} if act.given is None else act.given()
        amount = arguments.get("amount")
        return (
            (not self.kinds or act.kind in self.kinds)
            and (self.role is None or by.holds(self.role))
            and (self.role is not None or self.person in {None, by.name})
            and self.tool in {None, act.subject.name}
            and (self.label is None or self.label in act.labels)
            and (self.above is None or (amount is not None and amount > self.above))
        )


def expected(rules: Sequence[Rule], act: Action) -> Verdict:
    """Give what has to be decided: for everyone who acts, and the strictest of it."""
    acting = [one for one in (act.actor.principal, act.actor.on_behalf_of) if one is not None]
    found = [expected_of(rules, act, by) for by in acting]
    return "deny" if "deny" in found else "ask" if "ask" in found else "allow"


def expected_of(rules: Sequence[Rule], act: Action, by: Principal) -> Verdict:
    """Give what has to be decided about an act by one principal."""
    concerned = [rule for rule in rules if rule.holds(act, by)]
    forbids = [rule for rule in concerned if rule.effect == "forbid"]
    if len(forbids) == len(concerned) or not all(rule.asks for rule in forbids):
        return "deny"
    return "ask" if forbids else "allow"


def rules() -> st.SearchStrategy[Rule]:
    """Draw a policy."""
    return st.builds(
        lambda effect, asks, **rest: Rule(effect=effect, asks=asks and effect == "forbid", **rest),  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]
        effect=st.sampled_from(["permit", "permit", "forbid"]),
        kinds=st.sampled_from([(), ("tool.call",), KINDS]),
        role=st.sampled_from([None, None, *ROLES]),
        person=st.sampled_from([None, None, "ada"]),
        tool=st.sampled_from([None, None, *TOOLS]),
        label=st.sampled_from([None, None, "phi"]),
        above=st.sampled_from([None, None, 5]),
        asks=st.booleans(),
    )


def principals() -> st.SearchStrategy[Principal]:
    """Draw who acts."""
    return st.builds(
        lambda name, roles: Principal("person", name, roles=roles),  # pyright: ignore[reportUnknownLambdaType,reportUnknownArgumentType]
        st.sampled_from(["ada", "ben"]),
        st.frozensets(st.sampled_from(ROLES)),
    )


def acts() -> st.SearchStrategy[Action]:
    """Draw an act."""

    def made(  # noqa: PLR0917 - the sides of an act
        kind: ActionKind,
        by: Principal,
        behalf: Principal | None,
        tool: str,
        labels: tuple[str, ...],
        amount: int | None,
    ) -> Action:
        given: dict[str, Any] = {} if amount is None else {"amount": amount}
        subject = Subject("tool", tool, {"effect": "write"})
        return Action(kind, kind, Actor(by, behalf), subject, given=lambda: given, labels=labels)

    return st.builds(
        made,
        st.sampled_from(KINDS),
        principals(),
        st.none() | principals(),
        st.sampled_from(TOOLS),
        st.sampled_from([(), ("phi",), ("pii", "phi")]),
        st.sampled_from([None, 5, 6]),
    )


def library(found: Sequence[Rule]) -> Library:
    """Give a library whose pack `standard` is of these policies alone, numbered in this order."""
    return written([rule.text(number) for number, rule in enumerate(found)])


def written(texts: Sequence[str]) -> Library:
    """Give a library whose pack `standard` is of policies as they are written."""
    return Library([Pack("standard", _NOWHERE, "own", (Source("own/rules.cedar", "\n".join(texts)),))])
