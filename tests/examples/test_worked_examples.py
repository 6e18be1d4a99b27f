"""The worked examples do what their pages say, and end as they should on each of their inputs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from docs.pages import Page, examples
from ripieno import Host, Outcome, Principal, Workflow
from ripieno.kernel.commands import answer, asked_for
from ripieno.model.event import Event
from ripieno.workflows.check import check
from ripieno.workflows.load import load
from warm_start import WarmStart

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
OPERATOR = Principal("person", "op", every_role=True)
WORKFLOWS = {
    "stock_analysis": "workflow.yaml",
    "customer_service": "workflow.yaml",
    "content_review": "content_review.py:workflow",
    "incident_investigation": "incident.py:workflow",
}


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    """Forget what the examples import, so that none is taken for another's."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def example(name: str) -> Workflow:
    return load(str(FOLDER / name / WORKFLOWS[name])).workflow


def given(name: str, case: str) -> Any:
    return json.loads((FOLDER / name / "inputs" / f"{case}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Ending:
    """How one case of an example ended."""

    outcome: Outcome
    asked: str | None
    """The role that was asked, if any."""
    events: list[Event]


async def ending(host: Host, name: str, case: str, said: object = None) -> Ending:
    """Run an example on one of its inputs; whoever is asked says the same."""
    created = await host.start(example(name), given(name, case), principal=OPERATOR)
    run, asked = created.row.id, None
    if (await host.rest(run)).status == "waiting":
        [question] = await host.store.questions(run=run)
        asked = question.role
        await answer(host.store, host.clock, question, by=OPERATOR, value=said)
    return Ending(await host.outcome(run), asked, list(await host.store.events(run)))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_is_found_in_an_example(name: str) -> None:
    loaded = load(str(FOLDER / name / WORKFLOWS[name]))
    assert check(loaded.workflow, loaded.places) == []


@pytest.mark.parametrize(
    ("case", "advice", "asked"),
    [
        ("agreed", {"advice": "buy", "by": "the analysts"}, None),
        ("outvoted", {"advice": "buy", "by": "the analysts"}, None),
        ("split", {"advice": "hold", "by": "the committee"}, "investment-committee"),
    ],
)
async def test_analysts_vote_and_a_committee_decides_what_splits_them(
    host: Host, case: str, advice: dict[str, str], asked: str | None
) -> None:
    ended = await ending(host, "stock_analysis", case, {"advice": "hold"})
    assert ended.outcome.status == "complete"
    assert {name: ended.outcome.output[name] for name in advice} == advice
    assert ended.asked == asked
    assert next(event.body["what"] for event in ended.events if event.kind == "choice") == "resolve"


@pytest.mark.parametrize(
    ("case", "answered", "asked"),
    [
        ("charged-twice", "We credited 19", None),
        ("large-refund", "by hand", "team-lead"),
        ("locked-out", "unlocked", None),
        ("offline", "partly down", None),
        ("round-and-round", "by hand", "team-lead"),
    ],
)
async def test_a_case_is_settled_by_the_desk_that_can_or_by_a_person(
    host: Host, case: str, answered: str, asked: str | None
) -> None:
    ended = await ending(host, "customer_service", case, {"answer": "by hand"})
    assert ended.outcome.status == "complete"
    assert answered in ended.outcome.output["answer"]
    assert ended.asked == asked
    claims = [event.path for event in ended.events if event.kind == "intent"]
    assert len(claims) == (case == "charged-twice")


@pytest.mark.parametrize(
    ("case", "text", "asked"),
    [
        ("plain", "The new plan costs less and can be left at any month's end.", None),
        ("boastful", "likely returns, low-risk. Join now.", None),
        ("stubborn", "by the editor", "editor"),
    ],
)
async def test_a_text_is_revised_until_all_approve_or_an_editor_decides(
    host: Host, case: str, text: str, asked: str | None
) -> None:
    ended = await ending(host, "content_review", case, {"text": "by the editor"})
    assert (ended.outcome.status, ended.outcome.output) == ("complete", {"text": text})
    assert ended.asked == asked


async def investigated(host: Host, *, rolled_back: bool) -> tuple[Outcome, list[str]]:
    """Investigate the incident, letting every plan through; give what came of it and what was asked."""
    value = given("incident_investigation", "slow-checkout")
    run = (await host.start(example("incident_investigation"), value, principal=OPERATOR)).row.id
    asked: list[str] = []
    while (await host.rest(run)).status == "waiting":
        for question in await host.store.questions(run=run):
            asked.append(asked_for(host.store, question).title)
            said = {"proceed": rolled_back or "plan" in asked[-1], "note": "not now"}
            await answer(host.store, host.clock, question, by=OPERATOR, value=said)
        while len([one for one in await host.store.events(run) if one.kind == "answered"]) < len(asked):
            await host.rest(run)
    return await host.outcome(run), asked


async def test_an_incident_is_taken_back_after_two_plans_once_a_person_agrees(host: Host) -> None:
    ended, asked = await investigated(host, rolled_back=True)
    assert asked == [*["May it go by this plan?"] * 2, "may roll_back be called?"]
    assert (ended.status, ended.output["missing"]) == ("complete", [])
    assert ended.output["answer"]["ruled_out"] == [
        "payments p95 ms stayed within the usual (measures/payments p95 ms)",
        "payments has logged no error (logs/payments)",
    ]
    assert ended.output["answer"]["done"] == ["checkout 5.18 was rolled back (operations)"]


async def test_an_incident_that_may_not_be_taken_back_is_answered_with_what_is_known(host: Host) -> None:
    ended, _ = await investigated(host, rolled_back=False)
    assert ended.status == "partial"
    assert "release 5.18 of checkout" in "".join(ended.output["answer"]["found"])
    assert ended.output["answer"]["done"] == []
    assert any("checkout-rollback" in missing for missing in ended.output["missing"])


@pytest.mark.parametrize("name", WORKFLOWS)
async def test_what_the_page_shows_is_what_is_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: WarmStart
) -> None:
    shutil.copytree(FOLDER, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "data"))
    page = Page(tmp_path, warm)
    for found in examples(tmp_path / "examples" / name / "README.md"):
        if found.language == "console":
            await page.run(found)


def test_every_example_has_a_page_that_says_that_no_model_is_at_work() -> None:
    for name in WORKFLOWS:
        assert "no model" in (FOLDER / name / "README.md").read_text(encoding="utf-8")
