"""What whoever comes may do: start runs and see how they stand, see tasks and answer them; as themselves."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ripieno.api.mcp.workflows import Offered, value_of
from ripieno.identity.reading import is_open, read_run, read_runs
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.kernel.addressees import standing, standings
from ripieno.kernel.allowed import refusing
from ripieno.kernel.clock import moment
from ripieno.kernel.commands import AskedFor, answer, asked_for
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError, NotFoundError
from ripieno.model.principal import Principal

__all__ = ["Acts"]

TASK: Final = re.compile(r"(?:t-)?(\d{1,18})")


class Acts:
    """What can be done, on one host."""

    def __init__(self, host: Host, *, patience: float) -> None:
        self._host, self._store = host, host.store
        self._patience = patience
        """Seconds that whoever calls is let wait for a run to come to rest."""

    async def start(
        self, offered: Offered, arguments: Mapping[str, Any], key: str | None, by: Principal
    ) -> dict[str, Any]:
        """Start a run, or find the one with this key, and give what it came to, or that it goes on."""
        value = value_of(offered, arguments)
        created = await offered.starts.start(self._host, value, principal=by, key=key)
        if created.existed and created.row.principal != by.id:
            await read_run(self._store, created.row, "run", by=by)
        return await self._after(created.row.id, by, shown=True)

    async def show_run(self, run: str, by: Principal) -> dict[str, Any]:
        """Give how a run stands."""
        row = await self._store.find(by.tenant, run)
        if not by.scope.reaches(row.workflow):
            msg = f"no run {run!r}"
            raise NotFoundError(msg)
        await read_run(self._store, row, "runs show", by=by)
        return await self._document(row, by, shown=True)

    async def list_tasks(self, by: Principal) -> dict[str, Any]:
        """Give the open tasks that concern whoever asks."""
        rows = await self._store.questions(state="open", tenant=by.tenant)
        found = [now for now in await standings(self._store, rows, by, self._host.clock.now()) if now.may_see]
        runs = {now.run.id: now.run for now in found}
        shown = {id_: row for id_, row in runs.items() if await is_open(self._store, row, "inbox list", by)}
        await read_runs(self._store, shown.values(), "inbox list", by=by)
        return {
            "tasks": [
                task(now.row, asked_for(self._store, now.row) if now.run.id in shown else None)
                for now in found
            ]
        }

    async def show_task(self, name: str, by: Principal) -> dict[str, Any]:
        """Give a task with its evidence, and the form of its answer."""
        row = await self._task(name)
        now = await standing(self._store, row, by, self._host.clock.now())
        async with refusing(self._store, row, by, "look at"):
            now.check_may_act()
        await read_run(self._store, now.run, "inbox show", by=by)
        asked = asked_for(self._store, row)
        return {
            **task(row, asked),
            "about": asked.about,
            "evidence": [dataclasses.asdict(one) for one in asked.evidence],
            "form": dict(asked.form),
        }

    async def answer_task(
        self, name: str, value: object, reason: str | None, by: Principal
    ) -> dict[str, Any]:
        """Answer a task, and give what became of its run as far as it may be shown."""
        row = await self._task(name)
        await standing(self._store, row, by, self._host.clock.now())  # of one's own tenant
        await answer(self._store, self._host.clock, row, by=by, value=value, reason=reason)
        self._host.ring()
        run = await self._store.run(row.run)
        shown = await is_open(self._store, run, "inbox answer", by)
        return {"answered": f"t-{row.number}", **await self._after(row.run, by, shown=shown)}

    async def _task(self, name: str) -> QuestionRow:
        found = TASK.fullmatch(name.strip())
        if found is None:
            msg = f"expected a task such as 't-58', got {name!r}"
            raise InputError(msg)
        return await self._store.question(int(found[1]))

    async def _after(self, run: str, by: Principal, *, shown: bool) -> dict[str, Any]:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._host.rest(run)
        return await self._document(await self._store.run(run), by, shown=shown)

    async def _document(self, row: RunRow, by: Principal, *, shown: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"run": row.id, "workflow": row.workflow, "status": row.status}
        if row.ended and shown:
            outcome = await self._host.outcome(row.id)
            found |= {"output": outcome.output, "reason": outcome.reason or None}
        elif row.detail and shown:
            found["reason"] = row.detail
        if not row.ended:
            rows = await self._store.questions(run=row.id)
            nows = await standings(self._store, rows, by, self._host.clock.now())
            found["waiting_for"] = [
                task(now.row, asked_for(self._store, now.row) if shown and now.may_see else None)
                for now in nows
            ]
        return found


def task(row: QuestionRow, asked: AskedFor | None) -> dict[str, Any]:
    """Give a task; without its title to whom it may not be shown."""
    return {
        "task": f"t-{row.number}",
        "run": row.run,
        "role": row.role,
        "person": row.person,
        "title": None if asked is None else asked.title,
        "due": None if row.due_at is None else moment(row.due_at).isoformat(),
    }
