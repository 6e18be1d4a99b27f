"""An agent that works elsewhere as a participant: sent its work through the gate, waited for at no cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from ripieno.connectors.tool import Tool
from ripieno.model.action import Effect, OnUncertain
from ripieno.model.durations import Duration, in_seconds, seconds
from ripieno.model.errors import DefinitionError, InputError, ToolError
from ripieno.model.event import Json
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Question, Task
from ripieno.model.principal import NAME as PRINCIPAL
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.model.spending import Cost, dollars
from ripieno.model.value import Value
from ripieno.participants.base import BaseParticipant
from ripieno.participants.human import Person, Role, link
from ripieno.participants.remote.access import Access
from ripieno.participants.remote.calls import Calls
from ripieno.participants.remote.card import DIGEST, changes, check_url
from ripieno.participants.remote.messages import (
    TERMINAL,
    evidence_of,
    output_of,
    parts_of,
    said,
    state_of,
    text_of,
)
from ripieno.resilience.policy import Resilience

__all__ = ["RemoteAgent", "remote_agent"]

DEFAULT_TIMEOUT: Final = "60s"
FIRST_LOOK: Final = "5s"
LAST_LOOK: Final = "5m"
GROWTH: Final = 1.5
OUT_OF_REACH: Final = 20
"""So often in a row a task cannot be looked at before people are told."""

ANSWER: Final = {
    "type": "object",
    "title": "What the agent is told",
    "properties": {"answer": {"type": "string", "description": "in your words"}},
    "required": ["answer"],
    "additionalProperties": False,
}
GO_ON: Final = {
    "type": "object",
    "title": "May it go on?",
    "properties": {
        "proceed": {"type": "boolean", "description": "whether the work goes on"},
        "note": {"type": "string", "description": "why not, where it does not"},
    },
    "required": ["proceed"],
    "additionalProperties": False,
}
GIVEN: Final = ("input", "previous", "turn")
ENDS: Final[Mapping[str, Literal["complete", "failed", "escalated"]]] = {
    "completed": "complete",
    "failed": "failed",
    "rejected": "failed",
    "canceled": "escalated",
}


class RemoteAgent(BaseParticipant):
    """Sends what it is given to an agent at an address, and gives what that makes of it.

    The agent is the one whose card was approved: where another card is published, an operator is asked
    before anything is sent. What it gives is untrusted unless declared otherwise. A question of the agent
    goes to whom `asks` names, or back to the workflow as `escalated`; a later visit then answers it.
    """

    kind = "remote"

    def __init__(
        self,
        name: str,
        *,
        url: str,
        card: str,
        secret: str | None = None,
        client_id: str | None = None,
        scopes: Sequence[str] = (),
        given: str = "input",
        asks: Role | Person | Sequence[Role | Person] = (),
        streaming: bool = False,
        timeout: Duration = DEFAULT_TIMEOUT,
        look: Duration = FIRST_LOOK,
        look_at_most: Duration = LAST_LOOK,
        effect: Effect = "write",
        on_uncertain: OnUncertain | None = None,
        cost: Cost | None = None,
        trust: SourceTrust | None = None,
        data: Sequence[str] = (),
        region: str | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        super().__init__(name)
        check_url(url, name, secret=secret is not None)
        if not DIGEST.fullmatch(card):
            msg = f"{name}: card must be the digest of the agent's card, such as 'sha256:9f…', got {card!r}"
            raise DefinitionError(msg, remedy=f"ripieno agents import {url} shows the card and its digest")
        usual: OnUncertain = "ask" if effect == "write" else "retry"
        on_uncertain = usual if on_uncertain is None else on_uncertain
        if on_uncertain not in ("retry", "verify", "ask"):
            msg = f"{name}: on_uncertain must be 'retry', 'verify' or 'ask', got {on_uncertain!r}"
            raise DefinitionError(msg)
        if secret is None and (client_id is not None or scopes):
            msg = f"{name}: client_id and scopes are of OAuth 2, which needs a secret"
            raise DefinitionError(msg, remedy="declare secret='secret://...'")
        self.url, self.card = url, card
        self.secret, self.client_id, self.scopes = secret, client_id, tuple(scopes)
        self.given = given
        self.asks = (asks,) if isinstance(asks, Role | Person) else tuple(asks)
        self.streaming, self.within = streaming, seconds(timeout)
        self.look, self.look_at_most = seconds(look), max(seconds(look), seconds(look_at_most))
        self.effect: Effect = effect
        self.on_uncertain: OnUncertain = on_uncertain
        self._usual = on_uncertain == usual
        self.cost, self.region, self.resilience = cost, region, resilience
        self.trust, self.data = declared_label(name, trust, data)
        self._check_asks()
        self.calls = Calls(
            name,
            url,
            access=Access(name, client_id, self.scopes),
            secret=secret,
            streaming=streaming,
            timeout=timeout,
            effect=effect,
            on_uncertain=on_uncertain,
            cost=cost,
            trust=trust,
            data=self.data,
            region=region,
            resilience=resilience,
        )

    def _check_asks(self) -> None:
        for asked in self.asks:
            if isinstance(asked, Person) and not PRINCIPAL.fullmatch(asked.name):
                msg = f"{self.name}: person {asked.name!r} must be the name of a principal, such as 'ada'"
                raise DefinitionError(msg)
        for asked in self.asks[:-1]:
            if asked.due is None:
                msg = f"{self.name}: {asked.name!r} needs `due`, or nobody is ever asked after them"
                raise DefinitionError(msg)

    # -- what it is -------------------------------------------------------------------------------

    def describe(self) -> dict[str, Json]:
        """Give where it is, by which card, and how it is dealt with."""
        asks: list[Json] = [link(one) for one in self.asks]
        last = self.look_at_most
        optional: dict[str, Json] = {
            "secret": self.secret,
            "client_id": self.client_id,
            "scopes": list(self.scopes),
            "input": None if self.given == "input" else self.given,
            "asks": asks[0] if len(asks) == 1 else asks,
            "streaming": self.streaming,
            "timeout": None if self.within == seconds(DEFAULT_TIMEOUT) else in_seconds(self.within),
            "look": None if self.look == seconds(FIRST_LOOK) else in_seconds(self.look),
            "look_at_most": None if self.look_at_most == seconds(LAST_LOOK) else in_seconds(last),
            "effect": "read" if self.effect == "read" else None,
            "on_uncertain": None if self._usual else self.on_uncertain,
            "cost": None if self.cost is None else priced(self.cost),
            "trust": self.trust,
            "resilience": None if self.resilience is None else self.resilience.document(),
            "data": list(self.data),
            "region": self.region,
        }
        settings = {name: value for name, value in optional.items() if value}
        return {"remote": {"url": self.url, "card": self.card, **settings}}

    def identity(self) -> dict[str, Json]:
        """Give the card that it is known by."""
        return {"version": self.card}

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What it does, each put to the gate."""
        return self.calls.all

    def dependencies(self) -> frozenset[str] | None:
        """Give whose result it receives, where that is told."""
        return None if self.given in ("previous", "turn") else frozenset({self.given} - {"input"})

    def unknown(self, known: frozenset[str]) -> list[str]:
        """Give the name whose result it receives, where no participant bears it."""
        return [] if self.given in GIVEN or self.given in known else [self.given]

    def reads(self, task: Task) -> Mapping[str, str]:
        """Give what it receives, and its own question where a visit before has ended with one."""
        found, before = self._found(task), self._before(task)
        read = {} if found is None else {self.given: found.ref}
        return read if before is None else {**read, "before": before.ref}

    def _found(self, task: Task) -> Value | None:
        if self.given == "input" or (self.given == "previous" and task.previous is None):
            return task.input
        if self.given == "turn":
            return task.turn
        outcome = task.state.get(task.previous or "" if self.given == "previous" else self.given)
        output = None if outcome is None else outcome.parts[0]
        return output if isinstance(output, Value) else None

    def _before(self, task: Task) -> Value | None:
        """Give what the visit before has handed back to the workflow, if it did."""
        outcome = task.state.get(self.name)
        output = None if outcome is None or outcome.status != "escalated" else outcome.parts[0]
        return output if isinstance(output, Value) else None

    # -- its work ---------------------------------------------------------------------------------

    async def act(self, task: Task, context: Context) -> Outcome:
        """Send, and see the task to its end, to a question for the workflow, or out of reach."""
        return await Errand(self, task, context).outcome()


