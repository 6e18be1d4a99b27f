"""What runs remember: about whom, by whom, for how long; undone, replaced, forgotten and erased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Host, Memory, Workflow, function, sequential
from ripieno.kernel.rollback import roll_back
from ripieno.model.errors import DefinitionError
from ripieno.retention.erasing import erase

NOTES = Memory("notes", subject="patient.id", keep="30d", data=["phi"])
HOURS = 3600.0


def about(patient: str, **more: Any) -> dict[str, Any]:
    return {"patient": {"id": patient}, **more}


def acts(memory: Memory = NOTES, name: str = "ward") -> Workflow:
    """Give a workflow whose code does to the memory what its input says."""

    @function(name="nurse", pure=True)
    async def nurse(input: dict[str, Any], context: Context) -> Any:  # noqa: A002 - the name of the parameter
        return await context.use(memory.tool(input["do"]), **input.get("with", {}))

    return Workflow(name, sequential(nurse), connectors=[memory])


async def did(host: Host, workflow: Workflow, patient: str, do: str, **arguments: Any) -> Any:
    run = await begin(host, workflow, about(patient, do=do, **{"with": arguments}))
    outcome = await ended(host, run)
    assert outcome.status == "complete", outcome.reason
    return outcome.output


async def texts(host: Host, workflow: Workflow, patient: str, query: str = "") -> list[str]:
    found = await did(host, workflow, patient, "recall", query=query)
    return [one["text"] for one in found["memories"]]


async def test_what_one_run_remembers_of_a_subject_another_about_it_recalls_and_no_other(
    tmp_path: Path,
) -> None:
    ward = acts()
    async with serving(tmp_path, ward) as host:
        await did(host, ward, "p1", "remember", text="Tolerates penicillin badly")
        await did(host, ward, "p1", "remember", text="Prefers to be called in the morning")
        await did(host, ward, "p2", "remember", text="Penicillin is fine")
        assert await texts(host, ward, "p1", "penicillin") == ["Tolerates penicillin badly"]
        assert await texts(host, ward, "p1") == [
            "Prefers to be called in the morning",
            "Tolerates penicillin badly",
        ]
        assert await texts(host, ward, "p2") == ["Penicillin is fine"]
        assert await texts(host, ward, "p3") == []
        assert await texts(host, ward, "p1", 'AND " NEAR( *') == []
        (found,) = (await did(host, ward, "p2", "recall", query="fine penicillin?"))["memories"]
    assert found["score"] > 0
    assert (found["trust"], found["from"].startswith("trusted: input")) == ("trusted", True)


async def test_each_participant_may_have_a_memory_of_its_own(tmp_path: Path) -> None:
    own = Memory("own", of="participant")
    first, second = acts(own, "first"), acts(own, "second")
    async with serving(tmp_path, first, second) as host:
        await did(host, first, "p1", "remember", text="the printer is broken")
        assert await texts(host, second, "p1") == []
        assert await texts(host, first, "p2") == ["the printer is broken"]


async def test_a_run_that_says_nobody_remembers_nothing_and_says_why(tmp_path: Path) -> None:
    ward, keyed = acts(), acts(Memory("cases", subject="key"), "cases")
    async with serving(tmp_path, ward, keyed) as host:
        for workflow, given, why in (
            (ward, {"do": "recall", "patient": "p1"}, "no 'patient.id' in its input"),
            (ward, {"do": "recall", "patient": {"id": True}}, "no 'patient.id' in its input"),
            (keyed, {"do": "recall"}, "no business key"),
        ):
            outcome = await ended(host, await begin(host, workflow, given))
            assert outcome.status == "failed"
            assert why in str(outcome.reason)
        started = await host.start(
            keyed, {"do": "remember", "with": {"text": "seen"}}, principal=OPERATOR, key="c-7"
        )
        assert (await ended(host, started.row.id)).status == "complete"
        started = await host.start(
            acts(Memory("cases", subject="key"), "cases"), {"do": "recall"}, principal=OPERATOR, key="c-8"
        )
        assert (await ended(host, started.row.id)).output == {"memories": []}


async def test_what_is_replaced_or_forgotten_is_recalled_no_more(tmp_path: Path) -> None:
    ward = acts()
    async with serving(tmp_path, ward) as host:
        old = await did(host, ward, "p1", "remember", text="takes 5 mg")
        new = await did(host, ward, "p1", "remember", text="takes 7 mg", replaces=old["id"])
        assert await texts(host, ward, "p1") == ["takes 7 mg"]
        assert await did(host, ward, "p1", "forget", id=new["id"]) == {"id": new["id"], "forgotten": True}
        assert await did(host, ward, "p1", "forget", id=new["id"]) == {"id": new["id"], "forgotten": False}
        assert await texts(host, ward, "p1") == []
        for do, arguments in (
            ("forget", {"id": "0" * 16}),
            ("remember", {"text": "x", "replaces": old["id"]}),
        ):
            run = await begin(host, ward, about("p1", do=do, **{"with": arguments}))
            outcome = await ended(host, run)
            assert (outcome.status, "no memory" in str(outcome.reason)) == ("failed", True)


async def test_nobody_forgets_or_replaces_what_is_about_somebody_else(tmp_path: Path) -> None:
    ward = acts()
    async with serving(tmp_path, ward) as host:
        kept = await did(host, ward, "p1", "remember", text="allergic to latex")
        for do, arguments in (
            ("forget", {"id": kept["id"]}),
            ("remember", {"text": "not allergic", "replaces": kept["id"]}),
        ):
            outcome = await ended(host, await begin(host, ward, about("p2", do=do, **{"with": arguments})))
            assert (outcome.status, "no memory" in str(outcome.reason)) == ("failed", True)
        assert await texts(host, ward, "p1") == ["allergic to latex"]


async def test_what_is_over_is_not_recalled(tmp_path: Path) -> None:
    ward, clock = acts(), HandClock()
    async with serving(tmp_path, ward, clock=clock) as host:
        await did(host, ward, "p1", "remember", text="wears glasses")
        clock.turn(30 * 24 * HOURS - 1)
        assert await texts(host, ward, "p1") == ["wears glasses"]
        clock.turn(2)
        assert await texts(host, ward, "p1") == []


async def test_what_was_remembered_is_undone_and_what_was_forgotten_comes_back(tmp_path: Path) -> None:
    ward = acts()
    async with serving(tmp_path, ward) as host:

        async def undone(do: str, **arguments: Any) -> None:
            run = await begin(host, ward, about("p1", do=do, **{"with": arguments}))
            assert (await ended(host, run)).status == "complete"
            row = await host.store.run(run)
            undoing = await roll_back(host.store, host.clock, row, by=OPERATOR, reason="it was wrong")
            assert (await ended(host, undoing.id)).status == "complete"

        await undone("remember", text="never said")
        assert await texts(host, ward, "p1") == []
        old = await did(host, ward, "p1", "remember", text="takes 5 mg")
        await undone("remember", text="takes 7 mg", replaces=old["id"])
        assert await texts(host, ward, "p1") == ["takes 5 mg"]
        await undone("forget", id=old["id"])
        assert await texts(host, ward, "p1") == ["takes 5 mg"]


async def test_a_run_that_is_erased_takes_what_it_remembered_with_it(tmp_path: Path) -> None:
    ward = acts()
    async with serving(tmp_path, ward) as host:
        run = await begin(host, ward, about("p1", do="remember", **{"with": {"text": "lives in Ghent"}}))
        kept = (await ended(host, run)).output
        row = await host.store.run(run)
        await erase(host.store, row, by=OPERATOR, reason="asked for it")
        assert await texts(host, ward, "p1") == []
        found = host.store.memory("default", kept["id"])
        assert (found is not None and found.state) == "erased"
    assert b"lives in Ghent" not in (tmp_path / "journal.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"subject": "patient..id"}, "subject must be a path"),
        ({"subject": ""}, "subject must be a path"),
        ({"of": "nobody"}, "of must be"),
        ({"most": 0}, "between 1 and 50"),
        ({"most": 51}, "between 1 and 50"),
        ({"keep": 0}, "expected a positive duration"),
        ({"data": ["health"]}, "unknown class of data"),
    ],
)
def test_a_memory_that_cannot_work_is_refused(settings: Any, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        Memory("notes", **settings)
