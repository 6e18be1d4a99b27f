"""What an agent says in place of an answer: which tools to call, with what; and the calls themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ripieno.connectors.tool import Tool
from ripieno.model.errors import InvalidError, InvalidResultError, ToolError, WithheldError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.quotation import Quoted
from ripieno.participants.base import BaseParticipant
from ripieno.participants.references import reference
from ripieno.resilience.compaction import Message, ToolCall

__all__ = ["Asked", "ToolUse", "Toolbox", "Turn", "asked_for", "repairs_of", "stable_name", "use_tool"]


def use_tool(name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask for a call; given as a result in place of an answer, alone or several in a list.

    Those in one list are made side by side. An argument `{"quoted": "Dora"}` is a text that stands in the
    run's input: passed by reference, as `quoted("Dora")` is by code.
    """
    return {"use_tool": name, "arguments": dict(arguments or {})}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that an agent asks for."""

    id: str
    """The number of its round and its position in the answer, such as `3-1`."""
    tool: str
    arguments: Any

    @property
    def call(self) -> ToolCall:
        """Give it as part of a message."""
        given = self.arguments
        known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        return ToolCall(self.id, self.tool, known)


def asked_for(outcome: Outcome, number: int) -> list[Asked]:
    """Read the calls that an answer asks for; empty for one that is an answer.

    A mapping with the field `use_tool`, or a list of nothing else, asks for calls.
    """
    output: Any = outcome.output
    said = cast("list[Any]", output) if isinstance(output, list) else [output]
    if not all(isinstance(one, dict) and "use_tool" in one for one in said):
        return []
    return [
        Asked(f"{number}-{position}", str(one["use_tool"]), one.get("arguments", {}))
        for position, one in enumerate(cast("list[dict[str, Any]]", said), 1)
    ]


class Toolbox:
    """The tools of one agent, and what stands against a call."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.by_name = {tool.name: tool for tool in tools}
        self.demands = [tool.on_demand for tool in tools if tool.on_demand is not None]
        """What finds further tools, which can be called as well."""
        for tool in tools:
            _ = tool.input_schema  # one that cannot be read is refused here

    def find(self, name: str) -> Tool | None:
        """Give a tool by its name, also one that has to be found first; None where there is none."""
        found = (one.tool(name) for one in self.demands)
        return self.by_name.get(name) or next((one for one in found if one is not None), None)

    def mistake(self, asked: Asked) -> dict[str, Any] | None:
        """Say what is wrong with a call, as the agent is told; None for one that can be made."""
        tool = self.find(asked.tool)
        if tool is None:
            hint = nearest(asked.tool, self.by_name)
            return told("unknown_tool", f"there is no tool {asked.tool!r}{hint}", known=list(self.by_name))
        given: Any = asked.arguments
        if not isinstance(given, dict):
            return told("invalid_arguments", "arguments have to be a mapping of names to values")
        known = cast("dict[str, Any]", given)
        problem = tool.problem({name: plain(value) for name, value in known.items()})
        return None if problem is None else told("invalid_arguments", problem)


def stable_name(tool: Tool) -> str:
    """Give what a tool is called in a definition: `module:attribute`, or `connector:name/tool`."""
    return tool.reference if tool.function is None or tool.connector is not None else reference(tool.function)


def quote_in(value: Any) -> str | None:
    """Give the text of an argument that is said to be quoted; None for any other."""
    if not isinstance(value, dict):
        return None
    said = cast("dict[str, Any]", value)
    text = said.get("quoted")
    return text if len(said) == 1 and isinstance(text, str) else None


def plain(value: Any) -> Any:
    """Give an argument as the tool gets it."""
    text = quote_in(value)
    return value if text is None else text


def passed(value: Any) -> Any:
    """Give an argument as it is passed on: what is quoted by reference."""
    text = quote_in(value)
    return value if text is None else Quoted(text)


def told(error: str, message: str, **more: Any) -> dict[str, Any]:
    """Give a mistake as the agent is told of it."""
    return {"error": error, "message": message, **more}


def repairs_of(result: Outcome) -> int | None:
    """Give how often a call that did not pass its checks may be asked for again; None for any other."""
    output: Any = result.output
    checked = (InvalidError.code, InvalidResultError.code)
    refused = result.status == "failed" and isinstance(output, dict) and output.get("error") in checked  # pyright: ignore[reportUnknownMemberType] - a result of ours
    return cast("dict[str, Any]", output).get("repairs") if refused else None


class ToolUse(BaseParticipant):
    """One call as a step of its own, under the name of its tool."""

    kind = "tool"

    def __init__(self, tool: Tool, arguments: Mapping[str, Any], *, followed: bool = False) -> None:
        """`followed`: whoever asked for it goes on at once; its end goes to disk with what comes then."""
        super().__init__(tool.name)
        self.followed = followed
        self._tool = tool
        self._arguments = arguments

    def describe(self) -> dict[str, Json]:
        """Give nothing: a call is part of the agent that asks for it."""
        return {}

    async def act(self, task: Task, context: Context) -> Outcome:
        """Make the call."""
        del task
        try:
            given = {name: passed(value) for name, value in self._arguments.items()}
            return Outcome("complete", await context.use(self._tool, **given))
        except (InvalidError, InvalidResultError) as error:
            more = {} if error.repairs is None else {"repairs": error.repairs}
            return Outcome("failed", told(error.code, error.message, **more), reason=error.message)
        except ToolError as error:
            status = "partial" if isinstance(error, WithheldError) else "failed"
            said = told("failed" if error.code == ToolError.code else error.code, error.message)
            return Outcome(status, said, reason=error.message)


@dataclass(frozen=True, slots=True)
class Turn:
    """One round: what the agent asked for, and what each call gave, in order."""

    answer: Outcome
    results: Sequence[Outcome]

    def messages(self, number: int) -> list[Message]:
        """Give it as messages: the answer with its calls, then their results."""
        asked = asked_for(self.answer, number)
        said = [Message("answer", calls=tuple(one.call for one in asked))]
        for one, result in zip(asked, self.results, strict=True):
            content = result.output if result.ok or result.output is not None else result.reason
            said.append(Message("result", content, by=one.tool, call=one.id, error=not result.ok))
        return said
