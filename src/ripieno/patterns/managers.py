"""Who speaks next in a group chat: in turn, by a function, or as a participant says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.references import reference
from ripieno.patterns.conditions import Thread

__all__ = [
    "ByFunction",
    "ByParticipant",
    "MakerChecker",
    "Manager",
    "RoundRobin",
    "maker_checker",
    "round_robin",
]


class Manager(ABC):
    """Chooses the next speaker; the chat records the choice."""

    @abstractmethod
    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Give the name of who speaks next."""

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


class ByParticipant(Manager):
    """A participant gives the name, as its output or as the field `next` of it."""

    def __init__(self, participant: BaseParticipant) -> None:
        self.participant = participant

    def participants(self) -> Sequence[BaseParticipant]:
        """Give the participant."""
        return (self.participant,)

    async def choose(self, thread: Thread, task: Task, context: Context) -> str:
        """Ask the participant, who sees what everybody sees."""
        del thread
        said: Any = (await context.call(self.participant, task)).output
        return str(said.get("next") if isinstance(said, dict) else said)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - decoded JSON

    def describe(self) -> Json:
        """Give the participant."""
        return {"step": self.participant.name}


def round_robin() -> RoundRobin:
    """Let everybody speak in turn."""
    return RoundRobin()


def maker_checker(maker: BaseParticipant) -> MakerChecker:
    """Let one make, and all others check, until their verdict is good or the rounds are used up."""
    return MakerChecker(maker.name)
