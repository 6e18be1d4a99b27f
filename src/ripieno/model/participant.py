"""The one protocol of everything that acts: take a task and a context, give back an outcome.

Tools, questions and what can be looked at have modules of their own, and are found here as well: a
context deals in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from ripieno.model.action import Undone, UndoRule
from ripieno.model.checks import CheckLike, Judged, Of
from ripieno.model.effect_rule import EffectRule, Withheld
from ripieno.model.mode import ModeChange
from ripieno.model.observed import Ahead, Observed, Signal
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.model.question import Answer, Question
from ripieno.model.spending import Money
from ripieno.model.tool import Costly, Prepared, ToolLike, UndoTool
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.model.definition import Definition
    from ripieno.model.limits import Limits

__all__ = [
    "Ahead",
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


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a looping pattern goes on after its last segment."""

    round: int
    state: Mapping[str, Any]
    """Small structure: integers and strings."""
    outcomes: Mapping[str, Outcome]
    """Outcomes by reference, as given to `Context.segment`."""


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
        gives_way: bool = False,
    ) -> str:
        """Start a branch and give its path; what holds for it is as for `Context.call`."""
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
        gives_way: bool = False,
        kept_for: bool = False,
    ) -> Outcome:
        """Let a participant work within this scope. `key` names a dynamic child.

        `effects` is the rule for its write effects and those of everything below it, `AUTO`,
        `WITHHELD` or `approved(role)`; it can only be stricter than the rule here. With `limits` its
        visit ends when one of them trips, as they declare. With `gives_way` it ends as `partial` where
        an amount that is limited above has no room for it, and the visit that called it goes on: with
        what it has kept back, which is for whoever is called with `kept_for`.
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

    async def judge(
        self, name: str, of: Of, checks: Sequence[CheckLike], value: Value, evidence: Sequence[Any] = ()
    ) -> Judged:
        """Judge what the participant `name` was given or gave by its declared checks.

        Done once and recorded; on replay the verdict is read, and no check is asked again.
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

    def keep_back(self, amounts: Mapping[str, int]) -> None:
        """Keep amounts back for whoever this visit calls last, in place of what it has kept before.

        By name as in `Ahead`, money in millionths of a dollar. Nobody else has them, within this visit or
        beside it. Not recorded: to be told of what is recorded or declared.
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
