"""The one protocol of everything that acts: take a task and a context, give back an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ripieno.model.action import Effect, OnUncertain, Undone, UndoRule
from ripieno.model.effect_rule import EffectRule, Withheld
from ripieno.model.mode import ModeChange
from ripieno.model.outcome import Evidence, Outcome
from ripieno.model.principal import Principal
from ripieno.model.reminder import Reminder
from ripieno.model.spending import Money, Spending
from ripieno.model.value import Value
from ripieno.model.working_time import Calendar

if TYPE_CHECKING:
    from ripieno.model.definition import Definition
    from ripieno.model.limits import Limits

__all__ = [
    "Answer",
    "Branches",
    "Context",
    "Costly",
    "Observed",
    "Participant",
    "Prepared",
    "Question",
    "Resumption",
    "Signal",
    "Task",
    "ToolLike",
    "UndoTool",
]


@dataclass(frozen=True, slots=True)
class Task:
    """What a participant is asked to work on, and what it may see."""

    input: Value
    state: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])
    """Latest outcome of each participant that this one may see, by name, all of them recorded."""
    previous: str | None = None
    """Name of the stage before, whose output a parameter called `previous` receives."""

    turn: Value | None = None
    """What the pattern tells this participant about its turn; a parameter called `turn` receives it."""

    def after(self, name: str, outcome: Outcome) -> Task:
        """Give the task as the next stage sees it, `outcome` added under its participant's name."""
        return Task(self.input, {**self.state, name: outcome}, name)


class Participant(Protocol):
    """A function, a person, an agent, another workflow or a pattern."""

    @property
    def name(self) -> str:
        """Unique within its workflow; part of every path, so renaming it makes another step."""
        ...

    @property
    def kind(self) -> str:
        """What it is, such as `function`, `human` or `sequential`."""
        ...

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the references it will read from `task`, compared on replay."""
        ...

    async def act(self, task: Task, context: Context) -> Outcome:
        """Do the work. On replay it is not called again once its outcome is recorded."""
        ...


class ToolLike(Protocol):
    """A tool as the kernel calls it: what it is, how to call it, how to find out what happened."""

    @property
    def name(self) -> str:
        """Unique within a workflow's tools."""
        ...

    @property
    def version(self) -> str:
        """Declared version, or a digest of the source."""
        ...

    @property
    def effect(self) -> Effect:
        """Whether it changes anything."""
        ...

    @property
    def on_uncertain(self) -> OnUncertain:
        """What to do when a crash leaves it unknown whether a call took effect."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds from the claim to the deadline of one call."""
        ...

    @property
    def settle(self) -> float:
        """Seconds after the deadline in which the other system may still be carrying out a call."""
        ...

    @property
    def attempts(self) -> int:
        """How often a call that definitely failed is made in all."""
        ...

    @property
    def key_lifetime(self) -> float:
        """Seconds for which the other system remembers an idempotency key."""
        ...

    @property
    def undo(self) -> UndoTool | None:
        """What takes a call back; None when nothing does."""
        ...

    async def call(self, arguments: Mapping[str, Any], call: Any) -> Any:
        """Carry out one call; an exception means that it definitely did not take effect."""
        ...

    async def verify(self, arguments: Mapping[str, Any], call: Any) -> Any:
        """Give the result of an earlier call with this key, or None when it did not take effect."""
        ...


class UndoTool(ToolLike, Protocol):
    """A tool that takes back what another did."""

    @property
    def reference(self) -> str:
        """Where another process finds it: `module:attribute`."""
        ...

    def undo_arguments(self, arguments: Mapping[str, Any], result: Any) -> Mapping[str, Any]:
        """Give the arguments that take back a call with these, which gave this.

        Raises `ToolError` when something that it needs is in neither.
        """
        ...


