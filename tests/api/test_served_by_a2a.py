"""Workflows served as agents by A2A: what the specification's MUSTs ask for, by the SDK and by hand."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.types import a2a_pb2 as pb
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import MessageToDict

from api.a2a_office import ASKS, BREAKS, DOUBLE, Office, office_at, send, text
from kernel.scenarios.house import asked, reply
from ripieno import remote_agent
from ripieno.journal.identity import KeyScope
from ripieno.journal.records import RunFilter
from ripieno.participants.remote.card import digest_of, fetch_card
from ripieno.workflows.workflow import Workflow

ORDER = {"data": {"amount": 21}}
AT_ONCE = {
    "message": {
        "messageId": "m-1",
        "role": "ROLE_USER",
        "parts": [{"text": "200 EUR"}],
        "metadata": {"workflow": "asks"},
    },
    "configuration": {"returnImmediately": True},
}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    async with office_at(tmp_path, DOUBLE, ASKS, BREAKS) as office:
        yield office


# -- the card --------------------------------------------------------------------------------------------


async def test_the_card_says_what_is_served_and_how_one_is_let_in(office: Office) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{office.url}/.well-known/agent-card.json")
        one = (await http.get(f"{office.url}/agents/double/.well-known/agent-card.json")).json()
    card = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert [skill["id"] for skill in card["skills"]] == ["double", "asks", "breaks"]
    assert {"name", "description", "version", "capabilities", "defaultInputModes"} <= card.keys()
    assert {each["protocolBinding"] for each in card["supportedInterfaces"]} == {"JSONRPC", "HTTP+JSON"}
    assert {each["protocolVersion"] for each in card["supportedInterfaces"]} == {"1.0"}
    assert card["securityRequirements"] == [{"schemes": {"ripieno": {}}}]
    assert (one["name"], one["description"]) == ("double", "Doubles an amount")


async def test_the_extended_card_shows_what_the_key_is_good_for_and_its_inputs(office: Office) -> None:
    key = await office.key("service:shop", scope=KeyScope(workflows=("double",)))
    async with office.client(key) as client:
        card = await client.get_extended_agent_card(pb.GetExtendedAgentCardRequest())
    assert [skill.id for skill in card.skills] == ["double"]
    assert '"amount"' in card.skills[0].description


# -- who comes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer ripieno_aaaaaaaaaa_" + "A" * 43}, 401),
        ({"authorization": "Basic eDp5"}, 401),
        ({"authorization": "Bearer not.a.token"}, 401),
        ({"host": "rebound.example"}, 421),
        ({"origin": "https://page.example"}, 403),
    ],
    ids=["nobody", "no such key", "not a bearer", "no token", "another name", "a browser's page"],
)
async def test_nobody_else_is_let_in(office: Office, headers: dict[str, str], status: int) -> None:
    key = await office.key("service:shop", "operator")
    answer = await office.post(key, {"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}, **headers)
    assert answer.status_code == status
    assert await office.host.store.runs(RunFilter()) == []
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_larger_than_a_message_may_be_goes_no_further(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    assert (await office.post(key, " " * 16_000_001)).status_code == 413


async def test_on_this_machine_whoever_serves_may_come_without_a_key(tmp_path: Path) -> None:
    async with office_at(tmp_path, DOUBLE, open_to_all=True) as office, httpx.AsyncClient() as http:
        params = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [ORDER]}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        answer = await http.post(f"{office.url}/a2a/rpc", json=body, headers={"A2A-Version": "1.0"})
        [row] = await office.host.store.runs(RunFilter())
        card = (await http.get(f"{office.url}/.well-known/agent-card.json")).json()
    assert "securityRequirements" not in card
    assert answer.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert row.principal == "person:op"


# -- messages and tasks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
@pytest.mark.parametrize("part", [ORDER, {"text": '{"amount": 21}'}], ids=["data", "text"])
async def test_a_message_begins_a_run_whose_output_is_an_artifact(
    office: Office, binding: str, part: dict[str, Any]
) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/double", binding=binding) as client:
        task = await send(client, part, contextId="c-1")
        again = MessageToDict(await client.get_task(pb.GetTaskRequest(id=task["id"])))
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["artifacts"][0]["parts"][0]["data"] == {"doubled": 42}
    assert task["contextId"] == "c-1"
    assert task["history"][0]["messageId"] == "m-1"
    assert again == task
    assert (await office.host.store.run(task["id"])).principal == "service:shop"


async def test_a_message_that_is_sent_again_begins_no_other_run(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/double") as client:
        ids = {(await send(client, ORDER))["id"] for _ in range(2)}
    assert len(ids) == 1


async def test_which_workflow_is_meant_stands_in_the_metadata_of_the_message(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key) as client:
        task = await send(client, ORDER, metadata={"workflow": "double"})
        with pytest.raises(InvalidParamsError, match="which workflow"):
            await send(client, ORDER)
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_what_is_not_complete_is_no_success(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/breaks") as client:
        task = await send(client, text("go"))
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert "it is broken" in task["status"]["message"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ({"text": "no number"}, InvalidParamsError),
        ({"data": {"amount": "many"}}, InvalidParamsError),
        ({"raw": "aGFsbG8=", "mediaType": "image/png"}, ContentTypeNotSupportedError),
        ({"url": "http://169.254.169.254/"}, ContentTypeNotSupportedError),
    ],
    ids=["text", "data", "file", "address"],
)
async def test_an_input_that_does_not_fit_begins_nothing(
    office: Office, part: dict[str, Any], error: type[Exception]
) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/double") as client:
        with pytest.raises(error):
            await send(client, part)
    assert await office.host.store.runs(RunFilter()) == []


async def test_a_policy_that_does_not_let_a_run_start_is_heeded(office: Office) -> None:
    scope = KeyScope(acts=("data.read",))
    key = await office.key("service:reader", scope=scope)
    params = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [ORDER]}}
    answer = await office.rpc(key, "SendMessage", {**params, "metadata": {"workflow": "double"}})
    assert answer["error"]["code"] == -32600
    assert "not good for run.start" in answer["error"]["message"]


async def test_nobody_is_shown_anothers_tasks(office: Office) -> None:
    mine, yours = await office.key("service:shop", "operator"), await office.key("service:mill", "operator")
    async with office.client(mine, path="/agents/double") as client:
        task = await send(client, ORDER)
    async with office.client(yours, path="/agents/double") as client:
        with pytest.raises(TaskNotFoundError):
            await client.get_task(pb.GetTaskRequest(id=task["id"]))
        with pytest.raises(TaskNotFoundError):
            await client.cancel_task(pb.CancelTaskRequest(id=task["id"]))
        with pytest.raises(TaskNotFoundError):
            await send(client, text("mine now"), taskId=task["id"])
        assert (await client.list_tasks(pb.ListTasksRequest())).total_size == 0


async def test_tasks_are_listed_by_page_latest_first_and_sifted(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/double") as client:
        made = [
            (await send(client, ORDER, messageId=f"m-{n}", contextId=f"c-{n % 2}"))["id"] for n in range(5)
        ]
        first = await client.list_tasks(pb.ListTasksRequest(page_size=3))
        second = await client.list_tasks(pb.ListTasksRequest(page_size=3, page_token=first.next_page_token))
        of_one = await client.list_tasks(pb.ListTasksRequest(context_id="c-1"))
        failed = await client.list_tasks(pb.ListTasksRequest(status=pb.TASK_STATE_FAILED))
        whole = await client.list_tasks(pb.ListTasksRequest(include_artifacts=True, history_length=0))
        with pytest.raises(InvalidParamsError):
            await client.list_tasks(pb.ListTasksRequest(page_token="nowhere"))  # noqa: S106 - of a page
    assert [task.id for task in [*first.tasks, *second.tasks]] == made[::-1]
    assert (first.total_size, first.page_size, second.next_page_token) == (5, 3, "")
    assert {task.id for task in of_one.tasks} == {made[1], made[3]}
    assert failed.total_size == 0
    assert [len(task.artifacts) for task in whole.tasks] == [1] * 5
    assert all(not task.history for task in whole.tasks)
    assert all(not task.artifacts for task in first.tasks)


# -- people ----------------------------------------------------------------------------------------------


async def test_who_may_answer_is_asked_and_answers_by_message_once(office: Office) -> None:
    key = await office.key("service:clerks", "operator", "clerk")
    async with office.client(key, path="/agents/asks") as client:
        task = await send(client, text("200 EUR"))
        assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        assert task["status"]["message"]["parts"][0]["text"] == "may it be paid?"
        with pytest.raises(InvalidParamsError, match="another context"):
            await send(client, text("yes"), messageId="m-2", taskId=task["id"], contextId="elsewhere")
        with pytest.raises(InvalidParamsError):
            await send(client, {"data": {"proceed": "perhaps"}}, messageId="m-2", taskId=task["id"])
        done = await send(client, text("Yes."), messageId="m-2", taskId=task["id"])
        with pytest.raises(UnsupportedOperationError, match="has ended"):
            await send(client, text("yes"), messageId="m-3", taskId=task["id"])
    assert done["status"]["state"] == "TASK_STATE_COMPLETED"
    assert done["artifacts"][0]["parts"][0]["data"] == {"proceed": True}
    assert [said["messageId"] for said in done["history"]] == ["m-1", "m-2"]


async def test_what_waits_for_others_is_at_work_for_who_began_it(tmp_path: Path) -> None:
    async with office_at(tmp_path, ASKS, patience=0.2) as office:
        key = await office.key("service:shop", "operator")
        async with office.client(key) as client:
            task = await send(client, text("200 EUR"))
            assert task["status"]["state"] == "TASK_STATE_WORKING"
            with pytest.raises(UnsupportedOperationError, match="waits for nothing"):
                await send(client, text("yes"), messageId="m-2", taskId=task["id"])


async def test_a_task_is_cancelled_once(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/asks") as client:
        task = await send(client, text("200 EUR"), at_once=True)
        assert (await client.cancel_task(pb.CancelTaskRequest(id=task["id"]))).status.state == (
            pb.TASK_STATE_CANCELED
        )
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(pb.CancelTaskRequest(id=task["id"]))
        with pytest.raises(TaskNotFoundError):
            await client.cancel_task(pb.CancelTaskRequest(id="nothing"))


# -- streams ---------------------------------------------------------------------------------------------


async def test_a_stream_begins_with_the_task_and_ends_with_its_end(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    async with office.client(key, path="/agents/double", streaming=True) as client:
        found: Any = await send(client, ORDER)
    events: list[dict[str, Any]] = [{"task": found}] if "status" in found else found
    assert "task" in events[0]
    assert state_in(events[-1]) == "TASK_STATE_COMPLETED"


def state_in(event: dict[str, Any]) -> str:
    return (event["task"] if "task" in event else event["statusUpdate"])["status"]["state"]


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_who_subscribes_is_told_of_what_follows(office: Office, binding: str) -> None:
    key = await office.key("service:shop", "operator")
    states: list[str] = []
    async with office.client(key, path="/agents/asks", streaming=True, binding=binding) as client:
        begun = await office.rpc(key, "SendMessage", AT_ONCE)
        task: str = begun["result"]["task"]["id"]
        async for event in client.subscribe(pb.SubscribeToTaskRequest(id=task)):
            told = MessageToDict(event)
            if "artifactUpdate" in told:
                states.append("artifact")
                continue
            states.append(state_in(told))
            if len(states) == 1:
                question = await asked(office.host, task, "clerk")
                await reply(office.host, question, {"proceed": True})
        with pytest.raises(UnsupportedOperationError):
            async for _ in client.subscribe(pb.SubscribeToTaskRequest(id=task)):
                pass
    assert states == ["TASK_STATE_WORKING", "artifact", "TASK_STATE_COMPLETED"]


# -- JSON-RPC by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{not json", -32700),
        ({"jsonrpc": "1.0", "id": 1, "method": "ListTasks", "params": {}}, -32600),
        ([], -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "TakeOver", "params": {}}, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}, -32001),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x", "historyLength": -1}},
            -32602,
        ),
        ({"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"pageSize": 101}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {}}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "CancelTask", "params": {"id": "x"}}, -32001),
    ],
)
async def test_what_is_wrong_with_a_call_is_said_by_its_code(office: Office, body: Any, code: int) -> None:
    key = await office.key("service:shop", "operator")
    answer = (await office.post(key, body)).json()
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["code"] == code


async def test_another_version_of_the_protocol_is_refused_by_its_code(office: Office) -> None:
    key = await office.key("service:shop", "operator")
    answer = await office.rpc(key, "ListTasks", {}, **{"A2A-Version": "7.0"})
    assert answer["error"]["code"] == -32009
    assert answer["id"] == 7


# -- restarts, and the two ends together -----------------------------------------------------------------


async def test_tasks_remain_when_the_server_is_started_again(tmp_path: Path) -> None:
    async with office_at(tmp_path, ASKS) as office:
        key = await office.key("service:clerks", "operator", "clerk")
        async with office.client(key) as client:
            task = await send(client, text("200 EUR"))
    async with office_at(tmp_path, ASKS) as office, office.client(key) as client:
        found = await client.get_task(pb.GetTaskRequest(id=task["id"]))
        assert found.status.state == pb.TASK_STATE_INPUT_REQUIRED
        done = await send(client, text("no"), messageId="m-2", taskId=task["id"])
    assert done["status"]["state"] == "TASK_STATE_FAILED"
    assert done["metadata"] == {"status": "escalated"}


async def test_a_workflow_is_a_remote_agent_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office_at(tmp_path / "there", DOUBLE) as office:
        monkeypatch.setenv("DOUBLE_KEY", await office.key("service:shop", "operator"))
        agent = remote_agent(
            "double",
            url=office.url,
            card=digest_of(await fetch_card(office.url)),
            secret="secret://env/DOUBLE_KEY",  # noqa: S106 - a reference
            streaming=True,
        )
        caller = Workflow("caller", agent)
        async with office_at(tmp_path / "here", caller) as here:
            key = await here.key("service:shop", "operator")
            async with here.client(key) as client:
                task = await send(client, ORDER)
    assert task["artifacts"][0]["parts"][0]["data"] == {"doubled": 42}
