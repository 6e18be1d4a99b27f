"""The same participant for every item of a list, a bounded number at a time."""

from __future__ import annotations

from typing import Any, Final, cast

from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Branches, Context, Task
from ripieno.patterns.base import Pattern, Stage
from ripieno.patterns.expressions import Expression

__all__ = ["Map", "map_over"]

SHOWN = 5
UNDONE: Final = Outcome("cancelled", reason="not done")


class Progress:
    """The items done so far. A segment holds, by reference, those done since the segment before."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._packed: dict[str, Outcome] = {}
        self._new: dict[str, Outcome] = {}
        self.found: dict[int, Outcome] = {}
        resumption = context.resumption()
        for name, packed in resumption.outcomes.items() if resumption is not None else ():
            self._packed[name] = packed
            self.found.update((int(index), item) for index, item in context.unpack(packed).items())

    async def add(self, index: int, outcome: Outcome) -> None:
        """Take in an item that is done."""
        self.found[index] = outcome
        self._new[str(index)] = outcome
        if self._context.segment_due:
            self._packed[f"part{len(self._packed)}"] = self._context.pack(self._new)
            self._new = {}
            await self._context.segment(len(self.found), {}, self._packed)


class Map(Pattern):
    """Gives the outputs in the items' order, null for an item that did not complete.

    `complete` when every item is, `partial` when some are, `failed` when none is.
    """

    kind = "map"

    def __init__(self, name: str | None, items: str, body: Stage, width: int) -> None:
        super().__init__(name, [body])
        self.items = Expression(items)
        self.width = width
        if width < 1:
            msg = f"{self.name}: width must be at least 1, got {width!r}"
            raise DefinitionError(msg)

    def settings(self) -> dict[str, Json]:
        """Give items, body and width."""
        return {"over": self.items.text, "step": self.flow()[0], "width": self.width}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Run the items side by side; each is keyed by its index."""
        found: Any = self.items.evaluate(task)
        if not isinstance(found, list):
            msg = f"{self.items.text!r} is {type(found).__name__}, expected a list to map over"
            raise InputError(msg)
        items = cast("list[Any]", found)
        progress = Progress(context)
        context.so_far(lambda: self._join([progress.found.get(n, UNDONE) for n in range(len(items))]))
        undone = [(index, item) for index, item in enumerate(items) if index not in progress.found]
        undone.reverse()
        async with context.branches() as branches:
            running: dict[str, int] = {}
            while undone or running:
                while undone and len(running) < self.width:
                    index, item = undone.pop()
                    running[self._start(branches, context, task, (index, item))] = index
                ended = await branches.next()
                assert ended is not None, "a running branch ends"
                path, outcome = ended
                await progress.add(running.pop(path), outcome)
        return self._join([progress.found[index] for index in range(len(items))])

    def _start(self, branches: Branches, context: Context, task: Task, item: tuple[int, Any]) -> str:
        index, value = item
        return branches.start(self.stages[0], Task(context.value(value), task.state), key=str(index))

    @staticmethod
    def _join(outcomes: list[Outcome]) -> Outcome:
        outputs = [outcome.output if outcome.ok else None for outcome in outcomes]
        missed = [f"item {index}: {item.reason}" for index, item in enumerate(outcomes) if not item.ok]
        if not missed:
            return Outcome("complete", outputs)
        more = f"; and {len(missed) - SHOWN} more" if len(missed) > SHOWN else ""
        status = "failed" if len(missed) == len(outcomes) else "partial"
        return Outcome(status, outputs, reason="; ".join(missed[:SHOWN]) + more)


def map_over(items: str, body: Stage, *, width: int = 10, name: str | None = None) -> Map:
    """Run `body` for every item of the list that the expression `items` gives, `width` at a time."""
    return Map(name, items, body, width)
