"""Telling a run's story from its log, event by event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ripieno.evidence.doubts import Doubts
from ripieno.evidence.restored import Restores
from ripieno.evidence.steps import PATTERNS, step_name
from ripieno.evidence.story import ChildRun, Chosen, Effect, Elsewhere, Posed, Refused, Step, Story
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.consent import DENIED
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.erased import ERASED, value_of
from ripieno.model.event import Event
from ripieno.model.provenance import unanswered_for
from ripieno.model.spending import NOTHING, Spending

__all__ = ["tell"]

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
        self._restores = Restores()
        self._undoes: str | None = None
        """The run that this one takes back."""
        self._input: str | None = None
        """Commitment of what the run was given."""
        self._policy: str | None = None
        """The version of the policies that the run began under; events name another where there is one."""

    def tell(self, events: Iterable[Event]) -> Story:
        """Give the story of these events."""
        for event in events:
            self._restores.take(event)
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
                self._policy, self._input = body.get("policy"), body["input"]
            if not imported:
                self._story.spent += spent_in(kind, body)
                self._doubts.take(kind, event.path, body)
        for doubt in self._doubts.open:
            self._effects[doubt.path].asked_again_at = doubt.until
        self._note_stopped()
        self._story.restored = self._restores.found
        self._story.steps.sort(key=lambda step: step.started)
        return self._story

    def _take(self, kind: str, event: Event, body: Mapping[str, Any], *, imported: bool) -> None:
        if kind in ("step", "scope"):
            self._step(event, body, imported=imported)
        elif kind == "intent":
            self._intent(event, body)
        elif kind == "result" and event.path in self._effects:
            self._result(event, body)
        elif kind == "denied":
            self._refused(event, body)
        elif kind == "undo":
            self._planned(body["effects"])
        else:
            self._take_talk(kind, event, body)

    def _take_talk(self, kind: str, event: Event, body: Mapping[str, Any]) -> None:
        """Take in what was chosen, asked and said."""
        if kind == "choice":
            because = self._value(body.get("because"))
            self._story.choices.append(
                Chosen(event.path, body["what"], body["chosen"], list(body["offered"]), because)
            )
        elif kind == "checked" and body["verdict"] != "passed":
            whose = f"check of the {body['of']} of {body.get('subject') or body.get('tool')}"
            since = {"since": self._value(body.get("reason"))}
            self._story.choices.append(Chosen(event.path, whose, body["verdict"], [], since))
        elif kind == "asked" and body["what"] != "timer":
            self._asked(event, body)
        elif kind == "answered" and body["question"] in self._questions:
            self._answered(event, body)
        elif kind == "run.ended" and "traced" in body:
            found: Any = self._value(body["traced"])
            self._story.answer_from = {} if found == ERASED else unanswered_for(found)
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
        if told == ERASED:
            for child in (one for one in children if one.path == event.path):
                child.status = ERASED
            return
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
        return None if ref is None else value_of(self._store, self._run, ref)

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
                policies=list(body.get("policies", ())),
                policy=self._version(body),
                reads=sorted(body["inputs"]),
                saw_input=self._input in body["inputs"].values(),
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
        effect.policies, effect.policy = list(body.get("policies", ())), self._version(body)
        effect.edited_by = list(body.get("editors", ()))
        effect.at = effect.at or event.at

    def _refused(self, event: Event, body: Mapping[str, Any]) -> None:
        path = event.path.removesuffix(DENIED)
        what = body.get("tool") or step_name(path)
        reason = str(self._value(body["reason"]))
        editors = list(body.get("editors", ()))
        refused = Refused(path, what, reason, list(body["policies"]), self._version(body), event.at, editors)
        self._story.refused.append(refused)

    def _version(self, body: Mapping[str, Any]) -> str | None:
        """Give the version of all policies that an event was decided under; None where nothing was."""
        return body.get("policy", self._policy) if "policies" in body else None

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
        content = self._value(body["content"])
        known: dict[str, Any] = {"title": ERASED} if content == ERASED else content
        posed = Posed(event.path, body["what"], body.get("role"), known["title"], event.at)
        posed.person, posed.evidence = body.get("person"), known.get("evidence", [])
        self._questions[body["question"]] = posed
        self._story.questions.append(posed)

    def _answered(self, event: Event, body: Mapping[str, Any]) -> None:
        posed = self._questions[body["question"]]
        sent = int(body.get("sent", event.at))
        posed.answered_by, posed.seconds = body["by"], max(0, sent - posed.asked) / MICROSECONDS
        said: Any = self._value(body.get("content")) or {}
        if said == ERASED:
            said = {"value": ERASED, "reason": ERASED}
        posed.answered_for = body.get("for") or said.get("for")
        posed.answer, posed.reason = said.get("value"), said.get("reason")
        posed.emergency = said.get("emergency", False)


def spent_in(kind: str, body: Mapping[str, Any]) -> Spending:
    """Give what an event says was spent, by a call or without one."""
    if kind == "result" and body["status"] in ("done", "failed", "unsent"):
        return Spending.read(body.get("spent", {}))
    return Spending.read(body.get("amounts", {})) if kind == "spent" else NOTHING
