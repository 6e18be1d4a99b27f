"""Servers of tools, as `ripieno agents import` finds them: by MCP, or by an OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ripieno.cli.connectors import asked
from ripieno.cli.importing_objects import Found
from ripieno.model.errors import InputError
from ripieno.participants.remote.card import digest_of

__all__ = ["by_mcp", "by_openapi"]

WHERE: Final = "(where it is)"
"""Beside the operations: what a secret is shown to."""
MOST_TOOLS: Final = 20
"""More than so many are more than an agent tells apart."""


async def by_mcp(source: str, name: str, model: str | None, allow: Sequence[str]) -> Found:
    """Ask an MCP server what it offers; all of it is what an agent gets that stands in a shadow."""
    from ripieno.connectors.mcp.connector import FORMAT, McpConnector  # noqa: PLC0415 - most commands do without

    reached: dict[str, Any] = {"url": source} if "://" in source else {"command": source.split()}
    offered = await asked(McpConnector(name, reached, approved=f"{name}.mcp.json"))
    known = {tool: definition.whole for tool, definition in sorted(offered.now.items())}
    host = urlsplit(source).hostname or source
    beyond = [f"{tool}: what {host} does and reaches when it is called" for tool in known]
    beyond += [f"{tool}: cannot be called, {why}" for tool, why in sorted(offered.unusable.items())]
    beyond += [
        f"{tool}: reads as if it were meant for a model to obey: {'; '.join(said)}"
        for tool, said in offered.suspicions.items()
    ]
    kept = json.dumps({"format": FORMAT, "tools": list(known.values())}, indent=2)
    return Found(
        kind="mcp",
        name=name,
        about=f"uses the tools of {host}",
        source=source,
        digest=digest_of(known),
        can=[f"{tool}: {definition.description}" for tool, definition in sorted(offered.now.items())],
        beyond=beyond,
        participant=agent_of(name, model, fitting(name, list(known), allow)),
        approved=known,
        beside={f"{name}.mcp.json": kept + "\n"},
        connectors={name: {"mcp": reached, "approved": f"{name}.mcp.json", **allowed(allow)}},
    )


async def by_openapi(
    source: str, name: str, model: str | None, allow: Sequence[str], *, secret: str | None
) -> Found:
    """Read an OpenAPI document; the operations that are allowed are what an agent gets in a shadow."""
    from ripieno.connectors.mcp.definition import ToolDefinition, suspicions  # noqa: PLC0415 - as below
    from ripieno.connectors.openapi.connector import OpenApi  # noqa: PLC0415 - most commands do without it
    from ripieno.connectors.openapi.document import parse_document, read_content  # noqa: PLC0415 - as above
    from ripieno.connectors.openapi.live import content_at  # noqa: PLC0415 - as above
    from ripieno.connectors.rest.address import checked_base  # noqa: PLC0415 - as above

    live = checked_base(source, "the OpenAPI document") if "://" in source else None
    file = Path(urlsplit(source).path if live else source)
    content = read_content(file) if live is None else await content_at(live)
    document = parse_document(content, file.name)
    schemes = document.mapping(document.mapping(document.data.get("components")).get("securitySchemes"))
    simple = [one for one in schemes if takes_one(document.mapping(schemes[one]))]
    auth: dict[str, Any] = {} if secret is None else dict.fromkeys(simple, secret)
    connector = OpenApi(name, document, allow=list(allow) or ["*"], auth=auth, live=live)
    offered = fitting(name, list(connector.names), ())
    ways = [connector.operations[tool].security() for tool in offered]
    if secret is None and any(those and all(those) for those in ways):
        known = ", ".join(simple) or "none of those that it can have here"
        msg = f"{name} is called with a secret, and none is given; its schemes that take one alone: {known}"
        raise InputError(msg, remedy="name it: --secret secret://env/API_KEY")
    tools = {tool: connector.tool(tool) for tool in offered}
    sent = "what it is sent, and the secret that it is shown," if auth else "what it is sent"
    beyond = [f"{sent} goes to {connector.base_url}"]
    beyond += [f"{tool}: what the service does and reaches when it is called" for tool in tools]
    for tool, one in tools.items():
        said = ToolDefinition({"name": tool, "description": one.description, "inputSchema": one.input_schema})
        if odd := suspicions(said):
            beyond.append(f"{tool}: reads as if it were meant for a model to obey: {'; '.join(odd)}")
    held_back = sorted(set(connector.offers()) - tools.keys())
    if held_back:
        beyond.append(
            f"{len(held_back)} operations that are not allowed here, to whoever has the same secret"
        )
    kept = file.name if live is None else f"{name}{file.suffix or '.json'}"
    reached = {"document": kept, **({"auth": auth} if auth else {}), **({"live": live} if live else {})}
    approved: dict[str, Any] = {tool: connector.operations[tool].definition() for tool in tools}
    approved[WHERE] = {"base_url": connector.base_url, "schemes": {one: schemes[one] for one in auth}}
    return Found(
        kind="openapi",
        name=name,
        about=f"uses the operations of {file.name}",
        source=source,
        digest=digest_of(approved),
        can=[f"{tool}: {one.description}" for tool, one in tools.items()],
        beyond=beyond,
        participant=agent_of(name, model, tools),
        approved=approved,
        beside={kept: content.decode()},
        connectors={name: {"openapi": reached, **allowed(allow)}},
    )


def takes_one(scheme: Mapping[str, Any]) -> bool:
    """Tell whether a security scheme takes one secret alone."""
    bearer = scheme.get("type") == "http" and str(scheme.get("scheme", "")).lower() == "bearer"
    return bearer or scheme.get("type") == "apiKey"


def allowed(allow: Sequence[str]) -> dict[str, Any]:
    """Give which tools there are, as it stands in a file."""
    return {"allow": list(allow)} if allow else {}


def fitting(name: str, tools: Sequence[str], allow: Sequence[str]) -> Sequence[str]:
    """Give the tools of an agent; raises `InputError` for more than it can tell apart."""
    from fnmatch import fnmatchcase  # noqa: PLC0415 - this function alone

    found = [tool for tool in tools if not allow or any(fnmatchcase(tool, one) for one in allow)]
    if len(found) > MOST_TOOLS:
        msg = f"{name} has {len(found)} tools; an agent tells at most {MOST_TOOLS} apart"
        raise InputError(msg, remedy="name those that it needs: --allow 'orders_*'")
    return found


def agent_of(name: str, model: str | None, tools: Sequence[str] | dict[str, Any]) -> dict[str, Any]:
    """Give the agent that uses the tools, as it stands in a file; raises `InputError` without a model."""
    if model is None:
        msg = f"{name} is no agent but tools: which model is to use them?"
        raise InputError(msg, remedy="--model openai:gpt-5, say; ripieno models check says what is there")
    return {"agent": {"model": model, "tools": [f"connector:{name}/{tool}" for tool in tools]}}
