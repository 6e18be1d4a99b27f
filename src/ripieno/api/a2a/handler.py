"""What the protocol asks for, done as whoever asks and through the gate."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import (
    RequestHandler,
    validate_request_params,  # pyright: ignore[reportUnknownVariableType] - a decorator without types
)
from a2a.types import a2a_pb2 as pb
from a2a.utils import errors
from a2a.utils.task import apply_history_length, validate_history_length, validate_page_size

from ripieno.api.a2a.card import card_for
from ripieno.api.a2a.door import came_with
from ripieno.api.a2a.messages import as_json, input_of, named, run_key, value_of
from ripieno.api.a2a.push import Pushes
from ripieno.api.a2a.tasks import BY_MESSAGE, INTERRUPTED, Tasks
from ripieno.api.mcp.workflows import Offered
from ripieno.journal.records import RunFilter, RunRow
from ripieno.kernel.commands import AskedFor, answer, cancel
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    RipienoError,
    StoreError,
)
from ripieno.model.principal import Principal

__all__ = ["Handler"]

PAGE: Final = 50
ROWS: Final = 1000
"""So many rows are read at once where tasks are listed."""

SKILL: Final = ("workflow", "skill", "skillId")
"""Under which of these keys of a message's metadata a client says which workflow it means."""

YES: Final = frozenset({"yes", "y", "ok", "approve", "approved", "proceed", "true"})
NO: Final = frozenset({"no", "n", "reject", "rejected", "stop", "false"})

log = structlog.get_logger(__name__)


