"""SQL databases as tools: declared statements, and, where that is allowed, questions of an agent's own.

Read-only unless a statement is declared to write. Values are parameters, never part of a statement.
Rows, bytes and time are bounded. SQLite by file and PostgreSQL by URL; extra `sql`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.handler import Handler
from ripieno.connectors.remote import Remote, digest_of
from ripieno.connectors.systems.databases import open_database
from ripieno.connectors.systems.statements import (
    escaped,
    kind_of,
    parameters_in,
    refused_statement,
    separators,
)
from ripieno.connectors.tool import Tool
from ripieno.model.action import Call, Effect
from ripieno.model.errors import DefinitionError, RipienoError, ToolError, nearest
from ripieno.model.event import Json
from ripieno.model.value import encode
from ripieno.resilience.timing import in_thread

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Rows", "SqlDatabase", "Statement"]

MOST_ROWS: Final = 1_000
LARGEST: Final = 1_000_000
QUERY: Final = "query"
TABLES: Final = "list_tables"
WORDS: Final[Mapping[Any, str]] = {str: "text", int: "integer", float: "number", bool: "boolean"}
READS: Final = ("select", "with", "values")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that somebody has looked at: a tool of its name.

    Its parameters stand in it as `:name`, each declared with a type: `{"customer": str, "since": date}`.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    description: str = ""
    effect: Effect = "read"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement gave."""

    rows: list[dict[str, Any]]
    """Each by its columns."""
    more: bool = False
    """True where there were more rows, or larger ones, than are given."""
    changed: int | None = None
    """How many rows a statement that writes has changed."""


ROWS: Final = TypeAdapter(Rows).json_schema(mode="serialization")
FREE: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "sql": {
            "type": "string",
            "description": "One SELECT statement; values as :name",
            "maxLength": 20_000,
        },
        "parameters": {
            "type": "object",
            "description": "A value for each :name",
            "additionalProperties": {"type": ["string", "number", "integer", "boolean", "null"]},
        },
    },
    "required": ["sql"],
    "additionalProperties": False,
}


