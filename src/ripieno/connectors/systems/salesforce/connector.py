"""Salesforce as a connector: records of any object, created once by an external id, changed over nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError, ThrottledError
from ripieno.connectors.systems.base import System, act
from ripieno.connectors.systems.salesforce.words import (
    Condition,
    Record,
    Records,
    Written,
    checked_id,
    checked_name,
    plain,
    record_in,
    selecting,
)
from ripieno.model.action import Call
from ripieno.model.errors import NotSentError, ToolError

__all__ = ["Salesforce"]

GONE = 404
FORBIDDEN = 403
SPENT = "Limit exceeded"
"""What Salesforce says, with 403, when no more requests are left."""


class Salesforce(System):
    """An organisation, at the address of its own domain: `https://acme.my.salesforce.com`.

    Salesforce takes no idempotency key. Where objects have a text field of external ids for it, say so
    by `mark="Ripieno_Key__c"` (unique): what is created bears the key of its call there, and is created
    once. Without one, a person is asked after a call in doubt.
    """

    def __init__(
        self, name: str, base_url: str, *, api: str = "v66.0", mark: str = "", **options: Any
    ) -> None:
        self._data = f"/services/data/{api}"
        self._mark = checked_name(mark, "a field") if mark else ""
        super().__init__(name, base_url, version=options.pop("version", api), **options)

    # -- reads ---------------------------------------------------------------------------------------------

    @act(effect="read")
    async def find_records(
        self,
        object: str,  # noqa: A002 - Salesforce's own word
        fields: list[str],
        call: Call,
        where: list[Condition] | None = None,
        *,
        order_by: str = "",
        limit: int = 200,
    ) -> Records:
        """Find records of an object of which all of these conditions hold, and give these fields of them."""
        query = {"q": selecting(object, fields, where or [], order=order_by, limit=limit + 1)}
        answer = await self._asked(call, "GET", f"{self._data}/query", query=query)
        page, turned = record_in(answer, self.name), self.api.turned()
        found = [plain(one) for one in page.get("records", ())]
        while len(found) <= limit and (link := page.get("nextRecordsUrl")):
            turned.add(0)
            turned.more()
            page = record_in(await self._asked(call, "GET", str(link)), self.name)
            found.extend(plain(one) for one in page.get("records", ()))
        return Records(found[:limit], min(len(found), limit), len(found) > limit)

    @act(effect="read")
    async def read_record(self, object: str, record: str, fields: list[str], call: Call) -> Record:  # noqa: A002 - as above
        """Read fields of one record by its id."""
        return await self._read(call, object, record, fields)

    @act(effect="read", data=())
    async def fields_of(self, object: str, call: Call) -> dict[str, str]:  # noqa: A002 - as above
        """Give the fields of an object by their names, with their types."""
        path = f"{self._data}/sobjects/{checked_name(object, 'an object')}/describe"
        found = record_in(await self._asked(call, "GET", path), self.name)
        return {str(one["name"]): str(one.get("type", "")) for one in found.get("fields", ())}

    # -- writes --------------------------------------------------------------------------------------------

    @act(
        effect="write",
        undo="delete_record",
        undo_from={"object": "result.object", "record": "result.id"},
        verify="find_created",
        content=("fields",),
    )
    async def create_record(self, object: str, fields: dict[str, Any], call: Call) -> Written:  # noqa: A002 - as above
        """Create a record of an object."""
        path = f"{self._data}/sobjects/{checked_name(object, 'an object')}"
        body = {checked_name(name, "a field"): value for name, value in fields.items()}
        if self._mark:
            if self._mark in body:
                msg = f"{self._mark!r} bears the mark of the call, and is not yours to set"
                raise ToolError(msg)
            made = await self._asked(call, "PATCH", f"{path}/{self._mark}/{call.key}", body)
        else:
            made = await self._asked(call, "POST", path, body)
        known = record_in(made, self.name)
        return Written(object, str(known["id"]), created=bool(known.get("created", True)))

    async def find_created(self, object: str, call: Call) -> Written | None:  # noqa: A002 - as above
        """Find what a call created by its mark; raises `ToolError` where none is declared."""
        if not self._mark:
            msg = f"{self.name} has no field for marks: Salesforce(..., mark=...)"
            raise ToolError(msg)
        path = f"{self._data}/sobjects/{checked_name(object, 'an object')}/{self._mark}/{call.key}"
        try:
            found = record_in(await self._asked(call, "GET", path, query={"fields": "Id"}), self.name)
        except RefusedCallError as error:
            if error.status != GONE:
                raise
            return None
        return Written(object, str(found["Id"]), created=True)

    @act(
        effect="write",
        undo="update_record",
        undo_from={"was": "arguments.changes", "changes": "arguments.was"},
        verify="find_updated",
        content=("changes", "was"),
    )
    async def update_record(
        self,
        object: str,  # noqa: A002 - as above
        record: str,
        changes: dict[str, str | int | float | bool | None],
        was: dict[str, str | int | float | bool | None],
        call: Call,
    ) -> Written:
        """Change fields of a record, given what was read in each; over other values nothing is written."""
        if not changes or changes.keys() != was.keys():
            msg = f"'was' has to say what was read in exactly the fields that change: {sorted(changes)}"
            raise ToolError(msg)
        try:
            now = await self._read(call, object, record, [*changes, "LastModifiedDate"])
        except InDoubtError as error:  # of a read: nothing was written yet
            raise NotSentError(error.message, failure=error.failure, retry_after=error.retry_after) from None
        others = {name: now.get(name) for name in changes if now.get(name) != was[name]}
        if others:
            msg = f"{object} {record} has changed since it was read: {others}; read it again"
            raise ToolError(msg)
        headers = {"If-Unmodified-Since": http_date(str(now.get("LastModifiedDate") or ""))}
        sent = {name: text for name, text in headers.items() if text}
        await self._asked(call, "PATCH", self._place(object, record), changes, headers=sent)
        return Written(object, record)

    async def find_updated(
        self,
        object: str,  # noqa: A002 - as above
        record: str,
        changes: dict[str, str | int | float | bool | None],
        was: dict[str, str | int | float | bool | None],
        call: Call,
    ) -> Written | None:
        """Find out whether a change stands; raises `ToolError` where neither it nor what was read does."""
        now = await self._read(call, object, record, list(changes))
        if all(now.get(name) == value for name, value in changes.items()):
            return Written(object, record)
        if all(now.get(name) == value for name, value in was.items()):
            return None
        msg = f"{object} {record} is neither what it was nor what it was to become"
        raise ToolError(msg)

    @act(effect="write", verify="find_deleted")
    async def delete_record(self, object: str, record: str, call: Call) -> Written:  # noqa: A002 - as above
        """Delete a record: people find it in the recycle bin for 15 days."""
        await self._asked(call, "DELETE", self._place(object, record))
        return Written(object, record)

    async def find_deleted(self, object: str, record: str, call: Call) -> Written | None:  # noqa: A002 - as above
        """Find out whether a record is gone."""
        try:
            await self._read(call, object, record, ["Id"])
        except RefusedCallError as error:
            if error.status != GONE:
                raise
            return Written(object, record)
        return None

    # -- sending -------------------------------------------------------------------------------------------

    def _place(self, name: str, record: str) -> str:
        return f"{self._data}/sobjects/{checked_name(name, 'an object')}/{checked_id(record)}"

    async def _read(self, call: Call, name: str, record: str, fields: list[str]) -> Record:
        query = {"fields": ",".join(checked_name(field, "a field") for field in fields)}
        return plain(
            record_in(await self._asked(call, "GET", self._place(name, record), query=query), self.name)
        )

    async def _asked(self, call: Call, method: Any, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request; what is refused because too much was asked is throttling, no lack of rights."""
        try:
            return (await self.api.request(call, method, path, body=body, **options)).json()
        except RefusedCallError as error:
            if error.status != FORBIDDEN or SPENT not in error.message:
                raise
            raise ThrottledError(error.message, retry_after=None, status=FORBIDDEN) from None


def http_date(moment: str) -> str:
    """Give a moment of Salesforce's, `2026-01-31T12:00:00.000+0000`, as HTTP has it; empty for none."""
    try:
        return format_datetime(datetime.fromisoformat(moment).astimezone(UTC), usegmt=True)
    except ValueError:
        return ""
