"""A run's log as people tell it: steps, choices, effects, questions, each with when and how sure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ripieno.evidence.doubts import Doubts
from ripieno.evidence.steps import PATTERNS, step_name
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.effect_book import UNDO
from ripieno.model.event import Event
from ripieno.model.spending import NOTHING, Spending, dollars
from ripieno.model.value import decode

__all__ = ["ChildRun", "Chosen", "Effect", "Elsewhere", "Posed", "Step", "Story", "tell"]

STANDING: Final[Mapping[str, str]] = {
    "list": "stands, though its branch lost",
    "no undo": "stands: its tool has no undo",
    "ask": "left to a person: its undo cannot be made here",
    "undo": "to be undone",
}
"""What is said of an effect by what its plan of undoing does about it."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "undone": "undone",
    "by hand": "undone by hand",
    "stands": "stands: it could not be undone",
    "no undo": STANDING["no undo"],
}
"""What is said of a child run's effect by what the run that was to undo it has told."""


@dataclass(slots=True)
class Step:
    """A participant's visit."""

    path: str
    name: str
    participant: str
    status: str
    confidence: float | None
    method: str | None
    reason: str | None
    started: int
    seconds: float
    depth: int
    imported: bool = False
    """True for what a fork took over from another run."""


@dataclass(slots=True)
class Chosen:
    """A choice, and what else was offered."""

    path: str
    what: str
    chosen: str
    offered: list[str]
    because: Any


@dataclass(slots=True)
class Effect:
    """A call of a tool, in all its attempts."""

    path: str
    tool: str
    effect: str
    key: str
    attempts: int = 0
    status: str = "under way"
    how: str = ""
    result: Any = None
    error: str | None = None
    by: str | None = None
    arguments: Any = None
    asked_again_at: int | None = None
    """When the other system is asked about it again, while it is in doubt; microseconds since 1970."""
    undoes: str | None = None
    """The path of the effect that it takes back."""
    standing: str | None = None
    """What became of it once it was not wanted any more: that it was undone, or why it stands."""


@dataclass(slots=True)
class Posed:
    """A question to people."""

    path: str
    kind: str
    role: str | None
    title: str
    asked: int
    answered_by: str | None = None
    answered_for: str | None = None
    """The person or role in whose stead it was answered."""
    answer: Any = None
    reason: str | None = None
    seconds: float | None = None
    """From the question to the answer; None while it is open."""
    person: str | None = None
    """The one person that it was put to, where it was not to a role."""


@dataclass(slots=True)
class ChildRun:
    """A run of another workflow that this one started, as one of its steps."""

    path: str
    run: str
    workflow: str
    status: str | None = None
    """How it ended, as far as this run has heard of it."""
    undoes: str | None = None
    """The run whose effects it takes back; None for one that does the work of a step."""


@dataclass(slots=True)
class Elsewhere:
    """An effect of another run, a child or the one that this run takes back, and what became of it."""

    run: str
    path: str
    tool: str
    standing: str


@dataclass(slots=True)
class Story:
    """Everything worth telling of a run."""

    steps: list[Step] = field(default_factory=list[Step])
    choices: list[Chosen] = field(default_factory=list[Chosen])
    effects: list[Effect] = field(default_factory=list[Effect])
    questions: list[Posed] = field(default_factory=list[Posed])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    children: list[ChildRun] = field(default_factory=list["ChildRun"])
    elsewhere: list[Elsewhere] = field(default_factory=list["Elsewhere"])
    """What other runs did that is not wanted any more."""
    spent: Spending = NOTHING
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the run as a whole, as its definition declares them."""

    @property
    def amounts(self) -> dict[str, Any]:
        """What was spent, money in US dollars."""
        amounts: dict[str, Any] = self.spent.document()
        if "cost" in amounts:
            amounts["cost_usd"] = dollars(amounts.pop("cost"))
        return amounts

    def document(self) -> dict[str, Any]:
        """Give it as programs read it."""
        return {**asdict(self), "spent": self.amounts}


async def tell(store: Store, run: str) -> Story:
    """Read a run's whole log."""
    return Teller(store, run).tell(await store.events(run))


