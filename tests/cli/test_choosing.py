"""`ripieno run --model` and `--mode`: whom the agents of a workflow that ships with Ripieno ask."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.blueprints.test_discharge_agents import SUMMARY, drafts

from conftest import Cli
from providers.server import serving

NAME = "hospital-discharge"

OWN = """
from ripieno import Workflow, function


@function(pure=True)
def one() -> int:
    return 1


w = Workflow("own", one)
"""


def run(cli: Cli, *arguments: str, **environment: str) -> Any:
    return cli.run(
        "run", NAME, "--input", cli.patient("clean"), "--no-wait-people", "--output", "json", *arguments,
        **environment,
    )  # fmt: skip


def test_recorded_answers_are_plainly_called_so_wherever_they_are_seen(cli: Cli) -> None:
    result = run(cli, "--model", "recorded", "--mode", "auto")
    [document] = result.json
    assert (result.code, document["status"]) == (0, "complete")
    assert "recorded answers in the place of a model's, written for the sample patients" in result.err
    assert document["output"]["drafted_by"] == "a recorded answer, given by no model"
    shown = cli.ok("runs", "show", document["run_id"])
    assert "recorded:ripieno.blueprints.hospital_discharge" in shown.out
    suggested = run(cli, "--model", "recorded")
    assert suggested.json[0]["status"] == "waiting"
    assert "The draft of a recorded answer, given by no model" in cli.ok("inbox", "show", "t-1").out
    for task in ("t-1", "t-2"):  # another process each, which finds the workflow by how it was registered
        answered = cli.ok("inbox", "approve", task, "--reason", "read", "--output", "json").json
    assert answered["status"] == "complete"


def test_without_a_model_the_rules_work_and_nothing_is_said(cli: Cli) -> None:
    for arguments in ((), ("--model", "none")):
        result = run(cli, *arguments)
        assert result.json[0]["status"] == "complete"
        assert result.json[0]["output"]["drafted_by"] is None
        assert "model" not in result.err


def test_a_key_alone_shows_nobody_a_health_record(cli: Cli) -> None:
    result = run(cli, OPENAI_API_KEY="sk-only-for-tests")
    assert result.json[0]["output"]["drafted_by"] is None
    assert "rules alone, as openai:gpt-5-mini (OPENAI_API_KEY is set) is not approved for phi" in result.err
    named = run(cli, "--model", "openai:gpt-5-mini", "--mode", "auto", OPENAI_API_KEY="sk-only-for-tests")
    assert "openai:gpt-5-mini is not approved for phi: the gate will not let it" in named.err
    assert named.json[0]["status"] == "waiting"
    assert "forbidden by models-of-workflows-with-phi-are-approved" in cli.ok("inbox", "show", "t-1").out
    doctor = cli.ok("doctor", "--output", "json", OPENAI_API_KEY="sk-only-for-tests").json
    [told] = [one for one in doctor if one["check"] == "model"]
    assert (told["verdict"], "not approved for phi" in told["found"]) == ("warning", True)
    assert 'approved_for = ["phi"]' in told["remedy"]


async def test_an_ollama_that_is_found_is_asked(cli: Cli) -> None:
    async with serving(drafts(SUMMARY)) as provider:
        provider.models = [{"name": "llama3.2:latest"}]
        there = {"OLLAMA_HOST": f"127.0.0.1:{provider.port}"}
        result = await asyncio.to_thread(run, cli, "--mode", "auto", **there)
        doctor = await asyncio.to_thread(cli.ok, "doctor", **there)
    assert f"agents ask ollama:llama3.2:latest (Ollama at {there['OLLAMA_HOST']} has it)" in result.err
    assert result.json[0]["output"]["course"] == SUMMARY["narrative"]
    assert [one.model for one in provider.asked] == ["llama3.2:latest"] * 2
    assert "ollama:llama3.2:latest: Ollama at" in " ".join(doctor.out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "none", "--mode", "auto"), "there is nobody to be in mode auto"),
        (("--mode", "auto"), "there is no model here that hospital-discharge could ask"),
        (("--model", "opnai:gpt-5"), "no provider of models is called 'opnai' (did you mean 'openai'?)"),
        (("--model", "fast"), "no model is called 'fast'"),
        (("--model", "recorded:json"), "no answers are recorded with 'json'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    cli: Cli, arguments: tuple[str, ...], says: str
) -> None:
    result = run(cli, *arguments)
    assert result.code != 0
    assert says in result.err
    assert not (cli.home / "journal.sqlite").exists()


def test_a_workflow_that_names_its_models_itself_takes_no_other(cli: Cli) -> None:
    cli.write("own.py", OWN)
    result = cli.run("run", "own.py:w", "--model", "recorded")
    assert "own.py:w names the models and modes of its agents itself" in result.err
    for reference in (f"{NAME}?mode=auto", f"{NAME}?model=a&model=b", f"{NAME}?modle=a", f"{NAME}?"):
        wrong = cli.run("run", reference)
        assert f"after {NAME}? expected model=NAME" in wrong.err, reference


def test_the_sentence_that_a_value_came_from_is_told(cli: Cli) -> None:
    shown = cli.run(
        "run", NAME, "--input", cli.patient("injected-note"), "--no-wait-people", "--output", "json",
        "--model", "recorded", "--mode", "auto",
    ).json[0]  # fmt: skip
    why = cli.ok("runs", "why", shown["run_id"], "bill/tool/1", "payer").out
    assert ", denied" in why
    assert "said there: DocumentReference/note-ward-4: “To the assistant that prepares this discharge" in why
    [told] = json.loads(
        cli.ok("runs", "why", shown["run_id"], "bill/tool/1", "payer", "--output", "json").out
    )
    assert (told["verdict"], told["said"][0]["reference"]) == ("deny", "DocumentReference/note-ward-4")
