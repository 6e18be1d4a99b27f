"""Following runs as their log grows, until each has come to rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.cli.output import TITLE_LIMIT, clean, note
from ripieno.cli.tasks import whom
from ripieno.evidence.doubts import Doubt, Doubts
from ripieno.evidence.outcomes import outcome_of
from ripieno.evidence.steps import PATTERNS, step_name
from ripieno.identity.reading import read_run
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, moment
from ripieno.kernel.commands import AskedFor, asked_for
from ripieno.model.errors import NotAllowedError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal

__all__ = ["Followed", "check_shown", "document_of", "follow"]

LOOK_SECONDS: Final = 0.5
"""How often one looks without being told, so that times go on."""

COALESCE_SECONDS: Final = 0.05
ASKED_SHOWN: Final = 3
STOPPED: Final = ("blocked", "needs_version", "paused", "stopped")


@dataclass(slots=True, eq=False)
class Followed:
    """A run, or one that is about to be started, as far as it is known."""

    name: str
    """What people call it: the input's name."""
    start: Callable[[], Awaitable[RunRow]] | None = None
    """How it is started; None when it runs already."""
    row: RunRow | None = None
    steps: int = 0
    doing: str = ""
    """The step that was last done."""
    asked: Sequence[AskedFor] = ()
    outcome: Outcome | None = None
    settled: bool = False
    shown: bool = True
    """False where only how it stands is shown, not what it holds."""
    saying: str = ""
    """What a model says at this moment, where it is watched."""
    speaks: str = ""
    """The path of the request that it is said to, or the end of it."""
    began: float = field(default_factory=time.monotonic)
    _seen: int = 0
    _calls: dict[str, str] = field(default_factory=dict[str, str])
    """Tools whose answer is not recorded yet, by path."""
    _doubts: Doubts = field(default_factory=Doubts)
    _children: dict[str, str] = field(default_factory=dict[str, str])
    """Child runs that have not told of their end, by the path of their step."""

    @property
    def status(self) -> str:
        """The run's status, or `queued`."""
        return "queued" if self.row is None else self.row.status

    @property
    def going(self) -> bool:
        """True while somebody is, or should be, at work on it."""
        return self.row is not None and self.row.going

    @property
    def seconds(self) -> float:
        """Seconds from its request to its end, or to now."""
        if self.row is None:
            return 0.0
        until = self.row.ended_at or time.time_ns() // 1000
        return max(0, until - self.row.requested_at) / MICROSECONDS

    @property
    def doubts(self) -> Sequence[Doubt]:
        """Calls in doubt that it waits to ask about again."""
        return () if self.row is None or self.row.ended else self._doubts.open

    def why(self) -> str:
        """Say in a line what it waits for, or why it ended as it did."""
        if self.asked and not self.shown:
            return "waits for people"
        if self.asked:
            titles = [f"{whom(asked.row)}: {cut(asked.title)}" for asked in self.asked[:ASKED_SHOWN]]
            more = len(self.asked) - ASKED_SHOWN
            return "; ".join([*titles, f"… and {more} more"] if more > 0 else titles)
        if self.outcome is not None:
            return "" if self.outcome.ok else self.outcome.reason or ""
        if self.row is not None and self.row.detail:
            return self.row.detail
        if self.doubts:
            return "; ".join(str(doubt) for doubt in self.doubts)
        calls = ", ".join(f"{tool} …" for tool in self._calls.values())
        return (calls or self.doing) if self.status == "running" else ""

    def hear(self, path: str, text: str) -> None:
        """Take note of what is said at this moment: often sooner than of what was recorded before it."""
        self.speaks, self.saying = path, " ".join(text.split())

    async def refresh(self, store: Store) -> None:
        """Read what was committed since the last look."""
        assert self.row is not None, "only what was started is looked at"
        self.row = await store.run(self.row.id)
        if self.row.head_seq > self._seen:
            for event in await store.events(self.row.id, after=self._seen):
                self._seen = event.seq
                self._take(event.kind, event.path, event.body)
        waits = self.row.status in ("waiting", "stopped")
        rows = await self._questions(store) if waits else ()
        if [row.id for row in rows] != [asked.row.id for asked in self.asked]:
            self.asked = [asked_for(store, row) for row in rows]
        if self.row.ended and self.outcome is None and self.shown:
            self.outcome = await outcome_of(store, self.row)

    async def _questions(self, store: Store) -> Sequence[QuestionRow]:
        """Give what people are asked by it and by the child runs that it waits for."""
        assert self.row is not None, "only what was started is looked at"
        found = list(await store.questions(run=self.row.id, tenant=self.row.tenant))
        below = list(self._children.values())
        while below:
            child = below.pop()
            found.extend(await store.questions(run=child, tenant=self.row.tenant))
            below.extend(open_children(await store.events(child)).values())
        return found

    def _take(self, kind: str, path: str, body: Any) -> None:
        take_child(self._children, kind, path, body)
        self._doubts.take(kind, path, body)
        if kind in ("step", "scope") and body["participant"] not in PATTERNS:
            self.steps += 1
            self.doing = f"{step_name(path)} done"
        elif kind == "intent":
            self._calls[path] = body["tool"]
        elif kind == "result":
            self._calls.pop(path, None)
            if path.endswith(self.speaks):  # else of a call before it, which was read of late
                self.saying = ""