class Handler(RequestHandler):
    """Serves workflows; with one of them, or for a client that names one, that is the one that is run."""

    def __init__(
        self, served: Sequence[Offered], tasks: Tasks, pushes: Pushes, *, url: str, path: str, patience: float
    ) -> None:
        self._served = {one.name: one for one in served}
        self._tasks, self._pushes = tasks, pushes
        self._host, self._store = tasks.host, tasks.store
        self._url, self._path, self._patience = url, path, patience

    # -- messages ---------------------------------------------------------------------------------

    @validate_request_params
    async def on_message_send(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> pb.Task | pb.Message:
        """Begin a run, or answer what one waits for; give the task once it is at rest, or at once."""
        validate_history_length(params.configuration)
        with understood():
            by = came_with(context)
            run = await self._sent(params, by)
            if params.configuration.return_immediately:
                task = await self._tasks.task(await self._store.run(run), by)
            else:
                task = await self._tasks.settled(run, by, self._patience)
        return apply_history_length(task, params.configuration)

    @validate_request_params
    async def on_message_send_stream(
        self, params: pb.SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Any]:
        """Begin a run, or answer what one waits for, and tell what becomes of it until it is at rest."""
        with understood():
            by = came_with(context)
            run = await self._sent(params, by)
            async for event in self._events(run, by, rests=INTERRUPTED):
                yield event

    async def _events(self, run: str, by: Principal, *, rests: frozenset[Any]) -> AsyncGenerator[Any]:
        """Give the task, and then each change of it, until it ends or comes to a state in `rests`."""
        first = True
        async for task in self._tasks.follow(run, by, whole=True):
            if first:
                yield task
                first = False
            else:
                for made in task.artifacts:
                    yield pb.TaskArtifactUpdateEvent(
                        task_id=task.id, context_id=task.context_id, artifact=made, last_chunk=True
                    )
                yield pb.TaskStatusUpdateEvent(
                    task_id=task.id, context_id=task.context_id, status=task.status, metadata=task.metadata
                )
            if task.status.state in rests:
                return

    async def _sent(self, params: pb.SendMessageRequest, by: Principal) -> str:
        message, push = params.message, params.configuration.task_push_notification_config
        if not message.parts:
            raise errors.InvalidParamsError(message="a message needs a part")
        if push.url:
            self._pushes.check(push.url)
        if message.task_id:
            run = await self._answered(message, by)
        else:
            served = self._meant(params, by)
            conversation = (
                message.context_id
                or hashlib.sha256(f"{by.id} {message.message_id}".encode()).hexdigest()[:32]
            )
            key = run_key(by, conversation, message.message_id)
            value = input_of(served, message)
            created = await served.starts.start(self._host, value, principal=by, key=key)
            run = created.row.id
        if push.url:
            self._pushes.keep(run, push)
        return run

    def _meant(self, params: pb.SendMessageRequest, by: Principal) -> Offered:
        reach = {name: one for name, one in self._served.items() if by.scope.reaches(name)}
        said: list[Any] = [
            metadata[key]
            for metadata in (params.message.metadata, params.metadata)
            for key in SKILL
            if key in metadata
        ]
        meant = str(said[0]) if said else next(iter(reach)) if len(reach) == 1 else ""
        found = reach.get(meant)
        if found is None:
            names = ", ".join(sorted(reach)) or "none"
            msg = f"which workflow? say it in the message's metadata as 'workflow'; there are {names}"
            raise errors.InvalidParamsError(message=msg)
        return found

    async def _answered(self, message: pb.Message, by: Principal) -> str:
        row = await self._own(message.task_id, by)
        ids = named(row, by)
        if message.context_id and ids is not None and message.context_id != ids.context:
            raise errors.InvalidParamsError(message="the task is of another context")
        if row.ended:
            msg = f"the task has ended ({row.status}) and takes no more messages"
            raise errors.UnsupportedOperationError(message=msg)
        if await self._tasks.answered_by(row, message.message_id):
            return row.id
        asked = await self._tasks.question(row, by)
        if asked is None:
            raise errors.UnsupportedOperationError(message="the task waits for nothing that you could answer")
        reason = f"{BY_MESSAGE}{message.message_id}"
        value = answer_of(asked, message)
        await answer(self._store, self._host.clock, asked.row, by=by, value=value, reason=reason)
        self._host.ring()
        return row.id

    # -- tasks ------------------------------------------------------------------------------------

    async def _own(self, run: str, by: Principal) -> RunRow:
        """Give a run that this principal began here; any other is not found."""
        try:
            row = await self._store.run(run)
        except NotFoundError:
            raise errors.TaskNotFoundError from None
        reached = by.scope.reaches(row.workflow) and row.workflow in self._served
        if row.tenant != by.tenant or named(row, by) is None or not reached:
            raise errors.TaskNotFoundError
        return row

    @validate_request_params
    async def on_get_task(self, params: pb.GetTaskRequest, context: ServerCallContext) -> pb.Task | None:
        """Give a task."""
        validate_history_length(params)
        with understood():
            by = came_with(context)
            row = await self._own(params.id, by)
            by.check_scope("data.read", row.workflow)
            return apply_history_length(await self._tasks.task(row, by), params)

    @validate_request_params
    async def on_list_tasks(
        self, params: pb.ListTasksRequest, context: ServerCallContext
    ) -> pb.ListTasksResponse:
        """List the tasks of whoever asks, the one that changed last first."""
        validate_history_length(params)
        if params.HasField("page_size"):
            validate_page_size(params.page_size)
        size = params.page_size or PAGE
        with understood():
            by = came_with(context)
            by.check_scope("data.read")
            rows = [row for row in await self._rows(by) if fits(row, by, params)]
            if params.status:
                kept: list[RunRow] = []
                for row in rows:
                    task = await self._tasks.task(row, by, whole=False)
                    if task.status.state == params.status:
                        kept.append(row)
                rows = kept
            rows.sort(key=lambda row: (row.ended_at or row.updated_at, row.id), reverse=True)
            start = after(params.page_token, rows)
            page = rows[start : start + size]
            found = pb.ListTasksResponse(page_size=size, total_size=len(rows))
            for row in page:
                task = apply_history_length(await self._tasks.task(row, by), params)
                if not params.include_artifacts:
                    task.ClearField("artifacts")
                found.tasks.append(task)
            if start + size < len(rows):
                found.next_page_token = base64.urlsafe_b64encode(page[-1].id.encode()).decode()
        return found

    async def _rows(self, by: Principal) -> list[RunRow]:
        found: list[RunRow] = []
        last: str | None = None
        while True:
            rows = await self._store.runs(RunFilter(tenant=by.tenant, limit=ROWS, before=last))
            mine = (row for row in rows if row.workflow in self._served and by.scope.reaches(row.workflow))
            found.extend(row for row in mine if named(row, by) is not None)
            if len(rows) < ROWS:
                return found
            last = rows[-1].id

    @validate_request_params
    async def on_cancel_task(
        self, params: pb.CancelTaskRequest, context: ServerCallContext
    ) -> pb.Task | None:
        """Cancel a task; what it has claimed is awaited."""
        with understood():
            by = came_with(context)
            row = await self._own(params.id, by)
            if row.ended:
                raise errors.TaskNotCancelableError
            await cancel(self._store, self._host.clock, row, by=by, reason="cancelled by A2A")
            self._host.ring()
            return await self._tasks.settled(row.id, by, self._patience)

    @validate_request_params
    async def on_subscribe_to_task(
        self, params: pb.SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Any]:
        """Tell of a task from now until it ends."""
        with understood():
            by = came_with(context)
            row = await self._own(params.id, by)
            by.check_scope("data.read", row.workflow)
            if row.ended:
                raise errors.UnsupportedOperationError(message="the task has ended: nothing follows")
            async for event in self._events(row.id, by, rests=frozenset()):
                yield event

    # -- push notifications -----------------------------------------------------------------------

    @validate_request_params
    async def on_create_task_push_notification_config(
        self, params: pb.TaskPushNotificationConfig, context: ServerCallContext
    ) -> pb.TaskPushNotificationConfig:
        """Have a task's changes told to an address that is allowed."""
        with understood():
            self._pushes.check(params.url)
            by = came_with(context)
            return self._pushes.keep((await self._own(params.task_id, by)).id, params)

    @validate_request_params
    async def on_get_task_push_notification_config(
        self, params: pb.GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> pb.TaskPushNotificationConfig:
        """Give whom a task's changes are told to."""
        with understood():
            row = await self._own(params.task_id, came_with(context))
            self._pushes.check_offered()
            found = self._pushes.of(row.id)
            if params.id not in found:
                raise errors.TaskNotFoundError(message=f"no push notification config {params.id!r}")
            return found[params.id]

    @validate_request_params
    async def on_list_task_push_notification_configs(
        self, params: pb.ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> pb.ListTaskPushNotificationConfigsResponse:
        """Give all whom a task's changes are told to."""
        with understood():
            row = await self._own(params.task_id, came_with(context))
            self._pushes.check_offered()
            configs = list(self._pushes.of(row.id).values())
            return pb.ListTaskPushNotificationConfigsResponse(configs=configs)

    @validate_request_params
    async def on_delete_task_push_notification_config(
        self, params: pb.DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        """Tell somebody nothing any more."""
        with understood():
            row = await self._own(params.task_id, came_with(context))
            self._pushes.check_offered()
            self._pushes.drop(row.id, params.id)

    # -- the card ---------------------------------------------------------------------------------

    async def on_get_extended_agent_card(
        self, params: pb.GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> pb.AgentCard:
        """Give the card as it is for whoever asks: with what their credential is good for, and its inputs."""
        del params
        by = came_with(context)
        reach = [one for one in self._served.values() if by.scope.reaches(one.name)]
        return card_for(reach, self._url, self._path, pushes=self._pushes.offered, inputs=True)


@contextmanager
def understood() -> Generator[None]:
    """Say in the protocol's words why something was not done."""
    try:
        yield
    except NotFoundError as error:
        raise errors.TaskNotFoundError(message=words(error)) from None
    except InputError as error:
        raise errors.InvalidParamsError(message=words(error)) from None
    except (NotAllowedError, RefusedError) as error:
        raise errors.InvalidRequestError(message=words(error)) from None
    except StoreError as error:
        log.exception("a call by A2A has failed")
        raise errors.InternalError(message="it cannot be recorded, and so is not done") from error


def words(error: RipienoError) -> str:
    """Give what an error says to whoever called."""
    return CONFIDENTIAL.cover(f"{error.code}: {error.message}")


def fits(row: RunRow, by: Principal, params: pb.ListTasksRequest) -> bool:
    """Tell whether a run is among the tasks that are asked for, as far as its row tells."""
    ids = named(row, by)
    if params.context_id and (ids is None or ids.context != params.context_id):
        return False
    if params.HasField("status_timestamp_after"):
        return (row.ended_at or row.updated_at) >= params.status_timestamp_after.ToMicroseconds()
    return True


def after(token: str, rows: Sequence[RunRow]) -> int:
    """Give where the page begins that a token stands for."""
    if not token:
        return 0
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        last = ""
    place = next((number for number, row in enumerate(rows, 1) if row.id == last), None)
    if place is None:
        raise errors.InvalidParamsError(message="no such page")
    return place


def answer_of(asked: AskedFor, message: pb.Message) -> Any:
    """Give a message as an answer by a form: data as it is; text as JSON, yes or no, or the one field."""
    values = [value_of(part) for part in message.parts]
    value = as_json(values[0]) if isinstance(values[0], str) else values[0]
    fields: Mapping[str, Any] = asked.form.get("properties", {})
    if isinstance(value, bool) and "proceed" in fields:
        return {"proceed": value}
    if len(values) > 1 or not isinstance(value, str):
        return value if len(values) == 1 else values
    word = value.strip().lower().rstrip(".!")
    if "proceed" in fields and word in YES | NO:
        return {"proceed": word in YES}
    texts = [
        name for name in asked.form.get("required", fields) if fields.get(name, {}).get("type") == "string"
    ]
    return {texts[0]: value} if len(texts) == 1 else value
