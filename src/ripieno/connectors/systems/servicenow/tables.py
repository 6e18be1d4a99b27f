"""Any table of ServiceNow: found, created, changed where nobody has changed it, deleted (Table API)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError
from ripieno.connectors.systems.base import System, act
from ripieno.connectors.systems.servicenow.words import (
    JOURNALS,
    MARK,
    Condition,
    Record,
    Records,
    Written,
    checked_fields,
    checked_id,
    checked_name,
    encoded,
    plain,
    result_of,
)
from ripieno.model.action import Call
from ripieno.model.errors import NotSentError, ToolError

__all__ = ["Tables"]

PAGE = 100
GONE = 404


class Tables(System):
    """The Table API of an instance, at its address: `https://INSTANCE.service-now.com`."""

    @act(effect="read")
    async def find_records(
        self,
        table: str,
        where: list[Condition],
        call: Call,
        fields: list[str] | None = None,
        limit: int = 100,
    ) -> Records:
        """Find records of a table of which all of these conditions hold.

        A condition on a field that the table does not have is an error, though the instance ignores it.
        At most `limit` records are given; `more` says whether there are others.
        """
        if limit < 1:
            msg = f"limit must be at least 1, got {limit!r}"
            raise ToolError(msg)
        query: dict[str, str] = {
            "sysparm_query": encoded(where),
            "sysparm_exclude_reference_link": "true",
        }
        if fields:
            known = [*fields, "sys_id", *(one.field for one in where)]
            query["sysparm_fields"] = ",".join(dict.fromkeys(known))
        asked = {one.field for one in where if "." not in one.field}
        found: list[Record] = []
        total, turned = None, self.api.turned()
        while len(found) < limit:
            turned.more()
            size = min(PAGE, limit - len(found))
            page = {**query, "sysparm_limit": str(size), "sysparm_offset": str(len(found))}
            answer = await self.api.request(call, "GET", f"/api/now/table/{checked_name(table)}", query=page)
            turned.add(len(answer.body))
            records = [plain(one) for one in result_of(answer.json(), self.name)]
            ignored = asked - records[0].keys() if records else set[str]()
            if ignored:
                msg = f"table {table!r} has no field {min(ignored)!r}: everything would have been found"
                raise ToolError(msg)
            found.extend(records)
            told = answer.headers.get("x-total-count", "")
            total = int(told) if told.isdecimal() else total
            if len(records) < size:
                return Records(found, total)
        return Records(found, total, total is None or total > len(found))

    @act(effect="read")
    async def read_record(self, table: str, sys_id: str, call: Call) -> Record:
        """Read one record by its sys_id."""
        return await self._read(call, table, sys_id)

    @act(
        effect="write",
        undo="delete_record",
        undo_from={"table": "result.table", "sys_id": "result.sys_id"},
        verify="find_created",
        content=("fields",),
    )
    async def create_record(self, table: str, fields: dict[str, Any], call: Call) -> Written:
        """Create a record of a table of tasks, such as `incident` or `sc_task`."""
        return await self._create(call, table, fields)

    async def find_created(self, table: str, call: Call) -> Written | None:
        """Find what a call created by its mark."""
        return await self._marked(call, table)

    @act(
        effect="write",
        undo="update_record",
        undo_from={"was": "arguments.changes", "changes": "arguments.was"},
        verify="find_updated",
        content=("changes", "was"),
    )
    async def update_record(
        self, table: str, sys_id: str, changes: dict[str, str], was: dict[str, str], call: Call
    ) -> Written:
        """Change fields of a record, given what was read in each; over other values nothing is written."""
        self._comparable(changes, was)
        now = await self._before(call, table, sys_id)
        others = {name: now.get(name) for name in changes if now.get(name) != was[name]}
        if others:
            msg = f"{table} {sys_id} has changed since it was read: {others}; read it again"
            raise ToolError(msg)
        path = f"/api/now/table/{checked_name(table)}/{checked_id(sys_id)}"
        query = {"sysparm_exclude_reference_link": "true"}
        written = plain(result_of(await self.api.patch(call, path, changes, query=query), self.name))
        kept = {name: written.get(name) for name in changes if written.get(name) != changes[name]}
        if (
            kept
        ):  # a rule of the instance, or a field that this user may not write: it answers 200 all the same
            msg = f"{self.name} did not take all of it: {kept}"
            raise InDoubtError(msg, failure="bad_request")
        return Written(table, sys_id, str(written.get("number", "")))

    async def find_updated(
        self, table: str, sys_id: str, changes: dict[str, str], was: dict[str, str], call: Call
    ) -> Written | None:
        """Find out whether a change stands; raises `ToolError` where neither it nor what was read does."""
        now = await self._read(call, table, sys_id)
        if all(now.get(name) == value for name, value in changes.items()):
            return Written(table, sys_id, str(now.get("number", "")))
        if all(now.get(name) == value for name, value in was.items()):
            return None
        msg = f"{table} {sys_id} is neither what it was nor what it was to become"
        raise ToolError(msg)

    @act(effect="write", verify="find_deleted")
    async def delete_record(self, table: str, sys_id: str, call: Call) -> Written:
        """Delete a record."""
        path = f"/api/now/table/{checked_name(table)}/{checked_id(sys_id)}"
        await self.api.delete(call, path)
        return Written(table, sys_id)

    async def find_deleted(self, table: str, sys_id: str, call: Call) -> Written | None:
        """Find out whether a record is gone."""
        try:
            await self._read(call, table, sys_id)
        except RefusedCallError as error:
            if error.status != GONE:
                raise
            return Written(table, sys_id)
        return None

    # -- what its acts share ---------------------------------------------------------------------------------

    async def _create(self, call: Call, table: str, fields: Mapping[str, Any]) -> Written:
        body = {**checked_fields(fields), MARK: call.key, "correlation_display": "ripieno"}
        query = {"sysparm_exclude_reference_link": "true"}
        made = plain(
            result_of(
                await self.api.post(call, f"/api/now/table/{checked_name(table)}", body, query=query),
                self.name,
            )
        )
        if made.get(MARK) != call.key:
            msg = f"table {table!r} keeps no {MARK!r}: what was created there is found by no mark"
            raise InDoubtError(msg, failure="bad_request")
        return Written(table, str(made["sys_id"]), str(made.get("number", "")))

    async def _marked(self, call: Call, table: str) -> Written | None:
        found = await self.find_records(table, [Condition(MARK, call.key)], call, limit=1)
        if not found.records:
            return None
        one = found.records[0]
        return Written(table, str(one["sys_id"]), str(one.get("number", "")))

    async def _read(self, call: Call, table: str, sys_id: str) -> Record:
        path = f"/api/now/table/{checked_name(table)}/{checked_id(sys_id)}"
        query = {"sysparm_exclude_reference_link": "true"}
        return plain(result_of(await self.api.get(call, path, query=query), self.name))

    async def _before(self, call: Call, table: str, sys_id: str) -> Record:
        """Read before a write: what fails here has left nothing in doubt."""
        try:
            return await self._read(call, table, sys_id)
        except InDoubtError as error:
            raise NotSentError(error.message, failure=error.failure, retry_after=error.retry_after) from None

    def _comparable(self, changes: Mapping[str, str], was: Mapping[str, str]) -> None:
        if not changes or changes.keys() != was.keys():
            msg = f"'was' has to say what was read in exactly the fields that change: {sorted(changes)}"
            raise ToolError(msg)
        notes = sorted(JOURNALS & changes.keys())
        if notes:
            msg = f"{', '.join(notes)}: every write adds a line; use add_note"
            raise ToolError(msg)
        checked_fields(changes)
