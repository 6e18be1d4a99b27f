"""A collector is told of what is committed, over OTLP: spans, log records and measurements, and no value."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from agents.asking import asking
from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.house import asked, begin, ended, events, parked, reply, serving
from providers.replies import Calls, Says, turns
from ripieno import Principal, Workflow, agent, concurrent, human, merge, sequential, subworkflow
from ripieno.connectors.tool import tool
from ripieno.journal.feeding import Feeding
from ripieno.model.errors import SettingsError
from ripieno.participants.function import Function
from ripieno.telemetry.exporting import Exporting
from ripieno.telemetry.serving import observed
from ripieno.telemetry.settings import Telemetry
from telemetry.collector import Collector, collecting, plain

BOTH = Principal("person", "ada", roles=frozenset({"clinician", "pharmacist"}))
CANARY = "a-value-that-nobody-is-told"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Generator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
        yield found


def exporting(home: Path) -> Exporting:
    made = Exporting(home, Telemetry.read())
    made.begin()
    return made


def gives(value: object, name: str) -> Function:
    return Function(lambda: value, name=name, pure=True, version="7")


def fails() -> None:
    msg = CANARY
    raise ValueError(msg)


async def test_a_run_is_one_trace_of_nested_spans_with_its_versions(
    tmp_path: Path, collector: Collector
) -> None:
    system = Elsewhere()
    flow = sequential(gives(CANARY, "first"), uses(tool(system.book), what=CANARY), name="visit")
    workflow = Workflow("booking", flow)
    async with serving(tmp_path, workflow) as host:
        exports = exporting(tmp_path)
        run = await begin(host, workflow, {"given": CANARY})
        await ended(host, run)
        version = (await host.store.run(run)).version
        assert await asyncio.to_thread(exports.turn) is None
    exports.close()
    spans = {one.name: one for one in collector.spans}
    assert set(spans) == {
        "invoke_workflow booking",
        "sequential visit",
        "function first",
        "function desk",
        "execute_tool book",
    }
    assert {one.trace_id.hex() for one in spans.values()} == {run}
    up = {name: one.parent_span_id for name, one in spans.items()}
    assert up["invoke_workflow booking"] == b""
    assert up["sequential visit"] == spans["invoke_workflow booking"].span_id
    assert up["function first"] == up["function desk"] == spans["sequential visit"].span_id
    assert up["execute_tool book"] == spans["function desk"].span_id
    for one in spans.values():
        said = plain(one.attributes)
        assert said["ripieno.workflow.version"] == version
        assert said["ripieno.policy.version"]
        assert one.start_time_unix_nano <= one.end_time_unix_nano
    first, call = plain(spans["function first"].attributes), plain(spans["execute_tool book"].attributes)
    assert first["gen_ai.agent.version"] == "7"
    assert first["ripieno.policies"] == ["participants-work"]
    assert (call["gen_ai.operation.name"], call["gen_ai.tool.name"]) == ("execute_tool", "book")
    assert (call["ripieno.effect"], call["ripieno.status"], call["ripieno.attempt"]) == ("write", "done", 1)
    kinds = [one.event_name for one in collector.records if one.trace_id.hex() == run]
    assert kinds[0] == "ripieno.run.started"
    assert kinds[-1] == "ripieno.run.ended"
    assert collector.records[-1].span_id == spans["invoke_workflow booking"].span_id
    [resource] = [
        plain(request.resource_spans[0].resource.attributes)
        for at, request in collector.requests
        if at == "/v1/traces"
    ]
    assert resource["service.name"] == "ripieno"
    assert resource["service.version"]
    assert CANARY.encode() not in collector.sent


async def test_what_was_measured_is_added_up(tmp_path: Path, collector: Collector) -> None:
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host:
        exports = exporting(tmp_path)
        for _ in range(3):
            await ended(host, await begin(host, workflow))
        await asyncio.to_thread(exports.turn)
        await asyncio.to_thread(exports.turn)
    exports.close()
    [runs] = collector.measured["ripieno.run.duration"].histogram.data_points
    assert runs.count == 3
    assert plain(runs.attributes)["gen_ai.workflow.name"] == "visit"
    events = {
        plain(one.attributes)["ripieno.kind"]: one.as_int
        for one in collector.measured["ripieno.events"].sum.data_points
    }
    assert (events["run.started"], events["run.ended"]) == (3, 3)


async def test_requests_to_models_are_told_as_the_conventions_say(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "sk-only-for-tests-0123456789")

    def price(of: str) -> int:
        del of
        return 3

    workflow = Workflow("shop", agent("buyer", model="chat", tools=[tool(price, effect="read")]))
    script = turns(Calls([("price", {"of": "tea"})]), Says("3"))
    async with (
        serving(tmp_path, workflow) as host,
        asking(script, chat={"price": {"input": "1", "output": "10"}}),
    ):
        exports = exporting(tmp_path)
        await ended(host, await begin(host, workflow, "tea?"))
        await asyncio.to_thread(exports.turn)
    exports.close()
    said = [plain(one.attributes) for one in collector.spans if one.name == "chat gpt-5-mini"]
    assert len(said) == 2
    assert said[0]["gen_ai.provider.name"] == "openai"
    assert said[0]["gen_ai.response.model"] == "gpt-5-mini-2026-01-01"
    assert (said[0]["gen_ai.usage.input_tokens"], said[0]["gen_ai.usage.output_tokens"]) == (100, 20)
    assert said[0]["gen_ai.response.finish_reasons"] == ["tool_call"]
    assert said[0]["ripieno.cost_usd"] == pytest.approx(0.0003)
    turn = plain(collector.span("invoke_agent buyer").attributes)
    assert (turn["gen_ai.operation.name"], turn["gen_ai.agent.name"]) == ("invoke_agent", "buyer")
    assert turn["ripieno.tokens"] == 240
    tokens = collector.measured["gen_ai.client.token.usage"].histogram.data_points
    assert {plain(one.attributes)["gen_ai.token.type"]: one.sum for one in tokens} == {
        "input": 200,
        "output": 40,
    }
    [asking_took] = collector.measured["gen_ai.client.operation.duration"].histogram.data_points
    assert asking_took.count == 2
    [cost] = collector.measured["ripieno.cost"].sum.data_points
    assert cost.as_double == pytest.approx(0.0006)


async def test_a_wait_for_a_person_is_a_span_from_question_to_answer(
    tmp_path: Path, collector: Collector
) -> None:
    asking = [human(name, role=name) for name in ("clinician", "pharmacist")]
    workflow = Workflow("visit", concurrent(*asking, resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        exports = exporting(tmp_path)
        run = await begin(host, workflow)
        await parked(host, run)
        await asyncio.to_thread(exports.turn)
        exports.close()
        after = exporting(tmp_path)  # another process: how the wait began is in the log
        for name in ("clinician", "pharmacist"):
            await reply(host, await asked(host, run, name), {"proceed": True}, by=BOTH)
        await ended(host, run)
        await asyncio.to_thread(after.turn)
        question, answer = [(await events(host, run, kind))[0] for kind in ("asked", "answered")]
    after.close()
    wait = collector.span("wait for clinician")
    assert wait.start_time_unix_nano == question.at * 1000 < answer.at * 1000 == wait.end_time_unix_nano
    assert b"ada" not in collector.sent


async def test_a_child_run_is_part_of_the_trace_of_the_run_above(
    tmp_path: Path, collector: Collector
) -> None:
    inner = Workflow("inner", gives(1, "first"))
    workflow = Workflow("outer", subworkflow(inner))
    async with serving(tmp_path, workflow, inner) as host:
        exports = exporting(tmp_path)
        run = await begin(host, workflow)
        await ended(host, run)
        await asyncio.to_thread(exports.turn)
    exports.close()
    assert {one.trace_id.hex() for one in collector.spans} == {run}
    child = collector.span("invoke_workflow inner")
    assert child.parent_span_id == collector.span("workflow inner").span_id


async def test_what_failed_is_an_error_and_says_of_which_class(tmp_path: Path, collector: Collector) -> None:
    workflow = Workflow("visit", Function(fails, name="first", pure=True))
    async with serving(tmp_path, workflow) as host:
        exports = exporting(tmp_path)
        await ended(host, await begin(host, workflow))
        await asyncio.to_thread(exports.turn)
    exports.close()
    for name in ("function first", "invoke_workflow visit"):
        span = collector.span(name)
        assert span.status.code == span.status.STATUS_CODE_ERROR
        assert plain(span.attributes)["error.type"] == "failed"
    assert CANARY.encode() not in collector.sent


@pytest.mark.parametrize("refused", ["/v1/traces", "/v1/logs"])
async def test_who_could_not_be_told_is_told_again_under_the_same_ids(
    tmp_path: Path, collector: Collector, refused: str
) -> None:
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host:
        exports = exporting(tmp_path)
        before = len(collector.records)
        await ended(host, await begin(host, workflow))
        collector.refuses = {refused: 400}
        problem = await asyncio.to_thread(exports.turn) or ""
        assert "did not take the" in problem
        assert "400" in problem
        with Feeding(tmp_path) as told:
            assert [one.feed for one in told.cursors().values() if one.failed_at] == [
                f"otlp:{collector.address}"
            ]
        collector.refuses = {}
        assert await asyncio.to_thread(exports.turn) is None
        assert await asyncio.to_thread(exports.turn) is None
    exports.close()
    ids = [one.span_id for one in collector.spans]
    assert len(ids) == (4 if refused == "/v1/logs" else 2)
    assert len(set(ids)) == 2
    told = [plain(one.attributes)["ripieno.position"] for one in collector.records[before:]]
    assert told == sorted(set(told))
    [runs] = collector.measured["ripieno.run.duration"].histogram.data_points
    assert runs.count == 1


async def test_whoever_is_new_is_told_from_now_on_and_one_tells_at_a_time(
    tmp_path: Path, collector: Collector
) -> None:
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host:
        await ended(host, await begin(host, workflow))
        exports = exporting(tmp_path)
        assert collector.spans == []
        run = await begin(host, workflow)
        await ended(host, run)
        await asyncio.to_thread(exports.turn)
        exports.close()
        other = exporting(tmp_path)
        await asyncio.to_thread(other.turn)
        other.close()
    assert {one.trace_id.hex() for one in collector.spans} == {run}


async def test_a_process_that_serves_tells_as_it_goes_and_once_more_at_its_end(
    tmp_path: Path, collector: Collector
) -> None:
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host:
        async with observed(tmp_path, Telemetry.read()):
            while not collector.records:
                await ended(host, await begin(host, workflow))
                await asyncio.sleep(0.01)
            last = await begin(host, workflow)
            await ended(host, last)
        assert last in {one.trace_id.hex() for one in collector.spans}
        async with observed(tmp_path, Telemetry()):
            pass


async def test_a_process_that_lives_shorter_than_a_turn_tells_of_all_it_did(
    tmp_path: Path, collector: Collector
) -> None:
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host, observed(tmp_path, Telemetry.read()):
        await ended(host, await begin(host, workflow))
    assert {one.name for one in collector.spans} == {"invoke_workflow visit", "function first"}


async def test_nobody_waits_for_a_collector_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    workflow = Workflow("visit", gives(1, "first"))
    async with serving(tmp_path, workflow) as host, observed(tmp_path, Telemetry.read()):
        assert (await ended(host, await begin(host, workflow))).status == "complete"


async def test_what_is_not_installed_is_named_with_what_to_do(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    del collector
    monkeypatch.delitem(__import__("sys").modules, "ripieno.telemetry.exporting")
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http._log_exporter", None
    )
    with pytest.raises(SettingsError, match="not installed") as refused:
        async with observed(tmp_path, Telemetry.read()):
            pass
    assert "ripieno[otel]" in str(refused.value.remedy)


@pytest.mark.parametrize(
    ("said", "signals"),
    [
        ({}, set[str]()),
        ({"ENDPOINT": "http://c:4318"}, {"traces", "metrics", "logs"}),
        ({"TRACES_ENDPOINT": "https://user:secret@c/v1/traces"}, {"traces"}),
    ],
)
def test_the_environment_says_who_is_told_of_what(said: dict[str, str], signals: set[str]) -> None:
    read = Telemetry.read({f"OTEL_EXPORTER_OTLP_{name}": value for name, value in said.items()})
    assert read.signals == signals
    assert "secret" not in read.name


def test_what_is_switched_off_is_not_told() -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}
    assert not Telemetry.read(named | {"OTEL_SDK_DISABLED": "true"}).signals
    assert Telemetry.read(named | {"OTEL_LOGS_EXPORTER": "none"}).signals == {"traces", "metrics"}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "expected such as http://localhost:4318"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "'grpc' is not spoken",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "zipkin"}, "got 'zipkin'"),
    ],
)
def test_what_cannot_be_told_that_way_is_refused(said: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Telemetry.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"} | said)
