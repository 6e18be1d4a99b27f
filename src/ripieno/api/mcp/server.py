"""The server: its tools are the workflows, and what is done with runs and tasks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import mcp_types as types
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from ripieno.api.mcp.acts import Acts
from ripieno.api.mcp.workflows import Offered
from ripieno.connectors.handler import first_mistake
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import InputError, RipienoError
from ripieno.model.principal import Principal

__all__ = ["KEY", "Who", "served"]

KEY: Final = "ripieno/idempotency-key"
"""Of `_meta`: calls with the same one are one run, as those that Ripieno itself makes."""

INSTRUCTIONS: Final = (
    "Each workflow is a tool: calling it starts a governed run as you. A run that waits for people gives its"
    " id and tasks; runs_show tells how it stands, inbox_list what waits for you, inbox_answer answers."
)

Context = ServerRequestContext[Any, Any]
Who = Callable[[Context], Awaitable[Principal]]
"""Gives as whom a request is made, with the rights of now."""

log = structlog.get_logger(__name__)


def own(name: str, description: str, *, reads: bool, **fields: dict[str, Any]) -> types.Tool:
    """Describe a tool that is no workflow; what begins with `_` may be left out."""
    schema = {
        "type": "object",
        "properties": {field.removeprefix("_"): about for field, about in fields.items()},
        "required": [field for field in fields if not field.startswith("_")],
        "additionalProperties": False,
    }
    hints = types.ToolAnnotations(read_only_hint=reads, open_world_hint=False)
    return types.Tool(name=name, description=description, input_schema=schema, annotations=hints)


RUN: Final = {"type": "string", "description": "the run's id"}
TASK: Final = {"type": "string", "description": "such as t-58"}

OWN: Final = (
    own("runs_show", "Tell how a run stands: its output, or whom it waits for.", reads=True, run=RUN),
    own("inbox_list", "List the open tasks that wait for you.", reads=True),
    own("inbox_show", "Show a task: evidence, and the JSON Schema of its answer.", reads=True, task=TASK),
    own(
        "inbox_answer",
        "Answer a task by its form, as yourself, and let its run go on.",
        reads=False,
        task=TASK,
        answer={"description": "by the form that inbox_show gives"},
        _reason={"type": "string", "description": "why, for the log"},
    ),
)


def served(acts: Acts, offered: Sequence[Offered], who: Who) -> Server[Any]:
    """Give the server of these workflows; `who` is asked with every call as whom it is made."""
    own_tools = {tool.name: tool for tool in OWN}
    workflows = {one.name: one for one in offered}
    clash = own_tools.keys() & workflows.keys()
    if clash:
        msg = f"a workflow cannot be served under the name {min(clash)!r}"
        raise InputError(msg)

    async def list_tools(context: Context, params: object) -> types.ListToolsResult:
        del params
        by = await who(context)
        found = [tool_of(one) for name, one in sorted(workflows.items()) if by.scope.reaches(name)]
        return types.ListToolsResult(tools=[*found, *OWN], ttl_ms=0, cache_scope="private")

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = dict(params.arguments or {})
        by = await who(context)
        try:
            if params.name in own_tools:
                return gave(await own_act(acts, own_tools[params.name], arguments, by))
            one = workflows.get(params.name)
            if one is None or not by.scope.reaches(one.name):
                raise MCPError(types.INVALID_PARAMS, f"no tool {params.name!r}")
            key = dict(params.meta or {}).get(KEY)
            return gave(await acts.start(one, arguments, key if isinstance(key, str) else None, by))
        except RipienoError as error:
            return refused(error)

    return Server(
        "ripieno",
        version=version("ripieno"),
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def own_act(
    acts: Acts, tool: types.Tool, arguments: Mapping[str, Any], by: Principal
) -> dict[str, Any]:
    """Do what one of our own tools is called for; raises `InputError` for arguments that do not fit."""
    problem = first_mistake(tool.input_schema, dict(arguments))
    if problem is not None:
        msg = f"{tool.name}: {problem}"
        raise InputError(msg)
    match tool.name:
        case "runs_show":
            return await acts.show_run(arguments["run"], by)
        case "inbox_list":
            return await acts.list_tasks(by)
        case "inbox_show":
            return await acts.show_task(arguments["task"], by)
        case _:
            return await acts.answer_task(arguments["task"], arguments["answer"], arguments.get("reason"), by)


def tool_of(offered: Offered) -> types.Tool:
    """Describe a workflow as a tool."""
    return types.Tool(
        name=offered.name,
        description=offered.description,
        input_schema=offered.schema,
        annotations=types.ToolAnnotations(read_only_hint=False, open_world_hint=True),
    )


def gave(document: Mapping[str, Any]) -> types.CallToolResult:
    """Give a result, structured and as text; a run that failed is an error."""
    clean: dict[str, Any] = json.loads(json.dumps(CONFIDENTIAL.without(dict(document)), default=str))
    text = types.TextContent(type="text", text=json.dumps(clean, ensure_ascii=False))
    failed = clean.get("status") in ("failed", "blocked")
    return types.CallToolResult(content=[text], structured_content=clean, is_error=failed)


def refused(error: RipienoError) -> types.CallToolResult:
    """Say why something was not done, as whoever called can act upon it."""
    text = CONFIDENTIAL.cover(f"{error.code}: {error}")
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
