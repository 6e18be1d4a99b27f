"""Where the values of an act come from: labels recorded where something comes in, found where a policy asks.

What a policy reads is found before it decides, and recorded with the act: replay reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ripieno.model.definition import Definition
from ripieno.model.event import Json
from ripieno.model.gate import ActionKind
from ripieno.model.participant import Task, ToolLike
from ripieno.model.provenance import Carried, Label, Traced, combined
from ripieno.model.tool import act_of
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

__all__ = ["ASKING", "Tracing", "declared", "declared_facts", "given_label", "input_of", "told_label"]

AGENTS: Final = frozenset({"agent", "single_agent", "magentic"})
"""Kinds of participants that act of their own accord."""

ASKING: Final = frozenset({"agent", "single_agent"})
"""Kinds of participants whose calls are visits of their own."""

UNDO: Final = "/undo"

KEPT: Final = frozenset({"sources", "labels"})
"""What is found of every write whose tool keeps where its arguments come from, whatever policies read."""


def declared(tool: ToolLike) -> dict[str, Json]:
    """Give what the event of a result says of its source; nothing where nothing is declared: untrusted."""
    trust, data = getattr(tool, "trust", None), getattr(tool, "data", ())
    said: dict[str, Json] = {}
    if trust is not None:
        said["trust"] = trust
    if data:
        said["data"] = list(data)
    return said


def told_label(tool: ToolLike, told: Label) -> dict[str, Json]:
    """Give the same of one result of which its tool has told more: it is never more trusted than declared."""
    label = combined([Label.read(declared(tool)), told])
    return (label if label.trust == "trusted" else Label("untrusted", label.data)).document()


def declared_facts(tool: ToolLike) -> dict[str, str | int | bool | tuple[str, ...]]:
    """Give what policies may ask about a tool as a source, and as a way out."""
    trusted, outside = getattr(tool, "trust", None) == "trusted", getattr(tool, "outside", None)
    facts: dict[str, str | int | bool | tuple[str, ...]] = {"trusted": trusted}
    facts["data"] = tuple(getattr(tool, "data", ()))
    if outside is not None:
        facts["outside"] = outside
    region = getattr(tool, "region", None)
    if region is not None:
        facts["region"] = region
    return facts


def given_label(definition: Definition) -> dict[str, Json]:
    """Give what the first event says of the input: whoever starts a run answers for it, unless declared."""
    facts = definition.facts
    data = facts.get("data", ())
    return Label(
        "untrusted" if facts.get("input") == "untrusted" else "trusted",
        frozenset(data if isinstance(data, tuple) else ()),
    ).document()


def input_of(execution: Execution) -> str:
    """Give the commitment of what the run was asked to do."""
    started = execution.recording.started
    assert started is not None, "a run that is advanced has begun"
    return str(started.body["input"])


class Tracing:
    """What is known of where the values of one call come from."""

    def __init__(
        self,
        scope: Scope,
        tool: ToolLike,
        path: str,
        passed: Mapping[str, str],
        quotes: Mapping[str, str],
    ) -> None:
        self._scope = scope
        self._tool = tool
        self._path = path
        self._passed = passed
        self._quotes = quotes
        """What stands in the run's input as it was passed, by the names of arguments."""
        self.found: Traced | None = None
        """None where no policy reads it."""
        self._recorded: Value | None = None
        self._looked: object = None
        """At which arguments it was looked last, for what, and how far the log had come."""
        self._under: str | None = None
        """The version of the gate under which it was looked last; None where it was not yet."""
        self._read: frozenset[str] = frozenset()

    @property
    def kept(self) -> bool:
        """True where its tool keeps where the arguments come from."""
        tool = self._tool
        return getattr(tool, "housed", False) and tool.effect == "write" and not self._path.endswith(UNDO)

    @property
    def under(self) -> str:
        """The version of the policies that it was looked under."""
        return self._under or ""

    async def look(self, arguments: Value) -> None:
        """Find it, where a policy that may concern the call reads it, by all that was recorded so far."""
        await self._find(arguments)
        while self.outdated(arguments):
            await self._find(arguments)

    async def _find(self, arguments: Value) -> None:
        scope, execution = self._scope, self._scope.execution
        self._under = execution.store.gate.version
        read = self._read = self._traces(arguments)
        if not read:
            self.found = self._recorded = self._looked = None
            return
        await execution.all_durable()
        looked = (arguments.ref, read, execution.committed, execution.seen, self._under)
        if looked == self._looked:
            return
        self._looked = looked
        given: dict[str, Any] = arguments.decode()
        passed = {  # as long as nobody has changed it
            name: ref for name, ref in self._passed.items() if execution.value(given.get(name)).ref == ref
        }
        asked = input_of(execution)
        passed |= {name: asked for name, text in self._quotes.items() if given.get(name) == text}
        carried = Carried(
            self._path,
            given,
            None if self._path.endswith(UNDO) else tuple(values_read(scope)),
            passed,
            own_accord=of_own_accord(scope),
            open={one.path: one.kind for one in execution.open_scopes if one.path},
            content=frozenset(getattr(self._tool, "content", ())),
            tool=self._tool.name,
            under=self.under,
            detect="labels" in read,
        )
        self.found = await execution.tracer.trace(carried)
        self._recorded = execution.value(self.found.document)

    def outdated(self, arguments: Value) -> bool:
        """Tell whether policies that came into force since it was looked read what was not looked for."""
        version = self._scope.execution.store.gate.version
        if self._under in {None, version}:
            return False
        if not self._traces(arguments) <= self._read or (self.found is not None and self.found.approved):
            return True
        self._under = version
        return False

    def _traces(self, arguments: Value) -> frozenset[str]:
        """Give what policies read of where the values of the call come from."""
        kind: ActionKind = "tool.undo" if self._path.endswith(UNDO) else act_of(self._tool)
        proposals, gate = self._scope.execution.proposals, self._scope.execution.store.gate
        read = gate.traces(proposals.call(self._scope, self._tool, self._path, arguments, kind=kind))
        return read | KEPT if self.kept else read

    @property
    def noted(self) -> dict[str, Json]:
        """Give what the event of the act says of it."""
        return {} if self._recorded is None else {"traced": self._recorded.ref}

    @property
    def beside(self) -> list[tuple[bytes, bytes]]:
        """Give the value to be stored with that event, where it is not stored yet."""
        payloads: list[tuple[bytes, bytes]] = []
        if self._recorded is not None:
            self._scope.execution.keep(self._recorded, payloads)
        return payloads


def of_own_accord(scope: Scope) -> bool:
    """Tell whether a visit is of one who acts of their own accord, or a call that such a one asks for."""
    above = scope.parent
    return scope.kind in AGENTS or (above is not None and above.kind in ASKING)


def values_read(scope: Scope) -> Iterator[Value]:
    """Give the values that a visit was given."""
    task, participant = scope.task, scope.participant
    assert task is not None, "calls are made within visits"
    assert participant is not None, "which are somebody's"
    refs = set(participant.reads(task).values())
    for value in values_in(task):
        if value.ref in refs:
            refs.discard(value.ref)
            yield value
    for ref in refs:
        yield scope.execution.stored(ref)


def values_in(task: Task) -> Iterator[Value]:
    """Give all values that a task holds."""
    yield task.input
    if task.turn is not None:
        yield task.turn
    for outcome in task.state.values():
        yield from (part for part in outcome.parts if isinstance(part, Value))