class Errand:
    """One visit: a conversation of one or more messages about one task."""

    def __init__(self, agent: RemoteAgent, task: Task, context: Context) -> None:
        self._agent, self._task, self._context = agent, task, context
        self._calls = agent.calls
        self._digest, self._conversation = agent.card, ""
        self._wait, self._missed, self._round = agent.look, 0, 0

    async def outcome(self) -> Outcome:
        """Give how it ends."""
        resumption = self._context.resumption()
        if resumption is not None:
            state = resumption.state
            self._digest, self._conversation = state["card"], state["context"]
            self._round, self._missed, self._wait = resumption.round, state["missed"], float(state["wait"])
            self._calls.cards.setdefault(self._digest, resumption.outcomes["card"].output)
            answer = await self._later(state["task"])
        else:
            answer = await self._begun()
        while not isinstance(answer, Outcome):
            answer = await self._next(answer)
        return answer

    async def _begun(self) -> dict[str, Any] | Outcome:
        agent, context = self._agent, self._context
        found = agent._found(self._task)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - one idea in two classes
        if found is None and agent.given not in GIVEN:
            msg = f"{agent.given} has given nothing yet that {agent.name} could be sent"
            raise InputError(msg)
        refusal = await self._refusal()
        if refusal is not None:
            return refusal
        before = agent._before(self._task)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as above
        known = handed_back(None if before is None else before.decode())
        self._conversation = known.get("context") or f"{context.random().getrandbits(128):032x}"
        value = None if found is None else found.decode()
        return await self._sent(parts_of(value), known.get("task"))

    async def _refusal(self) -> Outcome | None:
        """Say why nothing is sent: the card is another, and nobody lets it; None where it may be sent."""
        agent, context = self._agent, self._context
        seen = await context.use(self._calls.card, url=agent.url)
        digest, card = seen["digest"], seen["card"]
        if digest != agent.card:
            before = self._calls.cards.get(agent.card)
            about = {
                "agent": agent.name,
                "url": agent.url,
                "approved": agent.card,
                "published": digest,
                **({} if before is None else {"changed": changes(before, card)}),
                "card": card,
            }
            title = f"the card of {agent.name} is not the one that was approved: may this run go on with it?"
            answer = await context.ask(Question("operator", title, GO_ON, about))
            if answer.value["proceed"] is not True:
                why = answer.reason or answer.value.get("note") or f"refused by {answer.by}"
                return Outcome("escalated", reason=f"{agent.name} has another card than was approved: {why}")
            self._digest = digest
        self._calls.cards[digest] = card
        return None

    async def _sent(self, parts: list[dict[str, Any]], task: str | None) -> dict[str, Any]:
        self._wait = self._agent.look
        return await self._context.use(
            self._calls.send, card=self._digest, parts=parts, context=self._conversation, task=task
        )

    async def _next(self, answer: dict[str, Any]) -> dict[str, Any] | Outcome:
        state = state_of(answer)
        if state in TERMINAL:
            return self._ended(state, answer)
        if state == "input-required":
            return await self._question(answer)
        if state == "auth-required":
            refusal = await self._authorised(answer)
            if refusal is not None:
                return refusal
        task = answer["task"]["id"]
        await self._mark(task)
        return await self._later(task)

    async def _later(self, task: str) -> dict[str, Any] | Outcome:
        """Give how the task stands after a while; replay goes on here after a mark."""
        await self._context.sleep(self._wait)
        self._wait = min(self._wait * GROWTH, self._agent.look_at_most)
        return await self._looked(task)

    async def _mark(self, task: str) -> None:
        """Mark where it stands, so that a long wait is not read again from its beginning."""
        self._round += 1
        if self._context.segment_due:
            state: dict[str, str | int] = {
                "card": self._digest,
                "context": self._conversation,
                "task": task,
                "missed": self._missed,
                "wait": f"{self._wait:g}",
            }
            card = Outcome("complete", self._context.value(self._calls.cards[self._digest]))
            await self._context.segment(self._round, state, {"card": card})

    async def _looked(self, task: str) -> dict[str, Any] | Outcome:
        try:
            answer = await self._context.use(self._calls.look, card=self._digest, task=task)
        except ToolError as error:
            self._missed += 1
            if self._missed >= OUT_OF_REACH:
                return self._handed_back(task, error.message, "cannot be reached")
            return {"task": {"id": task, "status": {"state": "TASK_STATE_WORKING"}}}
        self._missed = 0
        return answer

    def _ended(self, state: str, answer: dict[str, Any]) -> Outcome:
        status = ENDS[state]
        output, evidence = output_of(answer), evidence_of(self._agent.name, answer)
        if status == "complete":
            return Outcome("complete", output, evidence=evidence)
        told = text_of(said(answer))
        reason = f"{self._agent.name} {state}" + (f": {told}" if told else "")
        return Outcome(status, output, evidence=evidence, reason=reason)

    # -- when it waits for somebody ---------------------------------------------------------------

    async def _question(self, answer: dict[str, Any]) -> dict[str, Any] | Outcome:
        task, parts = answer["task"]["id"], said(answer)
        text = text_of(parts) or "more is needed"
        if not self._agent.asks:
            return self._handed_back(task, text, "asks", parts)
        said_back = await self._asked(f"{self._agent.name} asks: {text}", ANSWER, parts)
        if said_back is None:
            return self._handed_back(task, text, "asks, and nobody answered in time", parts)
        return await self._sent(parts_of(said_back["answer"]), task)

    async def _authorised(self, answer: dict[str, Any]) -> Outcome | None:
        """Have somebody see to what the agent wants to be authorised for; None once that is done."""
        task, parts = answer["task"]["id"], said(answer)
        text = text_of(parts) or "it has to be authorised"
        if not self._agent.asks:
            return self._handed_back(task, text, "needs authorisation", parts)
        done = await self._asked(f"{self._agent.name} needs authorisation: {text}", GO_ON, parts)
        if done is None or done["proceed"] is not True:
            return self._handed_back(task, text, "was not authorised", parts)
        self._wait = self._agent.look
        return None

    async def _asked(self, title: str, form: Mapping[str, Any], parts: list[dict[str, Any]]) -> Any:
        for one in self._agent.asks:
            question = Question(
                role=one.name if isinstance(one, Role) else None,
                person=f"person:{one.name}" if isinstance(one, Person) else None,
                title=title,
                form=form,
                about=parts,
                due=None if one.due is None else seconds(one.due),
            )
            answer = await self._context.ask(question)
            if not answer.expired:
                return answer.value
        return None

    def _handed_back(
        self, task: str, text: str, why: str, parts: Sequence[Mapping[str, Any]] = ()
    ) -> Outcome:
        """Give it back to the workflow, with what a later visit needs to go on."""
        output: dict[str, Any] = {"task": task, "context": self._conversation, "asks": text}
        output["parts"] = [*map(dict, parts)]
        return Outcome("escalated", output, reason=f"{self._agent.name} {why}: {text}")


