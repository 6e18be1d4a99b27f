"""A LangGraph graph as a participant: its model and tools are given to what builds it, and are governed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from ripieno.connectors.tool import Tool
from ripieno.model.action import Call
from ripieno.model.durations import Duration
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.spending import Cost
from ripieno.participants.frameworks.base import FrameworkAgent, needed, text_of
from ripieno.participants.frameworks.desk import at_desk

__all__ = ["LangGraphAgent", "langgraph_agent"]

EXTRA = "langgraph"


class LangGraphAgent(FrameworkAgent):
    """A graph that `build(model, tools)` compiles from what it is given.

    What a node does without that model and these tools is not seen, and is done again after a crash.
    """

    kind = "langgraph"
    package = "langgraph"

    def __init__(self, name: str, build: Callable[..., Any], *, model: Any = None, **settings: Any) -> None:
        super().__init__(name, build, **settings)
        self.model = model

    async def answer(self, given: Any) -> Any:
        """Run the graph on messages, and give the structured answer or the last message."""
        model = None if self.model is None else governed_model()(inner=self.model, agent=self, asked=[0])
        graph = self.build(model, [self._tool(one) for one in self.given_tools])
        if getattr(graph, "checkpointer", None):
            msg = f"{self.name}: its graph keeps checkpoints; what it does is recorded here already"
            raise DefinitionError(msg, remedy="compile it without a checkpointer")
        asked: Any = {"messages": [("user", text_of(given))]}
        if isinstance(given, dict) and "messages" in given:
            asked = cast("dict[str, Any]", given)
        found: Mapping[str, Any] = await graph.ainvoke(asked)
        if found.get("structured_response") is not None:
            answer = found["structured_response"]
            return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer
        messages = found.get("messages")
        return messages[-1].text if messages else {name: plain(value) for name, value in found.items()}

    def _tool(self, tool: Any) -> Any:
        """Give a tool as LangChain has them, whose calls are made by the visit."""
        tools = needed("langchain_core.tools", EXTRA)
        if isinstance(tool, Tool):
            declared, schema = tool, dict(tool.input_schema)

            async def governed(**arguments: Any) -> Any:
                return await made(tools, at_desk().ask(declared, arguments))

            name, about = tool.offered_as, tool.description or tool.name
        else:
            own = tool if hasattr(tool, "ainvoke") else tools.tool(tool)
            name, about, schema = own.name, own.description, own.args_schema

            async def governed(**arguments: Any) -> Any:
                async def work(call: Call) -> Any:
                    del call
                    return plain(await own.ainvoke(arguments))

                return await made(tools, at_desk().ask(self.own_tool(own.name, work), arguments))

        return tools.StructuredTool(
            name=name, description=about, args_schema=schema, coroutine=governed, handle_tool_error=True
        )


async def made(tools: Any, call: Any) -> Any:
    """Give what a call gave; what certainly failed is told to the model."""
    try:
        found = await call
    except ToolError as error:
        raise tools.ToolException(str(error)) from None
    return found if isinstance(found, str) else text_of(found)


def plain(value: Any) -> Any:
    """Give a value as JSON can carry it."""
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value  # pyright: ignore[reportUnknownVariableType] - of any kind
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


@cache
def governed_model() -> Any:
    """Give the kind of chat model whose every request is made by the visit."""
    models = needed("langchain_core.language_models.chat_models", EXTRA)
    outputs = needed("langchain_core.outputs", EXTRA)
    said = needed("langchain_core.messages", EXTRA)

    class GovernedModel(models.BaseChatModel):
        """Passes each request on through the gate."""

        inner: Any
        agent: Any
        asked: list[int]

        @property
        def _llm_type(self) -> str:
            return "ripieno"

        def bind_tools(self, tools: Sequence[Any], **settings: Any) -> Any:
            """Give the same with tools, as the model itself writes them."""
            return self.bind(**self.inner.bind_tools(tools, **settings).kwargs)

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **settings: Any) -> Any:
            del messages, stop, run_manager, settings
            msg = "a governed model is asked asynchronously: by ainvoke"
            raise ToolError(msg)

        async def _agenerate(
            self, messages: Any, stop: Any = None, run_manager: Any = None, **settings: Any
        ) -> Any:
            del run_manager
            self.asked[0] += 1

            async def work(call: Call) -> Any:
                result = await self.inner._agenerate(messages, stop=stop, **settings)  # noqa: SLF001 - as models call each other
                message = result.generations[0].message
                usage: dict[str, Any] = message.usage_metadata or {}
                call.spent(model_calls=1, tokens=usage.get("total_tokens", 0))
                return said.messages_to_dict([message])[0]

            errand = self.agent.request(self.asked[0], work)
            arguments = {
                "messages": without_ids(said.messages_to_dict(messages)),
                "settings": plain(settings),
            }
            answer = await at_desk().ask(errand, arguments)
            [message] = said.messages_from_dict([answer])
            return outputs.ChatResult(generations=[outputs.ChatGeneration(message=message)])

    return GovernedModel


def without_ids(messages: list[Any]) -> list[Any]:
    """Give messages without the ids that a graph makes up: they are others each time."""
    return [{**one, "data": {**one["data"], "id": None}} for one in messages]


def langgraph_agent(
    name: str,
    build: Callable[..., Any],
    *,
    model: Any = None,
    tools: Sequence[Any] = (),
    model_name: str = "",
    input: str = "input",  # noqa: A002 - the word that workflows use for it
    requests: int = 25,
    timeout: Duration = "60s",
    cost: Cost | None = None,
) -> LangGraphAgent:
    """Let a LangGraph graph do a part of the work.

    build: a function `build(model, tools)` that compiles the graph from them; at the top of a module.
    model: a LangChain chat model. Each request to it is a step: decided, recorded, counted, never made twice.
    tools: tools declared with `@tool` of Ripieno, or LangChain's own, which are then taken to write,
        untrusted, asked about in doubt. Each call is a step, through the gate.
    model_name: what policies know the model by, such as `openai:gpt-5`.
    requests: how often the model may be asked in one visit.
    timeout: longest time of one request or call.
    cost: the most that one request can cost.
    """
    return LangGraphAgent(
        name,
        build,
        model=model,
        tools=tools,
        model_name=model_name,
        given=input,
        requests=requests,
        timeout=timeout,
        cost=cost,
    )
