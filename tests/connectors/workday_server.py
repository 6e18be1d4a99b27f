"""A small Workday, as its documentation describes the REST API of workers and served reports; not a tenant.

Among it what is known to surprise: no idempotency key, 429 without Retry-After, changes that wait for an
approval, prompts that a report needs.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Tenant"]

Record = dict[str, Any]


class Tenant:
    """Keeps workers; `fails_after` answers 500 after doing what it was asked, `approves` changes wait."""

    def __init__(self) -> None:
        self.workers: dict[str, Record] = {}
        self.events: list[Record] = []
        self.fails_after = 0
        self.approves = False
        self.throttled = 0
        self.tokens: list[dict[str, list[str]]] = []

    def hire(self, name: str, title: str) -> str:
        key = f"{len(self.workers) + 1:032x}"
        unit = {"id": "u", "descriptor": "Engines"}
        self.workers[key] = {"id": key, "descriptor": name, "businessTitle": title}
        self.workers[key]["primarySupervisoryOrganization"] = unit
        return key

    def __call__(self, request: Request, body: bytes) -> Response:
        if request.url.path.endswith("/token"):
            self.tokens.append(parse_qs(body.decode()))
            return JSONResponse({"access_token": "a-token-of-the-tenant", "expires_in": 3600})
        if self.throttled:
            self.throttled -= 1
            return JSONResponse({"error": "too many requests"}, 429)
        path = request.url.path.strip("/").split("/")
        if path[:3] == ["ccx", "service", "customreport2"]:
            return self.report(request, path[-1])
        if path[:4] != ["ccx", "api", "v1", "acme"]:
            return JSONResponse({"error": "no such service"}, 404)
        answer = self.of_workers(request, path[5:], body)
        if request.method == "POST" and self.fails_after:
            self.fails_after -= 1
            return Response(status_code=500)
        return answer

    def of_workers(self, request: Request, path: list[str], body: bytes) -> Response:
        if not path:
            asked = request.query_params
            found = [one for one in self.workers.values() if asked["search"] in one["descriptor"]]
            begin, size = int(asked["offset"]), int(asked["limit"])
            return JSONResponse({"data": found[begin : begin + size], "total": len(found)})
        worker = self.workers.get(path[0])
        if worker is None:
            return JSONResponse({"error": "invalid ID", "code": "S22"}, 404)
        if len(path) == 1:
            return JSONResponse(worker)
        title = json.loads(body)["proposedBusinessTitle"]
        if not title:
            return JSONResponse({"error": "validation", "errors": [{"error": "a title is needed"}]}, 400)
        self.events.append({"id": f"e{len(self.events)}", "worker": path[0], "title": title})
        if not self.approves:
            worker["businessTitle"] = title
        return JSONResponse(self.events[-1], 201)

    def report(self, request: Request, name: str) -> Response:
        assert request.query_params["format"] == "json"
        if name != "Starters" or "Month" not in request.query_params:
            return JSONResponse({"error": "invalid report", "message": "prompt Month is required"}, 400)
        rows = [{"Worker": one["descriptor"]} for one in self.workers.values()]
        return JSONResponse({"Report_Entry": rows})
