"""Which version of a workflow serves new runs: promoted, shared, rolled back; and what came of each.

A version that is registered is a draft. One version can be in staging, and get a share of the new runs;
one is in production, and gets the rest. Whoever starts a run by the workflow's name has it served by one
of these; a workflow that is started as an object or a file is its own draft, unless it is protected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ripieno.journal.deployments import EVERY, Deployment, Move, Stage
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_change
from ripieno.kernel.shares import PARTS, WHOLE, part_of
from ripieno.model.errors import InputError, NotFoundError, RefusedError
from ripieno.model.event import Event, Json
from ripieno.model.principal import Principal

__all__ = [
    "Chosen",
    "Deployed",
    "choose",
    "deployed",
    "history",
    "promote",
    "protect",
    "roll_back",
    "share",
    "stack",
]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the stages of a workflow hold."""

    production: Deployment | None
    staging: Deployment | None

    @property
    def candidate(self) -> Deployment | None:
        """What is in staging and gets a share of the new runs."""
        return self.staging if self.staging is not None and self.staging.share > 0 else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The version that a new run has because of its stage."""

    run: str
    """The run's id."""
    deployment: Deployment

    def document(self) -> dict[str, Json]:
        """Give what the run's first event says of it."""
        one = self.deployment
        return {"stage": one.stage, "share": one.share, "event": one.event}


def deployed(store: Store, tenant: str, workflow: str) -> Deployed:
    """Give what the stages of a workflow hold."""
    held = {one.stage: one for one in store.deployments(tenant, workflow)}
    return Deployed(held.get("production"), held.get("staging"))


def choose(store: Store, tenant: str, workflow: str, *, run: str, key: str | None = None) -> Chosen:
    """Give the version that a new run has: the same whenever it is asked for the same key, or run.

    As a candidate's share grows, no run that it has already would go back to production. Raises
    `NotFoundError` for a workflow that has no version in production.
    """
    now = deployed(store, tenant, workflow)
    if now.production is None:
        msg = f"no version of {workflow} is in production"
        raise NotFoundError(msg, remedy=f"ripieno workflows promote {workflow} VERSION --to production")
    candidate = now.candidate
    if candidate is not None and part_of(workflow, key or run) < candidate.share * (PARTS // WHOLE):
        return Chosen(run, candidate)
    return Chosen(run, now.production)


# -- changes --------------------------------------------------------------------------------------------


async def promote(
    store: Store, version: VersionRow, stage: Stage, *, by: Principal, reason: str | None = None
) -> Deployment:
    """Put a version into a stage, in place of the one there; runs that have begun keep theirs.

    A version that goes from staging to production gives up the share it had. Raises `RefusedError` where
    it stands there already.
    """
    by = await check_change(
        store, version.workflow, by, "promote", given={"version": version.version, "to": stage}, reason=reason
    )
    now = deployed(store, version.tenant, version.workflow)
    before = now.production if stage == "production" else now.staging
    if before is not None and before.version == version.version:
        msg = f"{version.version[:12]} is in {stage} of {version.workflow} already"
        raise RefusedError(msg)
    new = Deployment(
        version.workflow, stage, version.version, WHOLE if stage == "production" else 0, by=by.id
    )
    put = await store.deploy(version.tenant, new, "promote", before, reason=reason)
    candidate = now.candidate
    if stage == "production" and candidate is not None and candidate.version == version.version:
        over = replace(candidate, share=0, by=by.id)
        await store.deploy(version.tenant, over, "share", candidate, reason=reason)
    return put


async def share(
    store: Store, tenant: str, workflow: str, part: int, *, by: Principal, reason: str | None = None
) -> Deployment:
    """Give the version in staging a share of the new runs, in per cent; 0 takes it away.

    Raises `InputError` for no such share, and `RefusedError` where nothing is in staging, or nothing in
    production that would have the rest.
    """
    by = await check_change(store, workflow, by, "share", given={"share": part}, reason=reason)
    if not 0 <= part <= WHOLE:
        msg = f"expected a share from 0 to {WHOLE} per cent, got {part}"
        raise InputError(msg)
    now = deployed(store, tenant, workflow)
    if now.staging is None or now.production is None:
        lacks = "staging" if now.staging is None else "production"
        msg = f"no version of {workflow} is in {lacks}"
        raise RefusedError(msg, remedy=f"ripieno workflows promote {workflow} VERSION --to {lacks}")
    if now.staging.version == now.production.version:
        msg = f"{now.staging.version[:12]} is in production of {workflow} already, and has every new run"
        raise RefusedError(msg)
    new = replace(now.staging, share=part, by=by.id)
    return await store.deploy(tenant, new, "share", now.staging, reason=reason)


async def roll_back(store: Store, tenant: str, workflow: str, *, by: Principal, reason: str) -> Deployment:
    """Take the last change of who serves new runs back, and give what serves them now.

    A candidate loses its share. Without one, production gets the version that it had before the one it
    has: asked again, the one before that. Runs that have begun keep their version. Raises `RefusedError`
    where there was none before.
    """
    by = await check_change(store, workflow, by, "rollback", given={}, reason=reason)
    if not reason.strip():
        msg = f"rolling {workflow} back needs a reason"
        raise InputError(msg)
    now = deployed(store, tenant, workflow)
    if now.candidate is not None:
        over = replace(now.candidate, share=0, by=by.id)
        return await store.deploy(tenant, over, "roll back", now.candidate, reason=reason)
    if now.production is None:
        msg = f"no version of {workflow} is in production"
        raise RefusedError(msg)
    before = stack(await history(store, tenant, workflow))
    if len(before) < 2:  # noqa: PLR2004 - the one there is and the one before it
        msg = f"{now.production.version[:12]} is the first version of {workflow} in production"
        raise RefusedError(msg, remedy=f"ripieno workflows drain {workflow} lets no new run start")
    new = replace(now.production, version=before[-2], by=by.id)
    return await store.deploy(tenant, new, "roll back", now.production, reason=reason)


async def protect(
    store: Store, workflow: str | None, *, by: Principal, reason: str, stands: bool = True
) -> bool:
    """Let only promoted versions of a workflow start, or of every one; False when it was so already.

    What is in staging then starts when that version is asked for, what is in production also by name.
    Without `stands` any version starts again.
    """
    by = await check_change(
        store, workflow or EVERY, by, "stages", given={"only promoted": stands}, reason=reason
    )
    if not reason.strip():
        msg = "saying which versions start needs a reason"
        raise InputError(msg)
    change = store.protect if stands else store.unprotect
    return await change(by.tenant, EVERY if workflow is None else workflow, by.id, reason)


# -- what was done --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Past:
    """One change of who serves new runs, as the tenant's stream tells it."""

    event: Event

    @property
    def body(self) -> Mapping[str, Any]:
        """What the event says."""
        return self.event.body

    @property
    def move(self) -> Move:
        """What was done."""
        return self.body["what"]


async def history(store: Store, tenant: str, workflow: str) -> list[Past]:
    """Give every change of who serves new runs of a workflow, oldest first, from the log."""
    changes = await store.changes(tenant, "workflow.deployed")
    return [Past(event) for event in changes if event.body["workflow"] == workflow]


def stack(past: Sequence[Past]) -> list[str]:
    """Give the versions in production that a rollback would go through, the present one last."""
    found: list[str] = []
    for change in past:
        if change.body["stage"] != "production":
            continue
        if change.move == "roll back":
            found.pop()
        else:
            found.append(change.body["version"])
    return found
