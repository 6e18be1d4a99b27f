"""An LLM agent as a participant: instructions, a model, tools, the form of its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from ripieno.connectors.tool import Tool
from ripieno.mediation.validation.schemas import enveloped
from ripieno.model.decimals import decimal
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.answers import AnswerForm, intents_of
from ripieno.participants.llm.confidence import (
    SELF,
    ConfidenceRule,
    Judged,
    Samples,
    agreement,
    described,
    sure_of,
)
from ripieno.participants.llm.models import MODELS, ModelEntry, identifier
from ripieno.participants.llm.prompts import SEEN, Example, instructed, prompt, seen
from ripieno.participants.references import reference, source_digest
from ripieno.participants.tool_calls import Toolbox, stable_name
from ripieno.resilience.policy import PASSING, classes

if TYPE_CHECKING:
    from pydantic_ai import Agent as PydanticAgent
    from pydantic_ai.models import Model

    from ripieno.participants.llm.history import Compacting
    from ripieno.participants.llm.loops import Loop

__all__ = ["DEFAULT_TIMEOUT", "SETTINGS", "Agent", "agent"]

DEFAULT_TIMEOUT: Final = "5m"
"""How long one request to a model may take, tries within it included."""

ROUNDS: Final = 20
MISTAKES: Final = 3

SETTINGS: Final[Mapping[str, tuple[type, ...]]] = {
    "max_tokens": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": (int,),
    "thinking": (bool, str),
    "parallel_tool_calls": (bool,),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
}
"""What may be set of a model, and as what."""


class Agent(BaseParticipant):
    """Asks a model, makes the calls that it asks for, and asks again until it answers.

    Each request to the model, and each call of a tool, is a step: decided by policy, recorded, and never
    made twice once it is. Ends as `complete` with the answer; as `partial` with what the model has said
    last where it was asked `rounds` times; as `failed` where the model cannot be asked or does not answer
    in the form that is wanted.
    """

    kind = "agent"
    brought: PydanticAgent[Any, Any] | None = None
    """An agent of Pydantic AI that was brought along, whose loop this is."""

    def __init__(
        self,
        name: str,
        *,
        model: str | Sequence[str] | Model,
        instructions: str = "",
        tools: Sequence[Tool | Callable[..., Any]] = (),
        output: type[BaseModel] | Mapping[str, Any] | None = None,
        examples: Sequence[Example | tuple[Any, Any]] = (),
        sees: Sequence[str] = SEEN,
        settings: Mapping[str, Any] | None = None,
        confidence: ConfidenceRule | None = None,
        intents: Sequence[str] | Mapping[str, str] = (),
        rounds: int = ROUNDS,
        mistakes: int = MISTAKES,
        timeout: Duration = DEFAULT_TIMEOUT,
        fall_back_on: Iterable[str] = PASSING,
        compact: Compacting | None = None,
    ) -> None:
        super().__init__(name)
        self.compact = compact
        self.given = None if isinstance(model, str | Sequence) else model
        """The model itself, where it was given in place of its name."""
        self.models = named(model)
        if not self.models or len(set(self.models)) < len(self.models):
            msg = f"{name}: expected a model, or several to be asked in order, each once, got {model!r}"
            raise DefinitionError(msg)
        for one in self.models if self.given is None else ():
            identifier(one)
        self.model = self.models[0]
        self.fall_back_on = classes(f"{name} fall_back_on", fall_back_on)
        self.instructions = instructions
        self.tools = [one if isinstance(one, Tool) else Tool(one) for one in tools]
        self.examples = tuple(one if isinstance(one, Example) else Example(*one) for one in examples)
        self.sees = tuple(sees)
        self.settings = checked_settings(name, settings or {})
        self.confidence = confidence
        self.intents = intents_of(name, intents)
        self.form = AnswerForm(name, output, sure=confidence == SELF, intents=self.intents)
        self.rounds, self.mistakes = rounds, mistakes
        self.request_timeout = seconds(timeout)
        self._check()
        self.toolbox = Toolbox(self.tools)

    def _check(self) -> None:
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            msg = f"{self.name}: two tools have the same name: {', '.join(sorted(names))}"
            raise DefinitionError(msg, remedy="give one of them a name of its own: @tool(name=...)")
        for what, number, least in (("rounds", self.rounds, 1), ("mistakes", self.mistakes, 0)):
            if number < least:
                msg = f"{self.name}: {what} must be at least {least}, got {number!r}"
                raise DefinitionError(msg)
        rule: object = self.confidence
        if rule is not None and rule != SELF and not isinstance(rule, Samples | Judged):
            msg = f"{self.name}: confidence must be 'self', samples(n) or judged_by(judge), got {rule!r}"
            raise DefinitionError(msg)

    # -- what stands in the definition ----------------------------------------------------------------

    def describe(self) -> dict[str, Json]:
        """Give what is declared, without what is the default."""
        several = len(self.models) > 1
        document: dict[str, Json] = {"model": list(self.models) if several else self.model}
        if self.instructions:
            document["instructions"] = self.instructions
        if self.tools:
            document["tools"] = [tool.declaration(stable_name(tool)) for tool in self.tools]
        if self.form.schema is not None:
            document["output"] = {"schema": enveloped(self.form.schema)}
        if self.examples:
            document["examples"] = [example.document() for example in self.examples]
        if self.sees != SEEN:
            document["sees"] = list(self.sees)
        return {"agent": {**document, **self._described()}}

    def _described(self) -> dict[str, Json]:
        """Give what is declared of how its model is asked."""
        document: dict[str, Json] = {}
        if self.settings:
            document["settings"] = {
                name: decimal(value) if isinstance(value, float) else value
                for name, value in sorted(self.settings.items())
            }
        if self.confidence is not None:
            document["confidence"] = described(self.confidence)
        if self.intents:
            told: dict[str, Json] = dict(self.intents)
            document["intents"] = told if any(told.values()) else list(told)
        if self.rounds != ROUNDS:
            document["rounds"] = self.rounds
        if self.mistakes != MISTAKES:
            document["mistakes"] = self.mistakes
        if self.request_timeout != seconds(DEFAULT_TIMEOUT):
            document["timeout"] = in_seconds(self.request_timeout)
        if self.fall_back_on != tuple(sorted(PASSING)):
            document["fall_back_on"] = list(self.fall_back_on)
        if self.compact is not None:
            document["compact"] = self.compact.describe()
        return document

    def identity(self) -> dict[str, Json]:
        """Give the version of the agent library, of each tool, and of the functions that check them."""
        versions: dict[str, Json] = {"library": self.library}
        versions |= {stable_name(tool): tool.version for tool in self.tools}
        for check in (check for tool in self.tools for check in tool.checks):
            code = None if check.rule is None else check.rule.code()
            if code is not None:
                versions[reference(code)] = source_digest(code)
        return versions if self.compact is None else {**versions, **self.compact.identity()}

    def children(self) -> Sequence[BaseParticipant]:
        """Give the judge, and whoever tells in short what was said before, if there are any."""
        judges = (self.confidence.by,) if isinstance(self.confidence, Judged) else ()
        return judges if self.compact is None else (*judges, *self.compact.participants())

    def dependencies(self) -> frozenset[str] | None:
        """Give what it sees."""
        return frozenset(self.sees)

    def output_form(self) -> Mapping[str, Any] | None:
        """Give the JSON Schema of its answer."""
        return self.form.schema

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give the references of what it sees."""
        return {name: value.ref for name, value in seen(task, self.sees).items()}

    # -- a turn -----------------------------------------------------------------------------------------

    @property
    def library(self) -> str:
        """The version of the agent library: a turn that was begun goes on under the same."""
        return library()

    async def act(self, task: Task, context: Context) -> Outcome:
        """Answer, and say how sure it is as declared."""
        rule = self.confidence
        if isinstance(rule, Samples):
            return await self._sampled(task, context, rule.count)
        outcome = await self.once(task, context)
        if not isinstance(rule, Judged) or not outcome.ok:
            return outcome
        answer = context.value(outcome.output)
        said = await context.call(rule.by, task.after(self.name, Outcome("complete", answer)))
        return Outcome("complete", answer, confidence=sure_of(said, rule.by.name))

    async def _sampled(self, task: Task, context: Context, count: int) -> Outcome:
        """Ask several times side by side, each sample a visit of its own."""
        ended: dict[str, Outcome] = {}
        async with context.branches() as branches:
            paths = [branches.start(Sample(self), task, key=str(number)) for number in range(1, count + 1)]
            while (one := await branches.next()) is not None:
                ended[one[0]] = one[1]
        return agreement([ended[path] for path in paths], count)

    async def once(self, task: Task, context: Context) -> Outcome:
        """Take one turn."""
        return await self.loop.turn(task, context)

    @cached_property
    def loop(self) -> Loop:
        """What carries its turns out, made at the first; raises `DefinitionError` where that cannot be."""
        from ripieno.participants.llm.loops import Loop  # noqa: PLC0415 - Pydantic AI takes a second to load

        return Loop(self, self.entries)

    @property
    def entries(self) -> list[ModelEntry]:
        """What is known of its models; raises `DefinitionError` where there is no such model."""
        if self.given is not None:
            return [ModelEntry(self.model, self.given.system, self.given.model_name)]
        return [MODELS.find(model) for model in self.models]

    def asked(self, values: Mapping[str, Value]) -> str:
        """Give what the model is asked."""
        return prompt(values)

    @property
    def told(self) -> str:
        """Its instructions, with the examples."""
        return instructed(self.instructions, self.examples)


