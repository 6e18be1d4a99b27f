"""What is told of an edit: who put other arguments in place, as the one who proposed these."""

from __future__ import annotations

from conftest import Cli
from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, BOB, EVE, YES, booking, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, reply

NOT_EVE = """
@id("not-eve")
forbid (principal == Person::"eve", action == Action::"tool.call", resource == Tool::"book");
"""
BED = {**YES, "arguments": {"what": "bed"}}


async def test_who_edited_is_told_of_what_was_done_and_of_what_was_denied(cli: Cli) -> None:
    workflow, policies = booking(Elsewhere()), cli.folder / "policies"
    async with governed(cli.home, gate_of(policies, ask=ASK), workflow) as host:
        done, denied = await begin(host, workflow), await begin(host, workflow)
        await reply(host, await asked(host, done, "approval/1"), BED, by=EVE)
        await reply(host, await asked(host, done, "approval/2"), YES, by=BOB)
        await ended(host, done)
        host.store.gate = gate_of(policies, eve=NOT_EVE)
        await reply(host, await asked(host, denied, "approval/1"), BED, by=EVE)
        await ended(host, denied)
    assert f"called; edited by {EVE.id}" in " ".join(cli.ok("runs", "show", done).out.split())
    [effect] = cli.ok("runs", "show", done, "--output", "json").json["effects"]
    [refused] = cli.ok("runs", "show", denied, "--output", "json").json["refused"]
    assert (effect["edited_by"], refused["edited_by"]) == ([EVE.id], [EVE.id])
    why = cli.ok("runs", "why", done, "desk/tool/1", "what").out
    assert f"edited by {EVE.id}, approved by {BOB.id}" in why
    assert f"put there by {EVE.id}, in place of visit" in why
    [way] = cli.ok("runs", "why", done, "desk/tool/1", "what", "--output", "json").json
    assert (way["edited_by"], way["approved"]) == ([EVE.id], [BOB.id])
    assert f"(edited by {EVE.id})" in cli.ok("audit", "report", "--run", done).out
    assert f"book (edited by {EVE.id})" in cli.ok("audit", "report", "--run", denied).out
    other = cli.run("policy", "whatif", "--run", done)
    assert "not-eve" in other.out, "a past act is decided anew for who edited it"
