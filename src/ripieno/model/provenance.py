"""Where values come from: how far a source is trusted, the classes of data it holds, and who finds it.

The words alone; `mediation/provenance` finds where a value comes from, `kernel/tracing.py` has it found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Event, Json
from ripieno.model.value import Value

__all__ = [
    "CLASSES",
    "TRUSTS",
    "Carried",
    "Label",
    "OpenSource",
    "RunLog",
    "SourceTrust",
    "Traced",
    "Tracer",
    "Trust",
    "combined",
    "declared_label",
    "in_words",
    "least_trusted",
    "source_in_words",
    "unanswered_for",
]

Trust = Literal["trusted", "vouched", "approved", "model", "untrusted"]
"""`trusted`: from trusted sources alone. `vouched`: a trusted source gave this very value, and so did another
one. `approved`: a person has vouched for this very value, or for its source, for the rest of the run.
`model`: whoever acts of their own accord made it up. `untrusted`: nobody answers for its source."""

TRUSTS: Final[tuple[Trust, ...]] = ("trusted", "vouched", "approved", "model", "untrusted")
"""From the most to the least trusted."""

RANK: Final[Mapping[Trust, int]] = {word: rank for rank, word in enumerate(TRUSTS)}

SourceTrust = Literal["trusted", "untrusted"]
"""What may be declared of a source."""

CLASSES: Final = frozenset({"public", "internal", "personal", "phi", "pii", "financial", "secret"})
"""The classes of data there are."""


def least_trusted(words: Iterable[Trust]) -> Trust:
    """Give the least trusted; `trusted` for nothing."""
    return TRUSTS[max((RANK[word] for word in words), default=0)]


@dataclass(frozen=True, slots=True)
class Label:
    """How far something is trusted, and the classes of data it holds."""

    trust: Trust
    data: frozenset[str] = frozenset()

    def document(self) -> dict[str, Json]:
        """Give it as an event says it; without classes of data where there are none."""
        data: list[Json] = [*sorted(self.data)]
        return {"trust": self.trust, **({"data": data} if data else {})}

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Label:
        """Read it; what says nothing is untrusted."""
        return cls(
            "trusted" if body.get("trust") == "trusted" else "untrusted", frozenset(body.get("data", ()))
        )


def combined(labels: Iterable[Label]) -> Label:
    """Combine several sources: the least trusted of them, and all their classes of data."""
    found = list(labels)
    return Label(
        least_trusted(one.trust for one in found), frozenset[str]().union(*(one.data for one in found))
    )


def declared_label(
    of: str, trust: str | None, data: Sequence[str]
) -> tuple[SourceTrust | None, tuple[str, ...]]:
    """Check what is declared of a source; raises `DefinitionError`."""
    if trust not in (None, "trusted", "untrusted"):
        msg = f"{of}: trust must be 'trusted' or 'untrusted', got {trust!r}"
        raise DefinitionError(msg, remedy="leave it out for what nobody answers for")
    for name in data:
        if name not in CLASSES:
            msg = f"{of}: unknown class of data {name!r}{nearest(str(name), CLASSES)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(sorted(CLASSES))}")
    return trust, tuple(sorted({str(name) for name in data}))


@dataclass(frozen=True, slots=True)
class Carried:
    """What an act carries, and what whoever proposes it was given."""

    path: str
    arguments: Mapping[str, Any]
    read: Sequence[Value] | None = ()
    """What the visit was given that proposes it; None where it may be anything that came into the run."""
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    """Commitments of the arguments that were passed on by reference, by their names."""
    own_accord: bool = False
    """True for whoever acts of their own accord: what matches nothing is then the model's own."""
    open: Mapping[str, str] = field(default_factory=dict[str, str])
    """The kinds of the visits that are open, by path."""
    content: frozenset[str] = frozenset()
    """Arguments that are only passed on: what is written or said, not to whom, upon what or where."""
    tool: str = ""
    """What is called: a value that a person vouched for is good for the same argument of the same tool."""
    under: str = ""
    """The version of the policies: whom people vouched under others for is nobody's any more."""
    detect: bool = False
    """True where it matters which classes of data values are of that nobody has declared."""


@dataclass(frozen=True, slots=True)
class OpenSource:
    """Something that came into a run, for which nobody answers."""

    event: int
    path: str
    what: str
    """Such as `tool mail.read`."""
    values: tuple[str, ...]
    """Commitments of all that came in."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Where the values of an act come from."""

    provenance: Mapping[str, Any]
    """Of each argument how far it is trusted; of a record, of each of its fields."""
    sources: tuple[Trust, ...]
    """Which of these words are said of any argument; what carries nothing is its proposer's own."""
    steering: tuple[Trust, ...]
    """Which are said of any argument that decides upon what, to whom or where it is done."""
    shown: tuple[Trust, ...]
    """Which are said of anything that the run has taken in so far."""
    labels: tuple[str, ...]
    """Classes of data that it carries: declared of its sources, or detected."""
    passes: tuple[str, ...] | None
    """The same of what is only passed on, but for what is detected in the words of the run's own input; of
    every argument where none is declared to be that. None where it was not looked for."""
    document: Mapping[str, Any]
    """All of this with where each value comes from, as it is recorded with the act."""
    open: Sequence[OpenSource] = ()
    """What the run has taken in that nobody answers for so far: the latest of it; not recorded."""

    @property
    def approved(self) -> bool:
        """True where it depends on what a person has vouched for."""
        return "approved" in (*self.sources, *self.shown)

    def for_people(self) -> dict[str, str]:
        """Say in a sentence for each value where it comes from, for whoever is asked about the act."""
        return {name: in_words(one) for name, one in self.document["from"].items()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Traced:
        """Read what was recorded with an act."""
        return cls(
            document["provenance"],
            tuple(document["sources"]),
            tuple(document.get("steering", document["sources"])),
            tuple(document["shown"]),
            tuple(document["labels"]),
            tuple(document["passes"]) if "passes" in document else None,
            document,
        )


def unanswered_for(document: Mapping[str, Any]) -> dict[str, str]:
    """Say of each value for which nobody answers where it comes from, by what is recorded of all of them."""
    return {name: in_words(one) for name, one in document["from"].items() if one["trust"] == "untrusted"}


def in_words(found: Mapping[str, Any]) -> str:
    """Say where one value comes from, as it is recorded with an act."""
    data = f" ({', '.join(found['data'])})" if found.get("data") else ""
    return f"{found['trust']}{data}: " + "; ".join(map(source_in_words, found["by"]))


def source_in_words(by: Mapping[str, Any]) -> str:
    """Say one source of a value, and how that was seen."""
    if "what" in by:
        return f"{place_in_words(by)}, {by['how']}"
    if by["how"] == "made up":
        return "made up by the agent"
    return "derived from what was read" + (f", such as {place_in_words(by['like'])}" if "like" in by else "")


def place_in_words(source: Mapping[str, Any]) -> str:
    """Say what a source is, how far it is trusted, and at which step it came in."""
    at = f", step {source['path']}" if source["path"] else ""
    return f"{source['what']} ({source['trust']}){at}"


class RunLog(Protocol):
    """What is read to find where values come from."""

    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Give committed events of a run, in order."""
        ...

    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""
        ...


class Tracer(Protocol):
    """Finds where the values of one run's acts come from; keeps what it has read of the log."""

    async def trace(self, carried: Carried) -> Traced:
        """Find it for one act, by all that is committed of the run."""
        ...
