"""A memory as tools: `remember`, `recall` and `forget`, each an act that meets the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.memory.stored import Stored, opened, subject_in
from ripieno.connectors.ranking import Ranked, best
from ripieno.connectors.remote import Caller
from ripieno.connectors.store_acts import StoreAct, nothing, takes
from ripieno.connectors.tool import Tool
from ripieno.journal.memory import MemoryChange, MemoryRow, Space
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.housed import Here, here
from ripieno.model.action import Call
from ripieno.model.decimals import decimal
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, NotFoundError, ToolError
from ripieno.model.event import Json
from ripieno.model.provenance import declared_label

__all__ = ["Memory"]

Owner = Literal["everybody", "participant"]

ID_DIGITS: Final = 16
LONGEST: Final = 4000
"""Characters of what is remembered at once."""
MOST_READ: Final = 1000
"""So many of one memory are looked through for a query: the latest."""
LARGEST_RECALL: Final = 50
TOGETHER: Final = 25
"""So many are opened before whoever else is at work has a turn."""
MARK: Final = {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "Its id, as recall gives it"}
KEEPS: Final = "36500d"
"""How long the store remembers the key of a call: for good."""


REMEMBER: Final = takes(
    ["text"],
    text={
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST,
        "description": "What is to be known in later runs, in a sentence that stands by itself",
    },
    replaces={**MARK, "description": "The id of what this takes the place of, where it was wrong or changed"},
)
RECALL: Final = takes(
    [],
    query={"type": "string", "maxLength": 400, "description": "A few words; without them the latest"},
)
FORGET: Final = takes(["id"], id=MARK)
TAKE_BACK: Final = takes(["id"], id=MARK)
RESTORE: Final = takes(["id", "forgotten"], id=MARK, forgotten={"type": "boolean"})


class Memory(Connector):
    """What runs remember beyond themselves, as the tools `remember`, `recall` and `forget` of a connector.

    subject: whom or what it is about: a path in the input of the run, such as `patient.id`, or `key` for
        its business key. Runs about another one recall nothing of it. Nobody who calls says which it is.
    of: `participant` where each participant of a workflow has one of its own.
    keep: how long something is recalled; for as long as the run that wrote it is kept, unless given.
    data: the classes of data that it may hold, beside those of what is remembered.
    most: how many are recalled at once.

    What is remembered stays in the log of the run that wrote it, encrypted by that run's key, and is gone
    when that run is erased. It is recalled as trusted only where all of it came from trusted sources.
    Raises `DefinitionError` for what cannot work.
    """

    kind = "memory"

    def __init__(
        self,
        name: str,
        *,
        subject: str | None = None,
        of: Owner = "everybody",
        keep: Duration | None = None,
        data: Sequence[str] = (),
        most: int = 10,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
    ) -> None:
        if subject is not None and not all(part.strip() for part in subject.split(".")):
            msg = f"memory {name}: subject must be a path in the input, or 'key', got {subject!r}"
            raise DefinitionError(msg, remedy="subject='patient.id'")
        if of not in {"everybody", "participant"}:
            msg = f"memory {name}: of must be 'everybody' or 'participant', got {of!r}"
            raise DefinitionError(msg)
        if not 1 <= most <= LARGEST_RECALL:
            msg = f"memory {name}: between 1 and {LARGEST_RECALL} are recalled at once, got {most!r}"
            raise DefinitionError(msg)
        self.subject, self.most = subject, most
        self.of: Owner = of
        self.keep = None if keep is None else seconds(keep)
        """Seconds."""
        _, self.data = declared_label(f"memory {name}", None, data)
        super().__init__(name, version=version, pin=pin, allow=allow, overrides=overrides)

    @property
    def remember(self) -> Tool:
        """The tool that remembers something."""
        return self.tool("remember")

    @property
    def recall(self) -> Tool:
        """The tool that gives what was remembered."""
        return self.tool("recall")

    @property
    def forget(self) -> Tool:
        """The tool that lets something be recalled no more."""
        return self.tool("forget")

    # -- as a connector --------------------------------------------------------------------------------------

    def offers(self) -> Sequence[str]:
        """Give the names of its tools."""
        return ("remember", "recall", "forget")

    def make(self, name: str) -> Tool:
        """Give one of them."""
        whose = f" about this {self.subject.rpartition('.')[0] or 'case'}" if self.subject else ""
        if name == "recall":
            about = (
                f"Give what earlier runs remembered{whose}, the best for a query first, up to {self.most}."
                " It is what was said then: check it before you act on it."
            )
            act = StoreAct(name, self._recall, input_schema=RECALL, description=about)
            return Tool(
                act,
                effect="read",
                on_uncertain=act.asking(nothing),
                trust="trusted",  # the store; each call tells how far what it gives is trusted
                data=self.data,
                outside=False,
            )
        if name == "remember":
            about = f"Remember something{whose} for later runs. Gives its id."
            undo = self._writes("take_back", self._take_back, TAKE_BACK, "Forget what was remembered.")
            return self._writes(name, self._remember, REMEMBER, about, undo, self._remembered)
        about = f"Forget something{whose} that was remembered, by its id: it is recalled no more."
        undo = self._writes("restore", self._restore, RESTORE, "Remember again what was forgotten.")
        return self._writes(name, self._forget, FORGET, about, undo, self._forgotten)

    def _writes(  # noqa: PLR0917 - one place that makes them
        self,
        name: str,
        call: Caller,
        schema: Mapping[str, Any],
        about: str,
        undo: Tool | None = None,
        known: Caller | None = None,
    ) -> Tool:
        act = StoreAct(name, call, input_schema=schema, description=about)
        return Tool(
            act,
            effect="write",
            undo=undo,
            on_uncertain="retry" if known is None else act.asking(known),  # what takes back may be repeated
            key_lifetime=KEEPS,
            trust="trusted",  # an id, and whether anything has changed
            outside=False,
        )

    def settings(self) -> Mapping[str, Json]:
        """Give it as it stands in a workflow file."""
        found: dict[str, Json] = {"of": self.of, "most": self.most}
        if self.subject is not None:
            found["subject"] = self.subject
        if self.keep is not None:
            found["keep"] = in_seconds(self.keep)
        if self.data:
            found["data"] = list(self.data)
        return found

    def interface(self) -> Json:
        """Give what its tools are, and whose memory it is."""
        return {"tools": super().interface(), "memory": dict(self.settings())}

    # -- what its tools do -----------------------------------------------------------------------------------

    async def _remember(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        now, store = at.clock.now(), at.store
        row = MemoryRow(
            tenant=at.run.tenant,
            id=call.key[:ID_DIGITS],
            space="",  # as the store names it
            memory=self.name,
            participant=self._participant(at),
            about=self.subject or "",
            run=call.run,
            path=call.path,
            value=at.arguments,
            sources=at.sources,
            at=now,
            expires=None if self.keep is None else now + int(self.keep * MICROSECONDS),
            replaces=arguments.get("replaces"),
            by=at.run.principal,
            call=call.key,
        )
        try:
            kept = await store.remember(row, self._space(at))
        except NotFoundError as error:
            raise ToolError(error.message, failure="bad_request") from None
        return remembered(kept)

    async def _remembered(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Give what an earlier attempt at it gave; None where there was none."""
        del arguments
        at = here(call)
        row = at.store.memory(at.run.tenant, call.key[:ID_DIGITS])
        return None if row is None else remembered(row)

    async def _take_back(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        store = at.store
        row = store.memory(at.run.tenant, arguments["id"])
        if row is None:
            msg = f"no memory {arguments['id']!r}"
            raise ToolError(msg, failure="bad_request")
        changes = [self._change(at, call, row.id, "forgotten")]
        before = None if row.replaces is None else at.store.memory(row.tenant, row.replaces)
        if before is not None and before.state == "replaced" and before.call.startswith(row.id):
            changes.append(self._change(at, call, before.id, "kept"))
        await store.change_memories(row.tenant, changes)
        return {"id": row.id}

    async def _forget(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        store, change = at.store, self._change(at, call, arguments["id"], "forgotten")
        try:
            await store.change_memories(at.run.tenant, [change], self._space(at))
        except NotFoundError as error:
            raise ToolError(error.message, failure="bad_request") from None
        return await self._forgotten(arguments, call) or {"id": change.id, "forgotten": False}

    async def _forgotten(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Give what an earlier attempt at it gave; None where there was none, or nothing to forget."""
        at = here(call)
        row = at.store.memory(at.run.tenant, arguments["id"])
        return {"id": row.id, "forgotten": True} if row is not None and row.call == call.key else None

    async def _restore(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        store = at.store
        row = store.memory(at.run.tenant, arguments["id"])
        if row is not None and row.state == "forgotten" and arguments["forgotten"]:
            change = self._change(at, call, row.id, "kept")
            await store.change_memories(row.tenant, [change])
        return {"id": arguments["id"]}

    def _change(self, at: Here, call: Call, id: str, state: Any) -> MemoryChange:  # noqa: A002 - what it is
        return MemoryChange(id, state, at.run.principal, call.key)

    async def _recall(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        rows = at.store.memories(at.run.tenant, self._space(at), at.clock.now(), MOST_READ)
        found: list[Stored] = []
        for number, row in enumerate(rows, 1):
            if (one := opened(at.store, row)) is not None:
                found.append(one)
            if number % TOGETHER == 0:
                await asyncio.sleep(0)
        query = str(arguments.get("query") or "").strip()
        if query:
            chosen = best([one.text for one in found], query, self.most)
        else:
            chosen = [Ranked(position, 0.0) for position in range(min(self.most, len(found)))]
        for one in chosen:
            call.from_source(found[one.position].trust, found[one.position].data)
        call.noted["retrieved"] = {
            "memory": self.name,
            "ids": [found[one.position].row.id for one in chosen],
            "runs": [found[one.position].row.run for one in chosen],
            "scores": [decimal(one.score) for one in chosen],
            "among": len(found),
        }
        return {"memories": [told(found[one.position], one.score if query else None) for one in chosen]}

    # -- whose it is -----------------------------------------------------------------------------------------

    def _space(self, at: Here) -> Space:
        return Space(self.name, self._subject(at), self._participant(at))

    def _participant(self, at: Here) -> str:
        return f"{at.run.workflow}/{at.participant}" if self.of == "participant" else ""

    def _subject(self, at: Here) -> str:
        if self.subject is None:
            return ""
        found = subject_in(at.run.key, at.input, self.subject)
        if not found:
            where = "no business key" if self.subject == "key" else f"no {self.subject!r} in its input"
            msg = f"memory {self.name}: whom it is about is not known: the run has {where}"
            raise ToolError(msg, failure="bad_request")
        return found


def remembered(row: MemoryRow) -> dict[str, Any]:
    """Give what whoever has something remembered is told."""
    return {"id": row.id, "until": None if row.expires is None else day(row.expires)}


def told(one: Stored, score: float | None) -> dict[str, Any]:
    """Give something as it is recalled."""
    ranked = {} if score is None else {"score": round(score, 4)}
    return {
        "id": one.row.id,
        "text": one.text,
        **ranked,
        "remembered": day(one.row.at),
        "run": one.row.run,
        "trust": one.trust,
        "from": one.source,
    }


def day(at: int) -> str:
    """Give the day of a time."""
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).date().isoformat()
