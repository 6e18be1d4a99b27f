"""A small Microsoft Graph, as its documentation describes users, groups and licences; not a tenant.

Among it what is known to surprise: names are unique and a second creation is a 400, adding a member twice
is a 400 too, a deleted user is kept aside, a write answers 204, and pages are links.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Directory"]

Record = dict[str, Any]
SKU = "c7df2760-2c81-4ef7-b578-5b5392b571df"


class Refused(Exception):  # noqa: N818 - what the server does, not what went wrong with it
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, {"error": {"code": code, "message": message}}


class Directory:
    """Keeps users and groups; `fails_after` answers 503 after doing what it was asked."""

    def __init__(self) -> None:
        self.users: dict[str, Record] = {}
        self.deleted: dict[str, Record] = {}
        self.groups: dict[str, Record] = {}
        self.members: dict[str, list[str]] = {}
        self.sessions_ended: list[str] = []
        self.asked_tokens: list[dict[str, list[str]]] = []
        self.fails_after = 0
        self.page = 2
        self.made = 0

    def id(self) -> str:
        self.made += 1
        return str(UUID(int=self.made))

    def user(self, name: str, **fields: Any) -> str:
        key = self.id()
        known: Record = {"id": key, "userPrincipalName": name, "accountEnabled": True, "assignedLicenses": []}
        self.users[key] = {**known, **fields}
        return key

    def group(self, name: str) -> str:
        key = self.id()
        self.groups[key] = {"id": key, "displayName": name, "groupTypes": [], "securityEnabled": True}
        self.members[key] = []
        return key

    def found(self, name: str) -> Record:
        for one in self.users.values():
            if name in {one["id"], one["userPrincipalName"]}:
                return one
        raise Refused(404, "Request_ResourceNotFound", f"Resource '{name}' does not exist")

    def __call__(self, request: Request, body: bytes) -> Response:
        path = request.url.path.strip("/").split("/")
        if path[-1] == "token":
            self.asked_tokens.append(parse_qs(body.decode()))
            return JSONResponse({"access_token": "a-token-of-the-tenant", "expires_in": 3599})
        try:
            answer = self.answer(request, path[1:], json.loads(body) if body else {})
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)
        if request.method != "GET" and self.fails_after:
            self.fails_after -= 1
            return Response(status_code=503)
        return answer

    def answer(self, request: Request, path: list[str], given: Record) -> Response:
        match path[0]:
            case "users":
                return self.of_users(request, path[1:], given)
            case "groups":
                return self.of_groups(request, path[1:], given)
            case "directory":
                key = path[2]
                if key not in self.deleted:
                    raise Refused(404, "Request_ResourceNotFound", "not among the deleted")
                self.users[key] = self.deleted.pop(key)
                return JSONResponse(self.users[key])
            case _:
                used = sum(len(one["assignedLicenses"]) for one in self.users.values())
                row = {"skuId": SKU, "skuPartNumber": "SPE_E3", "consumedUnits": used}
                return JSONResponse({"value": [{**row, "prepaidUnits": {"enabled": 25}}]})

    def of_users(self, request: Request, path: list[str], given: Record) -> Response:
        match request.method, path:
            case "POST", []:
                name = given["userPrincipalName"]
                if any(one["userPrincipalName"] == name for one in self.users.values()):
                    said = "Another object with the same value for property userPrincipalName already exists."
                    raise Refused(400, "Request_BadRequest", said)
                kept = {field: value for field, value in given.items() if field != "passwordProfile"}
                self.password = given["passwordProfile"]
                return JSONResponse(self.users[self.user(name, **kept)], 201)
            case "GET", []:
                return self.paged(request, list(self.users.values()))
            case "GET", [name]:
                return JSONResponse(self.found(name))
            case "PATCH", [name]:
                self.found(name).update(given)
            case "DELETE", [name]:
                self.deleted[name] = self.users.pop(self.found(name)["id"])
            case "POST", [name, "revokeSignInSessions"]:
                self.sessions_ended.append(name)
            case _:
                self.license(self.found(path[0]), given)
        return Response(status_code=204)

    def license(self, user: Record, given: Record) -> None:
        if given["addLicenses"] and not user.get("usageLocation"):
            said = "License assignment cannot be done for user with invalid usage location."
            raise Refused(400, "Request_BadRequest", said)
        kept = [one for one in user["assignedLicenses"] if one["skuId"] not in given["removeLicenses"]]
        user["assignedLicenses"] = [*kept, *given["addLicenses"]]

    def of_groups(self, request: Request, path: list[str], given: Record) -> Response:
        if not path:
            return self.paged(request, list(self.groups.values()))
        members = self.members[path[0]]
        if request.method == "GET":
            return self.paged(request, [self.users[one] for one in members])
        if request.method == "POST":
            user = given["@odata.id"].rpartition("/")[2]
            if user in members:
                said = (
                    "One or more added object references already exist for the following modified properties"
                )
                raise Refused(400, "Request_BadRequest", said)
            members.append(user)
        elif path[2] not in members:
            raise Refused(404, "Request_ResourceNotFound", "not a member")
        else:
            members.remove(path[2])
        return Response(status_code=204)

    def paged(self, request: Request, rows: list[Record]) -> Response:
        asked = request.query_params
        if found := re.fullmatch(r"startswith\((\w+),'(.*)'\)", asked.get("$filter", "")):
            rows = [one for one in rows if str(one.get(found[1], "")).startswith(found[2].replace("''", "'"))]
        if found := re.fullmatch(r"(\w+) eq '(.*)'", asked.get("$filter", "")):
            rows = [one for one in rows if one.get(found[1]) == found[2].replace("''", "'")]
        begin = int(asked.get("$skiptoken", "0"))
        page: Record = {"value": rows[begin : begin + self.page]}
        if begin + self.page < len(rows):
            after = request.url.include_query_params(**{"$skiptoken": str(begin + self.page)})
            page["@odata.nextLink"] = str(after)
        return JSONResponse(page)