class Sample(BaseParticipant):
    """One of several answers of an agent, under its name."""

    kind = "agent"

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent.name)
        self._agent = agent

    def describe(self) -> dict[str, Json]:
        """Give nothing: it is part of the agent."""
        return {}

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what the agent sees."""
        return self._agent.reads(task)

    @property
    def library(self) -> str:
        """The version of the agent library: a turn that was begun goes on under the same."""
        return library()

    async def act(self, task: Task, context: Context) -> Outcome:
        """Answer once."""
        return await self._agent.once(task, context)


def named(model: str | Sequence[str] | Model) -> tuple[str, ...]:
    """Give models by their names; one that was given itself by its provider and name."""
    if isinstance(model, str):
        return (model,)
    return tuple(model) if isinstance(model, Sequence) else (f"{model.system}:{model.model_name}",)


def checked_settings(of: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check what is set of a model; raises `DefinitionError`."""
    for name, value in settings.items():
        kinds = SETTINGS.get(name)
        if kinds is None:
            msg = f"{of}: no setting of models is called {name!r}{nearest(name, SETTINGS)}"
            raise DefinitionError(msg, remedy=f"there are {', '.join(SETTINGS)}")
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            msg = f"{of}: {name} must be {' or '.join(kind.__name__ for kind in kinds)}, got {value!r}"
            raise DefinitionError(msg)
    return dict(settings)


