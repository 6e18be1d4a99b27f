"""When a group chat ends: conditions that compose with `&` and `|`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json

__all__ = [
    "Condition",
    "Message",
    "Thread",
    "consensus",
    "elapsed",
    "rounds",
    "stalled",
    "text",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    by: str
    turn: int
    """Counted from 1."""
    says: Any
    ref: str
    """Reference of what was said: the same for the same words."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a condition may look at."""

    messages: Sequence[Message]
    """The latest, oldest first; as many as the chat keeps."""
    turns: int
    """How many there were in all."""
    everyone: Sequence[str]
    checkers: Sequence[str]
    """Whose verdict counts."""
    seconds: float
    """Since the chat began."""

    def last_by_each(self) -> dict[str, Message]:
        """Give each participant's latest message."""
        return {message.by: message for message in self.messages}

    def checks(self) -> dict[str, Message]:
        """Give each checker's latest message since somebody else spoke last."""
        found: dict[str, Message] = {}
        for message in self.messages:
            if message.by in self.checkers:
                found[message.by] = message
            else:
                found.clear()
        return found


class Condition(ABC):
    """Tells whether a chat is over."""

    good = False
    """True when what was said last is then the result, and not merely the best so far."""

    @abstractmethod
    def met(self, thread: Thread) -> Condition | None:
        """Give the condition that ended it, or None."""

    @abstractmethod
    def describe(self) -> Json:
        """Give it as it stands in the definition."""

    def bounded(self) -> bool:
        """Tell whether it ends every chat, whatever is said."""
        return False

    def __or__(self, other: Condition) -> Condition:
        return Any_((self, other))

    def __and__(self, other: Condition) -> Condition:
        return All((self, other))


class Any_(Condition):  # noqa: N801 - `any` is a word of the language
    """The first of several to be met."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions = conditions

    def met(self, thread: Thread) -> Condition | None:
        """Give the first that is met, good ones before limits."""
        found = [met for condition in self.conditions if (met := condition.met(thread)) is not None]
        return min(found, key=lambda met: not met.good, default=None)

    def describe(self) -> Json:
        """Give the alternatives."""
        return {"any": [condition.describe() for condition in self.conditions]}

    def bounded(self) -> bool:
        """Tell whether one of them ends every chat."""
        return any(condition.bounded() for condition in self.conditions)


class All(Condition):
    """Several met at once."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions = conditions

    def met(self, thread: Thread) -> Condition | None:
        """Give the last, when all are met."""
        found = [condition.met(thread) for condition in self.conditions]
        if any(met is None for met in found):
            return None
        return next((met for met in found if met is not None and met.good), found[-1])

    def describe(self) -> Json:
        """Give the parts."""
        return {"all": [condition.describe() for condition in self.conditions]}

    def bounded(self) -> bool:
        """Tell whether all of them come about in the end."""
        return all(condition.bounded() for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Rounds(Condition):
    """Everybody had so many turns, on average."""

    n: int

    def met(self, thread: Thread) -> Condition | None:
        """Count turns."""
        return self if thread.turns >= self.n * len(thread.everyone) else None

    def describe(self) -> Json:
        """Give the number."""
        return {"rounds": self.n}

    def bounded(self) -> bool:
        """Tell that it always comes."""
        return True


@dataclass(frozen=True, slots=True)
class Text(Condition):
    """Somebody said certain words."""

    words: str
    by: str | None
    good = True

    def met(self, thread: Thread) -> Condition | None:
        """Look at the last message."""
        last = thread.messages[-1] if thread.messages else None
        heard = last is not None and (self.by is None or last.by == self.by) and self.words in str(last.says)
        return self if heard else None

    def describe(self) -> Json:
        """Give the words and who has to say them."""
        return {"text": self.words} if self.by is None else {"text": self.words, "by": self.by}


@dataclass(frozen=True, slots=True)
class Verdict(Condition):
    """All whose verdict counts gave this one about the latest version."""

    value: str
    field: str
    good = True

    def met(self, thread: Thread) -> Condition | None:
        """Look at what the checkers said since somebody else spoke last."""
        said = thread.checks()
        given = [self._of(said[name]) for name in thread.checkers if name in said]
        complete = len(given) == len(thread.checkers) > 0
        return self if complete and all(verdict == self.value for verdict in given) else None

    def _of(self, message: Message) -> object:
        says = message.says
        return cast("dict[str, object]", says).get(self.field) if isinstance(says, dict) else says

    def describe(self) -> Json:
        """Give the verdict."""
        return (
            {"verdict": self.value}
            if self.field == "verdict"
            else {"verdict": self.value, "field": self.field}
        )


class Consensus(Condition):
    """Everybody's latest message says the same."""

    good = True

    def met(self, thread: Thread) -> Condition | None:
        """Compare the latest messages."""
        said = thread.last_by_each()
        same = len(said) == len(thread.everyone) and len({message.ref for message in said.values()}) == 1
        return self if same else None

    def describe(self) -> Json:
        """Give its name."""
        return "consensus"


@dataclass(frozen=True, slots=True)
class Stalled(Condition):
    """So many turns in a row brought nothing that the same participant had not said before."""

    turns: int

    def met(self, thread: Thread) -> Condition | None:
        """Look for repetitions at the end."""
        seen: set[tuple[str, str]] = set()
        repeated = 0
        for message in thread.messages:
            repeated = repeated + 1 if (message.by, message.ref) in seen else 0
            seen.add((message.by, message.ref))
        return self if repeated >= self.turns else None

    def describe(self) -> Json:
        """Give the number."""
        return {"stalled": self.turns}


@dataclass(frozen=True, slots=True)
class Elapsed(Condition):
    """A time has passed since the chat began; looked at between turns."""

    duration: float

    def met(self, thread: Thread) -> Condition | None:
        """Compare the time."""
        return self if thread.seconds >= self.duration else None

    def describe(self) -> Json:
        """Give the duration."""
        return {"time": f"{self.duration:g}s"}


def rounds(n: int) -> Condition:
    """End when everybody had `n` turns, on average."""
    if n < 1:
        msg = f"rounds must be at least 1, got {n!r}"
        raise DefinitionError(msg)
    return Rounds(n)


def text(words: str, *, by: str | None = None) -> Condition:
    """End when somebody, or `by`, says these words."""
    return Text(words, by)


def verdict(value: str, *, field: str = "verdict") -> Condition:
    """End when every checker's verdict on the latest version is `value`."""
    return Verdict(value, field)


def consensus() -> Condition:
    """End when everybody says the same."""
    return Consensus()


def stalled(turns: int = 3) -> Condition:
    """End when `turns` in a row only repeat what was said."""
    return Stalled(turns)


def elapsed(duration: Duration) -> Condition:
    """End when a time has passed."""
    return Elapsed(seconds(duration))
