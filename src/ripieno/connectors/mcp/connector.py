"""The tools of an MCP server as a connector: those that were approved, exactly as they were approved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.handler import Handler, Origin, first_mistake
from ripieno.connectors.mcp.asking import ANSWERS, ASKS, ROUNDS, SAMPLE, answered, question_form
from ripieno.connectors.mcp.calling import call_tool
from ripieno.connectors.mcp.connection import connected
from ripieno.connectors.mcp.definition import ToolDefinition, changes, suspicions
from ripieno.connectors.mcp.results import complaint
from ripieno.connectors.mcp.server import McpServer
from ripieno.connectors.sampler import SAMPLERS
from ripieno.connectors.tool import Tool
from ripieno.mediation.validation.check import Check
from ripieno.mediation.validation.patterns import bounded
from ripieno.mediation.validation.rules import Rule
from ripieno.model.action import Call, Effect
from ripieno.model.checks import Given
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, ToolError
from ripieno.model.event import Json
from ripieno.model.participant import Question
from ripieno.model.tool import Eliciting, ModelLike, ModelWanted
from ripieno.model.value import Value

__all__ = ["McpConnector", "McpTool", "Offered", "approved_file", "read_approved", "write_approved"]

FORMAT: Final = 1


class McpTool(Handler):
    """One tool of a server."""

    origin: Origin = "mcp"

    def __init__(self, server: McpServer, definition: ToolDefinition, effect: Effect) -> None:
        self._server, self.definition = server, definition
        self._effect: Effect = effect
        self.name, self.description = definition.name, definition.description

    @property
    def version(self) -> str:
        """The digest of the whole definition as it was approved."""
        return self.definition.digest[:16]

    @property
    def reference(self) -> str:
        """The connector says where it is found."""
        return f"mcp:{self._server.name}/{self.name}"

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """As it was approved."""
        return self.definition.input_schema

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """As it was approved."""
        return self.definition.output_schema

    def takes(self, name: str) -> bool:
        """Tell whether its input has a property of that name, or may have any."""
        schema = self.input_schema
        return name in schema.get("properties", {}) or schema.get("additionalProperties", True) is not False

    def parameters(self) -> Mapping[str, bool]:
        """Give the properties of its input, and whether each is required."""
        required = cast("list[str]", self.input_schema.get("required", []))
        return {name: name in required for name in self.input_schema.get("properties", {})}

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Say what is wrong with arguments; nobody but the platform answers for a person."""
        if ANSWERS in arguments:
            return f"{ANSWERS} is given by the platform, never by who calls"
        return first_mistake(bounded(self.input_schema), dict(arguments))

    async def call(self, arguments: Mapping[str, Any], call: Call) -> Any:
        """Call it as it was approved, or not at all."""
        return await call_tool(self._server, self.definition, arguments, call, effect=self._effect)

    @property
    def elicits(self) -> Eliciting | None:
        """Itself, where the project says who is asked, or which model."""
        return None if self._server.elicitation is None and self._server.sampling is None else self

    def asks(self, arguments: Mapping[str, Any], output: Any) -> Sequence[Question | ModelWanted]:
        """Give what the server wants to know before it goes on, of models first; nothing where it went on."""
        asks = asks_in(output)
        if asks is None:
            return ()
        of = f"MCP server {self._server.name}: {self.name}"
        if output["round"] > ROUNDS:
            msg = f"{of} asked {ROUNDS} times and did not get done"
            raise ToolError(msg)
        prompts, questions = parted(asks)
        if prompts:
            sampling = self._server.sampling
            assert sampling is not None, "a server is told that none answers where no model is named"
            before = cast("Mapping[str, Any]", arguments.get(ANSWERS) or {})
            if before.get("sampled", 0) + len(prompts) > sampling.times:
                msg = f"{of} asked for more than the {sampling.times} answers of a model that it may have"
                raise ToolError(msg)
        wanted: list[Question | ModelWanted] = [self._model(key, one[SAMPLE]) for key, one in prompts.items()]
        return [*wanted, *([self._question(arguments, questions)] if questions else [])]

    def _model(self, key: str, prompt: Mapping[str, Any]) -> ModelWanted:
        sampling = self._server.sampling
        assert sampling is not None, "as above"

        def request(value: Callable[[object], Value]) -> ModelLike:
            return SAMPLERS.known.model(sampling, prompt, value)

        return ModelWanted(key, request)

    def _question(self, arguments: Mapping[str, Any], asks: Mapping[str, Any]) -> Question:
        elicitation = self._server.elicitation
        assert elicitation is not None, "a server is told nobody answers where nobody is named"
        given = {name: value for name, value in arguments.items() if name != ANSWERS}
        about = {"server": self._server.name, "tool": self.name, "arguments": given, "untrusted": True}
        due = None if elicitation.due is None else seconds(elicitation.due)
        title = f"{self._server.name}.{self.name} asks before it goes on"
        return Question(elicitation.role, title, question_form(asks), about, due=due)

    def goes_on(self, arguments: Mapping[str, Any], output: Any, answers: Sequence[Any]) -> dict[str, Any]:
        """Give the arguments with which the call is made again, once what it asked was answered, or not."""
        asks = asks_in(output)
        assert asks is not None, "it asked"
        before = cast("Mapping[str, Any]", arguments.get(ANSWERS) or {})
        prompts, questions = parted(asks)
        said = {key: SAMPLERS.known.answer(recorded) for key, recorded in zip(prompts, answers, strict=False)}
        if questions:
            answer = answers[-1]
            said |= answered(questions, None if answer.expired else answer.value)
        told: dict[str, Any] = {"responses": said, "round": output["round"]}
        if prompts or "sampled" in before:
            told["sampled"] = before.get("sampled", 0) + len(prompts)
        if "state" in output:
            told["state"] = output["state"]
        else:  # it is asked from the beginning, and asks everything again
            told["responses"] = {**before.get("responses", {}), **said}
        return {ANSWERS: told}


