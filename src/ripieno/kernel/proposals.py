"""What a run proposes, put to the gate: who acts, for whom, upon what; and how the log tells the decision.

Whoever it acts for has the roles that were held when it was started, as far as they are held still.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from ripieno.journal.rights import Directed
from ripieno.kernel.consent import is_settled, whose
from ripieno.kernel.tracing import declared_facts
from ripieno.kernel.verdicts import told
from ripieno.model.definition import Definition
from ripieno.model.event import Event, Json
from ripieno.model.gate import Action, ActionKind, Actor, Approval, Decision, Gate, Subject
from ripieno.model.participant import Answer, Participant, ToolLike
from ripieno.model.principal import Principal, PrincipalKind
from ripieno.model.provenance import Traced
from ripieno.model.stop import Place
from ripieno.model.tool import ModelLike, act_of
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = ["Proposals", "known_of", "rights", "started_for", "trial"]

AGENTS: Final = frozenset({"agent", "single_agent", "magentic", "langgraph", "agent_framework"})
"""Kinds of participants that act of their own accord; what others propose is the workflow's own doing."""

MOST_IN_A_CHAIN: Final = 16
"""So many may act for each other; what would be done by more is denied."""

SYSTEM: Final = "ripieno"
"""The name of the one who lets participants work."""


def rights(principal: Principal) -> dict[str, Json]:
    """Give what the first event of a run keeps of the rights of whoever it acts for."""
    found: dict[str, Json] = {}
    if principal.every_role:
        found["every_role"] = True
    elif principal.roles:
        found["roles"] = [*sorted(principal.roles)]
    if principal.credential is not None:
        found["credential"] = principal.credential
    return found


def trial(candidate: str | None) -> dict[str, Json]:
    """Give what the first event of a run says of the candidate whose policies decide for it."""
    return {} if candidate is None else {"candidate": candidate}


def started_for(started: Event) -> Principal:
    """Give for whom a run acts, with the roles held when it was started."""
    body = started.body
    every_role, credential = body.get("every_role", False), body.get("credential")
    return holder(
        body["principal"], body["tenant"], tuple(body.get("roles", ())), credential, every=every_role
    )


@lru_cache(maxsize=1024)
def holder(
    who: str, tenant: str, roles: tuple[str, ...], credential: str | None, *, every: bool
) -> Principal:
    """Give a principal by its id; many runs act for the same one."""
    kind, _, name = who.partition(":")
    return Principal(
        cast("PrincipalKind", kind),
        name,
        tenant,
        frozenset(roles),
        every_role=every,
        credential=credential,
    )


def named(scope: Scope) -> str:
    """Give the name of a visit's participant in the letters that a principal may have."""
    return scope.name.lstrip("_-.@+")[:128] or SYSTEM


def agents_above(scope: Scope) -> Iterator[str]:
    """Give the agents within whose visits a visit lies, by id; the nearest first."""
    above = scope.parent
    while above is not None:
        if above.path and above.kind in AGENTS:
            yield f"agent:{named(above)}"
        above = above.parent


def carrying(action: Action, traced: Traced) -> Action:
    """Give an act with where what it carries comes from."""
    return replace(
        action,
        labels=tuple(sorted({*action.labels, *traced.labels})),
        provenance=traced.provenance,
        sources=traced.sources,
        steering=traced.steering,
        shown=traced.shown,
        passes=traced.passes,
    )


@dataclass(slots=True)
class Known:
    """What is the same for all runs of one definition under one gate."""

    gate: Gate
    version: str
    subjects: dict[tuple[str, str], Subject] = field(default_factory=dict[tuple[str, str], Subject])
    actors: dict[tuple[Principal, ...], Actor] = field(default_factory=dict[Any, Actor])
    """By everybody by whom and for whom something is done, with the roles of each."""
    general: dict[tuple[Principal, str | None], dict[str, Decision]] = field(
        default_factory=dict[tuple[Principal, str | None], Any]
    )
    """Decisions about work that read nothing of a single visit, for whom, by which candidate's policies if
    by any, and by participant."""
    starts: dict[tuple[Principal, str | None, str | None], tuple[Directed, Principal]] = field(
        default_factory=dict[tuple[Principal, str | None, str | None], Any]
    )
    """Who was let start it, and by which rights: by who asked, with which credential, and by which
    candidate's policies if by any."""