class Teller:
    """Reads events in order and fills a story."""

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run
        self._story = Story()
        self._effects: dict[str, Effect] = {}
        self._questions: dict[str, Posed] = {}
        self._doubts = Doubts()
        self._undoes: str | None = None
        """The run that this one takes back."""

    def tell(self, events: Iterable[Event]) -> Story:
        """Give the story of these events."""
        for event in events:
            kind, body, imported = event.kind, event.body, False
            if kind == "imported":
                kind, body, imported = event.body["kind"], event.body["body"], True
            if kind in ("asked", "answered") and body["what"] == "child":
                self._child(event, body, imported=imported)
            else:
                self._take(kind, event, body, imported=imported)
            if kind == "run.started":
                self._story.limits = body.get("limits", {})
                self._undoes = body.get("undoes", {}).get("run")
            if not imported:
                self._story.spent += spent_in(kind, body)
                self._doubts.take(kind, event.path, body)
        for doubt in self._doubts.open:
            self._effects[doubt.path].asked_again_at = doubt.until
        self._note_stopped()
        self._story.steps.sort(key=lambda step: step.started)
        return self._story

    def _take(self, kind: str, event: Event, body: Mapping[str, Any], *, imported: bool) -> None:
        if kind in ("step", "scope"):
            self._step(event, body, imported=imported)
        elif kind == "choice":
            because = self._value(body.get("because"))
            self._story.choices.append(
                Chosen(event.path, body["what"], body["chosen"], list(body["offered"]), because)
            )
        elif kind == "checked" and body["verdict"] != "passed":
            whose = f"check of the {body['of']} of {body.get('subject') or body.get('tool')}"
            since = {"since": self._value(body.get("reason"))}
            self._story.choices.append(Chosen(event.path, whose, body["verdict"], [], since))
        elif kind == "intent":
            self._intent(event, body)
        elif kind == "result" and event.path in self._effects:
            self._result(event, body)
        elif kind == "undo":
            self._planned(body["effects"])
        elif kind == "asked" and body["what"] != "timer":
            self._asked(event, body)
        elif kind == "answered" and body["question"] in self._questions:
            self._answered(event, body)
        elif kind == "message":
            self._story.messages.append(self._said(event, body))

    def _planned(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Note what is to be done about effects, of this run or of others."""
        for item in items:
            path, tool, do = item["path"], item["tool"], item["do"]
            run = item.get("run", self._undoes)
            if run is None:
                self._effects[path].standing = STANDING[do]
            elif do != "run":
                self._story.elsewhere.append(Elsewhere(run, path, tool, STANDING[do]))

    def _undone_there(self, told: Mapping[str, Any]) -> None:
        """Note what a run that takes back has told of each effect."""
        for one in json.loads(told.get("output", "[]")):
            standing = ELSEWHERE[one["state"]]
            self._story.elsewhere.append(Elsewhere(one["run"], one["path"], one["tool"], standing))

    def _child(self, event: Event, body: Mapping[str, Any], *, imported: bool) -> None:
        children = self._story.children
        if "child" in body:
            undoes = body.get("undoes")
            children.append(ChildRun(event.path, body["child"], body["workflow"], undoes=undoes))
            return
        told: Any = self._value(body["content"])
        for child in children:
            if child.run == told["run"]:
                child.status = told["status"]
                if child.undoes is not None:
                    self._undone_there(told)
        if not imported:
            self._story.spent += Spending.read(told["spent"])

    def _said(self, event: Event, body: Mapping[str, Any]) -> dict[str, Any]:
        content: Any = self._value(body.get("content"))
        reason = content.get("reason") if isinstance(content, dict) else content  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON
        operation = body["id"].partition(":")[0] if body["id"].startswith("op-") else None
        return {
            "what": body["what"],
            "by": body["by"],
            "at": event.at,
            "path": event.path or None,
            "reason": reason,
            "operation": operation,
            "content": content,
        }

    def _value(self, ref: str | None) -> Any:
        return None if ref is None else decode(self._store.payload(self._run, ref))

    def _step(self, event: Event, body: Mapping[str, Any], *, imported: bool) -> None:
        outcome = body["outcome"]
        confidence = outcome.get("confidence")
        if body["participant"] in PATTERNS and body["participant"] != "map":
            return
        self._story.steps.append(
            Step(
                path=event.path,
                name=step_name(event.path),
                participant=body["participant"],
                status=outcome["status"],
                confidence=None if confidence is None else float(confidence),
                method=outcome.get("method"),
                reason=self._value(outcome.get("reason")),
                started=body["started"],
                seconds=max(0, event.at - body["started"]) / MICROSECONDS,
                depth=max(0, event.path.count("/") - 1),
                imported=imported,
            )
        )

    def _intent(self, event: Event, body: Mapping[str, Any]) -> None:
        effect = self._effects.get(event.path)
        if effect is None:
            arguments = self._value(body["arguments"])
            effect = Effect(event.path, body["tool"], body["effect"], body["key"], arguments=arguments)
            if event.path.endswith(UNDO):
                effect.undoes = event.path.removesuffix(UNDO)
            self._effects[event.path] = effect
            self._story.effects.append(effect)
        effect.attempts, effect.key, effect.status = body["attempt"], body["key"], "under way"

    def _result(self, event: Event, body: Mapping[str, Any]) -> None:
        effect = self._effects[event.path]
        effect.status, effect.how, effect.by = body["status"], body["how"], body.get("by")
        effect.result, effect.error = self._value(body.get("output")), self._value(body.get("error"))

        if effect.undoes is None or effect.status != "done":
            return
        if effect.undoes in self._effects:
            self._effects[effect.undoes].standing = "undone"
        for other in self._story.elsewhere:
            if (other.run, other.path) == (self._undoes, effect.undoes):
                other.standing = "undone"

    def _note_stopped(self) -> None:
        """Tell of what was done in visits that were stopped, and stands."""
        stopped = [step.path for step in self._story.steps if step.status == "cancelled"]
        for effect in self._effects.values():
            done = effect.status == "done" and effect.effect == "write" and effect.standing is None
            if done and any(effect.path.startswith(f"{path}/") for path in stopped):
                effect.standing = "stands, though its step was stopped"

    def _asked(self, event: Event, body: Mapping[str, Any]) -> None:
        title = self._value(body["content"])["title"]
        posed = Posed(event.path, body["what"], body.get("role"), title, event.at, person=body.get("person"))
        self._questions[body["question"]] = posed
        self._story.questions.append(posed)

    def _answered(self, event: Event, body: Mapping[str, Any]) -> None:
        posed = self._questions[body["question"]]
        sent = int(body.get("sent", event.at))
        posed.answered_by, posed.seconds = body["by"], max(0, sent - posed.asked) / MICROSECONDS
        said: dict[str, Any] = self._value(body.get("content")) or {}
        posed.answered_for = body.get("for") or said.get("for")
        posed.answer, posed.reason = said.get("value"), said.get("reason")


def spent_in(kind: str, body: Mapping[str, Any]) -> Spending:
    """Give what an event says was spent, by a call or without one."""
    if kind == "result" and body["status"] in ("done", "failed", "unsent"):
        return Spending.read(body.get("spent", {}))
    return Spending.read(body.get("amounts", {})) if kind == "spent" else NOTHING
