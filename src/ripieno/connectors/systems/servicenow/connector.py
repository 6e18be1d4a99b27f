"""ServiceNow as a connector: any table, and the acts that people mean: incidents, notes, changes."""

from __future__ import annotations

from typing import Any, Final, Literal

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.connectors.systems.base import act
from ripieno.connectors.systems.servicenow.tables import Tables
from ripieno.connectors.systems.servicenow.words import (
    MARK,
    Condition,
    Record,
    Written,
    checked_fields,
    checked_id,
    plain,
    result_of,
)
from ripieno.model.action import Call
from ripieno.model.errors import ToolError

__all__ = ["ServiceNow"]

CHANGES: Final = "/api/sn_chg_rest/change"
CANCELED: Final = {"incident": "8", "change_request": "-4"}
"""The state of what is called off, as an instance comes."""


class ServiceNow(Tables):
    """An instance: `ServiceNow("servicenow", "https://INSTANCE.service-now.com", auth=Basic(...))`.

    What it creates bears the key of its call in `correlation_id`, by which it is found again where
    nobody knows whether a call took effect. An incident or a change is taken back by calling it off:
    nothing is deleted.
    """

    @act(
        effect="write",
        undo="call_off",
        undo_from={"table": "result.table", "sys_id": "result.sys_id"},
        verify="find_incident",
        content=("short_description", "description", "fields"),
    )
    async def open_incident(
        self,
        short_description: str,
        call: Call,
        description: str = "",
        fields: dict[str, str] | None = None,
    ) -> Written:
        """Open an incident; `fields` are others of it, such as urgency, impact, assignment_group."""
        said = {"short_description": short_description, "description": description}
        return await self._create(call, "incident", {**(fields or {}), **said})

    async def find_incident(self, call: Call) -> Written | None:
        """Find the incident that a call opened."""
        return await self._marked(call, "incident")

    @act(effect="write", verify="find_note", content=("text",))
    async def add_note(
        self,
        table: str,
        sys_id: str,
        text: str,
        call: Call,
        kind: Literal["work_notes", "comments"] = "work_notes",
    ) -> Written:
        """Add a note to a task: `work_notes` for who works on it, `comments` for whoever asked as well."""
        path = f"/api/now/table/{table}/{checked_id(sys_id)}"
        await self.api.patch(call, path, {kind: f"{text}\n({call.key})"})
        return Written(table, sys_id)

    async def find_note(self, table: str, sys_id: str, call: Call) -> Written | None:
        """Find the note that a call added, by its key."""
        where = [Condition("element_id", checked_id(sys_id)), Condition("value", call.key, "LIKE")]
        found = await self.find_records("sys_journal_field", where, call, limit=1)
        return Written(table, sys_id) if found.records else None

    # -- changes (Change Management API) -----------------------------------------------------------------

    @act(
        effect="write",
        undo="call_off",
        undo_from={"table": "result.table", "sys_id": "result.sys_id"},
        verify="find_change",
        content=("short_description", "fields"),
    )
    async def open_change(
        self,
        short_description: str,
        call: Call,
        kind: Literal["normal", "standard", "emergency"] = "normal",
        template: str = "",
        fields: dict[str, str] | None = None,
    ) -> Written:
        """Open a change request; a standard one by the sys_id of its template."""
        if (kind == "standard") != bool(template):
            msg = "a standard change names its template, and no other does"
            raise ToolError(msg)
        path = f"{CHANGES}/{kind}/{checked_id(template)}" if template else f"{CHANGES}/{kind}"
        body = {**checked_fields(fields or {}), "short_description": short_description, MARK: call.key}
        made = plain(result_of(await self.api.post(call, path, body), self.name))
        return Written("change_request", str(made["sys_id"]), str(made.get("number", "")))

    async def find_change(self, call: Call) -> Written | None:
        """Find the change request that a call opened."""
        return await self._marked(call, "change_request")

    @act(effect="read")
    async def next_states_of(self, sys_id: str, call: Call) -> list[Record]:
        """Give the states into which a change request may go now, by their values."""
        path = f"{CHANGES}/{checked_id(sys_id)}/nextstate"
        found: Record = result_of(await self.api.get(call, path), self.name)
        return [{"value": value} for value in map(str, found.get("available_states", ()))]

    @act(effect="read")
    async def conflicts_of(self, sys_id: str, call: Call) -> Record:
        """Give what was found to stand against a change request at its time: other changes, blackouts."""
        path = f"{CHANGES}/{checked_id(sys_id)}/conflict"
        found: Record = result_of(await self.api.get(call, path), self.name)
        return found

    @act(effect="write", on_uncertain="retry")
    async def move_change(
        self, sys_id: str, state: str, call: Call, fields: dict[str, str] | None = None
    ) -> Written:
        """Bring a change request into a state, by its value, such as `-1` for Implement."""
        body = {**checked_fields(fields or {}), "state": state}
        made = plain(
            result_of(await self.api.patch(call, f"{CHANGES}/{checked_id(sys_id)}", body), self.name)
        )
        return self._moved(Written("change_request", sys_id, str(made.get("number", ""))), made, state)

    @act(effect="write", on_uncertain="retry")
    async def call_off(self, table: str, sys_id: str, call: Call, reason: str = "called off") -> Written:
        """Call off an incident or a change request: it stays, canceled, and says why."""
        if table not in CANCELED:
            msg = f"expected one of {', '.join(CANCELED)}, got {table!r}"
            raise ToolError(msg)
        body: dict[str, Any] = {"state": CANCELED[table], "close_code": "Canceled", "close_notes": reason}
        query = {"sysparm_exclude_reference_link": "true"}
        path = f"/api/now/table/{table}/{checked_id(sys_id)}"
        made = plain(result_of(await self.api.patch(call, path, body, query=query), self.name))
        return self._moved(Written(table, sys_id, str(made.get("number", ""))), made, CANCELED[table])

    def _moved(self, written: Written, made: Record, state: str) -> Written:
        """Give what was written, if it is in this state: where a rule says no the answer is 200 as well."""
        stays = str(made.get("state", state))
        if stays != state:
            which = f"{written.table} {written.sys_id}"
            msg = f"{which} stays in state {stays!r}, {self.name} did not take {state!r}"
            raise InDoubtError(msg, failure="bad_request")
        return written
