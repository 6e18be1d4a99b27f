"""Each shipped policy by itself: of an act that it may concern, whatever is not known lets nothing more pass.

The acts are made up from what the policy reads, by its syntax: every value that it names, others, and none.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final, cast

import pytest
from cedarpy import pst
from tests.mediation.support.acts import call

from ripieno.mediation.policy import load_library
from ripieno.mediation.policy.policies import Policy, parse
from ripieno.mediation.policy.reads import parts_of
from ripieno.mediation.policy.requests import Request, request
from ripieno.mediation.policy.rules import Rules
from ripieno.mediation.policy.values import UnreadableError
from ripieno.mediation.policy.vocabulary import ACTS, ALWAYS, RESOURCES, WORKFLOW
from ripieno.model.gate import Action, Actor, Approval, Subject
from ripieno.model.principal import Principal, PrincipalKind

LIBRARY: Final = load_library()
POLICIES: Final = {policy.id: policy for pack in LIBRARY.packs for policy in LIBRARY.rules(pack).policies}
KINDS: Final[tuple[PrincipalKind, ...]] = ("person", "agent", "service", "system")
RANK: Final = {"deny": 0, "ask": 1, "allow": 2}
ABSENT: Final = object()
MOST: Final = 400
"""Acts that are tried of each policy; where there could be more, so many are drawn."""


# -- what a policy speaks of ----------------------------------------------------------------------------


def literals(policy: Policy) -> set[str]:
    """Give every text that the conditions of a policy name."""
    found: set[str] = set()

    def visit(expression: pst.Expr) -> None:
        if isinstance(expression, pst.StringLit):
            found.add(expression.value)
        for part in parts_of(expression):
            visit(part)

    for clause in policy.syntax.clauses:
        visit(clause.expr)
    return found


def numbers(texts: set[str]) -> list[Any]:
    """Give the numbers among these, and those right below and above."""
    known = [text for text in texts if text.lstrip("-").replace(".", "", 1).isdecimal()]
    around = {float(text) + step for text in known for step in (-0.0001, 0, 0.0001)}
    return [f"{one:.4f}" for one in sorted(around)] + ["much"]


def choices(policy: Policy) -> dict[tuple[str, ...], list[Any]]:
    """Give for everything that a policy reads what it may be."""
    texts, found = literals(policy), dict[tuple[str, ...], list[Any]]()
    words = [*sorted(texts), "something else", "person:ada"]
    sets = [(), *((word,) for word in words), tuple(words)]
    reads = policy.reads
    for name, node in reads.context.parts.items():
        if name in ("amount", "arguments"):
            found["arguments",] = [ABSENT, {}, *({"amount": one} for one in numbers(texts))]
        elif name == "workflow":
            for part in node.parts:
                found["workflow", part] = [ABSENT, *(sets if WORKFLOW[part] == "texts" else words)]
            found["workflow",] = [ABSENT, {}]
        else:
            found[name,] = [*([] if name in ALWAYS else [ABSENT]), *(words if name == "verb" else sets)]
    kinds = {name: kind for one in RESOURCES.values() for name, kind in one.items()}
    for name in reads.resource.parts:
        of = {"flag": [True, False], "texts": sets}.get(kinds[name], words)
        found["resource", name] = [ABSENT, *of]
    found["roles",] = [(), *((role,) for role in sorted(reads.roles)), tuple(sorted(reads.roles))]
    found["kind",] = list(KINDS)
    found["act",] = [
        (kind, resource)
        for kind in ACTS
        for resource in ACTS[kind]
        if (policy.kinds is None or kind in policy.kinds) and policy.resource[0] in (None, resource)
    ]
    return found


def acts(policy: Policy) -> Iterator[Action]:
    """Make up acts that a policy may concern."""
    of = choices(policy)
    count = 1
    for values in of.values():
        count *= len(values)
    random = Random(policy.id)  # noqa: S311 - for a test
    drawn = (
        itertools.product(*of.values())
        if count <= MOST
        else (tuple(random.choice(values) for values in of.values()) for _ in range(MOST))
    )
    for values in drawn:
        yield made(dict(zip(of, values, strict=True)))


def made(of: Mapping[tuple[str, ...], Any]) -> Action:
    """Give the act of which so much is known."""
    known = {path: value for path, value in of.items() if value is not ABSENT}
    kind, resource = known["act",]
    facts = {path[1]: value for path, value in known.items() if path[0] == "resource" and path[1] != "name"}
    about = {path[1]: value for path, value in known.items() if path[0] == "workflow" and len(path) > 1}
    arguments = known.get(("arguments",))
    return Action(
        kind,
        known.get(("verb",), kind),
        Actor(Principal(known["kind",], "ada", roles=frozenset(known["roles",]))),
        Subject(resource.lower(), known.get(("resource", "name"), "one"), facts),
        workflow=Subject("workflow", "w", about) if ("workflow",) in known else None,
        given=None if arguments is None else lambda: arguments,
        labels=known.get(("labels",), ()),
        approvals=tuple(Approval(one, None) for one in known.get(("approvals",), ())),
        sources=known.get(("sources",)),
        steering=known.get(("steering",)),
        shown=known.get(("shown",)),
        passes=known.get(("passes",)),
    )


# -- what is not known ------------------------------------------------------------------------------------


def less(action: Action) -> Iterator[tuple[str, Action]]:
    """Give an act of which one thing less is known, for each that may be unknown."""
    for name in ("workflow", "given", "sources", "steering", "shown", "passes"):
        if getattr(action, name) is not None:
            yield name, replace(action, **{name: None})
    for of in ("subject", "workflow"):
        subject: Subject | None = getattr(action, of)
        if subject is None:
            continue
        for fact in subject.facts:
            facts = {name: value for name, value in subject.facts.items() if name != fact}
            yield f"{of} {fact}", replace(action, **{of: replace(subject, facts=facts)})
    who = action.actor.principal
    for role in who.roles:
        actor = Actor(replace(who, roles=who.roles - {role}))
        yield f"role {role}", replace(action, actor=actor)


def taken(asked: Request) -> Iterator[tuple[str, Request]]:
    """Give a request without each attribute, at any depth."""
    for part in ("context", "resource", "principal"):
        held: Any = getattr(asked, part) if part == "context" else getattr(asked, part)["attrs"]
        for path in paths(held):
            whole: Any = copy.deepcopy(getattr(asked, part))
            holder = whole if part == "context" else whole["attrs"]
            for name in path[:-1]:
                holder = holder[name]
            del holder[path[-1]]
            yield f"{part} {'.'.join(path)}", replace(asked, **{part: whole})


def paths(value: Any) -> Iterator[tuple[str, ...]]:
    """Give the path of every attribute."""
    if not isinstance(value, dict) or "__extn" in value:
        return
    for name, part in cast("dict[str, Any]", value).items():
        yield (name,)
        yield from ((name, *path) for path in paths(part))


def rules_of(policy: Policy) -> Rules:
    """Give the rules that a policy is asked under: alone, and for a forbid beside what permits everything."""
    if policy.effect == "permit":
        return Rules([policy])
    return Rules([policy, *parse('@id("all") permit (principal, action, resource);', "all")])


def loosened(policy: Policy) -> list[str]:
    """Give what was made more permissive by knowing less, and shows that the policy was asked at all."""
    rules, found, verdicts = rules_of(policy), list[str](), set[str]()
    for action in acts(policy):
        who = action.actor.principal
        before = rules.ruling(action, who).verdict
        verdicts.add(before)
        shard = rules.shard(action)
        try:
            asked = request(action, who, shard.wanted)
        except UnreadableError:  # what is there and cannot be read is denied, whatever else is known
            assert before == "deny"
            continue
        known_less = [
            *((what, rules.ruling(other, other.actor.principal)) for what, other in less(action)),
            *((what, shard.rule(other)) for what, other in taken(asked)),
        ]
        found += [
            f"without {what}: {before}, then {after.verdict}"
            for what, after in known_less
            if RANK[after.verdict] > RANK[before]
        ]
    assert ("allow" if policy.effect == "permit" else "ask" if policy.asks else "deny") in verdicts
    return found


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_act_passes_a_policy_since_something_is_not_known_of_it(policy: Policy) -> None:
    assert loosened(policy) == []


def test_every_shipped_policy_is_among_these() -> None:
    assert {one.id for pack in LIBRARY.packs for one in LIBRARY.rules(pack).policies} == set(POLICIES)
    assert len(POLICIES) > 25


HEAD: Final = 'forbid (principal, action == Action::"tool.call", resource is Tool)'
WEAK: Final = {
    "no sources": 'when { context has sources && context.sources.contains("untrusted") }',
    "no workflow": 'when { context has workflow.data && context.workflow.data.contains("x") }',
    "no amount": 'when { context has amount && context.amount.greaterThan(decimal("5.0")) }',
    "no labels": 'when { context.labels.contains("phi") }',
}


def weak(condition: str, head: str = HEAD) -> Policy:
    """Give a policy that forbids under a condition."""
    (found,) = parse(f'@id("weak") {head} {condition};', "weak")
    return found


@pytest.mark.parametrize("condition", WEAK.values(), ids=WEAK)
def test_a_policy_that_lets_pass_what_is_not_known_would_be_found(condition: str) -> None:
    if "labels" in condition:  # always known: where it were not, the policy could not be evaluated
        assert loosened(weak(condition)) == []
        return
    assert loosened(weak(condition))


# -- chains -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_where_values_come_from_is_looked_at_for_everybody_in_a_chain(place: int) -> None:
    rules = Rules([weak(WEAK["no labels"], HEAD.replace("principal", "principal is Agent"))])
    chain = [Principal("service", f"s-{number}") for number in range(4)]
    chain[place] = Principal("agent", "bot")
    actor = Actor(chain[0], chain[1], tuple(chain[2:]))
    action = call(actor=actor)
    assert rules.shard(action).traces(actor) == {"labels"}
