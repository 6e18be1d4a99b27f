"""What is done with a remote agent, each a tool: see its card, send, look at a task, call it off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from ripieno.connectors.tool import Tool
from ripieno.mediation.secrets.secret import Secret
from ripieno.model.action import Call, Effect, OnUncertain
from ripieno.model.durations import Duration
from ripieno.model.errors import AuthenticationError, NotSentError, RipienoError, ToolError
from ripieno.model.provenance import SourceTrust
from ripieno.model.spending import Cost
from ripieno.participants.remote.access import Access
from ripieno.participants.remote.card import check_url, digest_of, fetch_card, parsed, trusted_roots
from ripieno.participants.remote.messages import INTERRUPTED, TERMINAL, spent_by, state_of
from ripieno.resilience.classify import Failed, classify
from ripieno.resilience.http import client as bounded
from ripieno.resilience.policy import Resilience

__all__ = ["Calls", "UnknownOutcomeError"]

LARGEST: Final = 20_000_000
"""Bytes of one answer, a stream included; files come within it."""
PAGES: Final = 20
"""So many pages of tasks are looked through for a message."""

HISTORY: Final = 100
BINDINGS: Final = ("JSONRPC", "HTTP+JSON")
UNAUTHENTICATED, TOO_MANY, BAD, FAILED = 401, 429, 400, 500
TIMED_OUT: Final = 408
"""The one refusal after which nobody can tell what was done."""

STREAMED: Final = 0.8
"""Of the time of a call, so much is spent on listening to its stream; the task is looked at from then on."""


class UnknownOutcomeError(RuntimeError):
    """A call ended so that nobody can tell whether the agent has taken it up, with its class."""

    def __init__(self, message: str, found: Failed | None = None) -> None:
        super().__init__(message)
        self.failure = None if found is None else found.failure
        self.retry_after = None if found is None else found.retry_after


class CallOff(Tool):
    """What calls a task off, found again by the name of its agent."""

    agent = ""

    @property
    def reference(self) -> str:
        """Where another process finds it: with the workflow's agent of that name."""
        return f"remote:{self.agent}"


