"""A new run that begins with what another has found: results imported, effects not owned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import NewRun, RunRow
from ripieno.journal.store import Created, Store
from ripieno.kernel.allowed import begun, check_tenant, may_begin_again
from ripieno.kernel.clock import Clock
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.labels import check_shown
from ripieno.kernel.limits_anew import led_to_by_limits
from ripieno.kernel.recording import ENDS, Recording, origin
from ripieno.kernel.restored import Restored
from ripieno.kernel.rolled_back import still_there
from ripieno.kernel.verdicts import AWAITS, START
from ripieno.model.errors import InputError, RefusedError
from ripieno.model.event import Event, Json, Kind
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal
from ripieno.model.provenance import Label
from ripieno.model.value import encode

__all__ = ["begin", "finished", "fork"]

REFERENCES = (
    *("output", "evidence", "reason", "content", "error", "because", "arguments", "input", "traced"),
    *("prompt", "toolset"),
)
"""Fields of an event's body that hold commitments."""


async def fork(
    store: Store, clock: Clock, run: RunRow, *, by: Principal, at: int | None = None, value: object = None
) -> RunRow:
    """Start a run of the same version that has found already what `run` had found up to event `at`.

    Finished visits, finished effects, choices and answers are imported, each naming the event it
    comes from; what was still open is asked or done anew. With `value` the new run has another
    input, and `at` says what still holds; nothing is imported when `at` is not given.
    Only the original owns its effects: the new run never undoes them. Raises `NotFoundError` for a run
    of another tenant, and `NotAllowedError` for whoever may not be shown what the original holds: in a
    run of one's own it would be one's own.
    """
    check_tenant(run, by)
    by.check_scope("run.start", run.workflow)
    await check_shown(store, run, "runs fork", by)
    events = await store.events(run.id)
    last = (0 if value is not None else run.head_seq) if at is None else at
    if not 0 <= last <= run.head_seq:
        msg = f"run {run.id[-6:]} has events 1 to {run.head_seq}, not {last}"
        raise InputError(msg)
    found = finished(events[:last])
    return (await begin(store, clock, run, events, found, by=by, at=last, value=value)).row


async def begin(
    store: Store,
    clock: Clock,
    run: RunRow,
    events: Sequence[Event],
    found: Sequence[Event],
    *,
    by: Principal,
    at: int | None = None,
    value: object = None,
    key: str | None = None,
    reason: str | None = None,
    operation: str | None = None,
) -> Created:
    """Create a run that has found already what the events `found` of another's `events` say.

    With a business `key` there is one such run, however often it is asked for.
    """
    if "undoes" in events[0].body:
        msg = f"run {run.id[-6:]} takes back what another run did, and is not begun again as a run of its own"
        raise RefusedError(msg, remedy="what still stands is named in the run that it was part of")
    by = await may_begin_again(store, run, by, given={"at": at, "input": value}, reason=reason)
    found = await still_there(store, events, found)
    fork_id = new_id()
    keys = store.new_key(bytes.fromhex(fork_id))
    copier = Copier(store, run.id, keys[1])
    now = clock.now()
    started = dict(events[0].body)
    started["input"] = copier.value(started["input"]) if value is None else copier.new(value)
    if value is not None:
        started["given"] = Label("trusted").document()  # by whoever forks it
    started.pop("parent", None)  # nobody waits for this one
    started |= Restored.said_in(Recording(events))
    for right in ("roles", "every_role", "credential", "candidate", "approval", AWAITS):
        started.pop(right, None)
    started |= begun(by)
    if "because" in started:
        started["because"] = copier.value(started["because"])
    started.update(principal=by.id, requested=now, key=key, version=run.version)
    for known in await store.versions(run.tenant, run.workflow):
        if known.version == run.version:  # another one than it began with, when it was migrated
            started["definition"] = json.loads(known.pins)["definition"]
    forked: dict[str, Json] = {"from": run.id, "at": run.head_seq if at is None else at}
    if at is None:
        forked |= {"what": "retry", "by": by.id}
    if reason is not None:
        forked["reason"] = copier.new(reason)
    if operation is not None:
        forked["operation"] = operation
    drafts: list[tuple[Kind, str, Mapping[str, Json]]] = [
        ("run.started", "", started),
        ("run.forked", "", forked),
        *(("imported", event.path, copier.imported(event, fork_id)) for event in found),
    ]
    new = NewRun(fork_id, run.tenant, run.workflow, run.version, by.id, key, now, parent=run.id)
    return await store.create(new, keys, drafts, list(copier.payloads.items()), own=False)


