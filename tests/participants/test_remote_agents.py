"""A remote agent by A2A: known by its card, sent to through the gate, waited for at no cost, called off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from a2a.types import a2a_pb2 as pb
from starlette.responses import JSONResponse, Response, StreamingResponse

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    parked,
    reply,
    serving,
    turned,
)
from participants.agent_peer import Peer, peering
from ripieno import (
    Context,
    Cost,
    Limits,
    Outcome,
    Task,
    Workflow,
    remote_agent,
    role,
    sequential,
)
from ripieno.kernel import commands
from ripieno.kernel.rollback import roll_back
from ripieno.participants.base import BaseParticipant
from ripieno.resilience.policy import Resilience, Retry


@pytest.fixture
async def peer() -> AsyncGenerator[Peer]:
    async with peering() as found:
        yield found


def calling(peer: Peer, **settings: Any) -> Workflow:
    return Workflow("care", remote_agent("triage", url=peer.url, card=peer.digest, **settings))


# -- sent, waited for, used ------------------------------------------------------------------------------


async def test_a_task_is_waited_for_in_no_process_and_gives_its_artifacts(tmp_path: Path, peer: Peer) -> None:
    workflow, clock = calling(peer), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, {"patient": "p-1"})
        await parked(host, run)
    assert peer.messages[0]["parts"] == [{"data": {"patient": "p-1"}}]
    peer.done({"urgency": 2})
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert peer.looks == 0
        clock.turn(6)
        host.ring()
        outcome = await ended(host, run)
        intents = [event.body for event in await events(host, run, "intent")]
    assert (outcome.status, outcome.output) == ("complete", {"urgency": 2})
    assert [one.reference for one in outcome.evidence] == ["a2a:triage/task-1/a"]
    assert [one["tool"] for one in intents] == ["triage.card", "triage.send", "triage.task"]
    assert peer.messages[0]["messageId"] == intents[1]["key"]
    assert len(peer.messages) == 1


async def test_an_agent_that_answers_at_once_has_no_task(tmp_path: Path, peer: Peer) -> None:
    peer.on_send = lambda _: pb.Message(message_id="m", role=pb.ROLE_AGENT, parts=[pb.Part(text="green")])
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "what colour?"))
    assert (outcome.status, outcome.output, peer.messages[0]["parts"]) == (
        "complete",
        "green",
        [{"text": "what colour?"}],
    )


async def test_what_it_does_over_http_and_json_is_the_same(tmp_path: Path, peer: Peer) -> None:
    peer.card["supportedInterfaces"][0] |= {"url": f"{peer.url}/rest", "protocolBinding": "HTTP+JSON"}
    peer.on_send = lambda message: (peer.working(message), peer.done("fine"), peer.tasks["task-1"])[2]
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "how?"))
    assert outcome.output == "fine"


async def test_a_stream_is_listened_to_and_its_pieces_are_put_together(tmp_path: Path, peer: Peer) -> None:
    def piece(text: str, *, append: bool) -> Callable[[pb.Task], pb.TaskArtifactUpdateEvent]:
        return lambda task: pb.TaskArtifactUpdateEvent(
            task_id=task.id,
            context_id=task.context_id,
            artifact=pb.Artifact(artifact_id="a", parts=[pb.Part(text=text)]),
            append=append,
        )

    def over(task: pb.Task) -> pb.TaskStatusUpdateEvent:
        status = pb.TaskStatus(state=pb.TASK_STATE_COMPLETED)
        return pb.TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=status)

    peer.stream = [piece("one", append=False), piece("two", append=True), over]
    workflow = calling(peer, streaming=True)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert outcome.output == [{"name": "", "parts": ["one", "two"]}]
    assert peer.looks == 0


async def test_a_stream_that_breaks_leaves_the_task_to_be_looked_at(tmp_path: Path, peer: Peer) -> None:
    peer.stream = [RuntimeError("cut")]
    workflow, clock = calling(peer, streaming=True), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.done("after all")
        clock.turn(6)
        host.ring()
        outcome = await ended(host, run)
    assert (outcome.output, len(peer.messages)) == ("after all", 1)


@pytest.mark.parametrize(
    ("state", "status"), [("FAILED", "failed"), ("REJECTED", "failed"), ("CANCELED", "escalated")]
)
async def test_a_task_that_does_not_complete_is_no_success(
    tmp_path: Path, peer: Peer, state: str, status: str
) -> None:
    peer.on_send = lambda message: (
        peer.working(message),
        peer.put("task-1", state, "no bed"),
        peer.tasks["task-1"],
    )[2]
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert (outcome.status, outcome.reason) == (status, f"triage {state.lower()}: no bed")


async def test_a_task_out_of_reach_is_looked_at_again_and_then_handed_to_people(
    tmp_path: Path, peer: Peer
) -> None:
    workflow, clock = calling(peer, look="1m", look_at_most="1m"), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.refuse = lambda _: Response(status_code=404)
        for _ in range(3):
            await turned(host, clock, run, 61)
        peer.refuse = lambda _: None
        await turned(host, clock, run, 61)
        peer.done("back again")
        clock.turn(61)
        host.ring()
        assert (await ended(host, run)).output == "back again"


async def test_a_long_wait_is_read_again_from_its_last_mark(tmp_path: Path, peer: Peer) -> None:
    workflow, clock = calling(peer, look="1m", look_at_most="1m"), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
    for _ in range(8):
        async with serving(tmp_path, workflow, clock=clock) as host:
            await turned(host, clock, run, 61)
    peer.card["description"] = "another by now"  # what was let at the beginning holds to the end
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert await events(host, run, "segment")
        peer.done("at last")
        clock.turn(61)
        host.ring()
        assert (await ended(host, run)).output == "at last"


# -- when it waits for somebody --------------------------------------------------------------------------


async def test_a_question_of_the_agent_goes_to_a_person_and_the_answer_to_its_task(
    tmp_path: Path, peer: Peer
) -> None:
    workflow, clock = calling(peer, asks=role("clinician")), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.put("task-1", "INPUT_REQUIRED", "which ward?")
        clock.turn(6)
        host.ring()
        question = await asked(host, run, "ask")
        assert commands.asked_for(host.store, question).title == "triage asks: which ward?"
        await reply(host, question, {"answer": "west"})
        await parked(host, run)
        assert peer.messages[1]["parts"] == [{"text": "west"}]
        assert peer.messages[1]["taskId"] == "task-1"
        peer.done("bed 4")
        clock.turn(6)
        host.ring()
        assert (await ended(host, run)).output == "bed 4"


class Insists(BaseParticipant):
    """Asks an agent, and answers what it asks back."""

    def __init__(self, agent: BaseParticipant) -> None:
        super().__init__("insists")
        self.agent = agent

    def describe(self) -> dict[str, Any]:
        return {"insists": {}}

    def children(self) -> tuple[BaseParticipant, ...]:
        return (self.agent,)

    async def act(self, task: Task, context: Context) -> Outcome:
        first = await context.call(self.agent, task)
        assert first.status == "escalated"
        return await context.call(self.agent, Task(context.value("west"), {"triage": first}, "triage"))


async def test_a_question_goes_back_to_the_workflow_whose_next_visit_answers_it(
    tmp_path: Path, peer: Peer
) -> None:
    def ask(message: pb.Message) -> pb.Task:
        task = peer.working(message)
        if len(task.history) == 1:
            peer.put(task.id, "INPUT_REQUIRED", "which ward?")
        else:
            peer.done("bed 4", task.id)
        return task

    peer.on_send = ask
    agent = remote_agent("triage", url=peer.url, card=peer.digest)

    workflow = Workflow("care", Insists(agent))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
    assert outcome.output == "bed 4"
    assert [message.get("taskId") for message in peer.messages] == [None, "task-1"]


async def test_authorisation_is_seen_to_by_a_person_and_the_task_looked_at_again(
    tmp_path: Path, peer: Peer
) -> None:
    workflow, clock = calling(peer, asks=role("clinician")), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.put("task-1", "AUTH_REQUIRED", "sign in at the registry")
        clock.turn(6)
        host.ring()
        question = await asked(host, run, "ask")
        assert "needs authorisation" in commands.asked_for(host.store, question).title
        await reply(host, question, {"proceed": True})
        await parked(host, run)
        peer.done("in")
        clock.turn(6)
        host.ring()
        assert (await ended(host, run)).output == "in"
    assert len(peer.messages) == 1


# -- called off ------------------------------------------------------------------------------------------


async def test_a_cancelled_run_cancels_the_remote_task(tmp_path: Path, peer: Peer) -> None:
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await cancel(host, run)
        outcome = await ended(host, run)
    assert (outcome.status, peer.canceled) == ("cancelled", ["task-1"])
    assert "undone: triage.send" in (outcome.reason or "")


async def test_a_task_whose_visit_was_stopped_is_cancelled_when_the_run_ends(
    tmp_path: Path, peer: Peer
) -> None:
    agent = remote_agent("triage", url=peer.url, card=peer.digest)
    workflow, clock = Workflow("care", agent.timeout("1h")), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        clock.turn(3601)
        host.ring()
        outcome = await ended(host, run)
    assert (outcome.status, peer.canceled) == ("failed", ["task-1"])


async def test_a_task_that_was_completed_meanwhile_is_told_to_an_operator(tmp_path: Path, peer: Peer) -> None:
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.done("too late")
        await cancel(host, run)
        question = await asked(host, run, "undo")
        assert "was completed before it could be cancelled" in commands.asked_for(host.store, question).title
        await reply(host, question, {"undone": False})
        outcome = await ended(host, run)
    assert (outcome.status, peer.canceled) == ("cancelled", [])


async def test_nothing_is_called_off_that_has_ended(tmp_path: Path, peer: Peer) -> None:
    peer.on_send = lambda message: (peer.working(message), peer.done("fine"), peer.tasks["task-1"])[2]
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        assert (await ended(host, run)).status == "complete"
        assert await events(host, run, "undo") == []
    assert peer.canceled == []


# -- crashes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["verify", "retry", "ask"])
async def test_a_message_of_which_nobody_knows_is_dealt_with_as_declared(
    tmp_path: Path, peer: Peer, rule: str
) -> None:
    before = peer.on_send

    def untold(message: pb.Message) -> pb.Task | None:
        known = [
            one for one in peer.tasks.values() if any(h.message_id == message.message_id for h in one.history)
        ]
        if known:
            return known[0]
        before(message)
        return None

    peer.on_send = untold
    workflow, clock = calling(peer, on_uncertain=rule), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        if rule == "ask":
            question = await asked(host, run, "uncertain")
            assert commands.asked_for(host.store, question).title == "did triage.send take effect?"
            result = {"task": {"id": "task-1", "status": {"state": "TASK_STATE_WORKING"}}}
            await reply(host, question, {"happened": True, "result": result})
        await parked(host, run)
        peer.done("once")
        clock.turn(6)
        host.ring()
        outcome = await ended(host, run)
    assert outcome.output == "once"
    assert len(peer.tasks) == 1
    ids = {message["messageId"] for message in peer.messages}
    assert (len(ids), len(peer.messages)) == (1, 2 if rule == "retry" else 1)


# -- what it costs ---------------------------------------------------------------------------------------


async def test_what_the_agent_says_that_it_has_cost_is_counted(tmp_path: Path, peer: Peer) -> None:
    usage = {"usage": {"input_tokens": 40, "output_tokens": 2, "cost_usd": 0.25}}
    peer.on_send = lambda message: (
        peer.working(message),
        peer.done("fine", metadata=usage),
        peer.tasks["task-1"],
    )[2]
    agent = remote_agent("triage", url=peer.url, card=peer.digest, cost=Cost(cost_usd=1))
    workflow = Workflow("care", sequential(agent), limits=Limits(cost_usd=2))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        await ended(host, run)
        spent = [event.body.get("spent") for event in await events(host, run, "result")]
    assert {"tokens": 42, "cost": 250_000} in spent


async def test_a_finished_task_is_not_rolled_back_in_silence(tmp_path: Path, peer: Peer) -> None:
    peer.on_send = lambda message: (peer.working(message), peer.done("fine"), peer.tasks["task-1"])[2]
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        await ended(host, run)
    async with serving(tmp_path, workflow) as host:
        row = await host.store.run(run)
        undoing = await roll_back(host.store, host.clock, row, by=OPERATOR, reason="wrong patient")
        question = await asked(host, undoing.id, "undo")
        assert "was completed before" in commands.asked_for(host.store, question).title


async def test_a_refusal_of_the_agent_is_no_doubt(tmp_path: Path, peer: Peer) -> None:
    peer.refuse = lambda _: JSONResponse({"error": "too busy"}, status_code=429)
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert outcome.status == "failed"
    assert "429" in (outcome.reason or "")


async def test_an_agent_that_asks_to_be_left_alone_is_for_as_long_as_it_says(
    tmp_path: Path, peer: Peer
) -> None:
    peer.refuse = lambda _: JSONResponse({}, status_code=429, headers={"retry-after": "30"})
    workflow, clock = calling(peer), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        [refused] = [one.body for one in await events(host, run, "result") if one.body["status"] == "failed"]
        assert (refused["failure"], refused["retry_after"]) == ("rate_limited", "30")
        peer.refuse = lambda _: None
        peer.on_send = lambda _: pb.Message(message_id="m", role=pb.ROLE_AGENT, parts=[pb.Part(text="green")])
        await turned(host, clock, run, 31)
        assert (await ended(host, run)).output == "green"


@pytest.mark.parametrize("packed", [False, True])
async def test_no_more_of_an_answer_is_read_than_it_may_have(
    tmp_path: Path, peer: Peer, *, packed: bool
) -> None:
    async def long() -> AsyncGenerator[bytes]:
        for _ in range(21):
            yield b" " * 1_000_000

    headers = {"content-encoding": "gzip"} if packed else {}
    peer.refuse = lambda _: StreamingResponse(long(), media_type="application/json", headers=headers)
    workflow = calling(peer, effect="read", resilience=Resilience(retry=Retry(attempts=1)))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert outcome.status == "failed"
    assert ("packed by gzip" if packed else "more than 20,000,000 bytes") in (outcome.reason or "")


async def test_a_task_that_nobody_could_look_at_again_is_an_unknown_end(tmp_path: Path, peer: Peer) -> None:
    peer.on_send = lambda _: pb.Task(context_id="c")
    workflow = calling(peer, effect="read", resilience=Resilience(retry=Retry(attempts=1)))
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert (outcome.status, "without an id" in (outcome.reason or "")) == ("failed", True)


async def test_another_task_than_was_asked_about_is_not_taken_for_it(tmp_path: Path, peer: Peer) -> None:
    workflow, clock = calling(peer, resilience=Resilience(retry=Retry(attempts=1))), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow, "go")
        await parked(host, run)
        peer.done("of somebody else")
        peer.tasks["task-1"].id = "task-2"
        await turned(host, clock, run, 6)
        await parked(host, run)
        ends = [one.body["status"] for one in await events(host, run, "result")]
        assert ends == ["done", "done", "failed"]
        peer.tasks["task-1"].id = "task-1"
        await turned(host, clock, run, 60)
        assert (await ended(host, run)).output == "of somebody else"


@pytest.mark.parametrize("amount", [-5, 1e300])
async def test_no_amount_that_cannot_be_is_counted(tmp_path: Path, peer: Peer, amount: float) -> None:
    def said(message: pb.Message) -> pb.Task:
        task = peer.working(message)
        task.metadata["usage"] = {"tokens": amount, "cost_usd": amount}
        peer.done("done")
        return task

    peer.on_send = said
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert outcome.output == "done"