def priced(cost: Cost) -> dict[str, Json]:
    """Give what a message can cost, as it stands in a definition."""
    most = cost.spending
    found: dict[str, Json] = {"model_calls": most.model_calls, "tokens": most.tokens}
    found["cost_usd"] = dollars(most.cost) if most.cost else None
    return {name: amount for name, amount in found.items() if amount}


def handed_back(output: Any) -> dict[str, str]:
    """Give task and context of what a visit has handed back to the workflow; nothing for anything else."""
    match output:
        case {"task": str(task), "context": str(context), "asks": _}:
            return {"task": task, "context": context}
        case _:
            return {}


def remote_agent(
    name: str,
    *,
    url: str,
    card: str,
    secret: str | None = None,
    client_id: str | None = None,
    scopes: Sequence[str] = (),
    input: str = "input",  # noqa: A002 - the word that workflows use for it
    asks: Role | Person | Sequence[Role | Person] = (),
    streaming: bool = False,
    timeout: Duration = DEFAULT_TIMEOUT,
    look: Duration = FIRST_LOOK,
    look_at_most: Duration = LAST_LOOK,
    effect: Effect = "write",
    on_uncertain: OnUncertain | None = None,
    cost: Cost | None = None,
    trust: SourceTrust | None = None,
    data: Sequence[str] = (),
    region: str | None = None,
    resilience: Resilience | None = None,
) -> RemoteAgent:
    """Let an agent that speaks A2A do a part of the work, wherever and with whatever it is built.

    url: where it is: the address of its card, or the one below which `.well-known/agent-card.json` stands.
    card: the digest of the card that was approved; `ripieno agents import` gives it.
    secret: a reference such as `secret://env/TRIAGE_KEY` to what it knows us by, opened at each call: an API
        key, a bearer token, the password of `client_id`, or its OAuth 2 client secret, as the card asks for.
    input: what it is sent: `input`, `previous`, `turn`, or the result of the participant of that name.
    asks: to whom its questions go, one after another; without, they go back to the workflow as `escalated`,
        and the next visit is sent as the answer.
    streaming: whether one listens to it while it works, for as long as a call may take.
    timeout: how long one call may take. Its work may take as long as it likes: it is looked at again after
        `look`, then after half as long again each time, at most `look_at_most`, and costs nothing meanwhile.
    effect: `read` where somebody answers for it that to ask the agent changes nothing: it may then be asked
        in a shadow. What it begins is not called off by a run that ends first.
    on_uncertain: what to do when a crash leaves it open whether a message was sent. `ask` a person;
        `verify`: it is looked for among the agent's tasks, for agents that keep each message in one;
        `retry`: it is sent again under the same id, for agents that take an id but once.
    cost: the most that one message can cost; what the agent tells in the metadata of its task counts.
    region: where it is, such as `eu-central-1`, for tenants that are pinned to a region.
    resilience: what its calls pass on their way out: attempts, a breaker, rate limits and more.

    Raises `DefinitionError` for what cannot work.
    """
    return RemoteAgent(
        name,
        url=url,
        card=card,
        secret=secret,
        client_id=client_id,
        scopes=scopes,
        given=input,
        asks=asks,
        streaming=streaming,
        timeout=timeout,
        look=look,
        look_at_most=look_at_most,
        effect=effect,
        on_uncertain=on_uncertain,
        cost=cost,
        trust=trust,
        data=data,
        region=region,
        resilience=resilience,
    )