async def check_shown(store: Store, followed: Followed, what: str, by: Principal) -> None:
    """Show only how a run stands where whoever gave it a command may not be shown what it holds.

    Whoever has started it may, unless it began with what another run holds; whoever else does is
    recorded, or denied, as with any read.
    """
    assert followed.row is not None, "only what was started is looked at"
    if followed.row.principal == by.id and followed.row.parent is None:
        return
    try:
        await read_run(store, followed.row, what, by=by)
    except NotAllowedError as error:
        followed.shown = False
        note(error.message)


def take_child(children: dict[str, str], kind: str, path: str, body: Any) -> None:
    """Take note of a child run that was begun, or has told of its end."""
    if kind == "asked" and body["what"] == "child":
        children[path] = body["child"]
    elif kind == "answered":
        children.pop(path, None)


def open_children(events: Sequence[Event]) -> dict[str, str]:
    """Give the child runs of a run that have not told of their end, by the path of their step."""
    children: dict[str, str] = {}
    for event in events:
        take_child(children, event.kind, event.path, event.body)
    return children


def document_of(followed: Followed, source: str | None = None) -> dict[str, Any]:
    """Give a run as programs read it, with where its input was read from; None where that is not known."""
    row, outcome = followed.row, followed.outcome
    assert row is not None, "it was started"
    confidence = outcome.confidence if outcome else None
    return {
        "run_id": row.id,
        "short_id": short(row.id),
        "workflow": row.workflow,
        "version": row.version,
        "key": row.key,
        "input": source,
        "status": row.status,
        "output": outcome.output if outcome else None,
        "reason": (outcome.reason if outcome else row.detail) or None,
        "confidence": None
        if confidence is None
        else {"value": confidence.value, "method": confidence.method},
        "waiting_for": [
            *(
                {
                    "task": asked.id,
                    "role": asked.row.role,
                    "person": asked.row.person,
                    "title": asked.title,
                    "until": until_of(asked),
                }
                for asked in (followed.asked if followed.shown else ())
            ),
            *(doubt.document() for doubt in followed.doubts),
        ],
        "seconds": round(followed.seconds, 3),
    }


def until_of(asked: AskedFor) -> str | None:
    """Give when a task is due, as programs read it."""
    return None if asked.row.due_at is None else moment(asked.row.due_at).isoformat()


def cut(title: str) -> str:
    """Give a title as it stands among others."""
    return clean(title, limit=TITLE_LIMIT).plain


async def follow(
    store: Store,
    cases: Sequence[Followed],
    *,
    wait_people: bool = True,
    at_once: int = 16,
    look: Callable[[], None] = lambda: None,
    settled: Callable[[Followed], None] = lambda _: None,
) -> None:
    """Start what is to be started, `at_once` side by side, and return when all have come to rest.

    A run rests when it has ended, is blocked, or needs a version that nobody here has; and, unless
    `wait_people`, when it waits for a person. `look` is called whenever something may have changed.
    """
    bell = asyncio.Event()
    store.on_change(bell.set)
    pending = [case for case in cases if case.row is None]
    while True:
        bell.clear()
        await begin(pending, at_once - sum(case.going for case in cases))
        for case in cases:
            if case.row is not None and not case.settled:
                await case.refresh(store)
                case.settled = rests(case, wait_people=wait_people)
                if case.settled:
                    settled(case)
        look()
        if all(case.settled for case in cases):
            return
        if pending and sum(case.going for case in cases) < at_once:
            continue
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await bell.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(COALESCE_SECONDS)


async def begin(pending: list[Followed], free: int) -> None:
    """Start as many of those that wait to be started as there is room for."""
    for case in pending[: max(0, free)]:
        assert case.start is not None, "only those that can be started are pending"
        case.row = await case.start()
    del pending[: max(0, free)]


def rests(case: Followed, *, wait_people: bool) -> bool:
    """Tell whether nothing more is to be expected of a run."""
    assert case.row is not None, "it was started"
    if case.row.ended or case.row.status in STOPPED:
        return case.row.status != "stopped" or not case.going
    return bool(case.asked) and not case.going and not wait_people