class SqlDatabase(Connector):
    """A database. `statements` are its tools; with `ad_hoc`, agents may ask by `query` as well.

    url: `sqlite:///orders.db`, `postgresql://reader@db.example.com/orders`; a password is a reference.
    tables: which tables `list_tables` shows, where `ad_hoc` is allowed; all unless given. That protects
        nothing: what a user of the database may read is said in the database.
    """

    kind = "sql"
    elsewhere = True

    def __init__(
        self,
        name: str,
        url: str,
        statements: Mapping[str, Statement] | None = None,
        *,
        password: str | None = None,
        ad_hoc: bool = False,
        allow_statements: Sequence[str] = READS,
        tables: Sequence[str] = (),
        max_rows: int = MOST_ROWS,
        max_bytes: int = LARGEST,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
    ) -> None:
        self.database = open_database(name, url)
        self.shown_as = self.database.shown
        """The database as a definition has it."""
        self.statements = dict(statements or {})
        self.password, self.ad_hoc, self.tables = password, ad_hoc, tuple(tables)
        self.allow_statements = tuple(one.lower() for one in allow_statements)
        self.max_rows, self.max_bytes = max_rows, max_bytes
        for unknown in sorted(set(self.allow_statements) - {*READS, "explain"}):
            msg = f"{name}: only {', '.join(READS)} and explain can be allowed, got {unknown!r}"
            raise DefinitionError(
                msg, remedy="declare a statement that writes: Statement(..., effect='write')"
            )
        for one, statement in self.statements.items():
            check_statement(f"{name}.{one}", statement)
        super().__init__(name, version=version, pin=pin, allow=allow, overrides=overrides)

    def offers(self) -> Sequence[str]:
        """Give the names of the declared statements, and of what is for questions of one's own."""
        return (*self.statements, *((TABLES, QUERY) if self.ad_hoc else ()))

    def make(self, name: str) -> Tool:
        """Give a statement as a tool."""
        secrets = {} if self.password is None else {"password": self.password}
        if name in self.statements:
            statement = self.statements[name]
            return Tool(self._declared(name, statement), effect=statement.effect, secrets=secrets)
        return Tool(self._tables() if name == TABLES else self._query(), effect="read", secrets=secrets)

    def settings(self) -> Mapping[str, Json]:
        """Give it as it stands in a workflow file."""
        found: dict[str, Json] = {"url": self.shown_as}
        statements: dict[str, Json] = {name: written(one) for name, one in sorted(self.statements.items())}
        optional: dict[str, Json] = {
            "password": self.password,
            "statements": statements,
            "ad_hoc": self.ad_hoc,
        }
        optional["max_rows"] = None if self.max_rows == MOST_ROWS else self.max_rows
        return {**found, **{name: value for name, value in optional.items() if value}}

    def interface(self) -> Json:
        """Give what its tools are, and which database they reach."""
        settings: Json = {"statements": list(self.allow_statements), "tables": list(self.tables)}
        return {"tools": super().interface(), "database": self.database.shown, "ad_hoc": settings}

    def _declared(self, name: str, statement: Statement) -> Handler:
        types = {one: TypeAdapter[Any](kind) for one, kind in statement.parameters.items()}
        writes = statement.effect == "write"

        async def ask(arguments: Mapping[str, Any], call: Call) -> Any:
            try:
                given = {one: types[one].validate_python(arguments.get(one)) for one in types}
            except ValidationError as error:
                msg = f"{self.name}.{name}: {error.errors(include_url=False)[0]['msg']}"
                raise ToolError(msg, failure="bad_request") from None
            return await self.run(statement.sql, given, call, writes=writes)

        schema: dict[str, Any] = {
            "type": "object",
            "properties": {one: kind.json_schema() for one, kind in types.items()},
            "required": sorted(types),
            "additionalProperties": False,
        }
        version = digest_of([statement.sql, schema, statement.effect])
        about = statement.description
        return Remote(name, ask, input_schema=schema, output_schema=ROWS, description=about, version=version)

    def _query(self) -> Handler:
        kinds = ", ".join(self.allow_statements).upper()
        about = (
            f"Ask the database with one statement of your own ({kinds}), in {self.database.dialect}."
            " Values are parameters: write :name and give them under `parameters`."
            f" Gives {self.max_rows} rows at most."
        )

        async def ask(arguments: Mapping[str, Any], call: Call) -> Any:
            given = dict(arguments.get("parameters") or {})
            problem = refused_statement(arguments["sql"], self.allow_statements)
            missing = sorted(parameters_in(arguments["sql"]) - given.keys())
            if problem is not None or missing:
                raise ToolError(problem or f"no value for :{missing[0]}", failure="bad_request")
            return await self.run(arguments["sql"], given, call, writes=False)

        return Remote(QUERY, ask, input_schema=FREE, output_schema=ROWS, description=about)

    def _tables(self) -> Handler:
        about = (
            "List the tables of the database with the columns of each, their types, and what refers to what."
        )

        def tables(connection: Connection) -> Any:
            return self.database.tables(connection, self.tables)

        async def look(_: Mapping[str, Any], call: Call) -> Any:
            return await self._within(call, tables)

        schema: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
        return Remote(TABLES, look, input_schema=schema, description=about)

    # -- running ---------------------------------------------------------------------------------------------

    async def run(self, sql: str, given: Mapping[str, Any], call: Call, *, writes: bool) -> Rows:
        """Run one statement; raises `ToolError` where nothing came of it."""
        from sqlalchemy import text  # noqa: PLC0415 - an extra

        def work(connection: Connection) -> Rows:
            options: Any = {} if writes or kind_of(sql) not in READS else {"stream_results": True}
            with closing(
                connection.execute(text(escaped(sql)), dict(given), execution_options=options)
            ) as result:
                if not result.returns_rows:
                    return Rows([], changed=result.rowcount)
                changed = result.rowcount if writes else None
                rows, size = list[dict[str, Any]](), 0
                for row in result:  # one after another: each may be large
                    one = {name: plain(value) for name, value in row._mapping.items()}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - public by its documentation
                    size += len(encode(one))
                    if size > self.max_bytes or len(rows) == self.max_rows:
                        return Rows(rows, more=True, changed=changed)
                    rows.append(one)
                return Rows(rows, changed=changed)

        return await self._within(call, work, writes=writes)

    async def _within(self, call: Call, work: Any, *, writes: bool = False) -> Any:
        """Work in one transaction, in a thread, until the deadline at most."""
        password = call.given["password"].reveal() if "password" in call.given else None
        left = (call.deadline - datetime.now(UTC)).total_seconds()
        if left <= 0:
            msg = f"{self.name}: the deadline of the call has passed; nothing was asked"
            raise ToolError(msg)
        return await in_thread(self._transaction, password=password, seconds=left, work=work, writes=writes)

    def _transaction(self, *, password: str | None, seconds: float, work: Any, writes: bool) -> Any:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError  # noqa: PLC0415 - an extra

        committing = False
        try:
            with closing(self.database.connect(password, seconds, writes=writes)) as connection:
                found = work(connection)
                if writes:
                    committing = True
                    connection.commit()
                else:
                    connection.rollback()
                return found
        except SQLAlchemyError as error:
            said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
            line = " ".join(said.split())[:500]
            if committing:
                msg = f"{self.name}: nobody knows whether it was committed: {line}"
                raise RipienoError(msg) from None
            failure = "timeout" if "interrupt" in line or "timeout" in line else "bad_request"
            msg = f"{self.name}: {line}; nothing was changed"
            raise ToolError(msg, failure=failure) from None


def check_statement(whose: str, statement: Statement) -> None:
    """Raise `DefinitionError` where a statement cannot be a tool."""
    if separators(statement.sql):
        msg = f"{whose}: one statement only"
        raise DefinitionError(msg)
    kind = kind_of(statement.sql)
    if statement.effect == "read" and kind not in READS:
        msg = f"{whose}: {kind or 'nothing'!r} is no statement that only reads"
        raise DefinitionError(msg, remedy="declare effect='write' where it is meant to change something")
    found, declared = parameters_in(statement.sql), set(statement.parameters)
    for lacking in sorted(found - declared):
        msg = f"{whose}: :{lacking} stands in it and is not declared{nearest(lacking, declared)}"
        raise DefinitionError(msg, remedy=f"parameters={{{lacking!r}: str}}")
    for idle in sorted(declared - found):
        msg = f"{whose}: {idle!r} is declared and does not stand in it{nearest(idle, found)}"
        raise DefinitionError(msg)


def written(statement: Statement) -> Json:
    """Give a statement as it stands in a workflow file."""
    found: dict[str, Json] = {"sql": statement.sql}
    if statement.parameters:
        found["parameters"] = {name: WORDS.get(kind, "text") for name, kind in statement.parameters.items()}
    if statement.description:
        found["about"] = statement.description
    return found if statement.effect == "read" else {**found, "effect": statement.effect}


def plain(value: Any) -> Any:
    """Give a value of a column as JSON has it; bytes as their number."""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    return value
