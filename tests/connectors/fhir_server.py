"""A small FHIR R4 server, as hl7.org/fhir/R4/http.html describes one; not a product's own.

Versions and If-Match, conditional creation, deletion that is remembered, search by POST with strict
handling, pages by opaque links, transactions, errors as OperationOutcome.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["FhirServer"]

Resource = dict[str, Any]
KNOWN = frozenset({"_count", "_tag", "name", "patient", "status", "_include"})


class Refused(Exception):  # noqa: N818 - what the server does, not what went wrong with it
    def __init__(self, status: int, said: str, code: str = "processing") -> None:
        super().__init__(said)
        self.status = status
        self.body = {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": code, "diagnostics": said}],
        }


class FhirServer:
    """Keeps resources with all their versions; `fails_after` answers 500 after doing what it was asked."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[Resource | None]] = {}
        self.token: str | None = None
        self.fails_after = 0
        self.conditional = True
        self.numbered = 0
        self.searches: dict[str, list[Resource]] = {}

    # -- what it keeps -------------------------------------------------------------------------------------

    def now(self, kind: str, name: str) -> Resource | None:
        return self.kept.get((kind, name), [None])[-1]

    def standing(self, kind: str) -> list[Resource]:
        return [one[-1] for (of, _), one in self.kept.items() if of == kind and one[-1] is not None]

    def put(self, resource: Resource) -> Resource:
        versions = self.kept.setdefault((resource["resourceType"], resource["id"]), [])
        meta = {**resource.get("meta", {}), "versionId": str(len(versions) + 1)}
        versions.append({**resource, "meta": meta})
        return versions[-1] or {}

    def create(self, resource: Resource, once: str | None) -> tuple[Resource, int]:
        kind = resource["resourceType"]
        if once is not None and self.conditional:
            found = self.matching(kind, dict(parse_qsl(once)))
            if len(found) > 1:
                raise Refused(412, "several resources match If-None-Exist", "duplicate")
            if found:
                return found[0], 200
        self.numbered += 1
        return self.put({**resource, "id": f"{kind.lower()}-{self.numbered}"}), 201

    def matching(self, kind: str, asked: dict[str, str]) -> list[Resource]:
        unknown = asked.keys() - KNOWN
        if unknown:
            raise Refused(400, f"unknown search parameter {min(unknown)!r}", "not-supported")
        found = self.standing(kind)
        for name, value in asked.items():
            if name == "_tag":
                system, _, code = value.partition("|")
                tag = {"system": system, "code": code}
                found = [one for one in found if tag in one.get("meta", {}).get("tag", [])]
            elif name == "name":
                found = [one for one in found if value in str(one.get("name"))]
            elif name == "status":
                found = [one for one in found if one.get("status") == value]
        return found

    # -- HTTP ----------------------------------------------------------------------------------------------

    def __call__(self, request: Request, body: bytes) -> Response:
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse(Refused(401, "no or a wrong token", "login").body, 401)
        path = request.url.path.strip("/").split("/")[1:]
        try:
            answer = self.answer(request, path, body)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status, media_type="application/fhir+json")
        if request.method != "GET" and self.fails_after and path[-1] != "_search":
            self.fails_after -= 1
            return Response(status_code=500)
        return answer

    def answer(self, request: Request, path: list[str], body: bytes) -> Response:
        return self.known(request, path) if request.method == "GET" else self.written(request, path, body)

    def known(self, request: Request, path: list[str]) -> Response:
        match path:
            case ["metadata"]:
                resource = {"type": "Patient", "interaction": [{"code": "read"}, {"code": "update"}]}
                found: Any = {"fhirVersion": "4.0.1", "rest": [{"resource": [resource]}]}
            case ["page", name, at]:
                found = self.page(name, int(at))
            case ["Patient", _, "$everything"]:
                several = [one for kind in ("Patient", "Condition") for one in self.standing(kind)]
                found = self.paged(several, 2)
            case [kind, name, "_history"]:
                found = self.paged([one for one in reversed(self.kept[kind, name]) if one], 100)
            case [kind, name, "_history", number]:
                found = self.kept[kind, name][int(number) - 1]
            case [kind, name]:
                return self.one(request, (kind, name), b"")
            case _:
                raise Refused(404, "no such interaction", "not-found")
        return JSONResponse(found, media_type="application/fhir+json")

    def written(self, request: Request, path: list[str], body: bytes) -> Response:
        match path:
            case []:
                return JSONResponse(self.transaction(json.loads(body)))
            case [kind, "_search"]:
                assert request.headers["prefer"] == "handling=strict"
                asked = dict(parse_qsl(body.decode()))
                count = int(asked.pop("_count"))
                return JSONResponse(self.paged(self.matching(kind, asked), count))
            case [kind]:
                made, status = self.create(json.loads(body), request.headers.get("if-none-exist"))
                assert made["resourceType"] == kind
                return written(made, status)
            case [kind, name]:
                return self.one(request, (kind, name), body)
            case _:
                raise Refused(404, "no such interaction", "not-found")

    def one(self, request: Request, place: tuple[str, str], body: bytes) -> Response:
        now = self.now(*place)
        wanted = request.headers.get("if-match", "").removeprefix("W/").strip('"')
        if request.method == "GET":
            if now is None:
                status = 410 if place in self.kept else 404
                raise Refused(status, f"{'/'.join(place)} is not there", "deleted")
            return written(now, 200)
        if wanted and wanted != (now or {}).get("meta", {}).get("versionId"):
            raise Refused(412, f"not at version {wanted}", "conflict")
        if request.method == "DELETE":
            self.kept[place].append(None)
            return Response(status_code=204)
        return written(self.put(json.loads(body)), 200 if now else 201)

    def paged(self, found: list[Resource], count: int) -> Resource:
        name = str(len(self.searches))
        self.searches[name] = found
        self.count = count
        return self.page(name, 0)

    def page(self, name: str, at: int) -> Resource:
        found, count = self.searches[name], self.count
        link = [{"relation": "self", "url": "x"}]
        if at + count < len(found):
            link.append({"relation": "next", "url": f"/fhir/page/{name}/{at + count}"})
        entry = [{"resource": one, "search": {"mode": "match"}} for one in found[at : at + count]]
        return {"resourceType": "Bundle", "total": len(found), "link": link, "entry": entry}

    def transaction(self, bundle: Resource) -> Resource:
        asked = bundle["entry"]
        if any(one["resource"].get("status") == "wrong" for one in asked):
            raise Refused(422, "one of the resources does not hold", "invariant")
        done: list[Resource] = []
        for one in asked:
            made, status = self.create(one["resource"], one["request"].get("ifNoneExist"))
            place = f"{made['resourceType']}/{made['id']}/_history/{made['meta']['versionId']}"
            done.append({"response": {"status": f"{status} x", "location": place}})
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": done}


def written(resource: Resource, status: int) -> Response:
    number = resource["meta"]["versionId"]
    place = f"/fhir/{resource['resourceType']}/{resource['id']}/_history/{number}"
    headers = {"ETag": f'W/"{number}"', "Location": place}
    return JSONResponse(resource, status, headers, media_type="application/fhir+json")
