"""Who is told of a task's changes: kept across restarts, told until they have heard, where allowed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
import structlog
from a2a.types import a2a_pb2 as pb
from a2a.utils import errors
from google.protobuf.json_format import MessageToDict

from ripieno.api.a2a.messages import named
from ripieno.api.a2a.tasks import TERMINAL, Tasks
from ripieno.identity.directory import Directory
from ripieno.model.errors import InputError, RipienoError
from ripieno.model.principal import Principal

__all__ = ["Pushes", "allowed_prefix"]

FILE: Final = "a2a-push.json"
SECONDS: Final = 20.0
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 300.0
MOST: Final = 20
"""So many may be told of one task."""

log = structlog.get_logger(__name__)


def allowed_prefix(text: str) -> str:
    """Read an address below which clients may have changes sent; raises `InputError`."""
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        such = "such as 'https://hooks.example/a2a/'"
        msg = f"expected an address below which notifications may go, {such}, got {text!r}"
        raise InputError(msg)
    return text if parts.path.endswith("/") else f"{text}/"


class Pushes:
    """The configurations of all tasks, in one file of the data folder, each sealed by its run's key."""

    def __init__(self, tasks: Tasks, folder: Path, allowed: Sequence[str]) -> None:
        self._tasks, self._file = tasks, folder / FILE
        self._allowed = tuple(allowed_prefix(one) for one in allowed)
        self._kept: dict[str, dict[str, Any]] = {}
        """By run, and by the id of each: the sealed configuration, and what was told last."""
        self._telling: dict[str, asyncio.Task[None]] = {}
        if self._file.exists():
            self._kept = json.loads(self._file.read_text(encoding="utf-8"))

    @property
    def offered(self) -> bool:
        """True where anybody may be told at all."""
        return bool(self._allowed)

    def check_offered(self) -> None:
        """Raise where nobody may be told."""
        if not self.offered:
            raise errors.PushNotificationNotSupportedError

    def check(self, url: str) -> None:
        """Raise for an address that was not allowed when the server was started."""
        self.check_offered()
        parts = urlsplit(url)
        path = unquote(parts.path)
        odd = parts.username or parts.password or ".." in path.split("/") or "\\" in path or not url.isascii()
        if odd or not any(url.startswith(prefix) for prefix in self._allowed):
            raise errors.InvalidParamsError(message=f"notifications may not go to {url!r}")

    # -- what is kept -----------------------------------------------------------------------------

    def keep(self, run: str, config: pb.TaskPushNotificationConfig) -> pb.TaskPushNotificationConfig:
        """Keep a configuration, in place of one of its id; durable when this returns."""
        if not all(one.isascii() and one.isprintable() for one in said_in_headers(config)):
            raise errors.InvalidParamsError(message="a token or credentials that no header can hold")
        kept = pb.TaskPushNotificationConfig()
        kept.CopyFrom(config)
        kept.task_id, kept.id = run, config.id or f"{run}-push"
        configs = self._kept.setdefault(run, {})
        if kept.id not in configs and len(configs) >= MOST:
            raise errors.InvalidParamsError(message=f"{MOST} may be told of one task")
        key = self._tasks.store.key(run)
        data = kept.SerializeToString()
        commitment = key.commit(data)
        sealed = [base64.b64encode(part).decode() for part in (commitment, key.seal(commitment, data))]
        configs[kept.id] = {"sealed": sealed, "told": None}
        self._write()
        self.tell(run)
        return kept

    def of(self, run: str) -> Mapping[str, pb.TaskPushNotificationConfig]:
        """Give the configurations of a task, by their ids."""
        return {id_: self._opened(run, one) for id_, one in self._kept.get(run, {}).items()}

    def drop(self, run: str, id_: str) -> None:
        """Forget one; nothing where there is none."""
        if self._kept.get(run, {}).pop(id_, None) is not None:
            self._write()

    def _opened(self, run: str, one: Mapping[str, Any]) -> pb.TaskPushNotificationConfig:
        commitment, sealed = (base64.b64decode(part) for part in one["sealed"])
        return pb.TaskPushNotificationConfig.FromString(self._tasks.store.key(run).open(commitment, sealed))

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as stream:
            json.dump(self._kept, stream)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._file)

    # -- what is told -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Go on telling what was not heard yet."""
        for run in list(self._kept):
            self.tell(run)

    async def end(self) -> None:
        """Stop; what was not heard is told when it is begun again."""
        for task in self._telling.values():
            task.cancel()
        await asyncio.gather(*self._telling.values(), return_exceptions=True)

    def tell(self, run: str) -> None:
        """Tell of a task from now on; one that is told of already is told of anew, to whoever is new."""
        before = self._telling.pop(run, None)
        if before is not None:
            before.cancel()
        self._telling[run] = asyncio.create_task(self._tell(run))

    async def _tell(self, run: str) -> None:
        try:
            row = await self._tasks.store.run(run)
            kind, _, name = row.principal.partition(":")
            by = Principal(kind, name, row.tenant)  # pyright: ignore[reportArgumentType] - was checked when it was written
            directory = Directory(self._tasks.store)
            if directory.entry(row.tenant, by.id) is not None:  # else by the machine: without roles here
                by = directory.principal(row.tenant, by.id)
            if named(row, by) is None:
                return
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
                async for task in self._tasks.follow(run, by):
                    mark = f"{task.status.state} {task.status.message.message_id}"
                    ids = list(self._kept.get(run, {}))
                    await asyncio.gather(*(self._until_heard(client, run, id_, task, mark) for id_ in ids))
                    if task.status.state in TERMINAL:
                        return
        except (RipienoError, errors.A2AError) as error:
            log.warning("a task is told of no more", run=run, error=str(error))

    async def _until_heard(
        self, client: httpx.AsyncClient, run: str, id_: str, task: pb.Task, mark: str
    ) -> None:
        wait = FIRST_WAIT
        while True:
            one = self._kept.get(run, {}).get(id_)
            if one is None or one["told"] == mark:
                return
            config = self._opened(run, one)
            try:
                self.check(config.url)  # what is allowed may be less than when it was kept
            except errors.A2AError as error:
                log.warning("somebody is told of a task no more", run=run, error=str(error))
                return
            if await heard(client, config, task):
                one["told"] = mark
                self._write()
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)


def said_in_headers(config: pb.TaskPushNotificationConfig) -> Sequence[str]:
    """Give what is sent in headers."""
    return config.token, config.authentication.scheme, config.authentication.credentials


async def heard(client: httpx.AsyncClient, config: pb.TaskPushNotificationConfig, task: pb.Task) -> bool:
    """Tell somebody how a task stands; False where they have not taken it."""
    headers = {"content-type": "application/a2a+json"}
    if config.token:
        headers["x-a2a-notification-token"] = config.token
    if config.authentication.scheme and config.authentication.credentials:
        headers["authorization"] = f"{config.authentication.scheme} {config.authentication.credentials}"
    body = json.dumps(MessageToDict(pb.StreamResponse(task=task)))
    with suppress(httpx.HTTPError, httpx.InvalidURL):
        answer = await client.post(config.url, content=body, headers=headers)
        return answer.is_success
    return False