def finished(events: Sequence[Event]) -> list[Event]:
    """Give the events that stand for something complete: a visit, an effect, a choice, an answer.

    What the run has itself from another is judged by what it was there. An approval is for one effect
    of one run: what was approved and not done is asked about anew. A visit that goes on has its limits
    anew: what they led to is left out. So is what was said of an effect that is made anew.
    """
    found = [(event, event if event.kind != "imported" else origin(event)) for event in events]
    whole: set[tuple[str, str]] = set()
    for _, event in found:
        if event.kind in ENDS and event.body["outcome"]["status"] != "cancelled":
            whole.update((kind, event.path) for kind in ENDS)
        elif event.kind == "result" and event.body["status"] == "done":
            whole.update((kind, event.path) for kind in ("intent", "result"))
        elif event.kind == "answered":
            whole.update((kind, event.path) for kind in ("asked", "answered"))
        elif event.kind in ("choice", "moment", "spent", "checked") and event.path != START:
            whole.add((event.kind, event.path))
    approvals = {
        what.path.replace("/proposed/", "/approval/") for _, what in found if what.kind == "proposed"
    }
    approvals |= {path for _, path in whole if not_used(path, whole)}
    approvals |= {what.path for _, what in found if what.kind == "asked" and asks_by_policy(what)}
    whole = {(kind, path) for kind, path in whole if path not in approvals} - taken_back(events)
    limited = led_to_by_limits(events, lambda visit: ("scope", visit) not in whole)
    return [event for event, what in found if (what.kind, what.path) in whole and event.seq not in limited]


def asks_by_policy(asked: Event) -> bool:
    """Tell whether people were asked for an approval that policies ask for."""
    return asked.body["what"] == "task" and "policies" in asked.body


def not_used(path: str, whole: set[tuple[str, str]]) -> bool:
    """Tell whether what was said at a path counts for nothing: its effect is made anew.

    Somebody let pass what a check found, and the effect was not made on that; or said what became of a call
    in doubt, which had not taken effect.
    """
    for mark, last in (("/checked/", "/ask"), ("/uncertain/", "")):
        effect, found, _ = path.partition(mark)
        if found and path.endswith(last):
            return ("result", effect) not in whole
    return False


def taken_back(events: Sequence[Event]) -> set[tuple[str, str]]:
    """Give kind and path of what was done and is not there any more, and of what was about undoing it."""
    found: set[tuple[str, str]] = set()
    for event in events:
        if f"{UNDO}/" in event.path:
            found.add((event.kind, event.path))
        elif event.kind == "intent" and event.path.endswith(UNDO):
            effect = event.path.removesuffix(UNDO)
            found.update((kind, path) for kind in ("intent", "result") for path in (event.path, effect))
    return found


class Copier:
    """Commits values of one run anew under the key of another."""

    def __init__(self, store: Store, run: str, key: StreamKey) -> None:
        self._store = store
        self._run = run
        self._key = key
        self.payloads: dict[bytes, bytes] = {}

    def value(self, ref: str) -> str:
        """Give the new commitment of a recorded value."""
        return self._keep(self._store.payload(self._run, ref))

    def new(self, value: object) -> str:
        """Give the commitment of a value that is not recorded yet."""
        return self._keep(encode(value))

    def _keep(self, data: bytes) -> str:
        commitment = self._key.commit(data)
        self.payloads[commitment] = data
        return commitment.hex()

    def imported(self, event: Event, run: str) -> dict[str, Json]:
        """Give the body of the event by which the new run takes over a finished one."""
        if event.kind == "imported":
            return {**event.body, "body": self._body(event.body["body"], run)}
        return {
            "from": event.stream,
            "event": event.seq,
            "kind": event.kind,
            "body": self._body(event.body, run),
        }

    def _body(self, body: Mapping[str, Any], run: str) -> dict[str, Json]:
        copied: dict[str, Json] = {}
        for name, value in body.items():
            if name == "inputs":
                copied[name] = {}
            elif name == "question":
                copied[name] = f"{run}/{value.partition('/')[2]}"
            elif isinstance(value, Mapping):
                copied[name] = self._body(value, run)  # pyright: ignore[reportUnknownArgumentType] - an envelope's object
            else:
                copied[name] = self.value(value) if name in REFERENCES and isinstance(value, str) else value
        return copied
