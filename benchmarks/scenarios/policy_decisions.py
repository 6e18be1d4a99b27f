"""What a decision by policy takes: with how many policies, decided anew and remembered."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

from harness.scenario import Figure, Scenario, main
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.gate import Action, Actor, Subject
from ripieno.model.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOOLS = 50
"""So many tools have policies of their own; every fifth policy is about the calls of all tools."""

ACTOR = Actor(Principal("person", "ada", roles=frozenset({"clerk"})))


def policy(number: int) -> str:
    """Write a policy about amounts, recipients and labels."""
    tool = "resource is Tool" if number % 5 == 0 else f'resource == Tool::"tool-{number % TOOLS}"'
    return f"""
@id("limit-{number}")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", {tool})
when {{
  context has arguments && context.arguments has amount && context.arguments has recipient &&
  context.arguments.amount > {100_000 + number} && context.arguments.recipient != "known-{number}" &&
  !context.labels.contains("reviewed-{number}")
}};
"""


def calls(tool: int, *, different: bool) -> Iterator[Action]:
    """Give calls of a tool, each with arguments of its own or all with the same."""
    subject = Subject("tool", f"tool-{tool}", {"effect": "write"})
    for number in count():
        given: dict[str, Any] = {"amount": number if different else 1, "recipient": "r"}
        yield Action("tool.call", "tool.call", ACTOR, subject, given=lambda given=given: given)


def work() -> Iterator[Action]:
    """Give the visit of a participant, again and again."""
    act = Action("participant.work", "participant.work", ACTOR, Subject("participant", "w/a"))
    while True:
        yield act


def timed(gate: PolicyGate, acts: Iterator[Action], times: int) -> list[float]:
    """Give the CPU time of each decision in microseconds, sorted; what is built once is there before.

    The time of the thread, so that a busy machine's waiting is not a decision's; what it takes to collect
    garbage and to miss the processor's caches is.
    """
    clock: Callable[[], float] = time.thread_time
    for act, _ in zip(acts, range(20), strict=False):
        gate.decide(act)
    taken: list[float] = []
    for act, _ in zip(acts, range(times), strict=False):
        began = clock()
        found = gate.decide(act)
        taken.append((clock() - began) * 1_000_000)
        if found.verdict != "allow":
            raise AssertionError(found)
    return sorted(taken)


def spread(what: str, taken: list[float], goal: str) -> list[Figure]:
    """Give the middle and the far end of what decisions take; the goal is for p99."""
    return [
        Figure(what=f"{what}, {name}", value=at(taken, part), unit="us", goal=goal if name == "p99" else "")
        for name, part in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    ]


def at(taken: list[float], part: float) -> float:
    """Give what this part of the decisions does not take more than."""
    return taken[min(int(len(taken) * part), len(taken) - 1)]


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - the scenario's signature
    """Decide about calls that differ, about one call again and again, and about the work of a participant."""
    times = 200 if quick else 5_000
    figures: list[Figure] = []
    for policies, goal in ((100, "at most 500 us"), (1_000, "at most 1,000 us")):
        own = folder / f"policies-{policies}"
        own.mkdir()
        (own / "rules.cedar").write_text("".join(policy(number) for number in range(policies)))
        began = time.thread_time()
        gate = PolicyGate(load_library(own))
        gate.decide(next(calls(1, different=False)))
        loaded = time.thread_time() - began
        concerned = len(gate.rules(next(work())).shard(next(calls(1, different=False))).policies)
        of = f"{policies:,} policies"
        figures += [
            Figure(what=f"{of}: read, checked and first asked", value=loaded, unit="s"),
            Figure(what=f"{of}: of which may concern the call", value=concerned, unit="policies"),
            *spread(f"{of}: a call decided anew", timed(gate, calls(1, different=True), times), goal),
            *spread(f"{of}: the same call again", timed(gate, calls(1, different=False), times), ""),
            *spread(f"{of}: a participant's work", timed(gate, work(), times), "a few us"),
        ]
    return figures


if __name__ == "__main__":
    main(Scenario(title="Decisions by policy", measure=measure))
