"""A service that an OpenAPI document describes, as a connector: each operation that is allowed is a tool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from ripieno.connectors.comparison import Interface
from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.openapi.calling import Calling, input_schema
from ripieno.connectors.openapi.document import Document, read_document
from ripieno.connectors.openapi.live import Live
from ripieno.connectors.openapi.operations import Operation, operations_of
from ripieno.connectors.openapi.security import Given, chosen, schemes_of
from ripieno.connectors.remote import Remote, digest_of
from ripieno.connectors.rest.address import checked_base
from ripieno.connectors.rest.auth import Auth, NoAuth
from ripieno.connectors.rest.client import LARGEST, Rest
from ripieno.connectors.rest.paging import Cursor, Paging, read_paging
from ripieno.connectors.rest.throttle import Throttle
from ripieno.connectors.tool import Tool
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.mediation.validation.check import on_result
from ripieno.model.action import Call
from ripieno.model.durations import Duration
from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.resilience.policy import Resilience

__all__ = ["OpenApi", "interfaces"]

MOST_ITEMS: Final = 1_000
LONGEST_HOW: Final = 400


class OpenApi(Connector):
    """The operations of a document. Loading it reaches nobody: the file is what was approved.

    document: the file of the document, or the document itself.
    base_url: where the service is, in place of `servers`; redirects are not followed.
    auth: secrets by the names of the document's security schemes: `{"apiKey": "secret://env/CRM_KEY"}`,
        `{"oauth": {"client_id": ..., "client_secret": "secret://..."}}`; or an `Auth` for every operation.
    idempotency: the header in which writes bear their key, such as `Idempotency-Key`, for a service that
        heeds it: a write in doubt is then repeated under the same key. A header of that name that an
        operation declares is filled as well.
    paging: how operations turn their pages, by name: `{"list_orders": Offset(items="orders")}`.
    live: where the service shows its document. Tools of operations that have changed there are quarantined:
        it is looked at every `look_every`, before a call.
    validate: False where a service does not keep to its document: answers are then taken as they come.

    GET, HEAD and OPTIONS read, everything else writes, unless `overrides` says otherwise; results are
    untrusted.
    """

    kind = "openapi"
    elsewhere = True

    def __init__(
        self,
        name: str,
        document: Document | Path | str,
        *,
        base_url: str | None = None,
        auth: Auth | Mapping[str, Given] | None = None,
        idempotency: str | None = None,
        paging: Mapping[str, Paging | Mapping[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        live: str | None = None,
        look_every: Duration = "1h",
        validate: bool = True,
        max_bytes: int = LARGEST,
        most_items: int = MOST_ITEMS,
        version: str | None = None,
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        self.file = None if isinstance(document, Document) else Path(document)
        self.shown_as = "" if self.file is None else self.file.name
        """The file of the document as a definition has it: wherever it lies, it is the same."""
        self.document = document if isinstance(document, Document) else read_document(Path(document))
        self.operations: Mapping[str, Operation] = operations_of(self.document)
        self.base_url = checked_base(base_url or server_of(self.document, live), name)
        self._placed = base_url is not None
        self._auth = auth
        self._idempotency, self._headers = idempotency, dict(headers or {})
        self._validate, self._max_bytes, self._most_items = validate, max_bytes, most_items
        self._resilience = resilience
        self._throttle = Throttle(name)
        self._schemes = {} if isinstance(auth, Auth | None) else schemes_of(self.document, auth, name)
        self.paging = {one: read_paging(f"{name}.{one}", said) for one, said in (paging or {}).items()}
        self.live = None if live is None else Live(name, checked_base(live, name), look_every)
        for one in self.paging:
            if one not in self.operations:
                msg = f"connector {name}: no operation {one!r} that could turn pages"
                raise DefinitionError(msg)
        said = self.document.mapping(self.document.data.get("info")).get("version")
        super().__init__(
            name,
            version=version or str(said or "1"),
            origin="openapi",
            pin=pin,
            allow=allow,
            overrides=overrides,
        )

    def offers(self) -> Sequence[str]:
        """Give the names of all operations."""
        return tuple(self.operations)

    def make(self, name: str) -> Tool:
        """Give an operation as a tool; raises `DefinitionError` for one that cannot be called."""
        operation = self.operations[name]
        if operation.served_elsewhere and not self._placed:
            msg = f"{self.name}.{name} is served elsewhere than the rest of {self.document.whose}"
            raise DefinitionError(
                msg, remedy="call it by a connector of its own, which says base_url and allow"
            )
        auth = self._auth_of(operation)
        paging = self.paging.get(name)
        calling = Calling(self._client(auth), operation, paging, self._most_items)
        hidden = turned_by(paging)
        gives: Mapping[str, Any] | None = {"type": "array"} if paging else operation.answer
        reads = operation.reads
        check = [on_result(gives)] if gives is not None and self._validate else []

        async def carry_out(arguments: Mapping[str, Any], call: Call) -> Any:
            if self.live is not None:
                await self.live.check(operation)
            return await calling(arguments, call)

        handler = Remote(
            name,
            carry_out,
            input_schema=input_schema(operation, hidden),
            output_schema=gives,
            description=operation.about,
            version=operation.digest[:16],
            origin="openapi",
        )
        return Tool(
            handler,
            effect="read" if reads else "write",
            on_uncertain="retry" if self._idempotency and not reads else "ask",
            secrets=auth.secrets,
            check=check,
            resilience=self._resilience,
        )

    @property
    def secrets(self) -> list[Reference]:
        """The references that it was given; no tool has to be made for that."""
        given = [self._auth] if isinstance(self._auth, Auth) else list(self._schemes.values())
        found = [SECRETS.reference(text) for auth in given for text in auth.secrets.values()]
        return list(dict.fromkeys(found))

    def words_of(self, name: str) -> str:
        """Give the words by which an operation is found."""
        one = self.operations[name]
        return f"{name} {one.about} {' '.join(one.tags)} {one.method} {one.path}"

    @cached_property
    def approved(self) -> str:
        """SHA-256 of the interface, computed once: the document never changes."""
        return super().digest

    @property
    def digest(self) -> str:
        """SHA-256 of the document, where the service is and how it is known who calls."""
        return self.approved

    def interface(self) -> Json:
        """Give what its digest covers."""
        return {"document": self.document.digest, "base_url": self.base_url, "auth": self._described_auth()}

    def settings(self) -> Mapping[str, Json]:
        """Give it as it stands in a workflow file."""
        found: dict[str, Json] = {"document": self.shown_as, "base_url": self.base_url}
        optional: dict[str, Json] = {
            "auth": self._given_auth(),
            "idempotency": self._idempotency,
            "headers": dict(sorted(self._headers.items())),
            "live": None if self.live is None else self.live.url,
            "paging": {one: way.describe() for one, way in sorted(self.paging.items())},
            "validate": None if self._validate else False,
        }
        return {**found, **{name: value for name, value in optional.items() if value or value is False}}

    def _given_auth(self) -> Json:
        """Give the references as a file has them."""
        if isinstance(self._auth, Auth | None):
            return None if self._auth is None else self._auth.describe()
        return {
            one: said if isinstance(said, str) else dict(said) for one, said in sorted(self._auth.items())
        }

    def _described_auth(self) -> Json:
        if isinstance(self._auth, Auth):
            return self._auth.describe()
        return {name: auth.describe() for name, auth in sorted(self._schemes.items())}

    def _auth_of(self, operation: Operation) -> Auth:
        if isinstance(self._auth, Auth):
            return NoAuth() if operation.said.get("security") == [] else self._auth
        return chosen(operation.security(), self._schemes, f"{self.name}.{operation.name}")

    def _client(self, auth: Auth) -> Rest:
        """Give a client for a way of being known; all share what the service says of its rates."""
        rest = Rest(
            self.base_url,
            auth=auth,
            name=self.name,
            headers=self._headers,
            idempotency=self._idempotency,
            max_bytes=self._max_bytes,
        )
        rest.throttle = self._throttle
        return rest


def server_of(document: Document, live: str | None) -> str:
    """Give where the service is, by the first of its servers; raises `DefinitionError`."""
    url = first_server(document)
    try:
        whole = url if urlsplit(url).scheme or live is None else urljoin(live, url)
        said = bool(urlsplit(whole).scheme)
    except ValueError:
        whole, said = url, False
    if not said:
        msg = f"{document.whose} does not say where its service is{f', it says {url!r}' if url else ''}"
        raise DefinitionError(msg, remedy="give base_url")
    return whole


def first_server(document: Document) -> str:
    """Give where a document says that its service is; empty where it does not."""
    servers = document.listed(document.data.get("servers"), "servers") or [{}]
    first = document.mapping(servers[0])
    url = str(first.get("url") or "")
    for name, variable in document.mapping(first.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(document.mapping(variable).get("default", "")))
    return url


def turned_by(paging: Paging | None) -> set[str]:
    """Give the parameters that a way of turning pages fills."""
    if paging is None:
        return set()
    return {paging.parameter} if isinstance(paging, Cursor) else {one for one, _ in paging.first()}


def interfaces(document: Document, names: Sequence[str] | None = None) -> dict[str, Interface]:
    """Give what callers of each operation depend on; of those named alone, where names are given.

    Where the service is, and how whoever calls becomes known to it, stands beside them under `(...)`.
    """
    found = {"(service)": Interface({}, None, "", "read", f"at {first_server(document) or 'no address'}")}
    components = document.mapping(document.data.get("components"))
    for name, said in document.mapping(components.get("securitySchemes")).items():
        scheme = {what: one for what, one in document.mapping(said).items() if what != "description"}
        how = json.dumps(scheme, sort_keys=True)
        found[f"({name})"] = Interface(
            {}, None, "", "read", how if len(how) <= LONGEST_HOW else digest_of(scheme)
        )
    for name, one in operations_of(document).items():
        if names is None or name in names:
            known = " or ".join(" with ".join(way) or "nobody" for way in one.security()) or "nobody"
            effect = "read" if one.reads else "write"
            how = f"{one.method} {one.path}, known by {known}"
            found[name] = Interface(input_schema(one, set()), one.answer, one.about, effect, how)
    return found
