"""Workday as a connector: who works here, what reports say of them, and the titles that they bear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.connectors.rest.paging import Offset
from ripieno.connectors.systems.base import System, act
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, NotSentError, ToolError
from ripieno.model.event import Json

__all__ = ["TitleChange", "Workday", "Worker"]

ID: Final = re.compile(r"[0-9a-f]{32}|[A-Za-z_]+=[A-Za-z0-9_.\-]{1,100}")
NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who works here."""

    id: str
    """The Workday ID, 32 hexadecimal digits."""
    name: str
    title: str = ""
    email: str = ""
    organization: str = ""

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Worker:
        """Read one as the API gives it."""
        unit = known.get("primarySupervisoryOrganization")
        organization = cast("dict[str, Any]", unit).get("descriptor", "") if isinstance(unit, dict) else ""
        texts = (str(known.get(name) or "") for name in ("descriptor", "businessTitle", "primaryWorkEmail"))
        return cls(str(known["id"]), *texts, organization=str(organization))


@dataclass(frozen=True, slots=True)
class TitleChange:
    """What became of a proposed title."""

    worker: str
    event: str = ""
    """The id of the business process; empty where it was found done."""
    done: bool = True
    """False where the process waits for somebody's approval in Workday."""


class Workday(System):
    """A tenant of Workday: `Workday("workday", "https://HOST.workday.com", tenant="acme", auth=...)`.

    A change is a business process of Workday's own, which may wait there for an approval; `done` says
    so. Workday takes no idempotency key: after a call in doubt the worker's title is read, and where
    that does not tell, a person is asked.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"data": ("personal",)}

    def __init__(
        self, name: str, base_url: str, *, tenant: str, api: str = "v1", owner: str = "", **options: Any
    ) -> None:
        for what, value in (("tenant", tenant), ("api", api), ("owner", owner or "none")):
            if not NAME.fullmatch(value):
                msg = f"{name}: expected a {what} of letters, digits, '_', '-' and '.', got {value!r}"
                raise DefinitionError(msg)
        self._tenant, self._owner, self._api = tenant, owner, api
        self._workers = f"/ccx/api/{api}/{tenant}/workers"
        super().__init__(name, base_url, version=options.pop("version", api), **options)

    def reaches(self) -> Json:
        """Give the address, the tenant and the version of its API, and how it is known who calls."""
        known = cast("dict[str, Json]", super().reaches())
        return {**known, "tenant": self._tenant, "api": self._api, "owner": self._owner}

    @act(effect="read")
    async def find_workers(self, name: str, call: Call, limit: int = 100) -> list[Worker]:
        """Find workers by their name, or a part of it."""
        if not name.strip():
            msg = "expected a name: nobody is found by an empty one"
            raise ToolError(msg)
        paging = Offset(size=min(PAGE, limit), items="data")
        found = await self.api.items(call, self._workers, paging, query={"search": name}, limit=limit)
        return [Worker.of(one) for one in found]

    @act(effect="read")
    async def read_worker(self, worker: str, call: Call) -> Worker:
        """Read one worker, by Workday ID or by a reference such as `Employee_ID=21001`."""
        return await self._read(call, worker)

    @act(effect="read")
    async def report(
        self, report: str, call: Call, prompts: dict[str, str] | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Run a report that is served as a web service, by its name; `prompts` are what it asks for."""
        if not self._owner:
            msg = f"{self.name}: whose reports they are is not declared: Workday(..., owner=...)"
            raise ToolError(msg)
        at = {"tenant": self._tenant, "owner": self._owner, "report": report}
        path = "/ccx/service/customreport2/{tenant}/{owner}/{report}"
        asked = {**(prompts or {}), "format": "json"}
        found = await self.api.get(call, path, at=at, query=asked)
        rows = cast("dict[str, Any]", found).get("Report_Entry") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            msg = f"{self.name}: expected 'Report_Entry' in the answer"
            raise InDoubtError(msg, failure="server")
        return cast("list[dict[str, Any]]", rows)[:limit]

    @act(
        effect="write",
        undo="change_title",
        undo_from={"was": "arguments.title", "title": "arguments.was"},
        verify="find_title",
        content=("title", "was"),
    )
    async def change_title(self, worker: str, title: str, was: str, call: Call) -> TitleChange:
        """Propose another business title for a worker, given the one that was read; over another, none."""
        try:
            now = await self._read(call, worker)
        except InDoubtError as error:  # of a read: nothing was proposed yet
            raise NotSentError(error.message, failure=error.failure, retry_after=error.retry_after) from None
        if now.title != was:
            msg = f"the title of {worker} is {now.title!r} by now, {was!r} was read: read it again"
            raise ToolError(msg)
        path = self._workers + "/{worker}/businessTitleChanges"
        body = {"proposedBusinessTitle": title}
        made: dict[str, Any] = await self.api.post(call, path, body, at={"worker": now.id}) or {}
        after = await self._read(call, worker)
        return TitleChange(worker, str(made.get("id", "")), done=after.title == title)

    async def find_title(self, worker: str, title: str, was: str, call: Call) -> TitleChange | None:
        """Find out whether a title was changed; raises `ToolError` where it may wait for an approval."""
        now = await self._read(call, worker)
        if now.title == title:
            return TitleChange(worker)
        msg = (
            f"the title of {worker} is {now.title!r}; a change from {was!r} to {title!r} may wait in Workday"
        )
        raise ToolError(msg)

    async def _read(self, call: Call, worker: str) -> Worker:
        if not ID.fullmatch(worker):
            msg = f"expected a Workday ID or a reference such as Employee_ID=21001, got {worker!r}"
            raise ToolError(msg)
        return Worker.of(await self.api.get(call, self._workers + "/{worker}", at={"worker": worker}))
