"""The part of a store that knows which versions are deployed and who is suspended."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.journal.deployments import (
    Acted,
    AgentState,
    Deployment,
    DeploymentStore,
    Move,
    ProtectedRow,
    Roll,
)
from ripieno.journal.keys import MasterKey
from ripieno.journal.sql import deployments
from ripieno.journal.sql.database import Owners, Reader
from ripieno.journal.sql.writer import Writer
from ripieno.model.event import Event
from ripieno.model.value import decode

__all__ = ["SqlDeployments"]

STATES = (
    "SELECT s.tenant, s.workflow, s.agent, s.status, s.by, s.reason, s.event, t.stream, t.wrapped"
    " FROM agent_states s JOIN tenants t ON t.name = s.tenant"
)


class SqlDeployments(DeploymentStore):
    """Deployments and the states of participants in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _owners: Owners
    _roll: Roll

    async def deploy(
        self, tenant: str, change: Deployment, move: Move, before: Deployment | None, *, reason: str | None
    ) -> Deployment:
        """Set what a stage holds, with an event, and give it as it stands."""
        return await self._writer.perform(
            lambda batch: deployments.deploy(batch, self._master, tenant, (change, before, move), reason)
        )

    def deployments(self, tenant: str, workflow: str | None = None) -> Sequence[Deployment]:
        """Give what the stages hold, by workflow and stage."""
        rows = self._reader.all(
            "SELECT workflow, stage, version, share, by, event FROM deployments"
            " WHERE tenant = ? AND (CAST(? AS TEXT) IS NULL OR workflow = ?) ORDER BY workflow, stage",
            tenant,
            workflow,
            workflow,
        )
        return [Deployment(*row) for row in rows]

    def runs_by_version(self, tenant: str, workflow: str, *, besides: str) -> Sequence[tuple[str, str, int]]:
        """Give how many runs of a workflow there are: version, status, number."""
        return self._reader.all(
            "SELECT version, status, count(*) FROM runs WHERE tenant = ? AND workflow = ?"
            " AND substr(coalesce(key, ''), 1, CAST(? AS INTEGER)) <> ?"
            " GROUP BY version, status ORDER BY version, status",
            tenant,
            workflow,
            len(besides),
            besides,
        )

    async def protect(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let only promoted versions of a workflow start; False when it was so."""
        return await self._writer.perform(
            lambda batch: deployments.protect(
                batch, self._master, (tenant, workflow), (by, reason), stands=True
            )
        )

    async def unprotect(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let any version start again; False when it was so."""
        return await self._writer.perform(
            lambda batch: deployments.protect(
                batch, self._master, (tenant, workflow), (by, reason), stands=False
            )
        )

    def protected(self, tenant: str) -> Sequence[ProtectedRow]:
        """Give the workflows of which only promoted versions start."""
        rows = self._reader.all(
            "SELECT workflow, by, event FROM protected WHERE tenant = ? ORDER BY workflow", tenant
        )
        return [ProtectedRow(*row) for row in rows]

    async def set_agent_state(self, tenant: str, state: AgentState) -> bool:
        """Say whether a participant may act, with an event; False when it was so."""
        done = await self._writer.perform(
            lambda batch: deployments.change_state(batch, self._master, tenant, state)
        )
        self._roll.refresh()
        return done

    def agent_states(self, tenant: str) -> Sequence[AgentState]:
        """Give what was decided about participants, by workflow and name."""
        found = self._states("WHERE s.tenant = ? ORDER BY s.workflow, s.agent", tenant)
        return [state for _, state in found]

    @property
    def roll(self) -> Roll:
        """Who was retired, as this process knows it."""
        return self._roll

    def _retired(self) -> dict[tuple[str, str, str], AgentState]:
        found = self._states("WHERE s.status = 'retired'")
        return {(tenant, state.workflow, state.agent): state for tenant, state in found}

    def last_acts(self, tenant: str, limit: int) -> Sequence[Acted]:
        """Give what participants did last, newest first."""
        rows = self._reader.all(
            "SELECT r.workflow, e.envelope FROM"
            " (SELECT stream, envelope, position FROM events WHERE kind IN ('step', 'scope', 'intent')"
            " ORDER BY position DESC LIMIT ?) e"
            " JOIN runs r ON r.id = lower(hex(e.stream)) WHERE r.tenant = ? ORDER BY e.position DESC",
            limit,
            tenant,
        )
        return [Acted(workflow, Event.read(envelope)) for workflow, envelope in rows]

    def processes(self, tenant: str) -> Sequence[tuple[str, str]]:
        """Give where runs are at work: workflow and process."""
        rows = self._reader.all(
            "SELECT DISTINCT workflow, owner FROM runs WHERE status = 'running' AND tenant = ?"
            " AND owner IS NOT NULL ORDER BY workflow, owner",
            tenant,
        )
        return [
            (workflow, self._owners.named(owner)) for workflow, owner in rows if self._owners.alive(owner)
        ]

    def _states(self, which: str, *values: object) -> list[tuple[str, AgentState]]:
        found: list[tuple[str, AgentState]] = []
        for row in self._reader.all(f"{STATES} {which}", *values):
            tenant, workflow, agent, status, by, reason, event, stream, wrapped = row
            said = self._opened(stream, wrapped, bytes.fromhex(reason))
            found.append((tenant, AgentState(workflow, agent, status, by, said, event)))
        return found

    def _opened(self, stream: bytes, wrapped: bytes, commitment: bytes) -> str:
        row = self._reader.one(
            "SELECT sealed FROM payloads WHERE stream = ? AND commitment = ?", stream, commitment
        )
        if row is None:
            return "a reason that was erased"
        return str(decode(self._master.reach(stream, wrapped).open(commitment, row[0])))
