"""What stands under `connectors` of a workflow file: services, databases, and what Python declares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import Discriminator, Field, Tag

from ripieno.connectors.connector import Connector, Overrides
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError
from ripieno.workflows.fields import LARGEST, Document, Reference, Time, by_key
from ripieno.workflows.objects import import_from
from ripieno.workflows.resilience import ResilienceDocument, resilience

if TYPE_CHECKING:
    from ripieno.connectors.systems.sql import Statement

__all__ = [
    "CONNECTOR_KINDS",
    "ConnectorEntry",
    "DocumentsEntry",
    "DocumentsSettings",
    "McpEntry",
    "MemoryEntry",
    "MemorySettings",
    "OpenApiEntry",
    "OpenApiSettings",
    "OverrideDocument",
    "RateDocument",
    "SqlEntry",
    "SqlSettings",
    "StatementDocument",
    "connector",
]

TYPES: Final[Mapping[str, type]] = {"text": str, "integer": int, "number": float, "boolean": bool}


class RateDocument(Document):
    """How often."""

    calls: int = Field(ge=1, le=LARGEST, description="how many calls")
    per: Time = Field(description="in what time")


class OverrideDocument(Document):
    """What is declared of a tool in place of what its interface says."""

    effect: Literal["read", "write"] | None = Field(default=None, description="whether it changes anything")
    trust: Literal["trusted", "untrusted"] | None = Field(
        default=None, description="`trusted` where somebody answers for all that it gives"
    )
    undo: str | None = Field(default=None, description="the tool of the connector that takes a call back")
    undo_from: dict[str, str] | None = Field(
        default=None, description="where that finds its arguments: `{id: result.id}`"
    )
    on_uncertain: Literal["retry", "ask"] | None = Field(
        default=None, description="what to do when nobody knows whether a call took effect"
    )
    timeout: Time | None = Field(default=None, description="longest time of a call")
    settle: Time | None = Field(default=None, description="how long after that it may still be carried out")
    attempts: int | None = Field(
        default=None, ge=1, le=LARGEST, description="how often a call is made in all"
    )
    key_lifetime: Time | None = Field(default=None, description="how long an idempotency key is remembered")
    data: list[str] | None = Field(default=None, description="the classes of data that it gives")
    content: list[str] | None = Field(default=None, description="arguments that are only passed on")
    outside: bool | None = Field(default=None, description="whether what it is given leaves the organisation")
    rate: RateDocument | None = Field(default=None, description="how often it may be called")
    resilience: ResilienceDocument | None = Field(
        default=None, description="what its calls pass on their way out; see there"
    )


class Declared(Document):
    """What can be said of a connector of any kind."""

    version: str | None = Field(default=None, min_length=1, description="what this interface is called")
    pin: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="the digest of the interface that was approved"
    )
    allow: list[str] = Field(
        default_factory=lambda: ["*"], min_length=1, description="which of its tools there are: `orders_*`"
    )
    tools: dict[str, OverrideDocument] = Field(
        default_factory=dict[str, OverrideDocument], description="what is declared of its tools, by name"
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="where its system is, for tenants that are pinned to a region",
    )


class OpenApiSettings(Document):
    """A service that an OpenAPI document describes."""

    document: str = Field(min_length=1, description="the file of the document, beside this one")
    base_url: str | None = Field(default=None, description="where the service is; its document says so else")
    auth: dict[str, str | dict[str, Any]] = Field(
        default_factory=dict[str, Any], description="secrets by the names of its security schemes"
    )
    idempotency: str | None = Field(default=None, description="the header in which writes bear their key")
    headers: dict[str, str] = Field(default_factory=dict[str, str], description="what every request bears")
    paging: dict[str, dict[str, dict[str, Any]]] = Field(
        default_factory=dict[str, Any], description="how operations turn pages: `{list: {offset: {}}}`"
    )
    live: str | None = Field(default=None, description="where the service shows its document now")
    look_every: Time = Field(default="1h", description="how often that is looked at, before a call")
    validate_: bool = Field(
        default=True, alias="validate", description="whether answers have to be what the document says"
    )


class OpenApiEntry(Declared):
    """Each operation that is allowed is a tool."""

    openapi: OpenApiSettings


class McpEntry(Declared):
    """The tools of an MCP server that were approved."""

    mcp: dict[str, Any] = Field(
        description="how it is reached: `command`, or `url` with `headers` or `oauth`"
    )
    approved: str | None = Field(default=None, description="the file of what was approved, beside this one")


class StatementDocument(Document):
    """A statement as a tool."""

    sql: str = Field(min_length=1, description="the statement, its parameters as `:name`")
    parameters: dict[str, Literal["text", "integer", "number", "boolean"]] = Field(
        default_factory=dict[str, Any], description="the kind of each parameter"
    )
    about: str | None = Field(default=None, description="what it is for")
    effect: Literal["read", "write"] = Field(default="read", description="whether it changes anything")


class SqlSettings(Document):
    """A database."""

    url: str = Field(description="`sqlite:///orders.db`, or `postgresql://user@host/database`")
    password: str | None = Field(default=None, description="a reference to the password")
    statements: dict[str, StatementDocument] = Field(
        default_factory=dict[str, StatementDocument], description="its tools, by name"
    )
    ad_hoc: bool = Field(default=False, description="whether agents may ask by statements of their own")
    max_rows: int = Field(default=1000, ge=1, le=LARGEST, description="how many rows a statement may give")


class SqlEntry(Declared):
    """Statements of a database, each a tool."""

    sql: SqlSettings


class MemorySettings(Document):
    """What runs remember beyond themselves."""

    subject: str | None = Field(
        default=None, description="whom it is about: a path in the run's input, or `key` for its business key"
    )
    of: Literal["everybody", "participant"] = Field(
        default="everybody", description="`participant` where each has a memory of its own"
    )
    keep: Time | None = Field(
        default=None, description="how long something is recalled; as long as its run is kept, else"
    )
    data: list[str] = Field(default_factory=list[str], description="the classes of data that it may hold")
    most: int = Field(default=10, ge=1, le=50, description="how many are recalled at once")


class MemoryEntry(Declared):
    """A memory: the tools `remember`, `recall` and `forget`."""

    memory: MemorySettings


class DocumentsSettings(Document):
    """Documents that `ripieno documents add` has entered under the name of the connector."""

    about: str | None = Field(default=None, min_length=1, description="what they are: `the staff handbook`")
    trust: Literal["trusted", "untrusted"] | None = Field(
        default=None, description="`trusted` where somebody answers for all that stands in them"
    )
    data: list[str] = Field(default_factory=list[str], description="the classes of data that they hold")
    most: int = Field(default=5, ge=1, le=50, description="how many passages are given at once")


class DocumentsEntry(Declared):
    """Documents to be searched: the tool `search`."""

    documents: DocumentsSettings


class ImportedConnector(Document):
    """A connector that is declared in Python."""

    object: Reference = Field(alias="import", description="`module:attribute` of the connector")


CONNECTOR_KINDS: Final = {
    "openapi": "<openapi>",
    "mcp": "<mcp>",
    "sql": "<sql>",
    "memory": "<memory>",
    "documents": "<documents>",
    "import": "<import connector>",
}

ConnectorEntry = Annotated[
    Annotated[OpenApiEntry, Tag("<openapi>")]
    | Annotated[McpEntry, Tag("<mcp>")]
    | Annotated[SqlEntry, Tag("<sql>")]
    | Annotated[MemoryEntry, Tag("<memory>")]
    | Annotated[DocumentsEntry, Tag("<documents>")]
    | Annotated[ImportedConnector, Tag("<import connector>")],
    Discriminator(by_key(CONNECTOR_KINDS)),
]


def connector(name: str, entry: Any, folder: Path) -> Connector:
    """Give the connector that an entry declares; nobody is reached for it."""
    if isinstance(entry, ImportedConnector):
        return imported(name, entry, folder)
    found = declared(name, entry, folder)
    return found if entry.region is None else found.in_region(entry.region)


def declared(name: str, entry: Any, folder: Path) -> Connector:
    """Give a connector of which all stands in its entry."""
    shared: dict[str, Any] = {
        "pin": entry.pin,
        "allow": entry.allow,
        "overrides": {tool: overrides(said) for tool, said in entry.tools.items()},
    }
    if entry.version is not None:
        shared["version"] = entry.version
    if isinstance(entry, OpenApiEntry):
        return openapi(name, entry.openapi, folder, shared)
    if isinstance(entry, McpEntry):
        return mcp(name, entry, folder, shared)
    if isinstance(entry, MemoryEntry):
        return memory(name, entry.memory, shared)
    if isinstance(entry, DocumentsEntry):
        return documents(name, entry.documents, shared)
    return database(name, cast("SqlEntry", entry).sql, folder, shared)


def imported(name: str, entry: ImportedConnector, folder: Path) -> Connector:
    """Give a connector that is declared in Python, as it is."""
    found = import_from(folder, entry.object)
    if not isinstance(found, Connector):
        msg = f"expected a connector at {entry.object!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    if found.name != name:
        msg = f"{entry.object!r} is called {found.name!r}, not {name!r}"
        raise DefinitionError(msg, remedy=f"declare it here as {found.name!r}")
    return found


def openapi(name: str, settings: OpenApiSettings, folder: Path, shared: dict[str, Any]) -> Connector:
    """Give a service as a connector."""
    from ripieno.connectors.openapi.connector import OpenApi  # noqa: PLC0415 - only who declares one pays

    found = OpenApi(
        name,
        folder / settings.document,
        base_url=settings.base_url,
        auth=settings.auth or None,
        idempotency=settings.idempotency,
        headers=settings.headers,
        paging=settings.paging,
        live=settings.live,
        look_every=settings.look_every,
        validate=settings.validate_,
        **shared,
    )
    found.shown_as = settings.document
    return found


def mcp(name: str, entry: McpEntry, folder: Path, shared: dict[str, Any]) -> Connector:
    """Give a server's tools as a connector."""
    from ripieno.connectors.mcp.connector import McpConnector  # noqa: PLC0415 - only who declares one pays

    approved = None if entry.approved is None else folder / entry.approved
    return McpConnector(name, entry.mcp, approved=approved, **shared)


