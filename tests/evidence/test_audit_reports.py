"""Reports answer from the log who did what, for whom, by which policies, and on what evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from identity.people import opened
from kernel.scenarios.house import asked, cancel, parked
from ripieno import Context, Data, Outcome, Workflow, function, human, sequential, tool
from ripieno.evidence.markdown import cell
from ripieno.evidence.period_page import period_page
from ripieno.evidence.period_report import Period, PeriodReport, report_period
from ripieno.evidence.run_page import run_page
from ripieno.evidence.run_report import RunReport, report_run
from ripieno.identity.reading import read_run
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.model.errors import NotAllowedError
from ripieno.model.principal import Principal

ADA = Principal("person", "ada", roles=frozenset({"operator"}))
CLEO = Principal("person", "cleo", roles=frozenset({"clinician"}))
CARL = Principal("person", "carl")


@tool(effect="write", on_uncertain="retry")
async def send_letter(patient: str, text: str) -> dict[str, str]:
    """Send a letter to a patient."""
    return {"letter": f"L-{len(text)} to {patient}"}


@function(pure=True)
def summarise(given: dict[str, str]) -> Outcome:
    return Outcome("complete", {"patient": given["patient"], "text": "a | b\n# c"}, reason="read | all")


@function(pure=True)
async def write(summarise: dict[str, str], context: Context) -> dict[str, str]:
    return await context.use(send_letter, **summarise)


CLINICIAN = human("clinician", role="clinician", title="Send this letter to <b>Mx Doe</b>?")

LETTERS = Workflow(
    "letters",
    sequential(summarise, CLINICIAN, write),
    owner="care",
    purpose="write to patients",
    risk="high",
    data=[Data.PHI],
    policy="healthcare",
)


async def letters(host: Host) -> str:
    run = (await host.start(LETTERS, {"patient": "P-1"}, principal=ADA, key="enc-1")).row.id
    said = {"proceed": True, "note": "as agreed"}
    await answer(host.store, host.clock, await asked(host, run), by=CLEO, value=said, reason="seen")
    await host.outcome(run)
    return run


async def reported(home: Path) -> tuple[RunReport, PeriodReport]:
    async with opened(home) as store, Host(store) as host:
        run = await letters(host)
        row = await store.run(run)
        await read_run(store, row, "runs show", by=CLEO, reason="the family asked")
        with pytest.raises(NotAllowedError):
            await read_run(store, row, "runs show", by=CARL)
        period = Period(row.requested_at - 10**9, row.requested_at + 10**12)
        return await report_run(store, await store.run(run)), await report_period(store, "default", period)


async def test_a_report_of_a_run_says_who_saw_did_and_decided_what_by_which_policies(tmp_path: Path) -> None:
    report, _ = await reported(tmp_path)
    document = report.document()
    assert document["declared"]["policy"] == "healthcare"
    read = {step["name"]: (step["reads"], step["saw_input"]) for step in document["steps"]}
    assert (read["summarise"], read["write"]) == ((["given"], True), (["summarise"], False))
    [effect] = document["effects"]
    assert (effect["tool"], effect["status"]) == ("send_letter", "done")
    assert effect["arguments"]["patient"] == "P-1"
    assert effect["policies"] == ["tools-are-called"]
    [question] = document["questions"]
    assert (question["answered_by"], question["reason"]) == ("person:cleo", "seen")
    looked = [(one["kind"], one["by"], one["reason"]) for one in document["tenant_log"]]
    assert ("data.read", "person:cleo", "the family asked") in looked
    assert ("act.denied", "person:carl") in [(kind, by) for kind, by, _ in looked]
    version = effect["policy"]
    assert document["policies"][version]["tools-are-called"] == 1
    assert document["policies"][version]["phi-is-read-by-those-who-care"] == 1


async def test_its_page_takes_no_data_for_markdown_and_can_leave_values_out(tmp_path: Path) -> None:
    report, _ = await reported(tmp_path)
    page = run_page(report, values=True)
    assert "a \\| b \\# c" in page
    assert "Send this letter to \\<b\\>Mx Doe\\</b\\>?" in page
    without = run_page(report, values=False)
    for value in ("P-1", "Mx Doe", "as agreed", "seen", "L-9"):
        assert value in page
        assert value not in without.replace("Who has seen its data", "")
    assert "send\\_letter" in without
    assert "person:cleo" in without


async def test_a_report_of_a_period_counts_what_happened_and_shows_no_value(tmp_path: Path) -> None:
    _, report = await reported(tmp_path)
    document = report.document()
    [ran] = document["runs"]
    assert (ran["workflow"], ran["status"], ran["count"]) == ("letters", "complete", 1)
    [decided] = document["decisions"]
    assert (decided["by"], decided["role"]) == ("person:cleo", "clinician")
    [changed] = document["changes"]
    assert (changed["tool"], changed["effect"], changed["became"]) == ("send_letter", "write", "done")
    [denied] = document["denials"]
    assert (denied["where"], denied["policies"]) == ("person:carl", "phi-is-read-by-those-who-care")
    page = period_page(report)
    assert "P-1" not in page
    assert "workflow.registered" in page
    assert "| person:cleo | runs show | phi | 1 |" in page


async def test_what_lies_outside_a_period_is_not_in_its_report(tmp_path: Path) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        run = await letters(host)
        at = (await store.run(run)).requested_at
        before = await report_period(store, "default", Period(at - 10**9, at))
        none = await report_period(store, "elsewhere", Period(at - 1, at + 10**12))
    assert (before.runs, before.changes, before.decisions) == ({}, {}, {})
    assert (none.runs, list(none.events)) == ({}, [])
    assert "Nothing was requested." in period_page(none)


async def test_a_run_that_was_cancelled_says_by_whom_and_what_it_came_to(tmp_path: Path) -> None:
    async with opened(tmp_path) as store, Host(store) as host:
        run = (await host.start(LETTERS, {"patient": "P-1"}, principal=ADA)).row.id
        await parked(host, run)
        early = run_page(await report_run(store, await store.run(run)), values=True)
        await cancel(host, run, reason="not any more")
        await host.outcome(run)
        page = run_page(await report_run(store, await store.run(run)), values=True)
    assert "nobody yet" in early
    assert "**cancelled**: cancelled by person:op: not any more" in page
    assert "Nothing was sent to any system." in page


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a|b", "a\\|b"), ("x\ny\tz", "x y z"), ("\x1b[31mred", "\\[31mred"), ("`rm`", "\\`rm\\`")],
    ids=["bar", "lines", "escape", "code"],
)
def test_data_in_a_cell_stays_one_cell(given: str, shown: str) -> None:
    assert cell(given) == shown


async def test_what_no_line_can_hold_as_it_is_stands_in_full_at_the_end(tmp_path: Path) -> None:
    long, odd = "x" * 299 + "END", "two\nlines, \u202eturned\u202c, ```fenced```"

    @function(pure=True)
    async def post(clerk: dict[str, Any], context: Context) -> dict[str, str]:
        return await context.use(send_letter, patient=long, text=clerk["note"])

    notes = Workflow("notes", sequential(human("clerk", role="clinician", title=f"{long}?"), post))
    async with opened(tmp_path) as store, Host(store) as host:
        run = (await host.start(notes, "x", principal=ADA)).row.id
        await answer(
            host.store,
            host.clock,
            await asked(host, run),
            by=CLEO,
            value={"proceed": True, "note": odd},
            reason=odd,
        )
        await host.outcome(run)
        report = await report_run(store, await store.run(run))
    text = run_page(report, values=True)
    assert report.row.status == "complete", report.outcome
    table, _, whole = text.partition("## Values in full")
    assert ("END" in table, "([value 1](#value-1))" in table) == (False, True)
    sent = json.dumps({"patient": long, "text": odd}, ensure_ascii=False, indent=1)
    assert sent.replace("\u202e", "\\u202e").replace("\u202c", "\\u202c") in whole
    assert f'"{long}?"' in whole
    assert "\n````json\n" in whole
    assert "\u202e" not in text
    assert report.document()["effects"][0]["arguments"] == {"patient": long, "text": odd}
    assert "END" not in run_page(report, values=False)