class Calls:
    """The tools of one remote agent."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        access: Access,
        secret: str | None,
        streaming: bool,
        timeout: Duration,
        effect: Effect,
        on_uncertain: OnUncertain,
        cost: Cost | None,
        trust: SourceTrust | None,
        data: tuple[str, ...],
        region: str | None = None,
        resilience: Resilience | None = None,
    ) -> None:
        self._agent, self._url = name, url
        self._access, self._secured, self._streaming = access, secret is not None, streaming
        self.cards: dict[str, dict[str, Any]] = {}
        """Cards that were let, by their digests."""
        secrets = None if secret is None else {"credential": secret}
        self.card = Tool(
            self._card,
            name=f"{name}.card",
            effect="read",
            trust="untrusted",
            outside=True,
            region=region,
            resilience=resilience,
        )
        self.call_off = CallOff(
            self._call_off,
            name=f"{name}.cancel",
            on_uncertain="retry",
            timeout=timeout,
            secrets=secrets,
            trust="untrusted",
            outside=True,
            region=region,
        )
        self.call_off.agent = name
        self.send = Tool(
            self._send,
            name=f"{name}.send",
            effect=effect,
            undo=self.call_off if effect == "write" else None,
            ongoing=effect == "write",
            on_uncertain=self._find if on_uncertain == "verify" else on_uncertain,
            timeout=timeout,
            secrets=secrets,
            cost=cost,
            trust=trust or "untrusted",
            data=data,
            content=("parts",),
            outside=True,
            region=region,
            resilience=resilience,
        )
        self.look = Tool(
            self._look,
            name=f"{name}.task",
            effect="read",
            timeout=timeout,
            secrets=secrets,
            trust=trust or "untrusted",
            data=data,
            outside=True,
            region=region,
            resilience=resilience,
        )

    @property
    def all(self) -> tuple[Tool, ...]:
        """Every tool but what calls a task off, which is the undo of another."""
        return self.card, self.send, self.look

    # -- what the tools do ------------------------------------------------------------------------

    async def _card(self, url: str) -> dict[str, Any]:
        """Give the card that the agent publishes, with its digest."""
        card = await fetch_card(url)
        return {"digest": digest_of(card), "card": card}

    async def _send(
        self,
        *,
        card: str,
        parts: list[dict[str, Any]],
        context: str,
        task: str | None,
        call: Call,
        credential: Secret | None = None,
    ) -> dict[str, Any]:
        """Send a message, new or to a task, under the key of the call as its id."""
        message: dict[str, Any] = {
            "messageId": call.key,
            "contextId": context,
            "role": "ROLE_USER",
            "parts": parts,
            **({} if task is None else {"taskId": task}),
        }
        async with self._connected(card, credential) as client:
            answer = await self._answered(client, message, call)
        self._check(answer)
        self._count(answer, call)
        return answer

    async def _look(
        self, card: str, task: str, call: Call, credential: Secret | None = None
    ) -> dict[str, Any]:
        """Give a task as it stands."""
        async with self._connected(card, credential) as client:
            answer = {"task": plain(await client.get_task(request("GetTaskRequest", id=task)))}
        self._check(answer, task)
        self._count(answer, call)
        return answer

    async def _find(
        self, card: str, context: str, call: Call, credential: Secret | None = None
    ) -> dict[str, Any] | None:
        """Give the task that a message has come to, by its id; None where the agent has none of it."""
        page = ""
        async with self._connected(card, credential) as client:
            for _ in range(PAGES):
                asked = request("ListTasksRequest", contextId=context, historyLength=HISTORY, pageToken=page)
                listed = plain(await client.list_tasks(asked))
                for task in listed.get("tasks", []):
                    if any(one.get("messageId") == call.key for one in task.get("history", [])):
                        found = await client.get_task(request("GetTaskRequest", id=task["id"]))
                        return {"task": plain(found)}
                page = listed.get("nextPageToken", "")
                if not page:
                    return None
        msg = f"{self._agent} has too many tasks in one context to look through"
        raise UnknownOutcomeError(msg)

    async def _call_off(
        self, card: str, result: dict[str, Any], call: Call, credential: Secret | None = None
    ) -> dict[str, Any]:
        """Cancel the task that a message has come to; raises `ToolError` where it has been done by then."""
        del call
        if "task" not in result:
            msg = f"{self._agent} has answered at once: there is no task to cancel"
            raise ToolError(msg)
        task = result["task"]["id"]
        async with self._connected(card, credential) as client:
            found = {"task": plain(await client.get_task(request("GetTaskRequest", id=task)))}
            if state_of(found) == "completed":
                msg = f"task {task} of {self._agent} was completed before it could be cancelled"
                raise ToolError(msg)
            if state_of(found) not in TERMINAL:
                found = {"task": plain(await client.cancel_task(request("CancelTaskRequest", id=task)))}
        return {"task": task, "state": state_of(found)}

    # -- how it is reached ------------------------------------------------------------------------

    async def _let(self, digest: str) -> dict[str, Any]:
        """Give the card of a digest, as it was seen in this process or is published still."""
        if digest not in self.cards:
            card = await fetch_card(self._url)
            if digest_of(card) != digest:
                msg = f"the card of {self._agent} is not the one that was approved any more"
                raise ToolError(msg, remedy=f"ripieno agents import {self._url} shows what it says now")
            self.cards[digest] = card
        return self.cards[digest]

    @asynccontextmanager
    async def _connected(self, digest: str, credential: Secret | None) -> AsyncGenerator[Any]:
        """Give a client for the interface that the card names first among those that are spoken here."""
        from a2a.client import ClientConfig, ClientFactory  # noqa: PLC0415 - loaded by the first call

        card = parsed(await self._let(digest))
        for interface in card.supported_interfaces:
            check_url(interface.url, self._agent, secret=self._secured)
        shown = await self._access.show(card, credential)
        async with bounded(
            most_bytes=LARGEST,
            verify=trusted_roots(),
            headers=dict(shown.headers),
            params=dict(shown.params),
            cookies=dict(shown.cookies),
        ) as http:
            settings = ClientConfig(
                streaming=self._streaming,
                polling=True,
                httpx_client=http,
                supported_protocol_bindings=[*BINDINGS],
            )
            try:
                speaking = ClientFactory(settings).create(card)
            except ValueError as error:
                known = ", ".join(sorted({one.protocol_binding for one in card.supported_interfaces}))
                msg = f"{self._agent} speaks {known}; known here are {', '.join(BINDINGS)}"
                raise ToolError(msg) from error
            try:
                yield speaking
            except Exception as error:  # noqa: BLE001 - of the SDK, of HTTP, of what was said: judged in one place
                told = judged(self._agent, error)
                if isinstance(told, AuthenticationError):
                    self._access.forget()
                raise told from None

    async def _answered(self, client: Any, message: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Give the first that the agent says, or what its stream comes to in the time of the call."""
        answer: dict[str, Any] = {}
        sent = client.send_message(request("SendMessageRequest", message=message))
        left = (call.deadline - datetime.now(UTC)).total_seconds() * STREAMED
        try:
            async with asyncio.timeout(left if self._streaming else None):
                async for event in sent:
                    fold(answer, plain(event))
                    if state_of(answer) in TERMINAL | INTERRUPTED:
                        break
        except Exception:
            if "task" not in answer:  # else it has taken it up, and the task is looked at from now on
                raise
        finally:
            with suppress(RuntimeError):  # the stream is at work while the call is cancelled
                await sent.aclose()
        if not answer:
            msg = f"{self._agent} has said nothing"
            raise UnknownOutcomeError(msg)
        return answer

    def _check(self, answer: Mapping[str, Any], asked: str | None = None) -> None:
        """Raise for a task that nobody can look at again, or another than was asked about."""
        if "task" not in answer:
            return
        found = answer["task"].get("id")
        if not found or asked not in (None, found):
            about = "" if asked is None else f", asked about {asked!r}"
            msg = f"{self._agent} tells of a task {found or 'without an id'!r}{about}"
            raise UnknownOutcomeError(msg)

    def _count(self, answer: Mapping[str, Any], call: Call) -> None:
        """Tell what a task has cost once it has ended, where its agent says so."""
        if state_of(answer) in TERMINAL and (spent := spent_by(answer)):
            call.spent(**spent)


