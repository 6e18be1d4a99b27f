"""The rows of an export compared with its events: claims, failed calls, questions, messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ripieno.proof.chains import Event

__all__ = ["Tables"]

Found = Callable[[str, str], None]
Key = tuple[str, ...]

MESSAGE: Final = {"what": "kind", "by": "by", "sent": "at", "question": "question", "content": "content"}
ASKED: Final = {"what": "kind", "content": "content", "due": "due_at"}
KEYS: Final = {
    "claims": ("run", "path", "attempt"),
    "failed_calls": ("run", "path"),
    "questions": ("id",),
    "inbox": ("id",),
}
NAMES: Final = {
    "claims": "claim",
    "failed_calls": "failed call",
    "questions": "question",
    "inbox": "message",
}


class Said(NamedTuple):
    """What a row should say, and which event says so."""

    place: str
    columns: dict[str, Any]
    optional: bool = False
    """True where an earlier format has no such row."""


class Tables:
    """Keeps what events say of rows until the rows are read."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._says: dict[Key, Said] = {}
        self._ended: set[str] = set()
        self._asked: dict[str, dict[str, str]] = {}
        """By run, the paths of questions that were neither answered nor left."""
        self._left: set[str] = set()
        """Questions of visits that have ended without an answer."""
        self._unheard: dict[str, str] = {}
        """Questions whose row says answered and no event does: the place of each."""

    def follow(self, event: Event, place: str) -> None:
        """Take an event of a run."""
        body = event.body
        match event.kind:
            case "intent":
                key = ("claims", event.stream, event.path, str(body.get("attempt")))
                self._says[key] = Said(place, {"epoch": event.epoch, "tool": body.get("tool")})
            case "result":
                self._result(event, place)
            case "asked":
                said = {column: body.get(field) for field, column in ASKED.items()}
                columns = {"run": event.stream, "path": event.path, **said}
                self._says["questions", str(body.get("question"))] = Said(place, columns)
                self._asked.setdefault(event.stream, {})[str(body.get("question"))] = event.path
            case "step" | "scope":
                self._leave(event)
            case "message" | "answered" | "task":
                said = {column: body.get(field) for field, column in MESSAGE.items()}
                columns = {"run": event.stream, "folded": event.seq, **said}
                self._says["inbox", str(body.get("id"))] = Said(place, columns)
                if event.kind == "answered":
                    self._answered(event)
            case "run.ended":
                self._ended.add(event.stream)
            case _:
                pass

    def row(self, table: str, columns: Mapping[str, Any]) -> None:
        """Compare a row."""
        name = NAMES[table]
        key = (table, *(str(columns.get(one)) for one in KEYS[table]))
        run = f"run {str(columns.get('run'))[-6:]}"
        said = self._says.pop(key, None)
        if said is None:
            self._found(run, f"the row of a {name}, {', '.join(key[1:])}, was made by no event")
            return
        for column, value in said.columns.items():
            there = columns.get(column)
            if there != value and not (column == "tool" and there is None):
                self._found(said.place, f"the row of its {name} says {column} {there!r}, it says {value!r}")
        if table == "questions" and "state" not in said.columns:
            self._unanswered(said.place, columns)

    def coming(self, question: Any) -> None:
        """Take a message that was not taken in yet: it may be what a row says of its question."""
        self._unheard.pop(str(question), None)

    def end(self) -> None:
        """Name what has no row."""
        for (table, *_), said in self._says.items():
            if not said.optional:
                self._found(said.place, f"its {NAMES[table]} is not in the table")
        for place in self._unheard.values():
            self._found(place, "the row of its question says that it was answered, and no message does")

    def _result(self, event: Event, place: str) -> None:
        status, key = event.body.get("status"), ("failed_calls", event.stream, event.path)
        if status == "done":
            self._says.pop(key, None)
        elif status in ("failed", "uncertain"):
            claim = self._says.get(("claims", event.stream, event.path, str(event.body.get("attempt"))))
            tool = None if claim is None else claim.columns["tool"]
            columns = {"tool": tool, "status": status, "at": event.at}
            self._says[key] = Said(place, columns, optional=tool is None)

    def _answered(self, event: Event) -> None:
        body = event.body
        said = self._says.get(("questions", str(body.get("question"))))
        if said is not None:
            state = "expired" if body.get("what") == "timer" else "answered"
            said.columns.update({"state": state, "answered_by": body.get("by")})
            self._asked.get(event.stream, {}).pop(str(body.get("question")), None)

    def _leave(self, event: Event) -> None:
        """Take the end of a visit: nobody is asked any more what was asked within it."""
        asked = self._asked.get(event.stream, {})
        for question in [one for one, path in asked.items() if f"{path}/".startswith(f"{event.path}/")]:
            del asked[question]
            self._left.add(question)

    def _unanswered(self, place: str, columns: Mapping[str, Any]) -> None:
        """Compare the row of a question that no event answers."""
        question, state = str(columns.get("id")), str(columns.get("state"))
        gone = question in self._left or str(columns.get("run")) in self._ended
        if state in ("answered", "expired"):
            self._unheard[question] = place
        elif state not in ("open", "closed"):
            self._found(place, f"the row of its question says state {state!r}")
        elif columns.get("answered_by") is not None:
            self._found(place, f"the row of its question says {state}, and by whom it was answered")
        elif gone and state == "open":
            self._found(place, "the row of its question says open, but what asked it has ended")
        elif not gone and state == "closed":
            self._found(place, "the row of its question says closed, but what asked it goes on")
