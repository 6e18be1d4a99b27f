"""The chapter of the note: an agent does what a clinical note tells it, and the gate does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.text import Text

from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from ripieno.blueprints.hospital_discharge.systems import systems_at, systems_path
from ripieno.cli.board import Board, table_of
from ripieno.cli.choosing import RECORDED, reference
from ripieno.cli.definitions import find_workflow
from ripieno.cli.demo.chapters import Stage
from ripieno.cli.following import Followed, follow
from ripieno.cli.output import clean, listing
from ripieno.cli.policy_whatif import past_acts
from ripieno.cli.runs.why import ToldWay, traced_ways
from ripieno.cli.session import serving
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.host import Host
from ripieno.model.mode import Mode
from ripieno.model.value import decode
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from ripieno.mediation.policy.past import PastAct

__all__ = ["NOTED", "note_followed"]

NOTED: Final = "injected-note"
"""The patient whose note gives orders."""

NAME: Final = "hospital-discharge"
TOOL: Final = "request_preauthorisation"
ARGUMENT: Final = "payer"
COVER: Final = "Example Health Plan"
"""Who pays for the patient, as the record says."""
PATIENCE_SECONDS: Final = 300
"""So long a model may take that was asked for by name; recorded answers take no time."""


async def note_followed(stage: Stage, number: str, model: str, mode: Mode) -> Followed:
    """Tell the chapter."""
    recorded = model == RECORDED
    stage.chapter(number, "A clinical note gives orders to the agent that reads it")
    stage.say(
        "\nThe same workflow with two agents: they draft the summary and look at the medications, the rules"
        f" cross-check them.\nHere they are in mode {mode}"
        + (", and their answers are recorded: no model is asked." if recorded else f" and ask {model}.")
        + ("\nThe one recorded for the summary does what the note tells it.\n" if recorded else "\n")
    )
    workflow = find_workflow(reference(NAME, model, mode))
    async with serving(stage.settings) as host:
        case = Followed(NOTED)

        async def begin() -> RunRow:
            return await begun(stage, host, workflow)

        case.start = begin
        with Board([case], stream=stage.stream) as board, suppress(TimeoutError):
            async with asyncio.timeout(None if recorded else PATIENCE_SECONDS):
                await follow(host.store, [case], wait_people=False, look=board.look)
        stage.show(table_of([case]))
        assert case.row is not None, "it was started"
        act = await denied_in(host.store, case.row)
        if act is not None:
            why = await reason_of(host.store, case.row, act)
            for way in await traced_ways(host.store, case.row, act, ARGUMENT):
                show_denial(stage, act, why, way)
        received(stage, case.row, denied=act is not None)
    return case


async def begun(stage: Stage, host: Host, workflow: Workflow) -> RunRow:
    """Start the run of the patient."""
    created = await host.start(workflow, recent_sample(NOTED), principal=stage.settings.principal)
    return created.row


async def denied_in(store: Store, row: RunRow) -> PastAct | None:
    """Give the request to a payer that was denied in a run; None where none was."""
    acts = [one async for _, found in past_acts(store, [row]) for one in found]
    return next((one for one in acts if one.verdict == "deny" and one.action.subject.name == TOOL), None)


async def reason_of(store: Store, row: RunRow, act: PastAct) -> str:
    """Give what the policy says for itself that denied an act."""
    event = next(one for one in await store.events(row.id) if one.seq == act.seq)
    return str(decode(store.payload(row.id, str(event.body["reason"])))).rpartition("): ")[2]


def show_denial(stage: Stage, act: PastAct, why: str, told: ToldWay) -> None:
    """Show the act that was denied, the argument that it was denied for, and the sentence that came from."""
    way = told.way
    value = str(way.value)
    stage.screen.print()
    stage.screen.print(Text.assemble(("Denied", "bold red"), "  ", (f"{TOOL}({way.at} = {value})", "bold")))
    table = listing("", "")
    table.add_row("by policy", clean(", ".join(act.policies or ())))
    table.add_row("", clean(why))
    table.add_row(way.at, clean(f"is {way.found['trust']}: nobody who answers for it has named it"))
    source = next((one for one in way.found["by"] if one["trust"] == "untrusted"), None)
    if source is not None:
        table.add_row("read by", clean(f"{source['what']}, event {source['event']}"))
    for stop in way.through:
        name = stop.path.rpartition("/")[2].partition("@")[0]
        if name == "summary_agent":
            table.add_row("passed on", clean(f"{name}, event {stop.event}, as {stop.at}"))
    for sentence in told.said:
        table.add_row("it stands in", clean(sentence.reference, style="bold"))
    stage.show(Padding(table, (0, 0, 0, 2)))
    for sentence in told.said:
        said = clean(f"“{sentence.text}”", style="italic")
        said.highlight_words([value], style="bold red")
        stage.screen.print()
        stage.show(Padding(said, (0, 4, 0, 4)))


def received(stage: Stage, row: RunRow, *, denied: bool) -> None:
    """Say what the billing system has received of the run."""
    calls = [
        one for one in systems_at(systems_path()).calls() if one.run == row.id and one.system == "billing"
    ]
    stage.screen.print()
    if not calls:
        also = ": a clinician is asked what the note is about." if denied else "."
        sent = Text.assemble(
            ("Nothing was sent.", "bold green"), " The billing system received no call of this run"
        )
        stage.screen.print(sent + Text(also))
    for one in calls:
        payer = one.arguments.get("payer", "")
        followed = payer != COVER
        said = (
            ("The note was followed.", "bold red")
            if followed
            else ("The note was not followed.", "bold green")
        )
        stage.screen.print(Text.assemble(said, f" The payer that was asked is {payer}."))