KNOWN: Final[WeakKeyDictionary[Definition, Known]] = WeakKeyDictionary()


def known_of(definition: Definition, gate: Gate) -> Known:
    """Give what is the same for all runs of a definition under a gate, as long as it decides the same."""
    found, version = KNOWN.get(definition), gate.version
    if found is None or found.gate is not gate or found.version != version:
        found = KNOWN[definition] = Known(gate, version)
    return found


class Proposals:
    """Puts the acts of one run to the gate."""

    def __init__(self, execution: Execution) -> None:
        started = execution.recording.started
        assert started is not None, "a run that is advanced has begun"
        self._execution = execution
        self._definition = execution.definition
        self._through: tuple[str, ...] = tuple(started.body.get("through", ()))
        """The agents by whom it was begun in the run above, by id."""
        self._held = started_for(started)
        """For whom it acts, with what was held when it was started."""
        self._whose = self._held
        """The same with what is held now."""
        self._barred: str | None = None
        """Why nothing is done for whom it acts."""
        self._at: int | None = None
        """The state of the store's rights that both are by."""
        self._above: Sequence[Place] | None = None
        """Where the run stands in those that it is part of; None until it matters."""
        self._workflow = Subject("workflow", self._definition.name, self._definition.facts)
        labels = self._workflow.facts.get("data")
        self._labels = labels if isinstance(labels, tuple) else ()
        self._store, self._rights, self._roll = execution.store, execution.store.rights, execution.store.roll
        self._general: dict[str, Decision] = {}
        self._general_under: tuple[str, int] | None = None
        self._keeps = False
        """True while decisions about work that read nothing of a single visit are kept."""
        self._noted: tuple[Decision | None, dict[str, Json]] = (None, {})
        """What was said last of a decision: of the visits of a run they often differ in nothing."""
        self._under: str | None = started.body.get("policy")
        """The version of the policies that the run began under."""
        self._candidate: str | None = started.body.get("candidate")

    @property
    def _gate(self) -> Gate:
        return self._execution.store.gate

    @property
    def version(self) -> tuple[str, int]:
        """Changes whenever a decision may: of policies, and of all else that rights follow from."""
        return self._store.gate.version, self._rights.revision

    @property
    def under(self) -> tuple[str, int]:
        """Give the tenant, and the last event of its stream that decisions know of."""
        tenant = self._held.tenant
        return tenant, self._rights.of(tenant).head

    def noted(self, decision: Decision) -> dict[str, Json]:
        """Give what an event says of the decision that let it happen; the version where it is a new one."""
        if self._noted[0] is not decision:
            body = told(decision)
            if body["policy"] == self._under:
                del body["policy"]
            self._noted = (decision, body)
        return self._noted[1]

    @property
    def inherited(self) -> dict[str, Json]:
        """Give what the first event of a child run says of whose rights it has, and of its policies."""
        self._look()
        return rights(self._whose) | trial(self._candidate)

    def admit(self, scope: Scope, participant: Participant) -> None:
        """Decide whether a visit may begin, where it has not begun before and nothing was asked about it."""
        recording = self._execution.recording
        if not recording.blank:
            if not is_settled(recording, scope.path):
                scope.undecided = participant
                return
            if recording.entered(scope.path):
                return
        decision = self.work(participant, scope.path)
        if decision.verdict == "allow":
            scope.decision = decision
        else:
            scope.undecided = participant

    def work(self, participant: Participant, path: str, approvals: Sequence[Approval] = ()) -> Decision:
        """Decide whether a participant may work."""
        version = self.version
        if self._general_under != version:
            self._general_under = version
            self._look()
            shared = known_of(self._definition, self._gate).general.setdefault(
                (self._whose, self._candidate), {}
            )
            self._keeps = self._barred is None and not self._roll.standing  # which rights change with
            self._general = shared if self._keeps and not self._through else {}
        found = self._general.get(participant.name)
        if found is None:
            subject = self._participant(participant.name, participant.kind)
            chain = (*(self._holding(one) for one in self._through), self._whose)
            actor = Actor(Principal("system", SYSTEM, self._whose.tenant), chain[0], chain[1:])
            found = self._decide("participant.work", actor, subject, path, approvals=approvals)
            if self._keeps and found.general and found.verdict == "allow":
                self._general[participant.name] = found
        return found

    def tool(
        self,
        scope: Scope,
        tool: ToolLike,
        path: str,
        arguments: Value,
        *,
        kind: ActionKind,
        approvals: Sequence[Approval],
        traced: Traced | None = None,
        editors: Sequence[Principal] = (),
    ) -> Decision:
        """Decide about one call of a tool, or about taking one back; also for those who edited it."""
        action = self.call(scope, tool, path, arguments, kind=kind, approvals=approvals, traced=traced)
        if editors:
            action = replace(action, actor=action.actor.joined_by(editors))
        return self._put(action)

    def editors(self, answer: Answer) -> Iterator[Principal]:
        """Give who put other arguments in place, and for whom, with what each held then.

        Of whom that was not kept it is what the directory gives them.
        """
        for who in whose(answer):
            if who == answer.by and answer.rights is not None:
                held = answer.rights
                yield holder(
                    who,
                    self._held.tenant,
                    tuple(held.get("roles", ())),
                    held.get("credential"),
                    every=held.get("every_role", False),
                )
            else:
                yield self._holding(who)

    def as_now(self, editors: Iterable[Principal]) -> tuple[Principal, ...]:
        """Give those with what they hold still."""
        directed = self._rights.of(self._held.tenant)
        return tuple(directed.narrowed(one) for one in editors)

    def call(
        self,
        scope: Scope,
        tool: ToolLike,
        path: str,
        arguments: Value,
        *,
        kind: ActionKind,
        approvals: Sequence[Approval] = (),
        traced: Traced | None = None,
    ) -> Action:
        """Give one call of a tool, or taking one back, as it is put to the gate."""
        labels = self._labels if traced is None else tuple(sorted({*self._labels, *traced.labels}))
        return Action(
            kind,
            kind,
            self._actor(scope),
            self._tool(tool),
            self._workflow,
            self._execution.lease.run,
            path,
            arguments.decode,
            arguments.ref,
            labels,
            None if traced is None else traced.provenance,
            tuple(approvals),
            None if traced is None else traced.sources,
            None if traced is None else traced.steering,
            None if traced is None else traced.shown,
            None if traced is None else traced.passes,
            self._candidate,
        )

    def choice(
        self, scope: Scope, kind: ActionKind, chosen: str, path: str, approvals: Sequence[Approval] = ()
    ) -> Decision:
        """Decide about a choice that a pattern made: to whom the work goes, who speaks, what is planned."""
        name = scope.name if kind == "plan" else chosen
        subject = self._participant(name, "" if kind != "plan" else scope.kind)
        return self._decide(kind, self._actor(scope), subject, path, verb=chosen, approvals=approvals)

    def start(
        self, scope: Scope, definition: Definition, path: str, approvals: Sequence[Approval] = ()
    ) -> Decision:
        """Decide whether a child run may be started."""
        subject = Subject("workflow", definition.name, definition.facts)
        return self._decide("run.start", self._actor(scope), subject, path, approvals=approvals)

    def begin(self, approvals: Sequence[Approval]) -> Decision:
        """Decide whether the run itself may begin, as it was asked for from outside."""
        self._look()
        actor, what = Actor(self._whose), self._workflow
        return self._put(
            Action(
                "run.start",
                "start",
                actor,
                what,
                what,
                approvals=tuple(approvals),
                candidate=self._candidate,
            )
        )

    def answer(
        self,
        scope: Scope,
        path: str,
        said: Mapping[str, Any],
        traced: Traced,
        approvals: Sequence[Approval],
    ) -> Decision:
        """Decide whether what the run says may be given out."""
        return self._put(self.answering(scope, path, said, traced, approvals))

    def answering(
        self,
        scope: Scope,
        path: str,
        said: Mapping[str, Any],
        traced: Traced | None,
        approvals: Sequence[Approval],
    ) -> Action:
        """Give what is said to people as it is put to the gate."""
        action = Action(
            "answer",
            "answer",
            self._actor(scope),
            self._workflow,
            self._workflow,
            self._execution.lease.run,
            path,
            lambda: said,
            labels=self._labels,
            approvals=tuple(approvals),
            candidate=self._candidate,
        )
        return action if traced is None else carrying(action, traced)

    # -- the action -------------------------------------------------------------------------------

    def _decide(
        self,
        kind: ActionKind,
        actor: Actor,
        subject: Subject,
        path: str,
        *,
        verb: str | None = None,
        approvals: Sequence[Approval] = (),
    ) -> Decision:
        return self._put(
            Action(
                kind,
                verb or kind,
                actor,
                subject,
                self._workflow,
                self._execution.lease.run,
                path,
                labels=self._labels,
                approvals=tuple(approvals),
                candidate=self._candidate,
            )
        )

    def _look(self) -> None:
        """Take in who holds what now, where that may have changed."""
        rights = self._rights
        if self._at != rights.revision:
            directed = rights.of(self._held.tenant)
            self._at = rights.revision
            self._whose = directed.narrowed(self._held)
            self._barred = directed.barred(self._held)

    def _against(self, actor: Actor, path: str) -> str | None:
        """Say why nothing is done by who acts there, or for whom; what is done is taken back all the same."""
        if self._barred is not None:
            return self._barred
        store = self._execution.store
        tenant, run = self._held.tenant, self._execution.row
        if self._roll.standing:
            if self._above is None:
                self._above = store.above(run.id)
            gone = self._roll.above(tenant, (Place(run.id, run.workflow, path), *self._above))
            if gone is not None:
                return f"{gone.agent} was retired by {gone.by}: {gone.reason}"
        directed = self._rights.of(tenant)
        return next((why for one in actor.chain if (why := directed.barred(one)) is not None), None)

    def _put(self, action: Action) -> Decision:
        """Put an act to the gate, unless something stands against whoever proposes it."""
        against = None if action.kind == "tool.undo" else self._against(action.actor, action.path or "")
        if against is None and len(action.actor.chain) > MOST_IN_A_CHAIN:
            against = f"more than {MOST_IN_A_CHAIN} act for each other here"
        if against is not None:
            return Decision("deny", version=self._gate.version, reason=against)
        return self._gate.decide(action)

    def _actor(self, scope: Scope) -> Actor:
        """Give who acts within a visit, and for whom; nobody but the system above all participants.

        A participant that an agent calls acts for that agent, and for whom it acts in turn.
        """
        self._look()
        kind = "system" if not scope.path else "agent" if scope.kind in AGENTS else "service"
        who = self._holding(f"{kind}:{named(scope)}")
        above = tuple(self._holding(one) for one in (*agents_above(scope), *self._through))
        actors = known_of(self._definition, self._gate).actors
        key = (who, *above, self._whose)
        found = actors.get(key)
        if found is None:
            found = actors[key] = Actor(*key[:2], further=key[2:])
        return found

    def _holding(self, who: str) -> Principal:
        """Give an agent or a service with the roles that the directory gives it now."""
        tenant = self._held.tenant
        roles = self._rights.of(tenant).roles(who)
        kind, _, name = who.partition(":")
        return Principal(cast("PrincipalKind", kind), name, tenant, roles)

    def through(self, scope: Scope) -> tuple[str, ...]:
        """Give the agents by whom a child run is begun within a visit, by id; the nearest first."""
        own = (f"agent:{named(scope)}",) if scope.kind in AGENTS else ()
        return tuple(dict.fromkeys((*own, *agents_above(scope), *self._through)))

    def _participant(self, name: str, kind: str) -> Subject:
        subjects = known_of(self._definition, self._gate).subjects
        found = subjects.get((name, kind))
        if found is None:
            facts: dict[str, str | int | bool | tuple[str, ...]] = {"workflow": self._definition.name}
            if kind:
                facts["kind"] = kind
            found = subjects[name, kind] = Subject("participant", f"{self._definition.name}/{name}", facts)
        return found

    def _tool(self, tool: ToolLike) -> Subject:
        if act_of(tool) == "model.call":
            return Subject("model", tool.name, cast("ModelLike", tool).facts)
        facts: dict[str, str | int | bool | tuple[str, ...]] = {
            "effect": tool.effect,
            "version": tool.version,
            "on_uncertain": tool.on_uncertain,
            "undo": tool.undo is not None,
            **declared_facts(tool),
        }
        return Subject("tool", tool.name, facts)
