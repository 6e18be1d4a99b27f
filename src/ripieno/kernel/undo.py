"""Taking back what is not wanted any more: planned in one event, then each undo an effect of its own.

The plan names every effect under the paths that stands, the latest first, and what is to be done about
it; replay reads it and never looks again. What cannot be taken back goes to a person of role
`operator`, who is told why. What another run did, imported here by a fork, is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ripieno.journal.records import CloseChange
from ripieno.kernel.effect_book import UNDO, EffectBook, Entry
from ripieno.kernel.effects import Effect
from ripieno.kernel.permits import permitted
from ripieno.kernel.questions import ask
from ripieno.kernel.undo_tools import find
from ripieno.model.action import Call, OnUncertain, Undone, UndoRule
from ripieno.model.action import Effect as Change
from ripieno.model.errors import ToolError
from ripieno.model.event import Json
from ripieno.model.participant import Question

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["told", "undo", "undo_all"]

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

Item = Mapping[str, Any]
"""One effect in the plan: its path and tool, what is to be done, and for an undo its arguments."""


async def undo_all(scope: Scope, path: str, top: str) -> list[Undone]:
    """Take back all that a run has done whose topmost visit is at `top`, and was stopped.

    People are not asked any more what they were asked within it.
    """
    plan = await _recorded(scope, path)
    if plan is None:
        plan = await _plan(scope, path, [""], why="cancelled", rule="undo", change=CloseChange(top))
    return await _carry_all_out(scope, path, plan)


async def undo(scope: Scope, path: str, under: Sequence[str], *, why: str, rule: UndoRule) -> list[Undone]:
    """Take back what stands under these paths, or list it; `path` is where the plan is recorded."""
    plan = await _recorded(scope, path)
    if plan is None:
        plan = await _plan(scope, path, under, why=why, rule=rule)
    return await _carry_all_out(scope, path, plan)


async def _carry_all_out(scope: Scope, path: str, plan: Sequence[Item]) -> list[Undone]:
    return [await _carry_out(scope, path, number, item) for number, item in enumerate(plan, 1)]


async def _recorded(scope: Scope, path: str) -> Sequence[Item] | None:
    for event in scope.take(path, frozenset({"undo"})):
        await scope.execution.turnstile.recorded(scope.branch, event.seq)
        return event.body["effects"]
    return None


async def _plan(
    scope: Scope,
    path: str,
    under: Sequence[str],
    *,
    why: str,
    rule: UndoRule,
    change: CloseChange | None = None,
) -> Sequence[Item]:
    execution = scope.execution
    book = execution.effects
    if not book.knows(under):
        await execution.all_durable()
        book = EffectBook(await execution.store.events(execution.lease.run))
    found = book.standing(under)
    if not found:
        return ()
    await execution.all_durable()  # what the calls were given and gave is read from there
    payloads: list[tuple[bytes, bytes]] = []
    plan = [_item(scope, entry, payloads, rule) for entry in found]
    effects: list[Json] = [dict(item) for item in plan]
    body: dict[str, Json] = {"why": why, "rule": rule, "under": list(under), "effects": effects}
    draft = await scope.append("undo", path, body, payloads=payloads, change=change)
    await execution.durable(draft)
    return plan


def _item(scope: Scope, entry: Entry, payloads: list[tuple[bytes, bytes]], rule: UndoRule) -> dict[str, Json]:
    """Say what is to be done about one effect."""
    execution = scope.execution
    item: dict[str, Json] = {"path": entry.path, "tool": entry.tool}
    if rule == "list":
        return {**item, "do": "list"}
    if entry.undo is None:
        return {**item, "do": "no undo"}
    item["by"] = entry.undo
    tool = find(execution.definition, entry.tool, entry.undo)
    if tool is None:
        return {**item, "do": "ask"}
    given = execution.stored(entry.arguments).decode()
    result = None if entry.output is None else execution.stored(entry.output).decode()
    try:
        arguments = tool.undo_arguments(given, result)
    except ToolError as error:
        return {**item, "do": "ask", "error": execution.keep(execution.value(error.message), payloads)}
    item["name"] = tool.name
    return {**item, "do": "undo", "arguments": execution.keep(execution.value(dict(arguments)), payloads)}


async def _carry_out(scope: Scope, plan: str, number: int, item: Item) -> Undone:
    if item["do"] == "list":
        return Undone(item["path"], item["tool"], "listed")
    if item["do"] == "no undo":
        return Undone(item["path"], item["tool"], "no undo")
    execution = scope.execution
    if item["do"] == "undo":
        tool = find(execution.definition, item["tool"], item["by"]) or Gone(item["name"])
        arguments = execution.stored(item["arguments"])
        try:
            permit = await permitted(scope, tool, item["path"] + UNDO, arguments)
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
    return "; ".join(f"{words.get(one.state, 'stands')}: {one.tool} ({one.path})" for one in found)
