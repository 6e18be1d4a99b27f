"""An agent of Pydantic AI that was brought along: its loop is its own, its acts are steps of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.connectors.connector import made_in
from ripieno.connectors.tool import Tool
from ripieno.model.durations import Duration
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.participants.llm.agent import DEFAULT_TIMEOUT, MISTAKES, ROUNDS, Agent
from ripieno.participants.references import load

if TYPE_CHECKING:
    from pydantic_ai import Agent as PydanticAgent

    from ripieno.participants.llm.history import Compacting

__all__ = ["BroughtAgent"]

HARMLESS: Final = frozenset({"ToolSearch", "PendingMessageDrainCapability"})
"""Capabilities that every agent has: they do nothing outside of its loop."""


class BroughtAgent(Agent):
    """An agent of Pydantic AI as it is: instructions, model, tools and the form of its answer are its own.

    Its tools are undeclared, and so taken to write, untrusted, and asked about in doubt; one that is
    declared with `@tool` is given in `tools=` in place of the one of its name. It is known by where it
    stands: `module:attribute` as given, or, where it is given itself, its name in the module that does.
    """

    def __init__(
        self,
        name: str,
        brought: PydanticAgent[Any, Any] | str,
        *,
        tools: Mapping[str, Tool] | None = None,
        rounds: int = ROUNDS,
        mistakes: int = MISTAKES,
        timeout: Duration = DEFAULT_TIMEOUT,
        compact: Compacting | None = None,
    ) -> None:
        found: Any = load(brought) if isinstance(brought, str) else brought
        library = sys.modules.get("pydantic_ai")
        if library is None or not isinstance(found, library.Agent):
            msg = f"{name}: expected an agent of Pydantic AI, found {type(found).__name__}"
            raise DefinitionError(msg)
        self.reference = brought if isinstance(brought, str) else top_of(made_in(), found)
        self.brought = found
        for problem in ungoverned(found):
            msg = f"{name}: {problem}"
            raise DefinitionError(msg, remedy="say it by agent(...), or take it out of what is brought along")
        model: Any = found.model
        if model is None:
            msg = f"{name}: what is brought along has no model"
            raise DefinitionError(msg, remedy="give it one: Agent('openai:gpt-5', ...)")
        declared = tools or {}
        for key in declared:
            if key not in functions(found):
                msg = f"{name}: what is brought along has no tool {key!r}{nearest(key, functions(found))}"
                raise DefinitionError(msg)
        super().__init__(
            name,
            model=model,
            tools=[
                declared.get(key) or Tool(function, name=key) for key, function in functions(found).items()
            ],
            rounds=rounds,
            mistakes=mistakes,
            timeout=timeout,
            compact=compact,
        )

    def describe(self) -> dict[str, Json]:
        """Give where it is, its model and its tools."""
        settings = cast("Mapping[str, Json]", super().describe()["agent"])
        return {"agent": {"brought": self.reference or True, **settings}}


def top_of(module: str, brought: object) -> str:
    """Give the `module:attribute` of an agent at the top of a module; empty where it does not stand there."""
    known = vars(sys.modules[module]) if module in sys.modules else {}
    return next((f"{module}:{name}" for name, value in known.items() if value is brought), "")


def functions(brought: PydanticAgent[Any, Any]) -> dict[str, Any]:
    """Give the functions that are its tools, by name."""
    return {name: one.function for toolset in brought.toolsets for name, one in toolset.tools.items()}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - function toolsets alone are let in


def ungoverned(brought: PydanticAgent[Any, Any]) -> Iterator[str]:
    """Say what of an agent would act beside the gate."""
    from pydantic_ai.toolsets import FunctionToolset  # noqa: PLC0415 - whoever brings one has it loaded

    for toolset in brought.toolsets:
        if not isinstance(toolset, FunctionToolset):
            kind = type(toolset).__name__
            yield f"its {kind} finds its tools by itself, or calls them elsewhere"
            continue
        for name, one in toolset.tools.items():
            if one.takes_ctx:
                yield f"its tool {name!r} takes the context of the loop, and could act by it beside the gate"
            if one.prepare is not None:
                yield f"its tool {name!r} is prepared by a function of its own at each request"
    for capability in brought.root_capability.capabilities:
        kind = type(capability).__name__
        if kind not in HARMLESS:
            yield f"its capability {kind} may call models or tools by itself"
    form: Any = brought.output_type
    forms = cast("list[Any]", form) if isinstance(form, list) else [form]
    for one in forms:
        inner: Any = getattr(one, "output_function", getattr(one, "output", one))
        if callable(inner) and not isinstance(inner, type):
            yield f"its answer goes to the function {getattr(inner, '__name__', inner)!r}, which is no step"
