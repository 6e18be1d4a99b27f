"""A small Salesforce, as its REST API guide describes records, queries and limits; not an organisation.

Among it what is known to surprise: upserts by external id, exhausted limits as 403, pages by relative
links, If-Unmodified-Since, 204 without a body.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Organisation"]

Record = dict[str, Any]
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Organisation:
    """Keeps records; `fails_after` answers 500 after doing what it was asked, `slips_in` comes between."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.queries: list[str] = []
        self.fails_after = 0
        self.spent = False
        self.slips_in: Record = {}
        self.page = 2
        self.pages: list[list[Record]] = []
        self.tokens: list[dict[str, list[str]]] = []
        self.now = BEGINNING

    def add(self, fields: Record) -> str:
        key = f"001{len(self.records):012d}AAA"
        self.records[key] = {"Id": key, **fields}
        self.touch(key)
        return key

    def touch(self, key: str) -> None:
        self.now += timedelta(seconds=1)
        self.records[key]["LastModifiedDate"] = self.now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    def __call__(self, request: Request, body: bytes) -> Response:
        path = request.url.path.strip("/").split("/")
        if path[-1] == "token":
            self.tokens.append(parse_qs(body.decode()))
            return JSONResponse({"access_token": "a-token-of-the-organisation", "instance_url": "x"})
        if self.spent:
            return problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        assert path[:3] == ["services", "data", "v66.0"]
        answer = self.answer(request, path[3:], json.loads(body) if body else {})
        if request.method != "GET" and self.fails_after:
            self.fails_after -= 1
            return Response(status_code=500)
        return answer

    def answer(self, request: Request, path: list[str], given: Record) -> Response:
        match path:
            case ["query"]:
                return self.query(request.query_params["q"])
            case ["query", number]:
                return self.paged(int(number))
            case ["sobjects", _, "describe"]:
                return JSONResponse({"fields": [{"name": "Name", "type": "string"}]})
            case ["sobjects", _]:
                return JSONResponse({"id": self.add(given), "success": True, "errors": []}, 201)
            case ["sobjects", _, field, value]:
                return self.external(request, field, value, given)
            case _:
                return self.one(request, path[2], given)

    def external(self, request: Request, field: str, value: str, given: Record) -> Response:
        known = next((key for key, one in self.records.items() if one.get(field) == value), None)
        if request.method == "GET":
            return missing() if known is None else JSONResponse(self.records[known])
        key = known or self.add({field: value})
        self.records[key] |= given
        body: Record = {"id": key, "success": True, "created": known is None, "errors": []}
        return JSONResponse(body, 200 if known else 201)

    def one(self, request: Request, key: str, given: Record) -> Response:
        if key not in self.records:
            return missing()
        if request.method == "DELETE":
            del self.records[key]
        elif request.method == "PATCH":
            if self.slips_in:
                self.records[key] |= self.slips_in
                self.touch(key)
            since = parsedate_to_datetime(request.headers["if-unmodified-since"])
            if datetime.fromisoformat(self.records[key]["LastModifiedDate"]) > since:
                return Response(status_code=412)
            self.records[key] |= given
            self.touch(key)
        else:
            asked = request.query_params["fields"].split(",")
            found = {name: self.records[key].get(name) for name in asked}
            return JSONResponse({"attributes": {"type": "Account"}, **found})
        return Response(status_code=204)

    def query(self, asked: str) -> Response:
        self.queries.append(asked)
        rows = list(self.records.values())
        if found := re.search(r"WHERE Name = '((?:[^'\\]|\\.)*)' ORDER", asked):
            name = found[1].replace("\\'", "'")
            rows = [one for one in rows if one.get("Name") == name]
        limit = int(asked.rpartition(" ")[2])
        rows = [{"attributes": {"type": "Account"}, **one} for one in rows[:limit]]
        self.pages = [rows[begin : begin + self.page] for begin in range(0, len(rows), self.page)] or [[]]
        return self.paged(0)

    def paged(self, number: int) -> Response:
        page: Record = {"totalSize": sum(map(len, self.pages)), "records": self.pages[number]}
        page["done"] = number + 1 == len(self.pages)
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/v66.0/query/{number + 1}"
        return JSONResponse(page)


def missing() -> Response:
    return problem(404, "NOT_FOUND", "The requested resource does not exist")


def problem(status: int, code: str, message: str) -> Response:
    return JSONResponse([{"message": message, "errorCode": code}], status)
