"""`ripieno run`: a workflow for one input or for many, side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from ripieno.cli.board import Board, table_of
from ripieno.cli.exits import Exit, exit_of_statuses
from ripieno.cli.following import Followed, check_shown, document_of, follow
from ripieno.cli.inputs import Case, cases_in, check_cases, no_input
from ripieno.cli.loops import run_through
from ripieno.cli.named import Served, served
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import note, write
from ripieno.cli.session import serving, unserved
from ripieno.cli.settings import Settings
from ripieno.cli.worker import start_worker
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError, Place
from ripieno.model.ids import short
from ripieno.model.mode import Mode
from ripieno.model.value import decode, encode

__all__ = ["run"]


def run(
    workflow: str,
    /,
    *,
    input: Annotated[str | None, Parameter(name=("--input", "-i"), allow_leading_hyphen=True)] = None,  # noqa: A002 - the option's name
    key: str | None = None,
    detach: bool = False,
    wait_people: bool = True,
    at_once: int | None = None,
    input_limit: str | None = None,
    model: str | None = None,
    mode: Mode | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Run a workflow for a file, for every *.json of a folder, or for what comes in by stdin.

    Every input is checked before the first run is started. Ctrl-C leaves all runs resumable.

    Parameters
    ----------
    workflow
        A YAML file, `package.module:workflow`, the name of a workflow that ships with Ripieno, or of one
        that is deployed: then its version in production is run, or the candidate's share.
    input
        A JSON file, a folder of them, or `-`. May be left out where the workflow takes no input.
    key
        Business key: the same key is the same run, however often it is asked for. With a folder, each
        run has KEY/NAME.
    detach
        Start and return; a process of its own serves the runs.
    wait_people
        Stay until people have answered, too; else return once every run has ended or waits for a person.
    at_once
        How many runs go side by side.
    input_limit
        The largest input that is read, such as 64MB.
    model
        What the agents of a workflow that ships with Ripieno ask: a model, such as ollama:llama3.2,
        `recorded` for answers that are kept with it, or `none` for no agents. When left out, the first model
        that is found here and may be shown its data, else none.
    mode
        What these agents do: manual, shadow, suggest or auto; suggest when left out.

    """
    if key is not None and not key.strip():
        msg = f"expected a business key, got {key!r}"
        raise InputError(msg, remedy="is the shell variable set? without --key every run is a new one")
    settings = options.settle(at_once=at_once, input_limit=input_limit)
    definition = served(settings, workflow, model=model, mode=mode)
    if input is None:
        definition.check_needs_no_input()
        cases = [no_input(definition.name)]
    else:
        cases = cases_in(input, settings.input_limit)
        list(check_cases(cases, definition.check_input))
    plan = Plan(settings, definition, cases, key)
    if detach:
        return asyncio.run(plan.detach())
    return interruptible(plan, wait_people=wait_people)


def interruptible(plan: Plan, *, wait_people: bool) -> int:
    """Follow the runs; Ctrl-C stops following and says how they go on."""
    try:
        return run_through(plan.follow(wait_people=wait_people))
    except KeyboardInterrupt:
        open_runs = [case for case in plan.followed if case.row is not None and not case.settled]
        note(
            f"\ninterrupted; runs that can go on from where they stood: {len(open_runs)}{plan.not_begun()}"
            "\n  ripieno runs resume --all    goes on here"
            "\n  ripieno worker               serves the data folder until interrupted"
        )
        return Exit.INTERRUPTED


async def same_input(store: Store, row: RunRow, case: Case, value: object) -> None:
    """Raise `InputError` when a run that has a case's business key began with another input."""
    started = (await store.events(row.id, limit=1))[0]
    data = encode(value)
    if store.key(row.id).commit(data).hex() == started.body["input"]:
        return
    recorded = decode(store.payload(row.id, str(started.body["input"])))
    if json.dumps(recorded, sort_keys=True) != json.dumps(decode(data), sort_keys=True):
        msg = f"key {row.key!r} is taken by run {short(row.id)}, which began with another input"
        remedy = f"another key makes it another run; ripieno runs show {short(row.id)} shows the one there is"
        raise InputError(msg, place=Place(case.source), remedy=remedy)


