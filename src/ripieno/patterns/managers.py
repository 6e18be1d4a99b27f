"""Who speaks next in a group chat: in turn, by a function, or as a participant says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, cast

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.references import reference, source_digest
from ripieno.patterns.base import Stage, as_participant, named
from ripieno.patterns.conditions import Thread

__all__ = [
    "ByFunction",
    "ByParticipant",
    "MakerChecker",
    "Manager",
    "NoSpeakerError",
    "RoundRobin",
    "maker_checker",
    "round_robin",
]


class NoSpeakerError(Exception):
    """Nobody was named, because the one who had to name somebody did not complete."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Manager(ABC):
    """Chooses the next speaker; the chat records the choice, unless it is fixed."""

    fixed = False
    """True when the number of the turn decides, so that there is nothing to record."""

    @abstractmethod
    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Give the name of who speaks next; raises `NoSpeakerError` when nobody does."""

    def identity(self) -> dict[str, Json]:
        """Give the source digest of a manager that is a function."""
        return {}

    @abstractmethod
    def describe(self) -> Json:
        """Give it as it stands in the definition."""

    def checkers(self, everyone: Sequence[str]) -> Sequence[str]:
        """Give those whose verdict counts: everybody, unless some only make."""
        return everyone

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the participants whom it asks."""
        return ()


class RoundRobin(Manager):
    """Everybody in turn, in order of declaration."""

    fixed = True

    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Give the next in order."""
        del task, context
        return thread.everyone[thread.turns % len(thread.everyone)]

    def describe(self) -> Json:
        """Give its name."""
        return "round_robin"


class MakerChecker(RoundRobin):
    """The maker, then every checker, then the maker again."""

    def __init__(self, maker: str) -> None:
        self.maker = maker

    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Give the maker at the head of each round, then the checkers in order."""
        del task, context
        order = [self.maker, *self.checkers(thread.everyone)]
        return order[thread.turns % len(order)]

    def checkers(self, everyone: Sequence[str]) -> Sequence[str]:
        """Give everybody but the maker."""
        if self.maker not in everyone:
            msg = f"the maker {self.maker!r} takes no part in the chat{nearest(self.maker, everyone)}"
            raise DefinitionError(msg)
        if len(everyone) == 1:
            msg = f"nobody checks what {self.maker!r} makes"
            raise DefinitionError(msg, remedy="add a checker to the chat")
        return [name for name in everyone if name != self.maker]

    def describe(self) -> Json:
        """Give the maker."""
        return {"maker_checker": self.maker}


class ByFunction(Manager):
    """A pure function of the thread gives the name."""

    def __init__(self, function: Callable[[Thread], str]) -> None:
        self.function = function

    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Ask the function."""
        del task, context
        return self.function(thread)

    def describe(self) -> Json:
        """Give the import reference."""
        return {"import": reference(self.function)}

    def identity(self) -> dict[str, Json]:
        """Give its name and the digest of its source."""
        return {reference(self.function): source_digest(self.function)}


class ByParticipant(Manager):
    """A participant gives the name, as its output or as the field `next` of it.

    It sees what every speaker sees; in its `turn`, `refused` are the names that it gave and nobody
    bears.
    """

    def __init__(self, participant: BaseParticipant) -> None:
        self.participant = participant

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the participant."""
        return (self.participant,)

    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Ask the participant."""
        del thread
        outcome, _ = await self.participant.run_in(context, task)
        if not outcome.ok:
            raise NoSpeakerError(outcome)
        said: Any = outcome.output
        return str(cast("dict[str, Any]", said).get("next") if isinstance(said, dict) else said)

    def describe(self) -> Json:
        """Give the participant."""
        return {"step": named(self.participant)}


def round_robin() -> RoundRobin:
    """Let everybody speak in turn."""
    return RoundRobin()


def maker_checker(maker: Stage | str) -> MakerChecker:
    """Let one make, and all others check, until their verdict is good or the rounds are used up."""
    return MakerChecker(maker if isinstance(maker, str) else as_participant(maker).name)
