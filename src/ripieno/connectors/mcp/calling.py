"""One call of a tool of a server: as it was approved, or not at all; and what became of it, said exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from ripieno.connectors.mcp.asking import ANSWERS, ASKS, ROUNDS, SAMPLE, Asked, Elicited, asked_of, refused
from ripieno.connectors.mcp.codes import NOT_DONE, Told
from ripieno.connectors.mcp.connection import Connection, connected
from ripieno.connectors.mcp.definition import ToolDefinition, changes
from ripieno.connectors.mcp.results import recorded
from ripieno.connectors.mcp.sampling import prompt_of
from ripieno.connectors.mcp.server import McpServer
from ripieno.connectors.progress import PROGRESS
from ripieno.connectors.quarantine import QuarantinedError
from ripieno.model.action import Call, Effect
from ripieno.model.errors import AuthenticationError, NotSentError, ToolError

if TYPE_CHECKING:
    from mcp.shared.exceptions import MCPError
    from mcp_types import InputRequiredResult

__all__ = ["LostError", "call_tool"]

LONGEST: Final = 500

UNKNOWN_HERE, GONE, TOO_MANY = 401, 404, 429
"""What a server says to whom it does not know any more, of a session that ended, and to be left alone."""

ANEW: Final = (None, UNKNOWN_HERE, GONE)

KEY: Final = "ripieno/idempotency-key"
"""Of `_meta`: the same for every attempt that may be the same act, for servers that heed it."""

log = structlog.get_logger("ripieno.connectors.mcp")


class LostError(Exception):
    """Nobody knows what became of a call: its connection ended, or its server failed, before the answer."""


async def call_tool(
    server: McpServer, approved: ToolDefinition, arguments: Mapping[str, Any], call: Call, *, effect: Effect
) -> Any:
    """Call it and give what it gave, as it is recorded.

    Raises `QuarantinedError`, `UnreachableError` and other `ToolError`s where the call had no effect, and
    `LostError` where that is not known.
    """
    given = dict(arguments)
    told = cast("Mapping[str, Any]", given.pop(ANSWERS, None) or {})
    async with connected(server, call.tenant) as connection:
        await check_approved(connection, approved)
        if connection.modern:
            return await asked_again(connection, approved, given, told, call)
        return await within(connection, approved, given, told, call, effect=effect)


async def check_approved(connection: Connection, approved: ToolDefinition) -> None:
    """Raise `QuarantinedError` unless the server offers the tool exactly as it was approved."""
    listing = await connection.listing()
    name, now = approved.name, listing.tools.get(approved.name)
    where = f"MCP server {connection.server.name}"
    remedy = "ripieno connectors diff file.py:name shows it, and approve lets it be called"
    if now is None:
        why = listing.unusable.get(name, "the server does not offer it any more")
        msg = f"{where}: {name} is quarantined: {why}"
        raise QuarantinedError(msg, remedy=remedy, failure="bad_request")
    if now.digest != approved.digest:
        found = "; ".join(changes(approved, now)[:5])
        msg = f"{where}: {name} is quarantined, it is not as it was approved: {found}"
        raise QuarantinedError(msg, remedy=remedy, failure="bad_request")


async def asked_again(
    connection: Connection,
    approved: ToolDefinition,
    arguments: dict[str, Any],
    told: Mapping[str, Any],
    call: Call,
) -> Any:
    """Call it by a protocol in which a call that needs something ends by saying so."""
    import mcp_types as types  # noqa: PLC0415 - heavy

    responses, state = told.get("responses"), told.get("state")
    for _ in range(ROUNDS):
        result = await sent(connection, approved.name, arguments, call, responses=responses, state=state)
        if isinstance(result, types.CallToolResult):
            return recorded(result.model_dump(mode="json", by_alias=True, exclude_none=True), approved)
        asks = asks_of(connection.server, result)
        if asks:
            found: dict[str, Any] = {ASKS: asks, "round": told.get("round", 0) + 1}
            return found if result.request_state is None else {**found, "state": result.request_state}
        responses, state = None, result.request_state  # it wants nothing but to be asked again
        await asyncio.sleep(0)
    msg = f"MCP server {connection.server.name}: {approved.name} did not get done in {ROUNDS} rounds"
    raise LostError(msg)


def asks_of(server: McpServer, result: InputRequiredResult) -> dict[str, Any]:
    """Give what is put to a person or a model; raises `ToolError` where the server asks for anything else."""
    import mcp_types as types  # noqa: PLC0415 - heavy

    asks: dict[str, Any] = {}
    objections: list[str] = []
    for key, request in (result.input_requests or {}).items():
        if isinstance(request, types.ElicitRequest):
            found = asked_of(request.params)
            if isinstance(found, Asked) and server.elicitation is not None:
                asks[key] = found.document()
            else:
                objections.append(found if isinstance(found, str) else "nobody is named who answers it")
        elif isinstance(request, types.CreateMessageRequest):
            prompt: Any = "it asks for an answer of a model, and none is configured for it"
            if server.sampling is not None:
                prompt = prompt_of(request.params, server.sampling)
            if isinstance(prompt, str):
                objections.append(prompt)
            else:
                asks[key] = {SAMPLE: prompt}
        else:
            objections.append("it asks for folders of this machine, and is given none")
    if objections:
        raise ToolError(refused(server, objections))
    return asks


async def within(
    connection: Connection,
    approved: ToolDefinition,
    arguments: dict[str, Any],
    told: Mapping[str, Any],
    call: Call,
    *,
    effect: Effect,
) -> Any:
    """Call it by a protocol in which a server asks within the call."""
    import mcp_types as types  # noqa: PLC0415 - heavy

    elicitation, sampling = connection.server.elicitation, connection.server.sampling
    if elicitation is None and sampling is None:
        result = await sent(connection, approved.name, arguments, call)
    else:
        may_ask = elicitation is not None and (effect == "read" or elicitation.repeat)
        sampled = sampling if sampling is not None and (effect == "read" or sampling.repeat) else None
        elicited = Elicited(told.get("responses") or {}, may_ask, sampled)
        async with connection.alone:
            connection.elicited = elicited
            try:
                result = await sent(connection, approved.name, arguments, call)
            finally:
                connection.elicited = None
        if elicited.asked:
            return {ASKS: elicited.asked, "round": told.get("round", 0) + 1}
        for why in elicited.refused:
            log.warning(
                "mcp_server_asked_in_vain", server=connection.server.name, tool=approved.name, reason=why
            )
    assert isinstance(result, types.CallToolResult), "the library reads nothing else by this protocol"
    return recorded(result.model_dump(mode="json", by_alias=True, exclude_none=True), approved)


async def sent(
    connection: Connection,
    name: str,
    arguments: dict[str, Any],
    call: Call,
    *,
    responses: Any = None,
    state: str | None = None,
) -> Any:
    """Send the request and await its answer; the deadline is the caller's, who is told of progress."""
    import mcp_types as types  # noqa: PLC0415 - heavy
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - heavy
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from ripieno.connectors.mcp.wire import CALLED  # noqa: PLC0415 - heavy

    async def told(progress: float, total: float | None, message: str | None) -> None:
        log.info(
            "mcp_progress", server=connection.server.name, tool=name, run=call.run, path=call.path,
            done=progress, total=total, message=message,
        )  # fmt: skip
        of = f"{progress:g}" if total is None else f"{progress:g}/{total:g}"
        said = f"{connection.server.name}.{name} {of} {message or ''}".rstrip()
        PROGRESS.tell(call.run, call.path, said[:LONGEST])

    request = types.CallToolRequest(
        params=types.CallToolRequestParams.model_validate(
            {
                "name": name,
                "arguments": arguments,
                "inputResponses": responses,
                "requestState": state,
                "_meta": {KEY: call.key} if call.key else None,
            }
        )
    )
    try:
        return await connection.client.session.send_request(request, CALLED, progress_callback=told)
    except MCPError as error:
        raise judged(connection, name, error) from None
    except ValidationError:
        msg = f"MCP server {connection.server.name}: {name} answered with what is no result"
        raise LostError(msg) from None


