"""The one gate: what is proposed, what is decided about it, and who decides.

Every act becomes an `Action` before it happens, whoever proposes it. `mediation` decides by policy; the
kernel asks, and records the decision with the act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

from ripieno.model.effect_rule import Approver
from ripieno.model.principal import Principal
from ripieno.model.provenance import RunLog, Tracer, Trust

__all__ = [
    "SHUT",
    "Action",
    "ActionKind",
    "Actor",
    "Approval",
    "Decision",
    "Gate",
    "Subject",
    "Tracing",
    "Verdict",
    "Vouching",
]

ActionKind = Literal[
    # within a run
    "participant.work",
    "tool.call",
    "tool.undo",
    "model.call",
    "handoff",
    "chat.speak",
    "plan",
    "answer",
    # upon runs and what they come from
    "run.start",
    "run.command",
    "task.answer",
    "workflow.change",
    "policy.change",
    "identity.change",
    # reads of labelled data by people
    "data.read",
]
"""What may be proposed; where one kind stands for several commands, the verb names which."""

Tracing = Literal["sources", "labels"]
"""What may be read of where the values of an act come from: how far it is trusted, its classes of data."""

Vouching = Literal["values", "sources"]
"""`values`: that a value may be given in this argument of this tool again. `sources`: all that one said."""

Verdict = Literal["allow", "ask", "deny"]
"""`ask`: it may happen once whoever the policies name has approved it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who proposes an act: a principal, and where that acts for another one, for whom."""

    principal: Principal
    on_behalf_of: Principal | None = None
    """Who acts for somebody never has more rights than both."""
    further: tuple[Principal, ...] = ()
    """For whom that one acts in turn, and so on: nobody of them all counts for more than any other."""

    @property
    def chain(self) -> tuple[Principal, ...]:
        """Everybody by whom and for whom it is done, from who acts to who began it."""
        if self.on_behalf_of is None:
            return (self.principal,)
        return (self.principal, self.on_behalf_of, *self.further)

    def joined_by(self, others: Iterable[Principal]) -> Actor:
        """Give the same with others for whom it is done as well; who is in it already stays as they are."""
        own = {one.id for one in self.chain}
        first, *further = (*self.chain[1:], *(one for one in others if one.id not in own))
        return replace(self, on_behalf_of=first, further=tuple(further))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is acted upon: a tool, a participant, a workflow, a run, a task."""

    kind: Literal["tool", "participant", "workflow", "run", "task", "model", "policy", "identity", "data"]
    name: str
    """A tool's or workflow's name, `workflow/participant`, a run's id."""
    facts: Mapping[str, str | int | bool | tuple[str, ...]] = field(
        default_factory=dict[str, str | int | bool | tuple[str, ...]]
    )
    """What is known of it: a tool's `effect`, a workflow's `risk`, `owner` and `data`."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval that a person has given to exactly this action."""

    by: str
    """The principal's id."""
    role: str | None
    """In which role; None for one that was asked in person."""
    emergency: bool = False
    """True where it passed by break-glass: flagged for review."""


@dataclass(frozen=True, slots=True)
class Action:
    """One act that is proposed, as policy sees it."""

    kind: ActionKind
    verb: str
    """The command's name, such as `cancel`; the kind itself where there is but one."""
    actor: Actor
    subject: Subject
    workflow: Subject | None = None
    """Of the run within which it is proposed; its policy pack is among its facts as `policy`."""
    run: str | None = None
    path: str | None = None
    given: Callable[[], Mapping[str, Any]] | None = None
    """Gives the arguments, decoded; asked only where a policy reads them."""
    digest: str | None = None
    """Commitment of the canonical arguments."""
    labels: tuple[str, ...] = ()
    """Classes of data that it touches."""
    provenance: Mapping[str, Any] | None = None
    """How far each argument is trusted, by its name; of a record, each of its fields. None where that is
    not known."""
    approvals: tuple[Approval, ...] = ()
    """What was approved of it so far."""
    sources: tuple[Trust, ...] | None = None
    """Which words are said of any argument; None where that is not known."""
    steering: tuple[Trust, ...] | None = None
    """Which are said of any argument that decides upon what, to whom or where; None where not known."""
    shown: tuple[Trust, ...] | None = None
    """Which are said of anything that its run has taken in; None where that is not known."""
    passes: tuple[str, ...] | None = None
    """Classes of data of what it passes on; None where that is not known."""
    candidate: str | None = None
    """Version of the policies that its run was started under as one of a candidate's share."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about an action, and by what."""

    verdict: Verdict
    policies: tuple[str, ...] = ()
    """Ids of the policies that determined it; empty where nothing permits it."""
    version: str = ""
    """Digest of the set of policies that it was decided under."""
    approvers: tuple[Approver, ...] = ()
    """Whose approval is missing, in the order in which they are asked."""
    asked_by: str = ""
    """Digest of the policies that ask, also of those that are satisfied; an approval is void with another."""
    reason: str = ""
    """In a sentence, for whoever is denied or asked."""
    vouch: frozenset[Vouching] = frozenset()
    """What whoever approves may vouch for in the rest of the run, beside the act itself."""
    general: bool = False
    """True when nothing was read of this one act: it holds for all of its kind, by and upon the same ones."""
    approval: str = ""
    """The run by which it was approved, of a command that others had to approve first."""


class Gate(Protocol):
    """Decides about actions. It never raises: what cannot be decided is denied, with the reason."""

    @property
    def version(self) -> str:
        """Changes whenever a decision about the same action may; roles and approvals come with the action."""
        ...

    def decide(self, action: Action) -> Decision:
        """Decide about one action, as everything stands at this moment."""
        ...

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what policies that may concern it read of where its values come from; else nobody looks.

        Never raises.
        """
        ...

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give what finds where the values of a run's acts come from."""
        ...


class Shut:
    """Lets nothing happen: what stands where no gate was given."""

    version = ""

    def decide(self, action: Action) -> Decision:
        """Deny it."""
        return Decision("deny", reason=f"no gate decides about {action.kind} here")

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Read nothing."""
        del action
        return frozenset()

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Raise `NotImplementedError`: nobody asks for one, as nothing is read."""
        raise NotImplementedError(log, run)


SHUT: Final[Gate] = Shut()