class Plan:
    """What was asked for: a workflow, its inputs, under which keys."""

    def __init__(self, settings: Settings, workflow: Served, cases: Sequence[Case], key: str | None) -> None:
        self.settings = settings
        self.workflow = workflow
        self.cases = cases
        self.key = key
        self.followed: list[Followed] = []

    def key_of(self, case: Case) -> str | None:
        """Give the business key of a case."""
        return self.key if self.key is None or len(self.cases) == 1 else f"{self.key}/{case.name}"

    def sources(self) -> dict[str, str | None]:
        """Give where each input was read from, by the name of its case."""
        return {case.name: case.source or None for case in self.cases}

    def not_begun(self) -> str:
        """Say of how many inputs there is no run yet, and what begins them; nothing where all have one."""
        left = len(self.cases) - sum(case.row is not None for case in self.followed)
        if not left:
            return ""
        how = "the same command" if self.key else "a command with those alone"
        return f"\ninputs that were not begun: {left} of {len(self.cases)}; {how} begins them"

    async def check_keys(self, host: Host) -> None:
        """Refuse keys whose runs began with another input, before any run is started."""
        if self.key is None:
            return
        for case in self.cases:
            wanted = RunFilter(
                tenant=self.settings.principal.tenant, workflow=self.workflow.name, key=self.key_of(case)
            )
            for row in await host.store.runs(wanted):
                await same_input(host.store, row, case, await asyncio.to_thread(case.value))

    def followed_from(self, host: Host, case: Case) -> Followed:
        """Give the run of a case as it is to be followed, once it is started."""
        followed = Followed(case.name)

        async def begin() -> RunRow:
            followed.row, existed = await self.start(host, case)
            if existed:  # somebody else may have started it
                await check_shown(host.store, followed, "run", self.settings.principal)
            return followed.row

        followed.start = begin
        return followed

    async def start(self, host: Host, case: Case, *, detach: bool = False) -> tuple[RunRow, bool]:
        """Start the run of a case, or give the one that has its key, and whether there was one."""
        value = await asyncio.to_thread(case.value)
        key = self.key_of(case)
        created = await self.workflow.start(
            host, value, principal=self.settings.principal, key=key, detach=detach
        )
        if created.existed:
            await same_input(host.store, created.row, case, value)
            note(f"{case.name}: key {key!r} is taken; this is the run that has it")
        return created.row, created.existed

    async def follow(self, *, wait_people: bool) -> int:
        """Run all side by side and show what became of them."""
        kind = self.settings.output

        def ended(case: Followed) -> None:
            if kind == "jsonl":
                write(kind, document_of(case, sources[case.name]), None)

        sources = self.sources()
        hint = "ripieno inbox list (Ctrl-C leaves them waiting)" if wait_people else ""
        async with serving(self.settings) as host:
            await self.check_keys(host)
            self.followed = [self.followed_from(host, case) for case in self.cases]
            with Board(self.followed, hint=hint) as board:
                await follow(
                    host.store,
                    self.followed,
                    wait_people=wait_people,
                    at_once=self.settings.at_once,
                    look=board.look,
                    settled=ended,
                )
            if kind != "jsonl":
                documents = [document_of(case, sources[case.name]) for case in self.followed]
                write(kind, documents, table_of(self.followed))
        waiting = sum(bool(case.asked) for case in self.followed)
        if waiting:
            note(f"{waiting} wait{'s' if waiting == 1 else ''} for a person: ripieno inbox list")
        return exit_of_statuses([case.status for case in self.followed])

    async def detach(self) -> int:
        """Start all without serving them, and a process that does."""
        async with unserved(self.settings) as host:
            await self.check_keys(host)
            self.followed = [
                Followed(case.name, row=(await self.start(host, case, detach=True))[0]) for case in self.cases
            ]
        log = start_worker(self.settings)
        sources = self.sources()
        documents = [document_of(case, sources[case.name]) for case in self.followed]
        write(self.settings.output, documents, table_of(self.followed))
        note(f"a process of its own serves them, its log is {log}\n  ripieno runs watch RUN follows one")
        return Exit.OK
