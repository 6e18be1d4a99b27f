"""What agents of other frameworks share: what they are given, their tools, and how often a model is asked."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ripieno.connectors.tool import Tool
from ripieno.model.action import Call
from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError, InputError, ToolError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.spending import Cost
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.participants.frameworks.desk import Desk, Errand
from ripieno.participants.references import reference, source_digest

__all__ = ["FrameworkAgent", "needed", "text_of"]


def needed(module: str, extra: str) -> Any:
    """Give a module of a framework; raises `DefinitionError` that names the extra where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        msg = f"{module} is not installed: {error}"
        raise DefinitionError(msg, remedy=f"pip install 'ripieno[{extra}]'") from error


def text_of(value: Any) -> str:
    """Give a value as a model is told it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class FrameworkAgent(BaseParticipant):
    """An agent that a function builds; each request to its model and each call of its tools is a step."""

    package: str = ""
    """The name of the framework's package."""

    def __init__(
        self,
        name: str,
        build: Callable[..., Any],
        *,
        tools: Sequence[Any] = (),
        model_name: str = "",
        given: str = "input",
        requests: int = 25,
        timeout: Duration = "60s",
        cost: Cost | None = None,
    ) -> None:
        super().__init__(name)
        if not callable(build):
            msg = f"{name}: expected the function that builds the agent, got {type(build).__name__}"
            raise DefinitionError(msg)
        if requests < 1:
            msg = f"{name}: requests must be at least 1, got {requests!r}"
            raise DefinitionError(msg)
        self.build = build
        self.tools = tuple(one for one in tools if isinstance(one, Tool))
        """Those that are declared here; others belong to the framework, and are wrapped as they are met."""
        self.given_tools = tuple(tools)
        self.model_name, self.given = model_name, given
        self.requests, self.within, self.cost = requests, seconds(timeout), cost

    def describe(self) -> dict[str, Json]:
        """Give what builds it, its tools and limits."""
        tools: list[Json] = [tool.name for tool in self.tools]
        optional: dict[str, Json] = {
            "model": self.model_name,
            "tools": tools,
            "input": None if self.given == "input" else self.given,
        }
        settings = {name: value for name, value in optional.items() if value}
        return {self.kind: {"import": reference(self.build), "requests": self.requests, **settings}}

    def identity(self) -> dict[str, Json]:
        """Give the digest of what builds it, and the framework's version."""
        try:
            found = version(self.package)
        except PackageNotFoundError:
            found = "missing"
        return {"version": f"{self.package} {found}", "source": source_digest(self.build)}

    def dependencies(self) -> frozenset[str] | None:
        """Give whose result it receives, where that is told."""
        return None if self.given == "previous" else frozenset({self.given} - {"input"})

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what it receives."""
        found = self._found(task)
        return {} if found is None else {self.given: found.ref}

    def _found(self, task: Task) -> Value | None:
        if self.given == "input" or (self.given == "previous" and task.previous is None):
            return task.input
        outcome = task.state.get(task.previous or "" if self.given == "previous" else self.given)
        output = None if outcome is None else outcome.parts[0]
        return output if isinstance(output, Value) else None

    async def act(self, task: Task, context: Context) -> Outcome:
        """Let it work; after a crash it works again up to where it was, by what was recorded."""
        found = self._found(task)
        if found is None:
            msg = f"{self.given} has given nothing yet that {self.name} could be given"
            raise InputError(msg)
        return Outcome("complete", await Desk(context).serve(self.answer(found.decode())))

    @abstractmethod
    async def answer(self, given: Any) -> Any:
        """Give what the agent makes of it."""

    # -- what it asks for -------------------------------------------------------------------------

    def request(self, asked: int, work: Callable[[Call], Any]) -> Errand:
        """Give one request to its model, by its number in the visit; raises `ToolError` for one too many."""
        if asked > self.requests:
            msg = f"{self.name} has asked its model {self.requests} times, which is as often as it may"
            raise ToolError(msg)
        provider = self.model_name.partition(":")[0] or self.package
        facts = {"provider": provider, "approved_for_phi": False, "data": ()}
        return Errand(
            self.model_name or f"{self.package}:{self.name}",
            work,
            act="model.call",
            timeout=self.within,
            version="",
            facts=facts,
            cost=self.cost,
        )

    def own_tool(self, name: str, work: Callable[[Call], Any]) -> Errand:
        """Give a call of a tool that the framework has brought: it may write, and nobody answers for it."""
        return Errand(f"{self.name}.{name}", work, act="tool.call", timeout=self.within, version="")
