"""A small ServiceNow, as its documentation describes the Table and Change Management APIs; not an instance.

Among it what is known to surprise: a condition on an unknown field is ignored, a rule may leave a field as
it was though the answer is 200, notes add up, records in the Change API give values with display values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Instance"]

Record = dict[str, Any]
COLUMNS: dict[str, tuple[str, ...]] = {
    "incident": ("short_description", "description", "state", "urgency", "correlation_id", "close_notes"),
    "change_request": ("short_description", "state", "type", "correlation_id", "close_notes"),
    "sys_journal_field": ("element_id", "element", "value"),
    "sys_user": ("user_name", "email"),
}


class Instance:
    """Keeps records; `fails_after` answers 502 after doing what it was asked, `frozen` fields stay."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Record]] = {name: {} for name in COLUMNS}
        self.fails_after = 0
        self.frozen: frozenset[str] = frozenset()
        self.throttled = 0

    def add(self, table: str, fields: Record) -> Record:
        rows = self.tables[table]
        sys_id = f"{len(rows) + 1:032x}"
        known = dict.fromkeys(COLUMNS[table], "")
        kept = {name: value for name, value in fields.items() if name in known}
        number = f"{table[:3].upper()}{len(rows) + 10001:07d}"
        rows[sys_id] = {**known, "state": "1", **kept, "sys_id": sys_id, "number": number}
        return rows[sys_id]

    def change(self, table: str, sys_id: str, fields: Record) -> Record:
        row = self.tables[table][sys_id]
        for name in fields.keys() & {"work_notes", "comments"}:
            self.add("sys_journal_field", {"element_id": sys_id, "element": name, "value": fields[name]})
        row |= {name: fields[name] for name in fields if name in row and name not in self.frozen}
        return row

    def found(self, table: str, query: str) -> list[Record]:
        rows = list(self.tables[table].values())
        for part in query.split("^"):
            match = re.fullmatch(r"([a-z_]+)(LIKE|STARTSWITH|=)(.*)", part)
            if match is None or match[1] not in (*COLUMNS[table], "sys_id"):
                continue  # as an instance does, unless it is told otherwise
            tests: dict[str, Callable[[str, str], bool]] = {
                "=": str.__eq__,
                "LIKE": str.__contains__,
                "STARTSWITH": str.startswith,
            }
            rows = [one for one in rows if tests[match[2]](one[match[1]], match[3])]
        return rows

    def __call__(self, request: Request, body: bytes) -> Response:
        if self.throttled:
            self.throttled -= 1
            return JSONResponse(problem("Rate limit exceeded"), 429, {"Retry-After": "30"})
        path = request.url.path.strip("/").split("/")
        given: Record = json.loads(body) if body else {}
        try:
            answer = (
                self.table(request, path[3:], given)
                if path[1] == "now"
                else self.changes(request, path[3:], given)
            )
        except KeyError:
            return JSONResponse(problem("No Record found", "Record doesn't exist or ACL restricts it"), 404)
        if request.method != "GET" and self.fails_after:
            self.fails_after -= 1
            return Response(status_code=502)
        return answer

    def table(self, request: Request, path: list[str], given: Record) -> Response:
        name = path[0]
        if len(path) == 1 and request.method == "POST":
            return JSONResponse({"result": self.add(name, given)}, 201)
        if len(path) == 1:
            asked = request.query_params
            found = self.found(name, asked["sysparm_query"])
            begin, size = int(asked["sysparm_offset"]), int(asked["sysparm_limit"])
            page = found[begin : begin + size]
            if fields := asked.get("sysparm_fields"):
                page = [{field: one[field] for field in fields.split(",") if field in one} for one in page]
            return JSONResponse({"result": page}, headers={"X-Total-Count": str(len(found))})
        if request.method == "DELETE":
            del self.tables[name][path[1]]
            return Response(status_code=204)
        if request.method == "PATCH":
            return JSONResponse({"result": self.change(name, path[1], given)})
        return JSONResponse({"result": self.tables[name][path[1]]})

    def changes(self, request: Request, path: list[str], given: Record) -> Response:
        if request.method == "POST":
            made = self.add("change_request", {**given, "type": path[0]})
            return JSONResponse({"result": displayed(made)})
        if path[1:] == ["nextstate"]:
            return JSONResponse({"result": {"available_states": ["-5", "-4"]}})
        if path[1:] == ["conflict"]:
            return JSONResponse({"result": {"status": {"value": "none"}, "count": 0}})
        return JSONResponse({"result": displayed(self.change("change_request", path[0], given))})


def displayed(row: Record) -> Record:
    return {name: {"value": value, "display_value": f"<{value}>"} for name, value in row.items()}


def problem(message: str, detail: str = "") -> Record:
    return {"error": {"message": message, "detail": detail}, "status": "failure"}
