"""A run's log as far as it says where values come from: what came in, from whom, and who made what of it.

Labels stand in the log where something comes in: with the run's input, with each result, with who answered.
What participants made of it is derived: what they passed on keeps its source, whatever else they gave is as
little trusted as the least of what they read. It is read in the order of the log, each event once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.mediation.provenance.calls import Call, Known
from ripieno.mediation.provenance.index import Found, Index, Mark, Source
from ripieno.mediation.provenance.leaves import keys, leaves, place, telling
from ripieno.mediation.provenance.visits import visit_of
from ripieno.mediation.provenance.vouched import Vouchings
from ripieno.mediation.provenance.words import short_form
from ripieno.model.errors import RipienoError
from ripieno.model.event import Event
from ripieno.model.provenance import Label, RunLog, Trust, combined, least_trusted
from ripieno.model.value import decode

if TYPE_CHECKING:
    from ripieno.mediation.provenance.histories import Histories

__all__ = ["AGENTS", "LOOP", "History", "Known"]

AGENTS: Final = frozenset({"agent", "single_agent", "magentic"})
"""Kinds of participants that act of their own accord."""

TRUSTED: Final = Label("trusted")
UNTRUSTED: Final = Label("untrusted")
ABSENT: Final = object()
PEOPLE: Final = ("person:", "service:")
"""Who has signed in, and so answers for what they say."""

PARTS: Final = ("output", "evidence", "reason")

LOOP: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("loop that a thread works for", default=None)
"""The loop that the log belongs to, where a history is read in a thread; None on the loop itself."""


class History:
    """What one run has taken in, up to an event; reads on where it stopped."""

    def __init__(self, log: RunLog, run: str, others: Histories) -> None:
        self.index = Index()
        self.run = run
        self.seq = 0
        """Of the last event that was read."""
        self.values: dict[str, Known] = {}
        """By their commitments."""
        self.made: dict[int, Label] = {}
        """What visits ended in, by their events."""
        self.taken: dict[str, Label] = {}
        """What came in within a visit itself, by its path."""
        self.shown: set[Trust] = set()
        """What is said of anything that came in."""
        self.worst = TRUSTED
        """All that came in, together."""
        self.vouched = Vouchings()
        self.unreadable = False
        """True once something that came in cannot be read any more: anything may be from there."""
        self._log = log
        self._others = others
        self._kinds: dict[str, str] = {}
        self._calls: dict[str, Call] = {}
        """The calls that were begun, by their paths."""
        self._children: dict[str, str] = {}
        self._begun: set[str] = set()
        """Child runs that were begun."""
        self._proposed: dict[str, Any] = {}
        """What people were asked about, by the path of the question."""
        self._started: Event | None = None
        """The first event, as long as it is not known where the input comes from."""
        self._origins: dict[str, History] = {}
        """Runs from which this one has what it imports, kept while that is read: each is read once."""

    async def read_on(
        self, upto: int | None = None, kinds: Mapping[str, str] | None = None, child: str | None = None
    ) -> History:
        """Read what was committed since, up to an event, or to that by which a child run was begun.

        `kinds` are those of visits that are open.
        """
        if child in self._begun:
            return self
        if upto is not None and upto <= self.seq:
            return self
        limit = None if upto is None else upto - self.seq
        events = await self._events(self.seq, limit)
        self._kinds.update(kinds or {})
        self._kinds.update(
            (one.path, str(one.body["participant"])) for one in events if one.kind in ("step", "scope")
        )
        for event in events:
            await self._take(event)
            self.seq = event.seq
            if child is not None and child in self._begun:
                break
        if self._started is not None:  # nothing follows that says where the input is from
            await self._begin(self._started, None)
        self._origins.clear()
        return self

    async def _events(self, after: int, limit: int | None) -> Sequence[Event]:
        """Give events of the run; a thread has them from the loop, which the log belongs to."""
        loop = LOOP.get()
        asked = self._log.events(self.run, after=after, limit=limit)
        if loop is None:
            return await asked
        return asyncio.run_coroutine_threadsafe(asked, loop).result()

    def label_of(self, ref: str, value: Callable[[], Any]) -> Label:
        """Give the label of a value that was read: as it is known, else by what it holds."""
        known = self.values.get(ref)
        return known.label if known is not None else self.seen(value(), self.worst)

    def seen(self, value: Any, default: Label) -> Label:
        """Give the label of a value by what it holds."""
        return combined(
            [*(self.index.look(leaf, default).label for _, leaf in leaves(value)), *self._keys(value)]
        )

    def _keys(self, value: Any) -> Iterator[Label]:
        for _, key in keys(value):
            yield self.index.look(key, TRUSTED).label

    # -- events -----------------------------------------------------------------------------------

    async def _take(self, event: Event) -> None:
        body = event.body
        imported: tuple[str, int] | None = None
        kind = str(event.kind)
        if kind == "imported":
            imported = (str(body["from"]), int(body["event"]))
            kind, body = str(body["kind"]), cast("Mapping[str, Any]", body["body"])
        if self._started is not None:
            await self._begin(self._started, event)
        if kind in ("step", "scope"):
            await self._ended(event, body, imported)
        elif kind == "intent":
            self._call(event, body, self if imported is None else await self._origin(*imported))
        elif kind == "answered" and body.get("content"):
            await self._answered(event, body, own=imported is None)
        elif kind == "run.started":
            self._started = event
            if "given" in body or "parent" in body or "undoes" in body:
                await self._begin(event, None)
        else:
            self._note(event, kind, body)

    def _note(self, event: Event, kind: str, body: Mapping[str, Any]) -> None:
        match kind:
            case "proposed":
                at = event.path.replace("/proposed/", "/approval/")
                self._proposed[at] = self._read(str(body["arguments"]))
                self.vouched.proposed(at, body)
            case "result":
                self._result(event, body)
            case "asked" if "child" in body:
                self._children[event.path] = str(body["child"])
                self._begun.add(str(body["child"]))
            case "message" if body.get("content"):
                self._said(event, body)
            case _:
                pass

    async def _begin(self, started: Event, following: Event | None) -> None:
        """Take in the input; where the first event does not say, by the run that it comes from."""
        self._started = None
        body = started.body
        ref = str(body["input"])
        if "undoes" in body:  # what it takes back was done with values of that run
            whose = await self._relative(str(body["undoes"]["run"]), None)
            source = Source(self.run, started.seq, "", f"what run {body['undoes']['run'][-6:]} did")
            self._came_in(ref, source, UNTRUSTED if whose is None else whose.worst)
            return
        if "given" in body:
            source = Source(self.run, started.seq, "", f"input by {body['principal']}")
            self._came_in(ref, source, Label.read(body["given"]))
            return
        found: History | None = None
        if "parent" in body:
            found = await self._relative(str(body["parent"]["run"]), None, child=self.run)
        elif following is not None and following.kind == "run.forked":
            found = await self._relative(str(following.body["from"]), max(int(following.body["at"]), 2))
        source = Source(self.run, started.seq, "", f"input from run {found.run[-6:]}" if found else "input")
        if found is None:
            self._came_in(ref, source, UNTRUSTED)
            return
        whole = found.worst
        self._enter(self._read(ref), source, lambda leaf: found.index.look(leaf, whole), ref)

    def _call(self, event: Event, body: Mapping[str, Any], origin: History | None) -> None:
        """Note what a call is given: what is trusted may echo it.

        What was passed by reference is named as in the run in which it was: in `origin`.
        """
        arguments = self._read(str(body["arguments"]))
        passed: list[Label] = [] if origin is not None else [UNTRUSTED]
        short: set[str] = set()
        for _, leaf in leaves(arguments):
            known = origin.values.get(leaf) if origin is not None and isinstance(leaf, str) else None
            if known is not None:
                passed.append(known.label)
                continue
            self.index.give_out(leaf)
            if (form := short_form(leaf)) is not None:
                short.add(form)
        model = body.get("act") == "model.call"
        self._calls[event.path] = Call(str(body["tool"]), combined(passed) if passed else None, short, model)

    def _result(self, event: Event, body: Mapping[str, Any]) -> None:
        call = self._calls.get(event.path, Call(""))
        if call.model:
            self._thought(event, body, call)
            return
        tool, passed = call.tool, call.passed
        by_hand = body.get("how") == "person" and str(body.get("by", "")).startswith(PEOPLE)
        label = TRUSTED if by_hand else Label.read(body)
        what = f"{body['by']} about tool {tool}" if by_hand else f"tool {tool}"
        source = Source(self.run, event.seq, event.path, what)
        labels: list[Label] = []
        for name in ("output", "error"):
            if name not in body:
                continue
            if passed is not None:
                default = combined([label, passed])
                labels.append(self._made(str(body[name]), source, default))
            elif label.trust == "trusted":
                labels.append(self._given_back(str(body[name]), source, label, call))
            else:
                labels.append(self._came_in(str(body[name]), source, label))
        if labels:
            self._within(event.path, combined(labels))

    def _thought(self, event: Event, body: Mapping[str, Any], call: Call) -> None:
        """Note what a model said; it is no source of what it then gives to tools or in its answer.

        That is looked up in what it was shown: what stands there is from there, all else is the model's own.
        """
        ref = body.get("output")
        if ref is not None and ref not in self.values:
            shown = self.worst if call.passed is None else call.passed
            label = combined([shown, Label("model")])
            self.values[str(ref)] = Known(
                label, Source(self.run, event.seq, event.path, f"model {call.tool}")
            )

    def _given_back(self, ref: str, source: Source, label: Label, call: Call) -> Label:
        """Take in what a trusted source gave; what it merely gave back is as it was given."""
        own = self._own_accord(visit_of(source.path))
        given = Label("model") if own else self.worst

        def found(leaf: Any) -> Found:
            form = short_form(leaf)
            echoed = self.index.echoes(leaf) if form is None else form != "" and form in call.short
            if not echoed:
                return Found(label)
            return Found(combined([label, self.index.look(leaf, given).label]))

        return self._enter(self._read(ref), source, found, ref, mark=label)

    async def _answered(self, event: Event, body: Mapping[str, Any], *, own: bool) -> None:
        by, ref = str(body["by"]), str(body["content"])
        if body["what"] == "child":
            child = self._children.get(event.path, by.removeprefix("run:"))
            source = Source(self.run, event.seq, event.path, f"run {child[-6:]}")
            found = await self._relative(child, None)
            told: Any = self._read(ref)
            label = UNTRUSTED
            for name in PARTS:
                if isinstance(told, dict) and name in told:
                    part = decode(str(cast("dict[str, Any]", told)[name]).encode())
                    if found is None:
                        label = self._enter(part, source, lambda _: Found(UNTRUSTED), ref)
                    else:
                        whole, index = found.worst, found.index
                        label = self._enter(part, source, lambda leaf: index.look(leaf, whole), ref)  # noqa: B023 - used at once
        else:
            label = TRUSTED if by.startswith(PEOPLE) else UNTRUSTED
            source = Source(self.run, event.seq, event.path, f"answer of {by}")
            if "/approval/" in event.path:
                was, said = self._proposed.pop(event.path, None), self._read(ref)
                self._approved(was, said, Mark(source, "", label))
                if own and label is TRUSTED:
                    self.vouched.answered(event, said, was, self._read)
                return
            label = self._came_in(ref, source, label)
        self._within(event.path, label)

    def _approved(self, proposed: Any, said: Any, mark: Mark) -> None:
        """Take in what an approver has changed; what was left as it was is whose it was."""
        was = dict(leaves(proposed))
        for at, leaf in leaves(said):
            if at[:2] != ("value", "arguments") or was.get(at[2:], ABSENT) != leaf:
                self.index.add(leaf, Mark(mark.source, place(at), mark.label))

    def _said(self, event: Event, body: Mapping[str, Any]) -> None:
        by = str(body["by"])
        label = TRUSTED if by.startswith(PEOPLE) else UNTRUSTED
        what = f"{body['what']} by {by}"
        self._came_in(str(body["content"]), Source(self.run, event.seq, event.path, what), label)

    async def _ended(self, event: Event, body: Mapping[str, Any], imported: tuple[str, int] | None) -> None:
        """Label what a visit gave by what it read, and what came in within it."""
        outcome = cast("Mapping[str, Any]", body["outcome"])
        name = event.path.rpartition("/")[2].partition("@")[0]
        source = Source(self.run, event.seq, event.path, f"participant {name}")
        default = await self._default(event, body, imported)
        labels: list[Label] = []
        for part in PARTS:
            ref = outcome.get(part)
            if ref is None:
                continue
            known = self.values.get(ref)
            if known is not None and (body["participant"] != "function" or telling(self._read(ref))):
                labels.append(known.label)
            elif not (part == "output" and self._asks_for_calls(event, ref)):
                labels.append(self._made(ref, source, default, own=self._own_accord(event.path)))
        self.made[event.seq] = combined([default, *labels])
        self.taken.pop(event.path, None)
        if labels:
            self._within(event.path, combined(labels))

    async def _default(
        self, event: Event, body: Mapping[str, Any], imported: tuple[str, int] | None
    ) -> Label:
        """Give what is said of what a visit gave and did not get anywhere."""
        if imported is not None:
            found = await self._origin(*imported)
            return UNTRUSTED if found is None else found.made.get(imported[1], UNTRUSTED)
        within = self.taken.get(event.path)
        if body["participant"] == "human" and within is not None:
            return within
        inputs = cast("Mapping[str, str]", body["inputs"])
        read = [self.label_of(ref, lambda ref=ref: self._read(ref)) for ref in inputs.values()]
        if self.unreadable:
            read.append(UNTRUSTED)
        return combined([*read, *([] if within is None else [within])])

    def _own_accord(self, path: str) -> bool:
        """Tell whether a visit is of somebody who acts of their own accord, or is a thought of such."""
        above = path.rpartition("/")[0]
        return self._kinds.get(path) in AGENTS or self._kinds.get(above) in ("agent", "single_agent")

    def _asks_for_calls(self, event: Event, ref: str) -> bool:
        """Tell whether an agent asks for calls: no source of what it then gives to them.

        As `participants/tool_calls.py` reads it.
        """
        if not self._own_accord(event.path):
            return False
        said: Any = self._read(ref)
        asked = cast("list[Any]", said) if isinstance(said, list) else [said]
        return bool(asked) and all(isinstance(one, dict) and "use_tool" in one for one in asked)

    async def _origin(self, run: str, upto: int) -> History | None:
        """Give the history of a run that something is imported from, as far as that; None as below."""
        found = await self._relative(run, upto)
        if found is not None:
            self._origins[run] = found
        return found

    async def _relative(self, run: str, upto: int | None, child: str | None = None) -> History | None:
        """Give the history of another run; None where it cannot be read."""
        try:
            return await self._others.of(run, upto, child=child)
        except RipienoError:
            return None

    # -- values -----------------------------------------------------------------------------------

    def _came_in(self, ref: str, source: Source, label: Label) -> Label:
        """Take in a value that a source gave."""
        return self._enter(self._read(ref), source, lambda _: Found(label), ref)

    def _made(self, ref: str, source: Source, default: Label, *, own: bool = False) -> Label:
        """Take in a value that somebody made of what they read."""
        if own:
            label = combined([default, Label("model")])
            return self._enter(self._read(ref), source, lambda _: Found(label), ref)
        return self._enter(self._read(ref), source, lambda leaf: self.index.look(leaf, default), ref)

    def _enter(
        self,
        value: Any,
        source: Source,
        found: Callable[[Any], Found],
        ref: str,
        mark: Label | None = None,
    ) -> Label:
        """Enter each leaf with its label, or as `mark`; give the label of the whole."""
        labels: list[Label] = []
        for at, leaf in (*leaves(value), *keys(value)):
            label = found(leaf).label
            labels.append(label)
            self.index.add(leaf, Mark(source, place(at), mark or label))
        label = combined(labels or [found(None).label])
        known = self.values.get(ref)
        if known is None:
            self.values[ref] = Known(label, source)
        elif known.label != label:  # the same value from two sources
            trusts: set[Trust] = {known.label.trust, label.trust}
            both = "vouched" if "trusted" in trusts else least_trusted(trusts)
            self.values[ref] = Known(Label(both, known.label.data | label.data), known.source)
        if value in (None, "", [], {}):  # who says nothing directs nobody
            return label
        self.shown.add(label.trust)
        self.worst = combined([self.worst, label])
        if label.trust == "untrusted":
            self.vouched.came_in(ref, source)
        return label

    def _within(self, path: str, label: Label) -> None:
        """Note what came in within the visit that an act belongs to."""
        visit = visit_of(path)
        before = self.taken.get(visit)
        self.taken[visit] = label if before is None else combined([before, label])

    def _read(self, ref: str) -> Any:
        """Read a value; what cannot be read any more may have been anything."""
        try:
            return decode(self._log.payload(self.run, ref))
        except RipienoError:
            self.unreadable = True
            self.shown.add("untrusted")
            self.worst = combined([self.worst, UNTRUSTED])
            return None