def parted(asks: Mapping[str, Any]) -> Parted:
    """Tell what is for models from what is for people."""
    prompts = {key: one for key, one in asks.items() if SAMPLE in one}
    return Parted(prompts, {key: one for key, one in asks.items() if key not in prompts})


class Parted(NamedTuple):
    """What a server asks."""

    prompts: Mapping[str, Any]
    questions: Mapping[str, Any]


def asks_in(output: Any) -> Mapping[str, Any] | None:
    """Give what a result asks for."""
    if not isinstance(output, dict) or ASKS not in output:
        return None
    return cast("Mapping[str, Any]", output)[ASKS]


class AsDeclared(Rule):
    """What a tool gave is what it declares to give, and no failure."""

    def __init__(self, definition: ToolDefinition) -> None:
        self._definition = definition

    async def problem(self, given: Given) -> str | None:
        """Say why it may not be used."""
        return complaint(given.value, self._definition)

    def describe(self) -> Json:
        """Give it as it stands in a definition."""
        return {"as_declared": self._definition.digest[:16]}

    def code(self) -> Callable[..., Any] | None:
        """Give None: it is none of the project's code."""
        return None


@dataclass(frozen=True, slots=True)
class Offered:
    """What a server offers beside what was approved of it, for whoever approves that."""

    approved: Mapping[str, ToolDefinition]
    now: Mapping[str, ToolDefinition]
    unusable: Mapping[str, str]
    """Why, by name, of tools that nobody could call."""

    @property
    def changed(self) -> Mapping[str, Sequence[str]]:
        """What is another, by tool; such a tool is quarantined until it is approved anew."""
        both = self.approved.keys() & self.now.keys()
        found = {name: changes(self.approved[name], self.now[name]) for name in sorted(both)}
        return {name: said for name, said in found.items() if said}

    @property
    def added(self) -> Sequence[str]:
        """Tools that nobody has approved."""
        return sorted(self.now.keys() - self.approved.keys())

    @property
    def gone(self) -> Sequence[str]:
        """Tools that were approved and are not offered any more."""
        return sorted(self.approved.keys() - self.now.keys())

    @property
    def suspicions(self) -> Mapping[str, Sequence[str]]:
        """What in each definition looks as if it were meant for a model to obey."""
        found = {name: suspicions(one, list(self.now)) for name, one in self.now.items()}
        return {name: said for name, said in found.items() if said}


