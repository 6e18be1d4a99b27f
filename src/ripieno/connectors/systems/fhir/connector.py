"""A FHIR R4 server as a connector: exactly once by conditional creation, never over somebody's change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ripieno.connectors.rest.client import Answer, Method
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError
from ripieno.connectors.systems.base import System, act
from ripieno.connectors.systems.fhir.bundles import Gathered, added, entries
from ripieno.connectors.systems.fhir.words import (
    MARKS,
    Change,
    Found,
    Resource,
    checked_id,
    checked_type,
    fields,
    has_mark,
    marked,
    typed,
    version_of,
)
from ripieno.model.action import Call
from ripieno.model.errors import NotSentError, ToolError

__all__ = ["Fhir"]

JSON: Final = "application/fhir+json"
SENT: Final = {"Content-Type": JSON, "Prefer": "return=representation"}
GONE: Final = frozenset({404, 410})
PAGE: Final = 100


class Fhir(System):
    """Records on a FHIR R4 server, at its base address: `Fhir("records", "https://ehr.example.com/fhir")`.

    Reads give resources as the server keeps them. A search that the server does not understand is an
    error, not an answer about everybody (`Prefer: handling=strict`), and it is sent by POST, so that
    no name of a patient stands in an access log. What is written bears the mark of its call, a tag: a
    creation is conditional on it and found again by it. Who changes or deletes a resource says which
    version was read; over a later one nothing is written. Each of these is taken back by restoring what
    was there, unless somebody has changed it since.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"data": ("phi",)}

    def __init__(self, name: str, base_url: str, **options: Any) -> None:
        headers = {"Accept": JSON, **options.pop("headers", {})}
        super().__init__(name, base_url, headers=headers, **options)

    # -- reads ---------------------------------------------------------------------------------------------

    @act(effect="read")
    async def read_resource(self, resource_type: str, resource_id: str, call: Call) -> Resource:
        """Read one resource by its type and id, such as type `Patient` and id `4711`."""
        return await self._read(call, checked_type(resource_type), checked_id(resource_id))

    @act(effect="read")
    async def search(
        self,
        resource_type: str,
        parameters: dict[str, str | list[str]],
        call: Call,
        limit: int = 100,
    ) -> Found:
        """Search resources of one type by the server's search parameters.

        A parameter given as a list has to hold in each of its values, as
        `{"date": ["ge2024-01-01", "lt2025-01-01"]}`.
        At most `limit` resources are given; `more` says whether there are others.
        """
        if limit < 1:
            msg = f"limit must be at least 1, got {limit!r}"
            raise ToolError(msg)
        form = {"_count": str(min(limit, PAGE)), **parameters}
        answer = await self.api.request(
            call,
            "POST",
            "/{type}/_search",
            at={"type": checked_type(resource_type)},
            form=form,
            headers={"Prefer": "handling=strict"},
        )
        return await self._pages(call, answer, limit)

    @act(effect="read")
    async def record_of(self, patient: str, call: Call, limit: int = 1000) -> Found:
        """Give everything that is known of one patient, by the id of the Patient (`$everything`)."""
        path = "/Patient/{id}/$everything"
        query = {"_count": str(PAGE)}
        answer = await self.api.request(call, "GET", path, at={"id": checked_id(patient)}, query=query)
        return await self._pages(call, answer, limit)

    @act(effect="read")
    async def versions_of(self, resource_type: str, resource_id: str, call: Call, limit: int = 20) -> Found:
        """Give earlier versions of one resource, the latest first."""
        at = {"type": checked_type(resource_type), "id": checked_id(resource_id)}
        query = {"_count": str(min(limit, PAGE))}
        answer = await self.api.request(call, "GET", "/{type}/{id}/_history", at=at, query=query)
        return await self._pages(call, answer, limit)

    @act(effect="read", data=())
    async def capabilities(self, call: Call) -> dict[str, list[str]]:
        """Give what the server can do: by type of resource, the interactions that it declares."""
        stated = await self.api.get(call, "/metadata")
        version = str(stated.get("fhirVersion", "none"))
        if not version.startswith("4.0"):
            msg = f"{self.name}: expected a server of FHIR R4 (4.0.x), it says {version!r}"
            raise ToolError(msg)
        kinds = [one for rest in stated.get("rest", ()) for one in rest.get("resource", ())]
        return {one["type"]: [each["code"] for each in one.get("interaction", ())] for one in kinds}

    # -- writes --------------------------------------------------------------------------------------------

    @act(
        effect="write",
        undo="delete_resource",
        undo_from={"resource_type": "result.type", "resource_id": "result.id", "version": "result.version"},
        verify="find_created",
        content=("resource",),
    )
    async def create_resource(self, resource: Resource, call: Call) -> Change:
        """Create a resource; the server gives it its id."""
        kind, _ = typed(resource)
        once = {"If-None-Exist": f"_tag={MARKS}|{call.key}"}
        new = {name: value for name, value in resource.items() if name != "id"}
        answer = await self._sent(call, "POST", "/{type}", marked(new, call.key), at={"type": kind}, **once)
        return self._change(answer, kind, existed=answer.status == 200)  # noqa: PLR2004 - HTTP's own number

    async def find_created(self, resource: Resource, call: Call) -> Change | None:
        """Find what a call created, by its mark."""
        kind, _ = typed(resource)
        found = await self.search(kind, {"_tag": f"{MARKS}|{call.key}"}, call, limit=2)
        if not found.resources:
            return None
        one = found.resources[0]
        return Change(kind, str(one["id"]), version_of(one), existed=True)

    @act(
        effect="write",
        undo="restore_resource",
        undo_from={"before": "result.before", "version": "result.version"},
        verify="find_updated",
        content=("resource",),
    )
    async def update_resource(self, resource: Resource, call: Call) -> Change:
        """Put a resource in the place of what was read: with its id, and in `meta` the version read."""
        kind, name = typed(resource, with_id=True)
        read = version_of(resource)
        if not read:
            msg = f"the {kind} does not say in meta.versionId which version was read: read it first"
            raise ToolError(msg)
        before = await self._before(call, kind, name, read)
        return await self._put(call, marked(resource, call.key), read, before)

    async def find_updated(self, resource: Resource, call: Call) -> Change | None:
        """Find out whether a call has changed a resource: it, or the version before, bears its mark."""
        kind, name = typed(resource, with_id=True)
        versions = (await self.versions_of(kind, name, call)).resources
        for position, one in enumerate(versions):
            if has_mark(one, call.key):
                before = versions[position + 1] if position + 1 < len(versions) else None
                return Change(kind, name, version_of(one), before)
        return None

    @act(
        effect="write",
        undo="restore_resource",
        undo_from={"before": "result.before", "version": "result.version"},
        verify="find_deleted",
    )
    async def delete_resource(self, resource_type: str, resource_id: str, version: str, call: Call) -> Change:
        """Delete a resource of which this version was read."""
        kind, name = checked_type(resource_type), checked_id(resource_id)
        before = await self._before(call, kind, name, version)
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        at = {"type": kind, "id": name}
        await self.api.request(call, "DELETE", "/{type}/{id}", at=at, headers=headers)
        return Change(kind, name, before=before)

    async def find_deleted(
        self, resource_type: str, resource_id: str, version: str, call: Call
    ) -> Change | None:
        """Find out whether a resource is deleted; what it was is read from its history."""
        kind, name = checked_type(resource_type), checked_id(resource_id)
        try:
            await self._read(call, kind, name)
        except RefusedCallError as error:
            if error.status not in GONE:
                raise
        else:
            return None
        path = "/{type}/{id}/_history/{version}"
        before = await self.api.get(call, path, at={"type": kind, "id": name, "version": version})
        return Change(kind, name, before=before)

    @act(effect="write", verify="find_restored", content=("before",))
    async def restore_resource(self, before: Resource, call: Call, version: str = "") -> Change:
        """Put back what a resource was, where it still is what it became: this version; none if deleted."""
        kind, name = typed(before, with_id=True)
        now: Resource | None = None
        try:
            now = await self._before(call, kind, name, version)
        except RefusedCallError as error:
            if error.status not in GONE or version:
                raise
        return await self._put(call, marked(before, call.key), version, now)

    async def find_restored(self, before: Resource, call: Call) -> Change | None:
        """Find out whether a call has put a resource back."""
        return await self.find_updated(before, call)

    @act(effect="write", content=("resources",), on_uncertain="retry")
    async def create_together(self, resources: list[Resource], call: Call) -> Sequence[Change]:
        """Create several resources, all of them or none (a transaction), each conditional on its mark.

        One refers to another of them by `urn:uuid:` and what stands in its own field `id`, a UUID.
        """
        answer = await self._sent(call, "POST", "", entries(resources, call.key), at={})
        return added(answer.json(), self.name)

    # -- sending -------------------------------------------------------------------------------------------

    async def _read(self, call: Call, kind: str, name: str) -> Resource:
        found = fields(await self.api.get(call, "/{type}/{id}", at={"type": kind, "id": name}))
        if found.get("resourceType") != kind:
            msg = f"{self.name}: expected a {kind} in the answer"
            raise InDoubtError(msg, failure="server")
        return found

    async def _before(self, call: Call, kind: str, name: str, read: str) -> Resource:
        """Give what a resource is before it is written; raises `ToolError` if it is not what was read."""
        try:
            before = await self._read(call, kind, name)
        except InDoubtError as error:  # of a read: nothing was written yet
            raise NotSentError(error.message, failure=error.failure, retry_after=error.retry_after) from None
        is_now = version_of(before)
        if is_now != read:
            msg = f"{kind}/{name} is at version {is_now!r} by now, {read!r} was read: read it again"
            raise ToolError(msg)
        return before

    async def _put(self, call: Call, resource: Resource, version: str, before: Resource | None) -> Change:
        kind, name = typed(resource, with_id=True)
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        at = {"type": kind, "id": name}
        answer = await self._sent(call, "PUT", "/{type}/{id}", resource, at=at, **headers)
        return self._change(answer, kind, before=before)

    async def _sent(
        self, call: Call, method: Method, path: str, body: Resource, *, at: Mapping[str, str], **headers: str
    ) -> Answer:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        more = {**SENT, **headers}
        return await self.api.request(call, method, path, content=content, at=at, headers=more)

    def _change(
        self, answer: Answer, kind: str, *, before: Resource | None = None, existed: bool = False
    ) -> Change:
        """Read what was written from the answer: from the resource, else from where it is said to stand."""
        whole = fields(answer.json())
        whole = whole if whole.get("resourceType") == kind else {}
        said = Change.at(answer.headers.get("location", ""))
        name = str(whole.get("id") or said.id or (before or {}).get("id", ""))
        if not name:
            msg = f"{self.name}: the answer does not say which {kind} was written"
            raise InDoubtError(msg, failure="server")
        tag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        return Change(kind, name, version_of(whole) or tag or said.version, before, existed)

    async def _pages(self, call: Call, answer: Answer, limit: int) -> Found:
        """Read page by page until there is no more, or enough."""
        gathered, turned = Gathered(self.name, limit), self.api.turned()
        turned.add(len(answer.body))
        link = gathered.add(answer.json())
        while link and not gathered.enough:
            turned.more()
            answer = await self.api.follow(call, link, answer.url)
            turned.add(len(answer.body))
            link = gathered.add(answer.json())
        return gathered.found(more=bool(link))
