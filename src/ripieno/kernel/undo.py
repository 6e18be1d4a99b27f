"""Taking back what is not wanted any more: planned in one event, then each undo an effect of its own.

The plan names every effect under the paths that stands, the latest first, and what is to be done about
it; replay reads it and never looks again. What cannot be taken back goes to a person of role
`operator`, who is told why. What another run did, imported here by a fork, is never touched; what a
child run did is taken back by a run of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ripieno.journal.records import CloseChange
from ripieno.kernel.effect_book import UNDO, EffectBook, Entry
from ripieno.kernel.effects import Effect
from ripieno.kernel.permits import Proposal
from ripieno.kernel.questions import ask
from ripieno.kernel.recording import ENDS
from ripieno.kernel.undo_runs import UndoRun, book_of, done_since, standing_in
from ripieno.kernel.undo_tools import find
from ripieno.kernel.undo_turns import its_turn
from ripieno.model.action import Call, OnUncertain, Undone, UndoRule
from ripieno.model.action import Effect as Change
from ripieno.model.errors import ToolError
from ripieno.model.event import Event, Json
from ripieno.model.ids import short
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Question
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["LEFT", "told", "undo", "undo_all", "undo_for", "undo_left"]

LEFT: Final = "/undo/left"
"""Where the plan of calling off what goes on elsewhere is recorded."""

ROLE: Final = "operator"
FORM: Final = {
    "type": "object",
    "title": "What became of it?",
    "properties": {
        "undone": {"type": "boolean", "description": "whether you have taken it back by hand"},
        "note": {"type": "string", "description": "what stands, or how it was taken back"},
    },
    "required": ["undone"],
    "additionalProperties": False,
}

NO_UNDO: Final = "it declares no undo"

Item = Mapping[str, Any]
"""One effect in the plan: its path and tool, what is to be done, and for an undo its arguments."""


async def undo_all(scope: Scope, path: str, top: str) -> list[Undone]:
    """Take back all that a run has done whose topmost visit is at `top`, and was stopped.

    People are not asked any more what they were asked within it.
    """
    plan = await _recorded(scope, path)
    if plan is None:
        source = await _own(scope, [""])
        plan = await _plan(scope, path, source, why="cancelled", rule="undo", change=CloseChange(top))
    return await _carry_all_out(scope, path, plan)


async def undo_left(scope: Scope, path: str, top: str) -> list[Undone]:
    """Call off what a run has begun elsewhere and no visit has seen to an end; `path` is of the plan."""
    execution = scope.execution
    plan = await _recorded(scope, path)
    if plan is None:
        if execution.effects.knows([""]) and not execution.effects.begins:
            return []
        await execution.all_durable()
        events = await execution.store.events(execution.lease.run)
        source = Source(EffectBook(events), [""], execution.stored, left_going(events))
        plan = await _plan(scope, path, source, why="ended", rule="undo", change=CloseChange(top))
    return await _carry_all_out(scope, path, plan)


def left_going(events: Sequence[Event]) -> frozenset[str]:
    """Give the paths of effects that go on elsewhere and whose visits did not end by themselves."""
    over = {
        event.path
        for event in events
        if event.kind in ENDS and event.body["outcome"]["status"] != "cancelled"
    }
    entries = EffectBook(events).entries()
    return frozenset(
        one.path for one in entries if one.ongoing and one.path.rpartition("/tool/")[0] not in over
    )


async def undo(scope: Scope, path: str, under: Sequence[str], *, why: str, rule: UndoRule) -> list[Undone]:
    """Take back what stands under these paths, or list it; `path` is where the plan is recorded."""
    plan = await _recorded(scope, path)
    if plan is None:
        plan = await _plan(scope, path, await _own(scope, under), why=why, rule=rule)
    return await _carry_all_out(scope, path, plan)


async def undo_for(scope: Scope, path: str, started: Event) -> Outcome:
    """Take back what another run has done, by the first event of the run that does so: its whole work.

    It is `partial` where an operator wanted it and something stands all the same.
    """
    undoes, store = started.body["undoes"], scope.execution.store
    run, asks = undoes["run"], undoes.get("asks", False)
    await its_turn(scope, path, started)
    plan = await _recorded(scope, path)
    if plan is None:
        book, only = await book_of(store, run), await done_since(store, run, undoes.get("since", 0))
        source = Source(book, ("",), lambda ref: Value(ref, store.payload(run, ref)), only, asks=asks)
        plan = await _plan(scope, path, source, why=f"run {short(run)} is wanted no longer", rule="undo")
    found = await _carry_all_out(scope, path, plan)
    listed = [
        {"run": one.run or run, "path": one.path, "tool": one.tool, "state": one.state} for one in found
    ]
    stands = asks and any(one.state not in ("undone", "by hand") for one in found)
    return Outcome("partial" if stands else "complete", listed, reason=told(found) or None)


@dataclass(frozen=True, slots=True)
class Source:
    """Whose effects are taken back: those of the run itself, or of one that has ended."""

    book: EffectBook
    under: Sequence[str]
    stored: Callable[[str], Value]
    """Gives what is recorded under a commitment."""
    only: frozenset[str] | None = None
    """The paths of those that are, where not all are."""
    asks: bool = False
    """True where a person is asked about what has no undo, too."""

    def standing(self) -> list[Entry]:
        """Give what is to be taken back, the latest first."""
        found = self.book.standing(self.under)
        return found if self.only is None else [entry for entry in found if entry.path in self.only]


async def _own(scope: Scope, under: Sequence[str]) -> Source:
    execution = scope.execution
    book = execution.effects
    if not book.knows(under):
        await execution.all_durable()
        book = EffectBook(await execution.store.events(execution.lease.run))
    return Source(book, under, execution.stored)


async def _carry_all_out(scope: Scope, path: str, plan: Sequence[Item]) -> list[Undone]:
    found: list[Undone] = []
    for number, item in enumerate(plan, 1):
        if item["do"] == "run":
            found.extend(await _carry_out_there(scope, path, number, item))
        else:
            found.append(await _carry_out(scope, path, number, item))
    return found


async def _recorded(scope: Scope, path: str) -> Sequence[Item] | None:
    for event in scope.take(path, frozenset({"undo"})):
        await scope.execution.turnstile.recorded(scope.branch, event.seq)
        return event.body["effects"]
    return None


async def _plan(
    scope: Scope, path: str, source: Source, *, why: str, rule: UndoRule, change: CloseChange | None = None
) -> Sequence[Item]:
    execution = scope.execution
    found = source.standing()
    if not found:
        return ()
    await execution.all_durable()  # what the calls were given and gave is read from there
    payloads: list[tuple[bytes, bytes]] = []
    plan: list[dict[str, Json]] = []
    for entry in found:
        if entry.run is None:
            plan.append(_item(scope, entry, payloads, rule, source))
        else:
            plan.extend(await _items_of(scope, entry, rule, asks=source.asks))
    if not plan:  # but for child runs of which nothing stands
        return ()
    under: list[Json] = list(source.under)
    effects: list[Json] = [dict(item) for item in plan]
    body: dict[str, Json] = {"why": why, "rule": rule, "under": under, "effects": effects}
    draft = await scope.append("undo", path, body, payloads=payloads, change=change)
    await execution.durable(draft)
    return plan


async def _items_of(scope: Scope, child: Entry, rule: UndoRule, *, asks: bool) -> list[dict[str, Json]]:
    """Say what is to be done about what a child run did: by a run of its own where anything has an undo."""
    assert child.run is not None, "it is a child run"
    standing = await standing_in(scope.execution.store, child.run)
    there = scope.execution.store.erasure(child.run) is None  # else nobody knows how to undo it
    if there and rule == "undo" and any(asks or one.entry.undo is not None for one in standing):
        item: dict[str, Json] = {"path": child.path, "tool": child.tool, "do": "run", "run": child.run}
        return [{**item, "asks": True} if asks else item]
    do = "list" if rule == "list" else "no undo"
    return [{"path": one.entry.path, "tool": one.entry.tool, "do": do, "run": one.run} for one in standing]


def _item(
    scope: Scope,
    entry: Entry,
    payloads: list[tuple[bytes, bytes]],
    rule: UndoRule,
    source: Source,
) -> dict[str, Json]:
    """Say what is to be done about one effect."""
    execution = scope.execution
    item: dict[str, Json] = {"path": entry.path, "tool": entry.tool}
    if rule == "list":
        return {**item, "do": "list"}
    if entry.undo is None and source.asks:
        return {**item, "do": "ask", "error": execution.keep(execution.value(NO_UNDO), payloads)}
    if entry.undo is None:
        return {**item, "do": "no undo"}
    item["by"] = entry.undo
    tool = find(execution.definition, entry.tool, entry.undo)
    if tool is None:
        return {**item, "do": "ask"}
    given = source.stored(entry.arguments).decode()
    result = None if entry.output is None else source.stored(entry.output).decode()
    try:
        arguments = tool.undo_arguments(given, result)
    except ToolError as error:
        return {**item, "do": "ask", "error": execution.keep(execution.value(error.message), payloads)}
    item["name"] = tool.name
    return {**item, "do": "undo", "arguments": execution.keep(execution.value(dict(arguments)), payloads)}


async def _carry_out_there(scope: Scope, plan: str, number: int, item: Item) -> list[Undone]:
    """Let a run of its own take back what a child run did; a person is asked where it does not come to it."""
    whose = (item["tool"], item["run"])
    run = UndoRun(scope, f"{plan}/run/{number}", whose, asks=item.get("asks", False))
    outcome = await run.outcome()
    if outcome.output is not None and not run.was_cancelled:
        told: Any = outcome.output
        return [Undone(one["path"], one["tool"], one["state"], one["run"]) for one in told]
    why = f"what run {short(item['run'])} did was not all taken back: {outcome.reason or outcome.status}"
    return [await _ask(scope, f"{plan}/ask/{number}", item, why)]


async def _carry_out(scope: Scope, plan: str, number: int, item: Item) -> Undone:
    whose = item.get("run")
    if item["do"] == "list":
        return Undone(item["path"], item["tool"], "listed", whose)
    if item["do"] == "no undo":
        return Undone(item["path"], item["tool"], "no undo", whose)
    execution = scope.execution
    if item["do"] == "undo":
        tool = find(execution.definition, item["tool"], item["by"]) or Gone(item["name"])
        arguments = execution.stored(item["arguments"])
        try:
            permit = await Proposal(scope, tool, item["path"] + UNDO, arguments).permit()
            await Effect(scope, tool, item["path"] + UNDO, permit).result()
        except ToolError as error:
            why = error.message
        else:
            return Undone(item["path"], item["tool"], "undone")
    elif "error" in item:
        why = str(execution.stored(item["error"]).decode())
    else:
        why = f"its undo {item['by']} cannot be found here"
    return await _ask(scope, f"{plan}/ask/{number}", item, why)


async def _ask(scope: Scope, path: str, item: Item, why: str) -> Undone:
    """Let a person deal with it."""
    about = {"effect": item["path"], "tool": item["tool"], "why": why}
    if "run" in item:
        about["run"] = item["run"]
    question = Question(ROLE, f"cannot be undone here: {item['tool']}, {why}", FORM, about)
    answer = await ask(scope, question, path)
    scope.execution.effects.note("answered", path, {})
    return Undone(item["path"], item["tool"], "by hand" if answer.value["undone"] else "stands")


class Gone:
    """Stands for an undo that was there when it was planned and is not found any more: never called."""

    version = ""
    effect: Change = "write"
    on_uncertain: OnUncertain = "ask"
    timeout = 30.0
    settle = 0.0
    attempts = 1
    key_lifetime = 0.0
    undo = None

    def __init__(self, name: str) -> None:
        self.name = name

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Refuse."""
        del arguments, call
        msg = f"{self.name} cannot be found here any more"
        raise ToolError(msg)

    async def verify(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Nobody can tell."""
        raise NotImplementedError(self.name, arguments, call)  # pragma: no cover - `ask` never verifies


def told(found: Sequence[Undone]) -> str:
    """Say in one line what was taken back and what stands."""
    words = {"undone": "undone", "by hand": "undone by hand", "no undo": "stands, having no undo"}
    return "; ".join(f"{words.get(one.state, 'stands')}: {one.tool} ({place_of(one)})" for one in found)


def place_of(one: Undone) -> str:
    """Name the path of an effect, with the run where that is another."""
    return one.path if one.run is None else f"{one.path} of run {short(one.run)}"
