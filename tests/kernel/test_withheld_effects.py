"""Effects that are recorded and not made, and how the rules for effects add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.house import asked, begin, contents, counted, ended, events, parked, reply, serving
from kernel.support.ruled import Under, under
from ripieno import Context, Host, ToolError, function, human, loop, sequential, tool
from ripieno.model.effect_rule import AUTO, WITHHELD, EffectRule, approved
from ripieno.model.errors import DefinitionError

CLERK = approved("clerk")
YES = {"proceed": True}


@pytest.mark.parametrize("aside", [False, True], ids=["called", "in a branch"])
async def test_a_withheld_effect_is_not_made_and_stands_in_the_log(host: Host, aside: bool) -> None:  # noqa: FBT001 - a parameter of the test
    system = Elsewhere()
    run = await begin(host, under(WITHHELD, uses(tool(system.book), what="visit"), aside=aside))
    outcome = await ended(host, run)
    [proposed] = await events(host, run, "proposed")
    assert system.calls == []
    assert (await counted(host, run))["intent"] == 0
    assert (proposed.body["tool"], proposed.body["rule"]) == ("book", "withheld")
    assert contents(host, proposed, "arguments") == {"what": "visit"}
    assert outcome.status == "partial"
    assert outcome.output["withheld"] == [["under@1/desk@1/tool/1", "book", {"what": "visit"}]]
    assert "withheld" in str(outcome.reason)


async def test_whoever_can_go_on_without_a_withheld_effect_finishes(host: Host) -> None:
    system = Elsewhere()
    book = tool(system.book)

    @function(pure=True)
    async def plans(context: Context) -> list[str]:
        for what in ("visit", "bed"):
            with pytest.raises(ToolError, match="withheld"):
                await context.use(book, what=what)
        return ["planned", str(context.effects == WITHHELD)]

    outcome = await ended(host, await begin(host, under(WITHHELD, plans)))
    assert (outcome.status, outcome.output["gave"]) == ("complete", ["planned", "True"])
    assert [act[2]["what"] for act in outcome.output["withheld"]] == ["visit", "bed"]


async def test_reads_go_through_whatever_the_rule(host: Host) -> None:
    @tool(effect="read")
    def look(what: str) -> str:
        return f"{what} is free"

    outcome = await ended(host, await begin(host, under(WITHHELD, uses(look, what="bed"))))
    assert (outcome.status, outcome.output) == ("complete", {"gave": "bed is free", "withheld": []})


async def test_an_undeclared_function_is_an_effect_and_withheld(host: Host) -> None:
    done: list[int] = []

    @function
    def acts() -> None:
        done.append(1)

    outcome = await ended(host, await begin(host, under(WITHHELD, acts)))
    assert (outcome.status, done) == ("partial", [])


async def test_what_was_withheld_in_a_long_loop_is_told_up_to_a_hundred(host: Host) -> None:
    book = tool(Elsewhere().book)

    @function(pure=True)
    async def tries(context: Context) -> str:
        with pytest.raises(ToolError):
            await context.use(book, what="visit")
        return "again"

    long = loop(tries, until="tries == 'done'", rounds=130)
    run = await begin(host, under(WITHHELD, long))
    outcome = await ended(host, run)
    found = await counted(host, run)
    assert (found["proposed"], len(outcome.output["withheld"])) == (130, 100)
    assert found["segment"] > 0


async def test_what_was_withheld_is_told_after_a_restart_too(tmp_path: Path) -> None:
    book = tool(Elsewhere().book)
    parts = sequential(uses(book, what="visit").on_failure("continue"), human("clerk", role="clerk"))
    workflow = under(WITHHELD, parts)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, await asked(host, run), YES)
        [act] = (await ended(host, run)).output["withheld"]
    assert act[1:] == ["book", {"what": "visit"}]


@pytest.mark.parametrize("rule", [AUTO, CLERK], ids=["free", "approved"])
async def test_below_a_rule_that_withholds_nothing_is_made_whatever_is_said_there(
    host: Host, rule: EffectRule
) -> None:
    system = Elsewhere()
    inner = Under(uses(tool(system.book), what="visit"), rule, name="inner")
    run = await begin(host, under(WITHHELD, inner))
    assert (await ended(host, run)).status == "partial"
    assert system.calls == []


# -- the words -------------------------------------------------------------------------------------------


def test_rules_compose_to_the_stricter() -> None:
    chief = approved("chief", due="1h")
    assert AUTO.within(AUTO).free
    assert [one.role for one in CLERK.within(chief).approvers] == ["clerk", "chief"]
    assert CLERK.within(CLERK) == CLERK
    assert WITHHELD.within(CLERK).withheld
    assert CLERK.within(WITHHELD).withheld
    assert chief.approvers[0].due == 3600.0


def test_an_approval_without_a_role_is_refused() -> None:
    with pytest.raises(DefinitionError):
        approved("")