@runtime_checkable
class Costly(Protocol):
    """A tool that declares what one call can cost at most; any other costs nothing."""

    @property
    def cost(self) -> object:
        """What is declared; None where nothing is."""
        ...

    def maximum(self, arguments: Mapping[str, Any]) -> Spending:
        """Give the most that one call with these arguments can cost."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """A tool that has to get something ready before a call, such as a secret that it needs."""

    @property
    def secrets(self) -> Mapping[str, object]:
        """The parameters that the platform gives itself; whoever proposes a call never does."""
        ...

    async def prepare(self, call: Any) -> None:
        """Put it into `call.given`; whatever this raises, nothing was sent."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only a person can answer."""

    role: str | None
    """The role that may answer; None for a question to one person."""
    title: str
    """One line: what is asked for."""
    form: Mapping[str, Any]
    """JSON Schema of the answer."""
    about: Any = None
    """What the person needs to see in order to decide."""
    evidence: Sequence[Evidence] = ()
    due: float | None = None
    """Seconds until it expires, of working time where there is a calendar; None waits for ever."""
    kind: Literal["task", "uncertain"] = "task"
    person: str | None = None
    """The id of the one principal that may answer, such as `person:ada`."""
    calendar: Calendar | None = None
    remind: Sequence[Reminder] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an answer by a person, or the news that the time is over."""

    expired: bool
    value: Any = None
    by: str | None = None
    """The principal's id."""
    reason: str | None = None
    on_behalf_of: str | None = None
    """The id of whoever delegated it, or was away."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a looping pattern goes on after its last segment."""

    round: int
    state: Mapping[str, Any]
    """Small structure: integers and strings."""
    outcomes: Mapping[str, Outcome]
    """Outcomes by reference, as given to `Context.segment`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A word that was given to a run from outside."""

    by: str
    """The id of the principal who gave it first."""
    said: Value
    """Why, and what was given with it."""

    @property
    def reason(self) -> str | None:
        """Why it was given, where that was said."""
        return self.said.decode().get("reason")

    @property
    def content(self) -> Any:
        """What was given with it; None for nothing."""
        return self.said.decode().get("content")


@dataclass(frozen=True, slots=True)
class Observed:
    """What stood at a moment of a visit."""

    spent: Spending
    """By this visit and everything below it, settled; what a fork took over is not among it."""
    signals: Mapping[str, Signal]
    """Those of the signals asked about that somebody had given to the run, by name."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What limits leave a visit at a moment, by name: amounts, `active` and `deadline`; micro-units."""

    left: Mapping[str, int]
    """Of the limits that would end the work, here and above: the least."""
    needed: Mapping[str, int]
    """The most that was spent and reserved at a time since the last look, and how long that is ago."""
    rules: Mapping[str, str]
    """How each limit would end it: `stop` or `escalate`."""


class Branches(Protocol):
    """Participants at work side by side within one scope."""

    def start(
        self,
        participant: Participant,
        task: Task,
        *,
        key: str | None = None,
        effects: EffectRule | None = None,
        limits: Limits | None = None,
    ) -> str:
        """Start a branch and give its path; `effects` and `limits` as for `Context.call`."""
        ...

    async def next(self) -> tuple[str, Outcome] | None:
        """Give path and outcome of the next branch to end, in journal order; None when all have."""
        ...

    async def stop(self) -> None:
        """Cancel the branches still at work; claimed effects are awaited and recorded first."""
        ...


