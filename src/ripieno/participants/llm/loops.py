"""The loop of a declared agent: Pydantic AI's agent, made once, and a turn of it for each visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import pydantic_ai
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.exceptions import AgentRunError, ModelRetry
from pydantic_ai.messages import ModelMessage
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.llm.answers import INTENT, OTHER, AnswerForm
from ripieno.participants.llm.clients import CLIENTS
from ripieno.participants.llm.mind import ANSWERING, Answering, AskingModel, wanted
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.offered import OfferedTools, described
from ripieno.participants.llm.prompts import seen
from ripieno.participants.llm.turn import LimitReachedError, MistakesError, Turn, TurnSettings
from ripieno.resilience.compaction import BudgetError

if TYPE_CHECKING:
    from ripieno.participants.llm.agent import Agent

__all__ = ["Loop"]

LONGEST_ANSWER: Final = 8192
"""Tokens that one response may have unless it is said: what is reserved of a budget hangs on it."""

pydantic_ai.BANNER_ENABLED = False  # what a terminal shows is the command's own

ANSWERERS: Final = [ANSWERING]
UNLIMITED = UsageLimits(request_limit=None)
"""What limits a turn are the run's own limits, which are recorded."""


class Loop:
    """What carries out the turns of one agent."""

    def __init__(self, agent: Agent, entries: Sequence[ModelEntry]) -> None:
        self._agent = agent
        entry, *others = entries
        self._settings = TurnSettings(
            entry,
            agent.library,
            agent.request_timeout,
            agent.rounds,
            agent.toolbox,
            agent.mistakes,
            agent.given,
            others=others,
            on=agent.fall_back_on,
            compact=agent.compact,
        )
        offered = OfferedTools(
            [described(tool) for tool in agent.tools],
            mistakes=agent.mistakes,
            demands=agent.toolbox.demands,
        )
        self._tools = [offered]
        self._model = AskingModel(agent.given or CLIENTS.shape(entry))
        settings: Any = {"max_tokens": LONGEST_ANSWER, **agent.settings}
        self._loop: PydanticAgent[Any, Any] = agent.brought or PydanticAgent(
            self._model,
            name=agent.name,
            instructions=agent.told or None,
            output_type=agent.form.output_type(),
            model_settings=ModelSettings(**settings),
            retries=agent.mistakes,
            capabilities=[Answering(wanted, offered)],
        )
        if agent.brought is None and agent.form.checks:
            self._loop.output_validator(checking(agent.form))

    async def turn(self, task: Task, context: Context) -> Outcome:
        """Take one turn."""
        agent = self._agent
        reads = seen(task, agent.sees)
        turn = Turn(self._settings, task, context, reads)
        context.so_far(lambda: turn.so_far)

        async def run(history: list[ModelMessage] | None) -> Any:
            asked = agent.asked(reads) if history is None else None
            begun: Any = {"message_history": history, "usage_limits": UNLIMITED}
            if agent.brought is None:
                return (await self._loop.run(asked, **begun)).output
            with self._loop.override(model=self._model, toolsets=self._tools, tools=[]):
                return (await self._loop.run(asked, **begun, capabilities=ANSWERERS)).output

        try:
            said = agent.form.read(await turn.answer(run))
        except LimitReachedError:
            limited = turn.so_far
            why = f"no answer after {agent.rounds} requests to the model"
            return Outcome("partial", limited.parts[0], reason=why)
        except BudgetError as too_long:
            return Outcome("partial", turn.so_far.parts[0], reason=too_long.said)
        except (AgentRunError, MistakesError, ValueError) as error:
            return Outcome("failed", turn.so_far.parts[0], reason=f"{agent.name}: {error}")
        if said.intent is not None:
            offered = [*agent.form.intents, OTHER]
            await context.choose(INTENT, said.intent, offered=offered, because={"by": "self-reported"})
        sure = None if said.sure is None else Confidence(said.sure, "self-reported")
        return Outcome("complete", said.output, confidence=sure)


def checking(form: AnswerForm) -> Callable[[Any], Any]:
    """Give what has a model asked again for an answer in another form, as often as it may be wrong."""

    def check(output: Any) -> Any:
        problem = form.problem(output)
        if problem is not None:
            raise ModelRetry(problem)
        return output

    return check
