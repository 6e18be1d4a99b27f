"""An agent of the Microsoft Agent Framework as a participant: what it asks for is caught by middleware."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from ripieno.connectors.tool import Tool
from ripieno.model.action import Call
from ripieno.model.durations import Duration
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.spending import Cost
from ripieno.participants.frameworks.base import FrameworkAgent, needed, text_of
from ripieno.participants.frameworks.desk import at_desk

__all__ = ["AgentFrameworkAgent", "agent_framework_agent"]

EXTRA = "agent-framework"
OTHER_EACH_TIME = frozenset({"message_id", "raw_representation"})


class AgentFrameworkAgent(FrameworkAgent):
    """An agent that `build()` makes. Tools that a provider runs at its own end are not seen."""

    kind = "agent_framework"
    package = "agent-framework-core"

    async def answer(self, given: Any) -> Any:
        """Run the agent on a text, and give its structured answer or its text."""
        framework = needed("agent_framework", EXTRA)
        agent = self.build()
        layers = (framework.FunctionInvocationLayer, framework.ChatMiddlewareLayer)
        if not all(isinstance(agent.client, layer) for layer in layers):
            msg = f"{self.name}: its client lets nobody see what it asks and calls"
            raise DefinitionError(msg, remedy="use a client with the function and chat middleware layers")
        asked = [0]

        async def models(context: Any, call_next: Any) -> None:
            asked[0] += 1

            async def work(call: Call) -> Any:
                await call_next()
                usage: dict[str, Any] = context.result.usage_details or {}
                call.spent(model_calls=1, tokens=usage.get("total_token_count") or 0)
                return plain(context.result.to_dict(exclude={"raw_representation"}))

            messages = [said(one.to_dict()) for one in context.messages]
            recorded = await at_desk().ask(self.request(asked[0], work), {"messages": messages})
            context.result = framework.ChatResponse.from_dict(recorded)

        async def functions(context: Any, call_next: Any) -> None:
            arguments = arguments_of(context.arguments)
            declared = by_name.get(context.function.name)
            if declared is None:

                async def work(call: Call) -> Any:
                    del call
                    await call_next()
                    return told(context.result)

                errand: Any = self.own_tool(context.function.name, work)
            else:
                errand = declared
            try:
                context.result = text_of(await at_desk().ask(errand, arguments))
            except ToolError as error:
                context.result = f"error: {error}"

        by_name = {tool.offered_as: tool for tool in self.tools}
        tools = [offered(framework, tool) for tool in self.tools]
        middleware = [
            caught(framework.ChatMiddleware, models),
            caught(framework.FunctionMiddleware, functions),
        ]
        response = await agent.run(text_of(given), tools=tools or None, middleware=middleware)
        structured = getattr(response, "value", None)
        if structured is not None:
            return structured.model_dump(mode="json") if hasattr(structured, "model_dump") else structured
        return response.text


def caught(kind: Any, act: Callable[[Any, Any], Any]) -> Any:
    """Give a function as middleware of a kind."""

    async def process(self: Any, context: Any, call_next: Any) -> None:
        del self
        await act(context, call_next)

    return type("Caught", (kind,), {"process": process})()


def offered(framework: Any, tool: Tool) -> Any:
    """Give a tool of ours as the framework has them; its calls are caught before they come here."""

    async def nobody(**arguments: Any) -> str:
        msg = f"{tool.name} is called through the gate alone, not with {sorted(arguments)}"
        raise ToolError(msg)

    return framework.FunctionTool(
        name=tool.offered_as, description=tool.description, func=nobody, input_model=dict(tool.input_schema)
    )


def arguments_of(arguments: Any) -> dict[str, Any]:
    """Give the arguments of a call as a mapping."""
    if hasattr(arguments, "model_dump"):
        return cast("dict[str, Any]", arguments.model_dump(mode="json"))
    return dict(arguments or {})


def told(result: Any) -> str:
    """Give what a function gave as text."""
    if isinstance(result, list):
        return "\n".join(str(getattr(one, "text", None) or one) for one in cast("list[Any]", result))
    return text_of(plain(result))


def plain(value: Any) -> Any:
    """Give a value as JSON can carry it."""
    return json.loads(json.dumps(value, default=str))


def said(message: Any) -> Any:
    """Give a message without what is another each time."""
    return plain(
        {name: value for name, value in message.items() if name not in ("message_id", "raw_representation")}
    )


def agent_framework_agent(
    name: str,
    build: Callable[[], Any],
    *,
    tools: Sequence[Tool] = (),
    model_name: str = "",
    input: str = "input",  # noqa: A002 - the word that workflows use for it
    requests: int = 25,
    timeout: Duration = "60s",
    cost: Cost | None = None,
) -> AgentFrameworkAgent:
    """Let an agent of the Microsoft Agent Framework do a part of the work.

    build: a function that makes the agent, at the top of a module. Its own function tools go through the gate
        as they are: taken to write, untrusted, asked about in doubt.
    tools: further tools, declared with `@tool` of Ripieno.
    model_name: what policies know its model by, such as `azure:gpt-5`.
    requests: how often its model may be asked in one visit; each request is a step, recorded and counted.
    timeout: longest time of one request or call.
    cost: the most that one request can cost.
    """
    return AgentFrameworkAgent(
        name,
        build,
        tools=tools,
        model_name=model_name,
        given=input,
        requests=requests,
        timeout=timeout,
        cost=cost,
    )