class Context(Protocol):
    """What a participant may do, each act recorded: read on replay, never repeated."""

    @property
    def run(self) -> str:
        """The run's id."""
        ...

    @property
    def path(self) -> str:
        """The path of this visit."""
        ...

    @property
    def principal(self) -> Principal:
        """For whom the run acts; its roles are not recorded and hence empty."""
        ...

    @property
    def effects(self) -> EffectRule:
        """The rule for write effects of this visit and of everything below it."""
        ...

    @property
    def withheld(self) -> Sequence[Withheld]:
        """Effects proposed within this visit and not made, oldest first; the first hundred."""
        ...

    async def call(
        self,
        participant: Participant,
        task: Task,
        *,
        key: str | None = None,
        effects: EffectRule | None = None,
        limits: Limits | None = None,
    ) -> Outcome:
        """Let a participant work within this scope. `key` names a dynamic child.

        `effects` is the rule for its write effects and those of everything below it, `AUTO`,
        `WITHHELD` or `approved(role)`; it can only be stricter than the rule here. With `limits` its
        visit ends when one of them trips, as they declare.
        """
        ...

    def branches(self) -> AbstractAsyncContextManager[Branches]:
        """Open a group of branches; leaving it stops those still at work."""
        ...

    async def use(self, tool: ToolLike, /, **arguments: Any) -> Any:
        """Call a tool: claimed before, recorded after, exactly once where the tool allows it.

        Raises `ToolError` when it definitely did not take effect: `RejectedError` when it had to be
        approved and was not, `WithheldError` where effects are recorded only.
        """
        ...

    async def undo(self, under: Sequence[str], *, why: str, rule: UndoRule = "undo") -> Sequence[Undone]:
        """Take back what was done at or under the paths of visits that have ended, the latest first.

        With rule `list` it is only named in the log. A person of role `operator` is asked about what
        cannot be taken back. Nothing is recorded where nothing was done.
        """
        ...

    async def ask(self, question: Question) -> Answer:
        """Ask a person and wait, at no cost, for as long as it takes."""
        ...

    async def run_workflow(
        self, workflow: Definition, given: Value, *, allowance: Limits | None = None
    ) -> Outcome:
        """Run another workflow as a run of its own, a child of this one, and give what it ended in.

        It may spend `allowance`, and of what is limited here besides, all that is left; what it does
        not spend comes back. Cancelled with this visit, it is awaited. One that somebody else cancels
        ends the visit as `escalated`. Raises `InputError` when it takes no such input, and
        `RefusedError` when no run of it may start.
        """
        ...

    async def sleep(self, duration: float) -> None:
        """Wait for `duration` seconds, across restarts."""
        ...

    async def choose(
        self, what: str, chosen: str, *, offered: Sequence[str], because: Mapping[str, Any]
    ) -> str:
        """Record a choice, what was offered and why; on replay the recorded choice is given back."""
        ...

    def mode_change(self, participant: str) -> ModeChange | None:
        """Give what was said last about a participant's mode; to be read on replay from a choice."""
        ...

    async def now(self) -> datetime:
        """Give the time in UTC; recorded."""
        ...

    async def observe(self, signals: Sequence[str] = ()) -> Observed:
        """Give what this visit has spent, and which of these signals were given to the run; recorded.

        A signal that is durable before this is recorded is among them.
        """
        ...

    async def look_ahead(self) -> Ahead | None:
        """Give what limits leave, and what was needed since the last look; recorded.

        None, and nothing is recorded, where no limit would end this visit: where there is none, or a person
        is asked or somebody else takes over. For who wants to come to an end before a limit does.
        """
        ...

    async def spend(
        self,
        *,
        model_calls: int = 0,
        tokens: int = 0,
        cost_usd: Money = 0,
        handoffs: int = 0,
        rounds: int = 0,
    ) -> None:
        """Count what is about to be spent without a tool, against every limit above; recorded.

        Where it would pass one, this does not return: the limited visit ends, or waits for a person,
        as declared. Hand-overs and rounds are recorded only where they are limited.
        """
        ...

    def so_far(self, best: Callable[[], Outcome]) -> None:
        """Say how to give the best result so far, should a limit end this visit.

        Unless said, it is what the last participant to complete within this visit has given.
        """
        ...

    def random(self) -> Random:
        """Give a random generator seeded by the run and the path, the same on every replay."""
        ...

    def value(self, value: object) -> Value:
        """Commit to a value, so that it can be passed on by reference."""
        ...

    def pack(self, outcomes: Mapping[str, Outcome]) -> Outcome:
        """Give one outcome that stands for many recorded ones, by reference; small, whatever they hold."""
        ...

    def unpack(self, packed: Outcome) -> Mapping[str, Outcome]:
        """Give the outcomes that `pack` put together."""
        ...

    def resumption(self) -> Resumption | None:
        """Give the last segment of this scope, or None at its first round."""
        ...

    @property
    def segment_due(self) -> bool:
        """True when a round boundary should be marked: often enough to bound replay, no oftener."""
        ...

    async def segment(self, round_: int, state: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> None:
        """Mark a round boundary, from which replay may start; does nothing until one is due."""
        ...