def library() -> str:
    """Give the version of the agent library: a turn that was begun goes on under the same."""
    for name in ("pydantic-ai-slim", "pydantic-ai"):
        try:
            return f"pydantic-ai {version(name)}"
        except PackageNotFoundError:
            continue
    return "pydantic-ai"


def agent(
    name: str,
    *,
    model: str | Sequence[str] | Model,
    instructions: str = "",
    tools: Sequence[Tool | Callable[..., Any]] = (),
    output: type[BaseModel] | Mapping[str, Any] | None = None,
    examples: Sequence[Example | tuple[Any, Any]] = (),
    sees: Sequence[str] = SEEN,
    settings: Mapping[str, Any] | None = None,
    confidence: ConfidenceRule | None = None,
    intents: Sequence[str] | Mapping[str, str] = (),
    rounds: int = ROUNDS,
    mistakes: int = MISTAKES,
    timeout: Duration = DEFAULT_TIMEOUT,
    fall_back_on: Iterable[str] = PASSING,
    compact: Compacting | None = None,
) -> Agent:
    """Declare an LLM agent.

    model: `provider:name`, such as `anthropic:claude-sonnet-4-5`, or one that `ripieno.toml` declares;
        of several the next is asked where one fails. Or a model of Pydantic AI itself, as tests have.
    instructions: what it is told first, whatever the case.
    tools: what it may call; each call is a step through the gate.
    output: a Pydantic model or a JSON Schema of an object; text when left out.
    examples: pairs of a case and the answer to it.
    sees: what it is shown of the run: `input`, `previous`, `turn`, `complaint`, or participants by name.
    settings: of the model: `max_tokens` of one response (8192), `temperature`, `thinking` and others.
    intents: what it may be asked for, names or names with what each is: it says which of them it has
        recognised, or `other`, and that is a recorded choice.
    confidence: `"self"` (it says in its answer how sure it is), `samples(n)` or `judged_by(participant)`.
    rounds: how often the model is asked at most; then it is `partial`.
    mistakes: how many calls of a tool, or answers in another form, in a row it is told of; the next ends it.
    timeout: of one request to the model.
    fall_back_on: after which failures the next model is asked; when left out, those that may pass.
    compact: `compact(tokens)` keeps short what the model is told in a long turn. What was asked first stays,
        and so do errors, the latest request, and calls beside their results; the log keeps all.
    """
    return Agent(
        name,
        model=model,
        instructions=instructions,
        tools=tools,
        output=output,
        examples=examples,
        sees=sees,
        settings=settings,
        confidence=confidence,
        intents=intents,
        rounds=rounds,
        mistakes=mistakes,
        timeout=timeout,
        fall_back_on=fall_back_on,
        compact=compact,
    )
