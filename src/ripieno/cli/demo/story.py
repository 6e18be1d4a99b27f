"""The demonstration: five chapters on the sample patients, each of which really happens."""

from __future__ import annotations

import time
from typing import Final

from ripieno.blueprints.hospital_discharge import workflow
from ripieno.blueprints.hospital_discharge.sample_patients import SAMPLES, recent_sample
from ripieno.cli.board import Board, table_of
from ripieno.cli.choosing import NONE, RECORDED
from ripieno.cli.demo.chapters import Stage, byte_changed, clinician_decides, nearby, worker_killed
from ripieno.cli.demo.injection import NOTED, note_followed
from ripieno.cli.exits import Exit
from ripieno.cli.following import Followed, document_of, follow
from ripieno.cli.in_folder import only_in_a_folder
from ripieno.cli.loops import run_through
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import duration, listing, write
from ripieno.cli.session import opened, serving
from ripieno.cli.settings import Settings
from ripieno.journal.records import RunRow
from ripieno.kernel.host import Host
from ripieno.model.errors import RipienoError
from ripieno.model.mode import Mode
from ripieno.participants.llm.providers import missing

__all__ = ["demo"]

SHOWN: Final = "interaction"
"""The patient whose question the clinician answers."""


def demo(*, model: str = RECORDED, mode: Mode = "auto", options: Options = DEFAULTS) -> int:
    """Show a hospital discharge: a clinician, a note that gives orders, a killed worker, a changed log.

    No key, no service, no question; under a minute. Everything stays in the data folder, and it can be
    shown again as often as one likes.

    Parameters
    ----------
    model
        What the agents of the third chapter ask: a model, such as ollama:llama3.2, `recorded` for the answers
        that are kept with Ripieno, or `none` for no such chapter.
    mode
        What these agents do: manual, shadow, suggest or auto.

    """
    settings = options.settle()
    only_in_a_folder("ripieno demo")
    stage = Stage(settings)
    try:
        followed = run_through(tell(stage, model, mode))
    except KeyboardInterrupt:
        stage.say("\ninterrupted; what was begun can go on: ripieno runs resume --all")
        return Exit.INTERRUPTED
    if settings.output != "table":
        write(settings.output, followed, None)
    return Exit.OK


async def tell(stage: Stage, model: str, mode: Mode) -> list[dict[str, object]]:
    """Tell the story; give the runs as programs read them."""
    began = time.monotonic()
    stage.title("Ripieno: hospital discharge, seven synthetic patients")
    stage.say(f"{by_whom(model)}\nData folder: {nearby(stage.settings.home)}")
    told_models(stage)
    cases = await side_by_side(stage)
    asked = next(case for case in cases if case.name == SHOWN)
    await clinician_decides(stage, asked)
    others = await with_agents(stage, model, mode)
    others.append(await worker_killed(stage))
    byte_changed(stage, asked)
    async with opened(stage.settings) as store:
        for case in (*cases, *others[:-1]):
            await case.refresh(store)
        documents = [document_of(case, case.name) for case in (*cases, *others)]
    outcomes(stage, [*cases, *others], time.monotonic() - began)
    return documents


async def with_agents(stage: Stage, model: str, mode: Mode) -> list[Followed]:
    """Chapter 3, unless there are to be no agents, or what they need is not installed."""
    if model == NONE:
        return []
    if (command := missing(RECORDED)) is not None:
        stage.chapter("3", "A clinical note gives orders to the agent that reads it")
        stage.say(f"It needs what agents need: {command}")
        return []
    return [await note_followed(stage, "3", model, mode)]


def by_whom(model: str) -> str:
    """Say who does the work."""
    if model in (NONE, RECORDED):
        also = "" if model == NONE else ", and in one chapter recorded answers"
        return (
            f"Rules over the record do the work here{also}, no model:"
            " no key is needed and nothing leaves this machine."
        )
    return f"Rules over the record do the work here, and in one chapter agents that ask {model}."


def told_models(stage: Stage) -> None:
    """Say which models there are here that agents could ask."""
    from ripieno.participants.llm.found import found_models  # noqa: PLC0415 - only here

    try:
        found = found_models()
    except RipienoError as error:
        stage.say(f"Models: {error.message}")
        return
    for one in found:
        lacks = (
            f"; {one.lacks}"
            if one.lacks
            else f": {stage.command(f'demo --model {one.name}')} lets agents ask it"
        )
        stage.say(f"Model found: {one.name} ({one.because}){lacks}")
    if not found:
        stage.say("Models: none found, no key of a provider and no Ollama; none is needed.")


async def side_by_side(stage: Stage) -> list[Followed]:
    """Chapter 1: all patients at once."""
    stage.chapter("1", "Six patients go through side by side")
    async with serving(stage.settings) as host:
        names = [name for name in SAMPLES if name != NOTED]
        cases = [Followed(name, lambda name=name: begin(stage.settings, host, name)) for name in names]
        with Board(cases, stream=stage.stream) as board:
            await follow(host.store, cases, wait_people=False, look=board.look)
    stage.show(table_of(cases))
    return cases


async def begin(settings: Settings, host: Host, name: str) -> RunRow:
    """Start the run of a sample patient."""
    created = await host.start(workflow, recent_sample(name), principal=settings.principal)
    return created.row


def outcomes(stage: Stage, cases: list[Followed], took: float) -> None:
    """Show the end: what became of everyone, where it is, what to try."""
    stage.chapter(" ", "What became of them")
    stage.show(table_of(cases, headings=True))
    home = stage.settings.home
    stage.say(f"\nAll of it took {duration(took)}. What you saw is in {nearby(home)}:", strong=True)
    table = listing("", "")
    table.add_row("journal.sqlite", "the log: state, audit trail and trace of every run")
    table.add_row("hospital.sqlite", "the hospital's scheduling and billing systems")
    stage.show(table)
    waiting = [case for case in cases if case.asked]
    stage.say("\nTry next", strong=True)
    table = listing("", "")
    if waiting:
        task = waiting[0].asked[0].id
        table.add_row(stage.command("inbox list"), f"{len(waiting)} patients still wait: for you, this time")
        table.add_row(stage.command(f"inbox show {task}"), "the evidence")
        table.add_row(stage.command(f'inbox approve {task} --reason "..."'), "the run goes on at once")
    table.add_row(stage.command(f"runs show {run_of(cases)}"), "steps, choices, effects, who answered")
    noted = next((case.row.id[-6:] for case in cases if case.name == NOTED and case.row is not None), None)
    if noted is not None:
        why = stage.command(f"runs why {noted} bill/tool/1 payer")
        table.add_row(why, "where the payer came from that was denied")
    table.add_row(stage.command("audit verify"), "is the log whole?")
    table.add_row(stage.command("init"), "a workflow of your own")
    stage.show(table)


def run_of(cases: list[Followed]) -> str:
    """Give the short id of the run most worth looking at."""
    case = next(case for case in cases if case.name == SHOWN)
    return "" if case.row is None else case.row.id[-6:]