class McpConnector(Connector):
    """The tools of a server. Loading it reaches nobody: it is made of what was approved.

    `ripieno connectors approve` writes that into the file `approved`. A tool that the server offers
    otherwise, or not any more, is quarantined: calls of it fail with nothing sent until that is approved.

    Every tool is taken to write, whatever the server hints, and what it gives is untrusted;
    `overrides={"find": {"effect": "read"}}` is how a project says otherwise.
    """

    kind = "mcp"
    elsewhere = True

    def __init__(
        self,
        name: str,
        server: McpServer | Mapping[str, Any],
        *,
        approved: Path | str | None = None,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
    ) -> None:
        self.server = server if isinstance(server, McpServer) else McpServer.read(name, server)
        self.approved = Path(approved) if approved is not None else approved_file(name)
        self._read: dict[str, ToolDefinition] | None = None
        super().__init__(name, version=version, origin="mcp", pin=pin, allow=allow, overrides=overrides)

    @property
    def definitions(self) -> Mapping[str, ToolDefinition]:
        """What was approved, by name; read once there is anything, and the same from then on."""
        if self._read is None and self.is_approved:
            self._read = read_approved(self.approved, self.name)
            self.check_declared()
        return self._read or {}

    @property
    def is_approved(self) -> bool:
        """Whether anybody has approved what the server offers."""
        return self.approved.exists()

    def offers(self) -> Sequence[str]:
        """Give the names of the tools that were approved."""
        return tuple(self.definitions)

    def make(self, name: str) -> Tool:
        """Give one of them, unbound."""
        effect = self.overrides.get(name, Overrides()).get("effect", "write")
        definition = self.definitions[name]
        return Tool(
            McpTool(self.server, definition, effect),
            effect=effect,
            secrets={f"secret {number}": str(one) for number, one in enumerate(self.server.references(), 1)},
            check=[Check("result", AsDeclared(definition))],
        )

    def interface(self) -> Json:
        """Give what its digest covers: the digest of each definition, whole."""
        return {name: one.digest for name, one in sorted(self.definitions.items())}

    def settings(self) -> Mapping[str, Json]:
        """Give how the server is reached."""
        return self.server.describe()

    async def offered(self) -> Offered:
        """Ask the server what it offers now; raises `UnreachableError` where it does not say."""
        async with connected(self.server) as connection:
            listing = await connection.listing(anew=True)
        return Offered(self.definitions, listing.tools, listing.unusable)

    def approve(self, tools: Mapping[str, ToolDefinition]) -> None:
        """Write that these tools may be called; runs that go on keep to what they are pinned to."""
        write_approved(self.approved, tools)
        self._read = None
        self._made.clear()

    def check_declared(self) -> None:
        """Raise `DefinitionError` where what is said names no tool that was approved."""
        if self.definitions:
            super().check_declared()

    def tool(self, name: str) -> Tool:
        """Give a tool by its name; raises `DefinitionError` where nothing was approved yet."""
        if not self.is_approved:
            msg = f"connector {self.name}: nobody has approved what its server offers"
            raise DefinitionError(msg, remedy="ripieno connectors approve file.py:name shows it and asks")
        return super().tool(name)


def approved_file(name: str) -> Path:
    """Give where a project keeps what was approved of a connector, unless it says otherwise."""
    return Path("connectors") / f"{name}.mcp.json"


def read_approved(file: Path, name: str) -> dict[str, ToolDefinition]:
    """Read what was approved; nothing where there is no such file. Raises `DefinitionError`."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        tools = document["tools"] if document["format"] == FORMAT else None
        if not isinstance(tools, list):
            raise TypeError  # noqa: TRY301 - said below
        read = [ToolDefinition.read(whole, name) for whole in cast("list[Any]", tools)]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"connector {name}: {file} does not say what was approved ({type(error).__name__})"
        raise DefinitionError(msg, remedy=f"ripieno connectors approve {name} writes it anew") from error
    found = {one.name: one for one in read}
    if len(found) < len(read):
        msg = f"connector {name}: {file} has a tool twice"
        raise DefinitionError(msg)
    return found


def write_approved(file: Path, definitions: Mapping[str, ToolDefinition]) -> None:
    """Write what was approved, so that it can be read and reviewed as any other file of a project."""
    document = {"format": FORMAT, "tools": [definitions[name].whole for name in sorted(definitions)]}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(document, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")
    draft.replace(file)
