"""`ripieno runs why`: where a value came from, whatever way it took, as people and programs read it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.mediation.support.letters import ASKS, EVIL, letters, passing, read_page, send, source, text_in

from conftest import Cli
from kernel.scenarios.governed import EVE, YES, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, parked, reply, until
from ripieno import Context, Host, Workflow, function, sequential, single_agent, subworkflow, use_tool
from ripieno.kernel.forks import fork

PAGE: Final = f"tool {read_page.name} (untrusted), step "


async def written(cli: Cli, workflow: Workflow, *answers: Any, copied: bool = False) -> str:
    """Run a workflow whose letters are approved with these answers; give the run."""
    async with governed(cli.home, gate_of(cli.folder / "policies", asks=ASKS), workflow) as host:
        run = await begin(host, workflow, {})
        if copied:
            await asked(host, run, "approval")
            await parked(host, run)
            row = await host.store.run(run)
            run = (await fork(host.store, host.clock, row, by=OPERATOR, at=row.head_seq)).id
            host.ring()
        for answer in answers:
            await reply(host, await asked(host, run, "approval"), answer, by=EVE)
        if answers:
            await ended(host, run)
        else:
            await until(lambda: somebody_asked(host))
    return run


async def somebody_asked(host: Host) -> bool | None:
    return any("approval" in one.path for one in await host.store.questions(run=None)) or None


WAYS: Final = {
    "by code": ["stage-0@1 (event", "as note"],
    "by an agent": ["stage-0@1/stage-0-mind@1 (event"],
    "by a child run": ["stage-0@1 (event", "as from"],
    "in a map": ["as items", "stage-0@1/stage-0-map@1/stage-0-item@0 (event"],
    "handed over in short": ["stage-0@1/stage-0-digest@1 (event"],
    "in a chat that is kept short": ["stage-0@1/stage-0-one@1 (event", "stage-0@1/stage-0-other@1 (event"],
    "by managers": ["stage-0@1/stage-0-worker@it (event", "as answer.known[0]"],
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_way_of_a_value_is_told_whatever_it_went_through(cli: Cli, way: str) -> None:
    run = await written(cli, letters((way, "as it is")), YES, YES)
    shown = cli.ok("runs", "why", run, "last/tool/1", "to").out
    assert "send at sequential@1/last@1/tool/1 (event " in shown
    assert f"approved by {EVE.id}" in shown
    assert f"{PAGE}sequential@1/source@1/tool/1" in shown
    assert "passed on by sequential@1/source@1 (event" in shown
    assert all(part in shown for part in WAYS[way])


async def test_what_an_approver_put_in_its_place_is_told_with_what_was_proposed(cli: Cli) -> None:
    edit = {**YES, "arguments": {"to": "treasurer-herself@house.example"}}
    run = await written(cli, letters(("by code", "as it is")), edit, YES)
    shown = cli.ok("runs", "why", run, "last/tool/1", "to").out
    assert "to = treasurer-herself@house.example is trusted" in shown
    assert f"put there by {EVE.id}, in place of {EVIL} (event " in shown
    assert f"answer of {EVE.id} (trusted)" in shown
    [found] = cli.ok("runs", "why", run, "last/tool/1", "to", "--output", "json").json
    assert (found["trust"], found["proposed"]["value"], found["elsewhere"]) == ("trusted", EVIL, [])
    [second] = cli.ok("runs", "why", run, "last/tool/2", "to", "--output", "json").json
    assert (second["trust"], second["proposed"], second["approved"]) == ("untrusted", None, [EVE.id])


async def test_what_came_from_a_child_run_is_told_by_where_that_had_it_from(cli: Cli) -> None:
    child = subworkflow(Workflow("inner", sequential(source())), name="fetch")
    run = await written(cli, Workflow("outer", sequential(child, passing(1, "by code", "base64"), last)), YES)
    shown = cli.ok("runs", "why", run, "last/tool/1", "to").out
    assert f"there from {PAGE}sequential@1/source@1/tool/1, decoded (event " in shown


async def test_a_child_run_tells_where_its_input_is_from(cli: Cli) -> None:
    @function(name="writes", pure=True)
    async def writes(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
        return await context.use(send, to=text_in(input))

    child = subworkflow(Workflow("inner", sequential(writes)), input="previous", name="writer")
    await written(cli, Workflow("outer", sequential(source(), child)))
    [run] = [
        one["run_id"] for one in cli.ok("runs", "list", "--output", "json").json if one["workflow"] == "inner"
    ]
    shown = cli.ok("runs", "why", run, "writes/tool/1", "to").out
    assert "input from run " in shown
    assert f"there from {PAGE}sequential@1/source@1/tool/1" in shown


async def test_a_fork_tells_it_as_its_original_does(cli: Cli) -> None:
    run = await written(cli, letters(("by an effect", "as it is")), YES, YES, copied=True)
    assert f"{PAGE}sequential@1/source@1/tool/1" in cli.ok("runs", "why", run, "last/tool/1", "to").out


async def test_several_sources_a_reference_and_what_is_too_short_are_told_apart(cli: Cli) -> None:
    @function(name="last", pure=True)
    async def writes(previous: dict[str, Any], context: Context) -> str:
        page = await context.use(read_page)
        await context.use(send, to=context.value(page["title"]))
        return await context.use(send, to=f"{previous['address']} about {page['title']}, soon")

    run = await written(cli, Workflow("several", sequential(source(), writes)), YES, YES)
    referred = cli.ok("runs", "why", run, "tool/2", "to").out
    assert f"{PAGE}sequential@1/source@1/tool/1, exact" in referred
    both = cli.ok("runs", "why", run, "tool/3", "to", "--output", "json").json[0]
    assert {by["at"] for by in both["by"]} == {"lines[1]"}
    short = cli.run("runs", "why", run, "tool/1", "to")
    assert short.code != 0


async def test_what_an_agent_made_up_and_what_stands_in_several_arguments_is_told(cli: Cli) -> None:
    @function(name="mind", pure=True)
    def mind(turn: dict[str, Any]) -> Any:
        says: list[Any] = [
            use_tool("read_page"),
            use_tool("send", {"to": "cleo"}),
            use_tool("send", {"to": EVIL}),
            "done",
        ]
        return says[turn["round"] - 1]

    workflow = Workflow("agent", single_agent(mind, tools=[read_page, send], name="clerk"))
    run = await written(cli, workflow)
    shown = cli.ok("runs", "why", run, "clerk@1/send@2-1/tool/1", "to").out
    assert "made up by the agent: too short to be told from chance" in shown
    missing = cli.run("runs", "why", run, "clerk@1/send@2-1/tool/1", "too")
    assert "did you mean 'to'?" in missing.err


@function(name="last", pure=True)
async def last(previous: Any, context: Context) -> str:
    return await context.use(send, to=text_in(previous))
