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


def by_openapi(
    file: Path, name: str, model: str | None, allow: Sequence[str], *, secret: str | None
) -> Found:
    """Read an OpenAPI document; the operations that are allowed are what an agent gets in a shadow."""
    from ripieno.connectors.openapi.connector import OpenApi  # noqa: PLC0415 - most commands do without it
    from ripieno.connectors.openapi.document import read_document  # noqa: PLC0415 - as above

    document = read_document(file)
    schemes: dict[str, Any] = document.data.get("components", {}).get("securitySchemes", {})
    simple = [one for one, said in schemes.items() if said.get("type") == "apiKey" or is_bearer(said)]
    auth: dict[str, Any] = {} if secret is None else dict.fromkeys(simple, secret)
    connector = OpenApi(name, document, allow=list(allow) or ["*"], auth=auth)
    tools = {tool: connector.tool(tool) for tool in fitting(name, list(connector.names), ())}
    beyond = [f"{tool}: what the service does and reaches when it is called" for tool in tools]
    held_back = sorted(set(connector.offers()) - tools.keys())
    if held_back:
        beyond.append(
            f"{len(held_back)} operations that are not allowed here, to whoever has the same secret"
        )
    reached = {"document": file.name, **({"auth": auth} if auth else {})}
    approved = {tool: {"about": one.description, "input": one.input_schema} for tool, one in tools.items()}
    return Found(
        kind="openapi",
        name=name,
        about=f"uses the operations of {file.name}",
        source=str(file),
        digest=digest_of(approved),
        can=[f"{tool}: {one.description}" for tool, one in tools.items()],
        beyond=beyond,
        participant=agent_of(name, model, tools),
        approved=approved,
        beside={file.name: file.read_text(encoding="utf-8")},
        connectors={name: {"openapi": reached, **allowed(allow)}},
    )


def is_bearer(scheme: Mapping[str, Any]) -> bool:
    """Tell whether a security scheme takes a token alone."""
    return scheme.get("type") == "http" and str(scheme.get("scheme", "")).lower() == "bearer"


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
