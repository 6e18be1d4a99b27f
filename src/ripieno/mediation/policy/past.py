"""The acts of a run as its log has them: what was proposed, by whom, and what was decided about it.

An event that names the policies of its decision is a decision; one from before decisions were recorded was
let happen. What an event does not tell of an act, such as the data that a visit touched beyond what its
workflow declares, is not known here either: a policy that reads it decides as it does where nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ripieno.model.event import Event
from ripieno.model.gate import Action, ActionKind, Actor, Approval, Subject, Verdict
from ripieno.model.principal import Principal, PrincipalKind
from ripieno.model.provenance import Traced

__all__ = ["Facts", "PastAct", "acts_of"]

Facts = Mapping[str, str | int | bool | tuple[str, ...]]

AGENTS: Final = frozenset({"agent", "single_agent", "magentic"})
CHOICES: Final[Mapping[str, ActionKind]] = {"hand over": "handoff", "speaker": "chat.speak", "plan": "plan"}
DENIED: Final = "/denied"
VISIT: Final = re.compile(r"@\d+/denied$")
UNDO: Final = "/undo"
SYSTEM: Final = "ripieno"


@dataclass(frozen=True, slots=True)
class PastAct:
    """One act that was decided about."""

    seq: int
    """Of the event that tells of it."""
    path: str
    action: Action
    verdict: Verdict
    policies: tuple[str, ...] | None
    """Those that determined it; None where the log is from before they were recorded."""
    version: str | None
    """Of the policies that it was decided under; None likewise."""
    traced: Traced | None = None
    """Where its values came from, where that was read for the decision."""
    editors: tuple[str, ...] = ()
    """Who had changed its arguments by then, and for whom."""

    def with_sources(self, traced: Traced) -> PastAct:
        """Give the same act with where its values came from."""
        action = replace(
            self.action,
            provenance=traced.provenance,
            sources=traced.sources,
            steering=traced.steering,
            shown=traced.shown,
            passes=traced.passes,
            labels=tuple(sorted({*self.action.labels, *traced.labels})),
        )
        return replace(self, action=action, traced=traced)


def acts_of(events: Sequence[Event], facts: Facts, opened: Callable[[str], Any]) -> Iterator[PastAct]:
    """Give the acts of a run in the order of its log, each once.

    facts: what is known of the run's workflow.
    opened: gives a value by its commitment.
    """
    started = events[0].body
    run = Run(events[0].stream, started, Subject("workflow", str(started["workflow"]), facts), opened)
    kinds = {one.path: one.body["participant"] for one in events if one.kind in {"step", "scope"}}
    heard = Heard()
    claimed: set[str] = set()
    for event in events:
        body = event.body
        kind = str(event.kind)
        match kind:
            case "run.started":
                subject = run.workflow
                asks: Verdict = "ask" if "awaits" in body else "allow"
                yield run.act(event, "run.start", Actor(run.whose), subject, verb="start", verdict=asks)
            case "step" | "scope":
                actor = run.actor(Principal("system", SYSTEM, run.whose.tenant))
                yield run.act(
                    event, "participant.work", actor, run.participant(event.path, body["participant"])
                )
            case "intent" if event.path not in claimed:
                claimed.add(event.path)
                given = heard.of(event.path, body.get("approved", ()))
                yield run.call(event, event.path, kinds, approvals=given)
            case "proposed" if body.get("rule") == "policy":
                act = heard.asked(event)
                yield run.call(event, act, kinds, verdict="ask", approvals=heard.of(act))
            case "answered":
                heard.answered(event)
            case "choice" if body["what"] in CHOICES:
                yield run.choice(event, kinds)
            case "run.ended" if "traced" in body:
                yield run.answer(event)
            case "denied":
                yield from run.denied(event, kinds)
            case _:
                pass


class Heard:
    """Whom policies asked about each act, and who answered."""

    def __init__(self) -> None:
        self._roles: dict[tuple[str, str], str | None] = {}
        self._by: dict[tuple[str, str], str] = {}

    def asked(self, proposed: Event) -> str:
        """Note who is asked; give the path of the act."""
        act, _, number = proposed.path.rpartition("/proposed/")
        self._roles[act, number] = proposed.body.get("role")
        return act

    def answered(self, event: Event) -> None:
        """Note who has answered."""
        act, _, number = event.path.rpartition("/approval/")
        self._by[act, number] = event.body["by"]

    def of(self, act: str, approved: Sequence[str] | None = None) -> list[Approval]:
        """Give the approvals of an act; of those by whom it is known to be approved, where that is known."""
        return [
            Approval(by, self._roles[at])
            for at, by in self._by.items()
            if at[0] == act and at in self._roles and (approved is None or by in approved)
        ]


def as_held(who: str, tenant: str, held: Mapping[str, Any]) -> Principal:
    """Give a principal by its id, with the rights that an event says it held."""
    kind, _, name = who.partition(":")
    return Principal(
        cast("PrincipalKind", kind),
        name,
        tenant,
        frozenset(held.get("roles", ())),
        every_role=bool(held.get("every_role", False)),
    )


class Run:
    """What all acts of a run have in common."""

    def __init__(
        self, id_: str, started: Mapping[str, Any], workflow: Subject, opened: Callable[[str], Any]
    ) -> None:
        self.id = id_
        self.whose = as_held(str(started["principal"]), started["tenant"], started)
        self.through: tuple[str, ...] = tuple(started.get("through", ()))
        self.workflow = workflow
        self._opened = opened
        self._version: str | None = started.get("policy")
        self._labels = cast("tuple[str, ...]", workflow.facts.get("data", ()))

    def participant(self, path: str, kind: str) -> Subject:
        """Give the participant whose visit is at a path."""
        name = path.rpartition("/")[2].partition("@")[0]
        return self.named(name, kind)

    def named(self, name: str, kind: str = "") -> Subject:
        """Give a participant by its name."""
        facts = {"workflow": self.workflow.name, **({"kind": kind} if kind else {})}
        return Subject("participant", f"{self.workflow.name}/{name}", facts)

    def acting(self, path: str, kinds: Mapping[str, str]) -> Actor:
        """Give who acted within the visit that an act belongs to, for whom the run acts."""
        visit = path
        while visit and not visit.rpartition("/")[2].partition("@")[2].isdecimal():
            visit = visit.rpartition("/")[0]
        name = visit.rpartition("/")[2].partition("@")[0]
        kind = "system" if not visit else "agent" if kinds.get(visit) in AGENTS else "service"
        name = name.lstrip("_-.@+")[:128] or SYSTEM
        above = [
            parts[-1].partition("@")[0]
            for end in range(visit.count("/"), 0, -1)
            if kinds.get("/".join(parts := visit.split("/")[:end])) in AGENTS
        ]
        return self.actor(Principal(kind, name, self.whose.tenant), *(f"agent:{one}" for one in above))

    def actor(self, who: Principal, *above: str) -> Actor:
        """Give who acted, for those above within the run and beyond, and for whom it was begun."""
        agents = [Principal("agent", one.partition(":")[2], who.tenant) for one in (*above, *self.through)]
        chain = (*agents, self.whose)
        return Actor(who, chain[0], chain[1:])

    def call(
        self,
        event: Event,
        path: str,
        kinds: Mapping[str, str],
        *,
        verdict: Verdict = "allow",
        approvals: Sequence[Approval] = (),
    ) -> PastAct:
        """Give the call of a tool that an event tells of."""
        body = event.body
        known = {name: body[name] for name in ("effect", "version", "on_uncertain") if name in body}
        subject = Subject("tool", body["tool"], {"effect": "write", **known, "undo": "undo" in body})
        reference: str | None = body.get("arguments")  # denials of before do not say with what
        kind: ActionKind = "tool.undo" if path.endswith(UNDO) else "tool.call"
        editors: Mapping[str, Mapping[str, Any]] = body.get("editors", {})
        joined = [as_held(who, self.whose.tenant, held) for who, held in editors.items()]
        past = self.act(
            event,
            kind,
            self.acting(path, kinds).joined_by(joined),
            subject,
            path=path,
            verdict=verdict,
            given=None if reference is None else lambda: self._opened(reference),
            approvals=approvals,
        )
        return replace(past, editors=tuple(editors))

    def denied(self, event: Event, kinds: Mapping[str, str]) -> Iterator[PastAct]:
        """Give the act that was denied; one that does not tell what was denied cannot be decided again."""
        path = event.path.removesuffix(DENIED)
        if "tool" in event.body:
            yield self.call(event, path, kinds, verdict="deny")
        elif VISIT.search(event.path):
            actor = self.actor(Principal("system", SYSTEM, self.whose.tenant))
            subject = self.participant(path, kinds.get(path, ""))
            yield self.act(event, "participant.work", actor, subject, path=path, verdict="deny")

    def answer(self, event: Event) -> PastAct:
        """Give what the run said, where that was decided about."""
        outcome = event.body["outcome"]
        actor = self.actor(Principal("system", SYSTEM, self.whose.tenant))
        given = {part: outcome[part] for part in ("output", "evidence", "reason") if part in outcome}
        return self.act(
            event,
            "answer",
            actor,
            self.workflow,
            path="answer",
            given=lambda: {part: self._opened(ref) for part, ref in given.items()},
        )

    def choice(self, event: Event, kinds: Mapping[str, str]) -> PastAct:
        """Give the choice that an event tells of."""
        kind, chosen = CHOICES[event.body["what"]], str(event.body["chosen"])
        actor = self.acting(event.path, kinds)
        subject = self.named(actor.principal.name) if kind == "plan" else self.named(chosen)
        return self.act(event, kind, actor, subject, verb=chosen)

    def act(
        self,
        event: Event,
        kind: ActionKind,
        actor: Actor,
        subject: Subject,
        *,
        verb: str | None = None,
        path: str | None = None,
        verdict: Verdict = "allow",
        given: Callable[[], Mapping[str, Any]] | None = None,
        approvals: Sequence[Approval] = (),
    ) -> PastAct:
        """Give an act with what an event says of the decision about it."""
        at = path or event.path
        known = event.body.get("traced")
        traced = None if known is None else Traced.read(self._opened(known))
        action = Action(
            kind,
            verb or kind,
            actor,
            subject,
            self.workflow,
            self.id,
            at,
            given,
            labels=self._labels,
            approvals=tuple(approvals),
        )
        policies = event.body.get("policies")
        version = event.body.get("policy") or self._version
        past = PastAct(event.seq, at, action, verdict, None if policies is None else tuple(policies), version)
        return past if traced is None else past.with_sources(traced)
