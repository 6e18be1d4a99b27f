"""That a run was put back from a backup, and what it may have done before that its log does not know of."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.journal.store import Store
from ripieno.kernel.clock import moment
from ripieno.model.errors import NotFoundError
from ripieno.model.event import Event
from ripieno.model.stop import EVERYTHING

__all__ = ["DoubtedEffect", "LogRestored", "PutBack", "Restores", "restores_of"]

UNKNOWN: Final = "not known yet"
AGAIN: Final = "called again under the same key"


@dataclass(slots=True)
class DoubtedEffect:
    """A write effect that was claimed first after the restore: it may have been made before."""

    path: str
    tool: str
    known: str = UNKNOWN
    """What was found out about that, and how."""


@dataclass(slots=True)
class PutBack:
    """One restore, as a run has it."""

    restore: str
    at: int
    """When, in microseconds since 1970."""
    backup: int
    """When the backup was made."""
    by: str | None = None
    anew: bool = False
    """True for a run that was begun after it, in place of one that may be lost."""
    effects: list[DoubtedEffect] = field(default_factory=list[DoubtedEffect])

    def __str__(self) -> str:
        when, made = (f"{moment(time):%Y-%m-%d %H:%MZ}" for time in (self.at, self.backup))
        what = "begun after a restore, in place of a run that may be lost" if self.anew else "restored"
        by = f" by {self.by}" if self.by else ""
        return f"{what} {when}{by} from the backup of {made} (restore {self.restore[-6:]})"


class Restores:
    """Follows the events of a run."""

    def __init__(self) -> None:
        self.found: list[PutBack] = []
        self._since: dict[str, DoubtedEffect] = {}
        """By path, what was claimed since the last restore."""

    def take(self, event: Event) -> None:
        """Take in the next event."""
        match event.kind:
            case "run.started" | "run.forked" if "restored" in event.body:
                said: Mapping[str, Any] = event.body["restored"]
                self.found.append(PutBack(said["restore"], said["until"], said["since"], anew=True))
            case "run.restored":
                body = event.body
                self.found.append(PutBack(body["restore"], event.at, body["since"], body.get("by")))
                self._since.clear()
            case "intent" if self.found and event.body["effect"] != "read":
                self._claimed(event)
            case "result" if event.path in self._since:
                self._result(self._since[event.path], event.body)
            case _:
                pass

    def _claimed(self, event: Event) -> None:
        if event.path not in self._since:
            known = UNKNOWN if "restored" in event.body else AGAIN
            effect = self._since[event.path] = DoubtedEffect(event.path, event.body["tool"], known)
            self.found[-1].effects.append(effect)

    def _result(self, effect: DoubtedEffect, body: Mapping[str, Any]) -> None:
        if effect.known != UNKNOWN or body["status"] == "uncertain":
            return
        if body["status"] == "again":
            effect.known = AGAIN
            return
        by = body.get("by") or {"verified": "the other system"}.get(body["how"], body["how"])
        made = "had been made" if body["status"] == "done" else "had not been made"
        effect.known = f"{made}, says {by}"


@dataclass(frozen=True, slots=True)
class LogRestored:
    """One restore, as the system's log has it."""

    restore: str
    at: int
    backup: int | None
    """When the backup was made; None where its statement cannot be read."""
    by: str | None
    runs: int
    """How many had not ended."""
    lost: int
    """Events that are known to be lost."""
    compared: bool
    """False where nothing outside could say what is lost."""
    erased: int
    """Runs that were erased again."""
    told_by: int
    """How many could tell what was erased after the backup."""


async def restores_of(store: Store) -> Sequence[LogRestored]:
    """Give how the log was put back from backups, oldest first."""
    return [told(event) async for event in events_of(store) if event.kind == "log.restored"]


async def events_of(store: Store) -> AsyncGenerator[Event]:
    """Give the events of the system's log, in bounded pieces."""
    try:
        stream = await store.tenant_stream(EVERYTHING)
    except NotFoundError:
        return
    after = 0
    while page := await store.events(stream, after=after, limit=500):
        for event in page:
            yield event
        after = page[-1].seq


def told(event: Event) -> LogRestored:
    """Read one; whether its statement is signed, `audit verify` says."""
    body = event.body
    try:
        said: Any = json.loads(str(body.get("statement")).split("\n")[1])
    except (ValueError, IndexError):
        said = {}
    return LogRestored(
        str(body["restore"]),
        event.at,
        said.get("made_at"),
        body.get("by"),
        int(body.get("runs", 0)),
        int(body.get("lost", 0)),
        bool(said.get("compared")),
        int(body.get("erased", 0)),
        int(body.get("told_by", 0)),
    )