def request(kind: str, **fields: Any) -> Any:
    """Give a request of the protocol by its name and fields."""
    from a2a.types import a2a_pb2  # noqa: PLC0415 - loaded by the first call
    from google.protobuf.json_format import ParseDict  # noqa: PLC0415 - as above

    return ParseDict(fields, getattr(a2a_pb2, kind)())


def plain(message: Any) -> dict[str, Any]:
    """Give a message of the protocol as JSON."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - loaded by the first call

    return MessageToDict(message)


def fold(answer: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Take an event of a stream into what was said so far."""
    if "message" in event or "task" in event:
        answer.clear()
        answer.update(event)
    elif "statusUpdate" in event:
        update = event["statusUpdate"]
        task = answer.setdefault("task", {"id": update["taskId"], "contextId": update.get("contextId", "")})
        task["status"] = update["status"]
        task.setdefault("metadata", {}).update(update.get("metadata", {}))
    elif "artifactUpdate" in event:
        update = event["artifactUpdate"]
        task = answer.setdefault("task", {"id": update["taskId"], "contextId": update.get("contextId", "")})
        artifacts = task.setdefault("artifacts", [])
        new = update["artifact"]
        known = next((one for one in artifacts if one.get("artifactId") == new.get("artifactId")), None)
        if known is None:
            artifacts.append(new)
        elif update.get("append"):
            known.setdefault("parts", []).extend(new.get("parts", []))
        else:
            known.update(new)


def judged(agent: str, error: Exception) -> Exception:
    """Say of an error whether the agent has done nothing or nobody can tell, and of which class it is."""
    import httpx  # noqa: PLC0415 - loaded by the first call
    from a2a.utils import errors  # noqa: PLC0415 - as above

    if isinstance(error, RipienoError | UnknownOutcomeError | TimeoutError):
        return error
    refusals = (
        *(errors.TaskNotFoundError, errors.TaskNotCancelableError, errors.PushNotificationNotSupportedError),
        *(errors.UnsupportedOperationError, errors.ContentTypeNotSupportedError),
        *(errors.ExtensionSupportRequiredError, errors.VersionNotSupportedError),
        *(errors.InvalidParamsError, errors.InvalidRequestError),
        *(errors.MethodNotFoundError, errors.JSONParseError),
    )
    text = f"{agent}: {' '.join(str(error).split()) or type(error).__name__}"
    if isinstance(error, refusals):
        return ToolError(text)
    cause = error if isinstance(error, httpx.HTTPError) else error.__cause__
    found = classify(cause or error)
    if isinstance(cause, httpx.HTTPStatusError):
        return of_status(agent, cause.response.status_code, found)
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout):
        return NotSentError(text, failure=found.failure)
    return UnknownOutcomeError(text, found)


def of_status(agent: str, status: int, found: Failed) -> Exception:
    """Say the same of an answer with an error."""
    text = f"{agent}: it answers HTTP {status}"
    if status == UNAUTHENTICATED:
        return AuthenticationError(f"{agent}: its agent does not know whose secret that is (401)")
    if status == TOO_MANY:
        return NotSentError(text, failure=found.failure, retry_after=found.retry_after)
    if BAD <= status < FAILED and status != TIMED_OUT:
        return ToolError(text, failure=found.failure, retry_after=found.retry_after)
    return UnknownOutcomeError(text, found)
