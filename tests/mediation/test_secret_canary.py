"""A value that a tool gives away in every way it can is found nowhere that a run leaves behind."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from sealed import everything_decoded, files_with, forms_of

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, parked, reply, serving, turned
from ripieno import Context, Evidence, Outcome, Secret, ToolError, Workflow, function, sequential, tool
from ripieno.cli.dispatch import dispatch
from ripieno.kernel.commands import cancel
from ripieno.kernel.home import data_folder
from ripieno.mediation.secrets import redact

CANARY = 'canary-"42\\é/sings+loud'
REFERENCE = "secret://env/RIPIENO_CANARY"
SECRETS = {"key": REFERENCE}
log = logging.getLogger("canary.tool")


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIPIENO_CANARY", CANARY)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Give what is logged, as a handler writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(exc_text)s"))
    log.addHandler(handler)
    yield stream
    log.removeHandler(handler)


class MetError(Exception):
    """An error with what it met in its message."""


def chatter(key: Secret) -> dict[str, Any]:
    """Say a secret in every way that ordinary code does."""
    value = key.reveal()
    log.warning("key is %s", value)
    log.warning("as JSON: %r", {"key": [value]})
    mistaken = "%s and %s"
    log.warning(mistaken, value)
    try:
        raise MetError(value)  # noqa: TRY301 - as careless code does
    except MetError:
        log.exception("failed with %s", key)
    return {
        "plain": value,
        value: "as a name",
        "basic": base64.b64encode(f"me:{value}".encode()).decode(),
        "url": f"https://x.example/?key={quote(value, safe='')}",
        "hex": value.encode().hex(),
        "object": key,
        "shown": f"{key} {key!r} {key:>50}",
    }


@tool(effect="read", secrets=SECRETS)
def tells(key: Secret) -> dict[str, Any]:
    """Give it back."""
    return chatter(key)


@tool(secrets=SECRETS, attempts=1)
def refuses(key: Secret) -> None:
    """Say it in an error that had no effect."""
    raise ToolError(f"no access with {key.reveal()}")  # noqa: EM102, TRY003 - the carelessness is what is tested


@tool(effect="read", secrets=SECRETS, attempts=1)
def fails(key: Secret) -> None:
    """Say it in an error, and in the one before it."""
    try:
        raise KeyError(key.reveal())  # noqa: TRY301
    except KeyError as error:
        raise ValueError(f"bad {key.reveal()!r}") from error  # noqa: EM102, TRY003


async def find(key: Secret) -> dict[str, str]:
    """Say it when asked what became of a call."""
    return {"found with": key.reveal()}


@tool(secrets=SECRETS, on_uncertain=find)
def doubtful(key: Secret) -> None:
    """Leave open what happened, saying it."""
    raise RuntimeError(key.reveal())


@tool(secrets=SECRETS)
def put_back(key: Secret, result: Any) -> str:
    """Take something back, saying it."""
    return f"put {result} back with {key.reveal()}"


@tool(secrets=SECRETS, undo=put_back)
def take(key: Secret) -> str:
    """Do something that can be taken back."""
    return f"taken with {key.reveal()}"


@function(pure=True)
async def careless(input: Any, context: Context) -> Outcome:  # noqa: A002
    """Use all of them, and repeat what they say."""
    del input
    said: list[Any] = [await context.use(tells), await context.use(take), await context.use(doubtful)]
    for one in (refuses, fails):
        try:
            await context.use(one)
        except ToolError as error:
            said.append(error.message)
    await context.choose("way", "on", offered=["on"], because={"seen": CANARY})
    return Outcome("complete", [said, CANARY], evidence=[Evidence("a note", CANARY)], reason=f"knew {CANARY}")


@function(pure=True)
def breaks(careless: Any) -> None:
    """End in an error that holds it."""
    del careless
    raise MetError(CANARY)


WORKFLOW = Workflow("canary", sequential(careless, breaks))

SHOWING = (
    ["runs", "list"],
    ["runs", "show", "RUN"],
    ["runs", "events", "RUN"],
    ["policy", "explain", "RUN", "PATH"],
    ["runs", "rollback", "RUN", "--dry-run"],
    ["runs", "erase", "RUN", "--dry-run"],
    ["inbox", "list"],
    ["agents", "list"],
    ["workflows", "list"],
    ["policy", "whatif"],
    ["audit", "log"],
    ["audit", "verify"],
    ["audit", "report", "--run", "RUN"],
    ["audit", "report", "--period", "4w"],
)
"""What shows something of a run, or of what happened."""


def handing_out(folder: Path, number: int) -> list[list[str]]:
    """Give what writes files that others are given: exports with values, reports, and backups with keys."""
    return [
        ["audit", "export", "--to", f"{folder}/{number}.jsonl", "--values"],
        ["audit", "export", "--to", f"{folder}/{number}.ocsf", "--ocsf"],
        ["audit", "report", "--run", "RUN", "--to", f"{folder}/{number}.md"],
        ["backup", f"{folder}/backup-{number}"],
    ]


async def test_no_sink_holds_it_and_the_events_say_that_they_were_covered(
    tmp_path: Path, written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        outcome = await ended(host, run)
        assert outcome.status == "failed"
        assert REFERENCE in str(outcome.reason)
        recorded = await everything_decoded(host.store, data_folder(tmp_path))  # pyright: ignore[reportArgumentType] - the embedded store
        for data in recorded:
            assert not any(form in data for form in forms_of(CANARY)), data
        assert any(REFERENCE.encode() in data for data in recorded)
        assert files_with(tmp_path, CANARY) == [], "nor does the write-ahead log"
        results = await events(host, run, "result")
        assert {str(event.body.get("redacted")) for event in results} >= {str([REFERENCE])}
        assert all("redacted" in event.body for event in results), "each of these calls told it"
        [first, *_] = [event for event in await events(host, run, "scope") if "careless" in event.path]
        assert first.body["outcome"]["redacted"] == [REFERENCE]
    said = written.getvalue()
    assert not any(form in said.encode() for form in forms_of(CANARY)), said
    assert said.count(f"[{REFERENCE}]") >= 3
    assert "Traceback" in said, "what happened is still told"
    out = tmp_path / "out"
    out.mkdir()
    for number, output in enumerate(("table", "json")):
        for command in (*SHOWING, *handing_out(out, number)):
            told = [{"RUN": run, "PATH": results[0].path}.get(word, word) for word in command]
            code = await asyncio.to_thread(dispatch, [*told, "--home", str(tmp_path), "--output", output])
            assert code in (0, 1), (told, capfd.readouterr())
    shown = "".join(capfd.readouterr())
    assert REFERENCE in shown
    assert not any(form in shown.encode() for form in forms_of(CANARY))
    written_out = [file for file in out.rglob("*") if file.is_file()]
    assert {file.suffix for file in written_out} >= {".jsonl", ".md", ".ocsf"}
    assert any(REFERENCE in file.read_text("utf-8", "replace") for file in written_out), "with values"
    assert files_with(tmp_path, CANARY) == []


async def test_an_undo_that_tells_it_leaves_nothing_either(tmp_path: Path) -> None:
    @function(pure=True)
    async def holds(input: Any, context: Context) -> None:  # noqa: A002
        del input
        await context.use(take)
        await context.sleep(3600)

    workflow = Workflow("holds", holds)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR, undo=True)
        assert "undone: take" in str((await ended(host, run)).reason)
        for data in await everything_decoded(host.store, data_folder(tmp_path)):  # pyright: ignore[reportArgumentType]
            assert not any(form in data for form in forms_of(CANARY)), data
    assert files_with(tmp_path, CANARY) == []


async def test_a_person_who_is_asked_what_became_of_a_call_is_not_told_it(tmp_path: Path) -> None:
    @tool(secrets=SECRETS, attempts=1)
    def unsure(key: Secret) -> None:
        raise RuntimeError(key.reveal())

    @function(pure=True)
    async def one(input: Any, context: Context) -> None:  # noqa: A002
        del input
        await context.use(unsure)

    workflow = Workflow("unsure", one)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        question = await asked(host, run)
        [row] = await host.store.questions(run=run)
        assert CANARY not in str(question)
        await reply(host, row, {"happened": False})
        await ended(host, run)
        for data in await everything_decoded(host.store, data_folder(tmp_path)):  # pyright: ignore[reportArgumentType]
            assert not any(form in data for form in forms_of(CANARY)), data


async def test_arguments_that_hold_it_are_refused_and_recorded_nowhere(tmp_path: Path) -> None:
    sent: list[str] = []

    @tool(name="send")
    def send(text: str) -> None:
        sent.append(text)

    @function(pure=True)
    async def leaks(input: Any, context: Context) -> list[str]:  # noqa: A002
        del input
        await context.use(tells)
        said: list[str] = []
        for text in (f"the key is {CANARY}", base64.b64encode(f"me:{CANARY}".encode()).decode()):
            try:
                await context.use(send, text=text)
            except ToolError as error:
                said.append(error.code)
        await context.sleep(60)
        return said

    workflow, clock = Workflow("leaks", leaks), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        refused = await events(host, run, "checked")
        assert [event.body["verdict"] for event in refused] == ["rejected", "rejected"]
        assert [event.body["redacted"] for event in refused] == [[REFERENCE], [REFERENCE]]
        await turned(host, clock, run, 61)
        assert (await ended(host, run)).output == ["secret", "secret"], (
            "read on replay, and refused no second time"
        )
    assert sent == []
    assert files_with(tmp_path, CANARY) == []


async def test_a_traceback_with_its_variables_shows_no_value_of_a_secret_that_was_not_revealed() -> None:
    key = Secret(REFERENCE, CANARY)
    try:
        copied = [key, {"key": key}]
        raise MetError(str(copied))  # noqa: TRY301
    except MetError as error:
        seen = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert CANARY not in "".join(seen.format())


async def test_an_interrupt_in_a_call_carries_no_frame_of_it_along(tmp_path: Path) -> None:
    del tmp_path
    from ripieno.model.action import Call  # noqa: PLC0415 - only here a call is made by hand
    from ripieno.model.event import GENESIS  # noqa: PLC0415

    @tool(secrets=SECRETS)
    async def stopped(key: Secret) -> None:
        value = key.reveal()
        raise SystemExit(len(value))

    call = Call(GENESIS[:40], "run", "path", 1, None)  # pyright: ignore[reportArgumentType] - nobody looks at the time
    with pytest.raises(SystemExit) as met:
        await stopped.call({}, call)
    seen = traceback.TracebackException.from_exception(met.value, capture_locals=True)
    assert "loud" not in "".join(seen.format())


def test_structlog_covers_it_where_the_processor_stands_before_the_one_that_renders(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ripieno.model.confidential import CONFIDENTIAL  # noqa: PLC0415

    CONFIDENTIAL.hold(REFERENCE, CANARY)
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stdout),
        processors=[redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    said = f"said {CANARY}"
    logger.info(said, within={"list": [CANARY]}, plain={"a": 1}, number=3)
    said = capsys.readouterr().out
    assert said.count(REFERENCE) == 2
    assert "canary" not in said.replace("RIPIENO_CANARY", "")
    assert '"plain": {"a": 1}' in said


def test_an_unexpected_error_of_a_command_keeps_it_out_of_stderr_and_of_the_file_it_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ripieno.cli import dispatch as dispatching  # noqa: PLC0415
    from ripieno.model.confidential import CONFIDENTIAL  # noqa: PLC0415

    CONFIDENTIAL.hold(REFERENCE, CANARY)

    def broken(_: object) -> Any:
        raise MetError(CANARY)

    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path))
    monkeypatch.setattr(dispatching, "application", broken)
    assert dispatch(["runs", "list"]) == 1
    assert dispatch(["runs", "list", "--debug"]) == 1
    shown = "".join(capsys.readouterr())
    assert REFERENCE in shown
    assert not any(form in shown.encode() for form in forms_of(CANARY))
    assert files_with(tmp_path, CANARY) == []
