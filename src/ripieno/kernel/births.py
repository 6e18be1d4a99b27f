"""Creating runs: what the first event says of one that somebody asked for, and of one that a run needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any, Final

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import NewRun
from ripieno.kernel.modes import modes_at_start
from ripieno.model.definition import Definition
from ripieno.model.event import Json
from ripieno.model.value import encode

if TYPE_CHECKING:
    from ripieno.journal.store import Store
    from ripieno.kernel.execution import Execution

__all__ = ["Birth", "UndoBirth", "bear", "bear_undo", "first_event"]

LIBRARY: Final = installed("ripieno")


async def first_event(store: Store, definition: Definition, new: NewRun, given: str) -> dict[str, Json]:
    """Give what a new run's first event says; `given` is the commitment of its input."""
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
    }
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
    body = await first_event(store, definition, new, commitment.hex())
    body["parent"] = {"run": above.id, "path": birth.path}
    if birth.allowance:
        body["allowance"] = dict(birth.allowance)
    if birth.effects is not None:
        rule = encode(birth.effects)
        payloads.append((key.commit(rule), rule))
        body["because"] = key.commit(rule).hex()
    await store.create(new, keys, [("run.started", "", body)], payloads, own=False)


@dataclass(frozen=True, slots=True)
class UndoBirth:
    """A run about to be made that takes back what another, which has ended, has done."""

    run: str
    path: str
    """Of the wait in the parent that its end closes."""
    undoes: str
    """The run whose effects are taken back."""
    after: tuple[str, ...]
    """The runs that have begun to take them back before, oldest first."""
    effects: Mapping[str, Any] | None
    """The rule for write effects that it inherits; None where they are made as they come."""


async def bear_undo(execution: Execution, birth: UndoBirth, data: bytes) -> None:
    """Make a run that takes back what another did, of the same version, unless it is there already.

    It has no limits, and no drain keeps it: what it does is owed.
    """
    store, above = execution.store, execution.row
    whose = await store.run(birth.undoes)
    pins = {known.version: known.pins for known in await store.versions(above.tenant, whose.workflow)}
    keys = store.new_key(bytes.fromhex(birth.run))
    key: StreamKey = keys[1]
    commitment = key.commit(data)
    payloads = [(commitment, data)]
    now = execution.clock.now()
    new = NewRun(
        birth.run,
        above.tenant,
        whose.workflow,
        whose.version,
        above.principal,
        None,
        now,
        parent=above.id,
        again=True,
        owed=True,
    )
    body: dict[str, Json] = {
        "workflow": whose.workflow,
        "version": whose.version,
        "definition": json.loads(pins[whose.version])["definition"],
        "library": LIBRARY,
        "principal": new.principal,
        "tenant": new.tenant,
        "key": None,
        "requested": now,
        "input": commitment.hex(),
        "parent": {"run": above.id, "path": birth.path},
        "undoes": {"run": birth.undoes, "after": list(birth.after)},
    }
    if birth.effects is not None:
        rule = encode(birth.effects)
        payloads.append((key.commit(rule), rule))
        body["because"] = key.commit(rule).hex()
    await store.create(new, keys, [("run.started", "", body)], payloads, own=False)
