"""Changes of tasks are told to addresses that were allowed, until they are heard, and to nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import InvalidParamsError, PushNotificationNotSupportedError, TaskNotFoundError
from google.protobuf.json_format import ParseDict

from api.a2a_office import ASKS, Office, office_at, send, text
from kernel.scenarios.house import asked, reply
from participants.agent_peer import listening
from ripieno.journal.records import RunFilter
from ripieno.model.errors import InputError


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    async with office_at(tmp_path, ASKS) as office:
        yield office


class Hook:
    """Hears of tasks; refuses as often as a test says."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refuses = 0
        self.rang = asyncio.Event()

    async def app(self, scope: Any, receive: Any, send_: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status = 200
        if self.refuses:
            self.refuses -= 1
            status = 503
        else:
            self.heard.append(json.loads(body))
            self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            self.rang.set()
        await send_({"type": "http.response.start", "status": status, "headers": []})
        await send_({"type": "http.response.body", "body": b""})

    async def state(self, wanted: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not any(one["task"]["status"]["state"] == wanted for one in self.heard):
                self.rang.clear()
                await self.rang.wait()
        return next(one for one in self.heard if one["task"]["status"]["state"] == wanted)


async def test_changes_are_told_to_an_address_that_is_allowed_until_it_has_heard_across_restarts(
    tmp_path: Path,
) -> None:
    hook = Hook()
    async with listening(lambda _: hook.app) as where:
        async with office_at(tmp_path, ASKS, push_to=[where]) as office:
            key = await office.key("service:shop", "operator")
            async with office.client(key) as client:
                task = await send(client, text("200 EUR"), at_once=True)
                config = pb.TaskPushNotificationConfig(
                    task_id=task["id"],
                    id="mine",
                    url=f"{where}/hook",
                    token="token-of-the-client",  # noqa: S106 - of the test
                    authentication=pb.AuthenticationInfo(scheme="Bearer", credentials="shown-to-the-hook"),
                )
                kept = await client.create_task_push_notification_config(config)
                assert (kept.id, kept.task_id) == ("mine", task["id"])
                listed = await client.list_task_push_notification_configs(
                    pb.ListTaskPushNotificationConfigsRequest(task_id=task["id"])
                )
                assert [one.id for one in listed.configs] == ["mine"]
            await hook.state("TASK_STATE_WORKING")
        assert hook.headers[0]["x-a2a-notification-token"] == "token-of-the-client"
        assert hook.headers[0]["authorization"] == "Bearer shown-to-the-hook"
        assert b"token-of-the-client" not in (tmp_path / "a2a-push.json").read_bytes()
        hook.refuses = 1
        async with office_at(tmp_path, ASKS, push_to=[where]) as office:
            question = await asked(office.host, task["id"], "clerk")
            await reply(office.host, question, {"proceed": True})
            told = await hook.state("TASK_STATE_COMPLETED")
            assert told["task"]["id"] == task["id"]
            async with office.client(key) as client:
                one = pb.DeleteTaskPushNotificationConfigRequest(task_id=task["id"], id="mine")
                await client.delete_task_push_notification_config(one)
                with pytest.raises(TaskNotFoundError):
                    await client.get_task_push_notification_config(
                        pb.GetTaskPushNotificationConfigRequest(task_id=task["id"], id="mine")
                    )


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/hook",
        "https://hooks.example.evil.example/a2a/",
        "https://hooks.example/a2a/../admin",
        "https://hooks.example/a2a/%2e%2e/admin",
        "https://hooks.example/a2a/..%2fadmin",
        "https://hooks.example/a2a/..%5cadmin",
        "https://hooks.example/a2a/\u2025",
        "https://hooks.example@evil.example/a2a/",
        "file:///etc/passwd",
        "https://hooks.example:8443/a2a/x",
    ],
)
async def test_nobody_has_anything_sent_elsewhere(tmp_path: Path, url: str) -> None:
    async with office_at(tmp_path, ASKS, push_to=["https://hooks.example/a2a"]) as office:
        key = await office.key("service:shop", "operator")
        params = {
            "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]},
            "configuration": {"taskPushNotificationConfig": {"url": url}},
        }
        answer = await office.rpc(key, "SendMessage", params)
        assert answer["error"]["code"] == -32602
        assert await office.host.store.runs(RunFilter()) == []


async def test_one_who_cannot_be_told_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    hook = Hook()
    async with listening(lambda _: hook.app) as where, office_at(tmp_path, ASKS, push_to=[where]) as office:
        key = await office.key("service:shop", "operator")
        async with office.client(key) as client:
            task = await send(client, text("200 EUR"), at_once=True)
            for wrong in (
                {"token": "\u2013"},
                {"authentication": {"scheme": "Bearer", "credentials": "a\nb"}},
            ):
                given = {"taskId": task["id"], "url": f"{where}/hook", **wrong}
                config = ParseDict(given, pb.TaskPushNotificationConfig())
                with pytest.raises(InvalidParamsError):
                    await client.create_task_push_notification_config(config)
            for id_, url in (("a", f"{where}/%00x/hook"), ("b", f"{where}/hook")):
                config = pb.TaskPushNotificationConfig(task_id=task["id"], id=id_, url=url)
                await client.create_task_push_notification_config(config)
        await hook.state("TASK_STATE_WORKING")
    async with listening(lambda _: hook.app) as other:
        hook.heard.clear()
        async with office_at(tmp_path, ASKS, push_to=[f"{where}/none", other]) as office:
            key = await office.key("service:shop", "operator")
            async with office.client(key) as client:
                config = pb.TaskPushNotificationConfig(task_id=task["id"], id="c", url=f"{other}/hook")
                await client.create_task_push_notification_config(config)
            told = await hook.state("TASK_STATE_WORKING")
    assert told["task"]["id"] == task["id"]


async def test_without_an_address_that_is_allowed_nothing_is_told(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/asks") as client:
        task = await send(client, text("200 EUR"), at_once=True)
        with pytest.raises(PushNotificationNotSupportedError):
            await client.create_task_push_notification_config(
                pb.TaskPushNotificationConfig(task_id=task["id"], url="https://hooks.example/")
            )


@pytest.mark.parametrize("text_", ["hooks.example", "ftp://x", "https://x/?a=b"])
async def test_what_is_no_address_to_allow_is_refused_at_the_start(tmp_path: Path, text_: str) -> None:
    with pytest.raises(InputError, match="expected an address"):
        async with office_at(tmp_path, ASKS, push_to=[text_]):
            pass
