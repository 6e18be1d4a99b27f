"""Stand-ins for Workday, ServiceNow and Entra ID on this machine, as far as the example goes.

    python examples/hr_onboarding/systems.py

They keep what they are told in memory, and answer `GET /` with it. `--licences 0` leaves none to assign.
"""

from __future__ import annotations

import argparse
import contextlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

Record = dict[str, Any]
SKU = "c7df2760-2c81-4ef7-b578-5b5392b571df"
WORKERS = {"0123456789abcdef" * 2: "Ada Example", "fedcba9876543210" * 2: "Ben Example"}


class RefusedError(Exception):
    """What a system does not do."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


class Systems:
    """The three of them."""

    def __init__(self, licences: int = 5) -> None:
        self.licences = licences
        self.workers: dict[str, Record] = {}
        self.tasks: dict[str, Record] = {}
        self.users: dict[str, Record] = {}
        self.deleted: dict[str, Record] = {}
        self.versions: set[str] = set()
        for key, name in WORKERS.items():
            self.workers[key] = {"id": key, "descriptor": name, "businessTitle": "Candidate"}

    def answer(self, method: str, path: list[str], query: Record, body: Record) -> object:
        """Do what one request asks for."""
        match path:
            case []:
                kept = (self.workers, self.tasks, self.users)
                return dict(
                    zip(("workday", "servicenow", "entra"), (list(one.values()) for one in kept), strict=True)
                )
            case ["workday", "ccx", "api", version, "acme", "workers", worker, *change]:
                self.versions |= {version} if change else set()
                return self.workday(method, worker, change, body)
            case ["servicenow", "api", "now", "table", _, *task]:
                return self.servicenow(method, task, query, body)
            case ["entra", "v1.0", *rest]:
                return self.entra(method, rest, body)
            case _:
                raise RefusedError(404, {"error": "no such place"})

    def workday(self, method: str, worker: str, change: list[str], body: Record) -> object:
        """Keep workers and their titles."""
        if worker not in self.workers:
            raise RefusedError(404, {"error": "invalid ID"})
        if method == "POST" and change:
            self.workers[worker]["businessTitle"] = body["proposedBusinessTitle"]
            return {"id": "change"}
        return self.workers[worker]

    def servicenow(self, method: str, task: list[str], query: Record, body: Record) -> object:
        """Keep tasks; those that are found bear the mark of a call."""
        if method == "POST":
            sys_id = f"{len(self.tasks) + 1:032x}"
            self.tasks[sys_id] = {**body, "sys_id": sys_id, "number": f"SCTASK{len(self.tasks) + 1:07d}"}
            return {"result": self.tasks[sys_id]}
        if not task:
            mark = query["sysparm_query"][0].partition("correlation_id=")[2].partition("^")[0]
            return {"result": [one for one in self.tasks.values() if one.get("correlation_id") == mark]}
        if task[0] not in self.tasks:
            raise RefusedError(404, {"error": {"message": "No Record found"}})
        if method == "DELETE":
            return self.tasks.pop(task[0])
        return {"result": self.tasks[task[0]]}

    def entra(self, method: str, path: list[str], body: Record) -> object:
        """Keep users, their licences, and those who were deleted."""
        if path == ["users"]:
            key = str(UUID(int=len(self.users) + len(self.deleted) + 1))
            kept = {name: value for name, value in body.items() if name != "passwordProfile"}
            self.users[key] = {**kept, "id": key, "assignedLicenses": []}
            return self.users[key]
        known = [one for one in self.users.values() if path[1] in {one["id"], one["userPrincipalName"]}]
        if not known:
            raise RefusedError(404, {"error": {"message": "no such user"}})
        user = known[0]
        if path[2:] == ["assignLicense"]:
            used = sum(len(one["assignedLicenses"]) for one in self.users.values())
            if len(body["addLicenses"]) > self.licences - used:
                said = f"Subscription with SKU {SKU} does not have any available licenses."
                raise RefusedError(400, {"error": {"message": said}})
            kept_ones = [
                one for one in user["assignedLicenses"] if one["skuId"] not in body["removeLicenses"]
            ]
            user["assignedLicenses"] = [*kept_ones, *body["addLicenses"]]
        elif method == "DELETE":
            self.deleted[user["id"]] = self.users.pop(user["id"])
        return user


def server(systems: Systems, port: int = 0) -> ThreadingHTTPServer:
    """Give a server of them on this machine; port 0 takes any."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            parts = urlsplit(self.path)
            path = [part for part in parts.path.split("/") if part]
            length = int(self.headers.get("content-length", 0))
            body: Record = json.loads(self.rfile.read(length)) if length else {}
            try:
                status, told = 200, systems.answer(self.command, path, parse_qs(parts.query), body)
            except RefusedError as refused:
                status, told = refused.status, refused.body
            content = json.dumps(told, indent=1).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = respond  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8741)
    parser.add_argument("--licences", type=int, default=5)
    given = parser.parse_args()
    with server(Systems(given.licences), given.port) as serving:
        print(f"Workday, ServiceNow and Entra ID at http://127.0.0.1:{serving.server_port}")  # noqa: T201 - what it is for
        with contextlib.suppress(KeyboardInterrupt):
            serving.serve_forever()


if __name__ == "__main__":
    main()