def memory(name: str, settings: MemorySettings, shared: dict[str, Any]) -> Connector:
    """Give a memory."""
    from ripieno.connectors.memory.memory import Memory  # noqa: PLC0415 - only who declares one pays

    return Memory(name, **settings.model_dump(), **shared)


def documents(name: str, settings: DocumentsSettings, shared: dict[str, Any]) -> Connector:
    """Give documents."""
    from ripieno.connectors.documents.documents import Documents  # noqa: PLC0415 - as above

    return Documents(name, **settings.model_dump(), **shared)


def database(name: str, settings: SqlSettings, folder: Path, shared: dict[str, Any]) -> Connector:
    """Give a database as a connector; the file of one in a file is beside this one."""
    from ripieno.connectors.systems.sql import SqlDatabase  # noqa: PLC0415 - only who declares one pays

    url = settings.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
    found = SqlDatabase(
        name,
        url,
        {one: statement(said) for one, said in settings.statements.items()},
        password=settings.password,
        ad_hoc=settings.ad_hoc,
        max_rows=settings.max_rows,
        **shared,
    )
    found.shown_as = settings.url
    return found


def statement(said: StatementDocument) -> Statement:
    """Give a statement."""
    from ripieno.connectors.systems.sql import Statement  # noqa: PLC0415 - as above

    types = {name: TYPES[kind] for name, kind in said.parameters.items()}
    return Statement(said.sql, types, said.about or "", said.effect)


def overrides(said: OverrideDocument) -> Overrides:
    """Give what is declared of a tool."""
    given = said.model_dump(exclude_none=True)
    if said.rate is not None:
        given["rate"] = (said.rate.calls, seconds(said.rate.per))
    if said.resilience is not None:
        given["resilience"] = resilience(said.resilience)
    return cast("Overrides", given)