def judged(connection: Connection, name: str, error: MCPError) -> Exception:
    """Say what an error of the protocol means for a call: none was made, or nobody knows."""
    import mcp_types as types  # noqa: PLC0415 - heavy

    of = f"MCP server {connection.server.name}: {name}"
    text = f"{of}: {error.message[:LONGEST]}"
    if error.code == types.CONNECTION_CLOSED:
        connection.lost(error.message[:LONGEST])
        return LostError(f"{of}: it ended before it answered: {connection.gone}")
    if error.code == NOT_DONE:
        return not_done(connection, text, Told.of(error.data))
    certain = (
        types.INVALID_PARAMS, types.INVALID_REQUEST, types.METHOD_NOT_FOUND, types.HEADER_MISMATCH,
        types.URL_ELICITATION_REQUIRED, types.UNSUPPORTED_PROTOCOL_VERSION,
    )  # fmt: skip
    return ToolError(text, failure="bad_request") if error.code in certain else LostError(text)


def not_done(connection: Connection, text: str, told: Told) -> ToolError:
    """Give the error of a call that was not made; who comes next connects anew where that may help."""
    if told.status in ANEW:
        connection.retire(text[:LONGEST])
    if told.status == UNKNOWN_HERE:
        return AuthenticationError(text)
    if told.status is None:
        return NotSentError(text, failure="connection")
    if told.status == TOO_MANY:
        return NotSentError(text, failure="rate_limited", retry_after=told.retry_after)
    return ToolError(text, failure="bad_request")
