"""Changes of a participant's mode: said to a run that is at work, or to all later runs of a version.

A visit reads them once, when it begins, and records what follows; `participants/modes.py` decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.journal.records import RunRow, VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_change, check_operator
from ripieno.kernel.clock import Clock
from ripieno.kernel.messages import send
from ripieno.model.definition import Definition
from ripieno.model.errors import InputError, NotFoundError, nearest
from ripieno.model.event import Json
from ripieno.model.mode import Mode, ModeChange
from ripieno.model.principal import Principal

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["mode_change", "modes_at_start", "set_mode", "set_mode_of_version"]


def mode_change(execution: Execution, participant: str) -> ModeChange | None:
    """Give what was said last about a participant's mode: to the run, else to its version before it."""
    for event in reversed(execution.recording.messages):
        if event.body["what"] == "mode":
            said: Any = execution.stored(event.body["content"]).decode()
            if said["participant"] == participant:
                return ModeChange(said["mode"], event.body["by"], "run", said.get("reason"))
    started = execution.recording.started
    known = None if started is None else started.body.get("modes", {}).get(participant)
    return None if known is None else ModeChange(known["mode"], known["by"], "version")


async def modes_at_start(store: Store, definition: Definition, tenant: str) -> dict[str, Json]:
    """Give what a new run records of the modes set for its version, as part of its first event.

    `event` is where the change, with its reason, stands in the tenant's stream.
    """
    if not definition.pins.get("modes"):
        return {}
    rows = await store.modes(tenant, definition.version)
    return {row.participant: {"mode": row.mode, "by": row.by, "event": row.event} for row in rows}


async def set_mode(
    store: Store,
    clock: Clock,
    run: RunRow,
    participant: str,
    mode: Mode,
    *,
    by: Principal,
    reason: str | None = None,
    operation: str | None = None,
) -> None:
    """Let later visits of a participant within a run have another mode; one under way keeps its own.

    Raises `NotAllowedError` unless `by` is an operator, `RefusedError` when the run has ended, and
    `InputError` when the participant is not there or cannot have that mode.
    """
    by = await check_operator(store, run, by, "mode", given={"of": participant, "mode": mode}, reason=reason)
    check_offered(await version_of(store, run.tenant, run.workflow, run.version), participant, mode)
    said: dict[str, str] = {"participant": participant, "mode": mode}
    if reason is not None:
        said["reason"] = reason
    await send(store, clock, run.id, by=by, kind="mode", said=said, operation=operation)


async def set_mode_of_version(
    store: Store,
    version: VersionRow,
    participant: str,
    mode: Mode,
    *,
    by: Principal,
    reason: str | None = None,
) -> None:
    """Let runs of a version that start from now on have another mode; runs that have started keep theirs.

    Raises `NotAllowedError` unless `by` is an operator, and `InputError` as for a run.
    """
    given = {"version": version.version, "of": participant, "mode": mode}
    by = await check_change(store, version.workflow, by, "mode", given=given, reason=reason)
    check_offered(version, participant, mode)
    await store.set_mode(version, participant, mode, by=by.id, reason=reason)


async def version_of(store: Store, tenant: str, workflow: str, version: str) -> VersionRow:
    """Give a registered version; raises `NotFoundError`."""
    for row in await store.versions(tenant, workflow):
        if row.version == version:
            return row
    msg = f"no version {version[:12]} of {workflow} is registered"
    raise NotFoundError(msg, remedy="ripieno workflows list shows the versions there are")


def check_offered(version: VersionRow, participant: str, mode: Mode) -> None:
    """Raise `InputError` when a version has no such participant, or it cannot have that mode."""
    pins: Mapping[str, Any] = json.loads(version.pins)
    modes: Mapping[str, Any] = pins.get("modes", {})
    if participant in modes:
        if mode not in modes[participant]["offers"]:
            msg = f"{participant} cannot have mode {mode!r}, only {', '.join(modes[participant]['offers'])}"
            why = "a shadow asks nobody, and this participant asks people" if mode == "shadow" else None
            raise InputError(msg, remedy=why)
        return
    if participant in pins["code"]:
        msg = f"{participant} has no person declared in this version, and so one mode: auto"
        raise InputError(
            msg, remedy="declare one: .mode('auto', person=human(...)), or `person:` in its file"
        )
    known = {*modes, *pins["code"]}
    msg = f"{version.workflow} has no participant {participant!r}{nearest(participant, known)}"
    raise InputError(msg, remedy=f"its modes can be changed for: {', '.join(sorted(modes)) or 'nobody'}")
