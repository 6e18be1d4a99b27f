"""Creating runs: what the first event says of one that somebody asked for, and of one that a run needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any, Final

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import NewRun, RunRow
from ripieno.kernel.modes import modes_at_start
from ripieno.kernel.restored import Restored
from ripieno.kernel.tracing import given_label
from ripieno.model.definition import Definition
from ripieno.model.event import Json
from ripieno.model.value import encode

if TYPE_CHECKING:
    from ripieno.journal.store import Store
    from ripieno.kernel.execution import Execution

__all__ = ["UNDOING", "Birth", "UndoBirth", "bear", "bear_undo", "first_event"]

LIBRARY: Final = installed("ripieno")

UNDOING: Final = "undo of"
"""What the key of a run begins with that takes back what another did; its number follows that run's id."""


async def first_event(
    store: Store, definition: Definition, new: NewRun, given: str, allowed: Mapping[str, Json]
) -> dict[str, Json]:
    """Give what a new run's first event says; `given` is the commitment of its input.

    `allowed` are the rights of whoever it acts for, and the policies by which it may start.
    """
    body: dict[str, Json] = {
        "workflow": definition.name,
        "version": definition.version,
        "definition": definition.pins["definition"],
        "library": LIBRARY,
        "principal": new.principal,
        "tenant": new.tenant,
        "key": new.key,
        "requested": new.requested_at,
        "input": given,
        **allowed,
    }
    body["given"] = given_label(definition)
    if definition.bounds is not None:
        body["limits"] = definition.bounds.document()
    if modes := await modes_at_start(store, definition, new.tenant):
        body["modes"] = modes
    return body


@dataclass(frozen=True, slots=True)
class Birth:
    """A child run about to be made."""

    run: str
    definition: Definition
    path: str
    """Of the wait in the parent that its end closes."""
    allowance: Mapping[str, Json]
    """Amounts in whole numbers, times as text; empty where nothing is limited."""
    effects: Mapping[str, Any] | None
    """The rule for write effects that it inherits; None where they are made as they come."""
    through: tuple[str, ...] = ()
    """The agents by whom it is begun, by id, the nearest first."""


async def bear(execution: Execution, birth: Birth, data: bytes) -> None:
    """Make a child run, unless it is there already; left to whichever process serves its workflow."""
    store, above = execution.store, execution.row
    keys = store.new_key(bytes.fromhex(birth.run))
    key: StreamKey = keys[1]
    commitment = key.commit(data)
    payloads = [(commitment, data)]
    now = execution.clock.now()
    definition = birth.definition
    new = NewRun(
        birth.run,
        above.tenant,
        definition.name,
        definition.version,
        above.principal,
        None,
        now,
        parent=above.id,
        again=True,
    )
    body = await first_event(store, definition, new, commitment.hex(), execution.proposals.inherited)
    del body["given"]  # by the parent's log
    body["parent"] = {"run": above.id, "path": birth.path}
    if birth.through:
        body["through"] = [*birth.through]
    if birth.allowance:
        body["allowance"] = dict(birth.allowance)
    if execution.restored is not None:
        body["restored"] = execution.restored.document()
    if birth.effects is not None:
        rule = encode(birth.effects)
        payloads.append((key.commit(rule), rule))
        body["because"] = key.commit(rule).hex()
    await store.create(new, keys, [("run.started", "", body)], payloads, own=False)


@dataclass(frozen=True, slots=True)
class UndoBirth:
    """A run about to be made that takes back what another has done."""

    run: str
    undoes: str
    """The run whose effects are taken back."""
    principal: str
    """For whom, by id."""
    parent: tuple[str, str] | None = None
    """The run that waits for it, and the path of that wait, which its end closes."""
    effects: Mapping[str, Any] | None = None
    """The rule for write effects that it inherits; None where they are made as they come."""
    since: int = 0
    """The event of that run up to which what was done stands."""
    asks: bool = False
    """True where a person is asked about what has no undo, too."""
    reason: str | None = None
    """Why, where an operator wants it; that run is then ended first, if it has not."""
    rights: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The rights of whoever it acts for."""
    restored: Restored | None = None
    """Set where another run may have taken it back, in what a backup knows nothing of."""


async def bear_undo(store: Store, birth: UndoBirth, now: int) -> RunRow:
    """Make a run that takes back what another did, of the same version, unless it is there already.

    It has no limits, and no drain keeps it: what it does is owed. Its key says the how many-th it is to
    undo that run, so that all who do stand in one order.
    """
    whose = await store.run(birth.undoes)
    pins = {known.version: known.pins for known in await store.versions(whose.tenant, whose.workflow)}
    keys = store.new_key(bytes.fromhex(birth.run))
    key: StreamKey = keys[1]
    undoes: dict[str, Json] = {"run": birth.undoes}
    if birth.since:
        undoes["since"] = birth.since
    if birth.asks:
        undoes["asks"] = True
    payloads = [committed(key, dict(undoes))]
    body: dict[str, Json] = {
        "workflow": whose.workflow,
        "version": whose.version,
        "definition": json.loads(pins[whose.version])["definition"],
        "library": LIBRARY,
        "principal": birth.principal,
        "tenant": whose.tenant,
        "requested": now,
        "input": payloads[0][0].hex(),
        **birth.rights,
        "undoes": undoes,
    }
    if birth.parent is not None:
        body["parent"] = {"run": birth.parent[0], "path": birth.parent[1]}
    if birth.restored is not None:
        body["restored"] = birth.restored.document()
    for name, value in (("because", birth.effects), ("reason", birth.reason)):
        if value is not None:
            payloads.append(committed(key, value))
            body[name] = payloads[-1][0].hex()
    number = len(store.keyed(birth.undoes, UNDOING)) + 1
    while True:
        new = NewRun(
            birth.run,
            whose.tenant,
            whose.workflow,
            whose.version,
            birth.principal,
            f"{UNDOING} {birth.undoes}, {number:04}",
            now,
            parent=None if birth.parent is None else birth.parent[0],
            again=True,
            owed=True,
        )
        first = {**body, "key": new.key}
        created = await store.create(new, keys, [("run.started", "", first)], payloads, own=False)
        if created.row.id == birth.run:
            return created.row
        number += 1


def committed(key: StreamKey, value: object) -> tuple[bytes, bytes]:
    """Give a value as it is stored, with its commitment before it."""
    data = encode(value)
    return key.commit(data), data
