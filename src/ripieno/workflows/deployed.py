"""Starting runs by a workflow's name: each gets the version in production, or the candidate's share."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.journal.records import VersionRow
from ripieno.journal.store import Created, Store
from ripieno.kernel.deployments import choose, deployed
from ripieno.kernel.host import Host
from ripieno.model.errors import ChangedError, NotFoundError, RefusedError
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal
from ripieno.workflows.load import load_workflow
from ripieno.workflows.workflow import Workflow

__all__ = ["Deployment", "load_registered", "load_version", "start"]

ATTEMPTS: Final = 20
"""How often one looks again because another version was deployed meanwhile."""


def load_version(row: VersionRow) -> Workflow | None:
    """Load a registered version from where it came; None when the code there has changed since."""
    if not row.source:
        return None
    workflow = load_workflow(row.source)
    return workflow if workflow.version == row.version else None


async def load_registered(store: Store, row: VersionRow) -> Workflow | None:
    """Load a registered version from where the log says that it came; None when the code there has changed.

    Raises `RefusedError`, before anything is imported, where the row names another place than the log.
    """
    await check_source(store, row)
    return await asyncio.to_thread(load_version, row)


async def check_source(store: Store, row: VersionRow) -> None:
    """Raise `RefusedError` where a row names another place than the event by which it was registered."""
    for event in await store.changes(row.tenant, "workflow.registered"):
        if event.body.get("version") != row.version:
            continue
        said = event.body.get("source", row.source)  # events of before do not say it
        if said != row.source:
            named = f"version {row.version[:12]} of {row.workflow}"
            msg = f"{named} was registered from {said!r}, its row says {row.source!r}"
            remedy = "ripieno audit verify tells what else was changed; nothing was loaded"
            raise RefusedError(msg, remedy=remedy)


class Deployment:
    """A workflow that is known by its name: its versions are loaded when a run needs them, once."""

    def __init__(self, tenant: str, name: str) -> None:
        self.name = name
        self._tenant = tenant
        self._loaded: dict[str, Workflow] = {}

    async def workflows(self, store: Store) -> list[Workflow]:
        """Give what new runs may get now: what is in production, and a candidate."""
        now = deployed(store, self._tenant, self.name)
        found = [one for one in (now.production, now.candidate) if one is not None]
        return [await self._version(store, one.version) for one in found]

    async def _version(self, store: Store, version: str) -> Workflow:
        if version not in self._loaded:
            for row in await store.versions(self._tenant, self.name):
                if row.version == version:
                    await check_source(store, row)
                    self._loaded[version] = await asyncio.to_thread(load_anew, row)
        return self._loaded[version]

    async def start(
        self,
        host: Host,
        value: object,
        *,
        principal: Principal,
        key: str | None = None,
        detach: bool = False,
    ) -> Created:
        """Start a run of the version that it falls to, or give the one that has this business key."""
        for _ in range(ATTEMPTS):
            chosen = choose(host.store, self._tenant, self.name, run=new_id(), key=key)
            workflow = await self._version(host.store, chosen.deployment.version)
            try:
                return await host.start(
                    workflow, value, principal=principal, key=key, detach=detach, chosen=chosen
                )
            except ChangedError:
                continue
        msg = f"{self.name} is deployed anew too often to be started"
        raise ChangedError(msg)


def load_anew(row: VersionRow) -> Workflow:
    """Load the code of a version; raises `NotFoundError` where it is not here any more."""
    workflow = load_version(row)
    if workflow is None:
        where = f"{row.source} holds another one now" if row.source else "it was made in a program"
        msg = f"the code of version {row.version[:12]} of {row.workflow} is not here: {where}"
        remedy = f"promote what is there, or roll back: ripieno workflows deployments {row.workflow}"
        raise NotFoundError(msg, remedy=remedy)
    return workflow


async def start(
    host: Host, name: str, value: object, *, principal: Principal, key: str | None = None
) -> Created:
    """Start a run of the workflow of this name: of the version in production, or the candidate's share.

    Raises `NotFoundError` where none is in production, or the code of the version is not here any more.
    """
    return await Deployment(principal.tenant, name).start(host, value, principal=principal, key=key)
