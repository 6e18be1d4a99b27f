"""When a group chat ends: conditions that compose with `&` and `|`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.participant import Signal
from ripieno.model.spending import NOTHING, Spending

__all__ = [
    "All",
    "Any_",
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
    spent: Spending = NOTHING
    """By the chat so far; looked at only where a condition asks for it."""
    signals: Mapping[str, Signal] = field(default_factory=dict[str, Signal])
    """Those that somebody has given to the run, of those that a condition waits for."""

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

    def __str__(self) -> str:
        """Give it in words: `rounds 5`."""
        described = cast("dict[str, object]", self.describe())
        return ", ".join(f"{name} {value}" for name, value in described.items())

    @abstractmethod
    def describe(self) -> Json:
        """Give it as it stands in the definition."""

    def bounded(self) -> bool:
        """Tell whether it ends every chat, whatever is said."""
        return False

    def timed(self) -> bool:
        """Tell whether it looks at the time."""
        return False

    def spends(self) -> bool:
        """Tell whether it looks at what was spent."""
        return False

    def signals(self) -> Sequence[str]:
        """Give the signals from outside that it waits for."""
        return ()

    def looks_back(self) -> int:
        """Give how many turns it has to see at once."""
        return 0

    def names(self) -> Sequence[str]:
        """Give the participants that it names."""
        return ()

    def __or__(self, other: Condition) -> Condition:
        return Any_((self, other))

    def __and__(self, other: Condition) -> Condition:
        return All((self, other))


class Composed(Condition):
    """Several conditions; those of its own kind are taken apart, so that `a | b | c` is one of three."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions: list[Condition] = []
        for one in conditions:
            self.conditions.extend(
                one.conditions if isinstance(one, Composed) and type(one) is type(self) else [one]
            )
        if not conditions:
            msg = "expected at least one condition"
            raise DefinitionError(msg)

    def timed(self) -> bool:
        """Tell whether one of them looks at the time."""
        return any(condition.timed() for condition in self.conditions)

    def spends(self) -> bool:
        """Tell whether one of them looks at what was spent."""
        return any(condition.spends() for condition in self.conditions)

    def signals(self) -> Sequence[str]:
        """Give the signals that any of them waits for."""
        return sorted({name for condition in self.conditions for name in condition.signals()})

    def looks_back(self) -> int:
        """Give the most that one of them has to see."""
        return max(condition.looks_back() for condition in self.conditions)

    def names(self) -> Sequence[str]:
        """Give whom any of them names."""
        return [name for condition in self.conditions for name in condition.names()]


class Any_(Composed):  # noqa: N801 - `any` is a word of the language
    """The first of several to be met."""

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


class All(Composed):
    """Several met at once."""

    def met(self, thread: Thread) -> Condition | None:
        """Give a good one of them when all are met, or the last when all are limits."""
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
    """Somebody's latest message holds certain words."""

    words: str
    by: str | None
    good = True

    def met(self, thread: Thread) -> Condition | None:
        """Look at everybody's latest message, or at that of one."""
        latest = thread.last_by_each().values()
        heard = any(self.words in plain(message.says) for message in latest if self.by in (None, message.by))
        return self if heard else None

    def names(self) -> Sequence[str]:
        """Give who has to say them."""
        return () if self.by is None else (self.by,)

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

    def looks_back(self) -> int:
        """Give how many repetitions it counts."""
        return self.turns

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

    def timed(self) -> bool:
        """Tell that it looks at the time."""
        return True

    def describe(self) -> Json:
        """Give the duration."""
        return {"time": in_seconds(self.duration)}


def plain(says: Any) -> str:
    """Give what was said as text: itself, or its JSON."""
    return says if isinstance(says, str) else json.dumps(says, ensure_ascii=False)


def rounds(n: int) -> Condition:
    """End when everybody had `n` turns, on average."""
    if n < 1:
        msg = f"rounds must be at least 1, got {n!r}"
        raise DefinitionError(msg)
    return Rounds(n)


def text(words: str, *, by: str | None = None) -> Condition:
    """End when somebody, or `by`, says these words.

    With `&` it is what each said last that counts: `text("yes", by="a") & text("yes", by="b")`.
    """
    if not words:
        msg = "text needs words to look for"
        raise DefinitionError(msg)
    return Text(words, by)


def verdict(value: str, *, field: str = "verdict") -> Condition:
    """End when every checker's verdict on the latest version is `value`."""
    return Verdict(value, field)


def consensus() -> Condition:
    """End when everybody says the same."""
    return Consensus()


def stalled(turns: int = 3) -> Condition:
    """End when `turns` in a row only repeat what was said."""
    if turns < 1:
        msg = f"stalled must be at least 1, got {turns!r}"
        raise DefinitionError(msg)
    return Stalled(turns)


def elapsed(duration: Duration) -> Condition:
    """End when a time has passed."""
    return Elapsed(seconds(duration))
