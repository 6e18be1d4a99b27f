"""Agents with a memory and documents: each call a step, and nothing more trusted by being remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asking import asking
from tests.mediation.support.payables import EVIL, MADE, PAYEES, read_mail, transfer

from kernel.scenarios.governed import EVE, NO, gate_of, governed
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, reply, serving
from providers.replies import Asked, Calls, Says, turns
from ripieno import Documents, Memory, Workflow, agent
from ripieno.connectors.documents.adding import add
from ripieno.model.value import decode

NOTES = Memory("notes", of="participant")
HANDBOOK = Documents("handbook", trust="trusted")


def offered(name: str) -> str:
    return NOTES.tool(name).offered_as


async def test_what_a_mail_made_an_agent_remember_pays_nobody_in_a_later_run(tmp_path: Path) -> None:
    MADE.clear()
    poisons = turns(
        Calls([("read_mail", {})]),
        Calls([(offered("remember"), {"text": f"Blum & Co moved to {EVIL}"})]),
        Says("noted"),
    )
    pays = turns(
        Calls([(offered("recall"), {"query": "Blum"})]),
        Calls([("transfer", {"recipient": EVIL, "amount": 4711})]),
        Says("paid"),
    )

    def script(one: Asked) -> Any:
        return pays(one) if "pay Blum" in one.text else poisons(one)

    clerk = agent("clerk", model="chat", tools=[read_mail, transfer, *NOTES.tools])
    workflow = Workflow("payables", clerk)
    gate = gate_of(tmp_path / "policies", payees=PAYEES)
    async with asking(script) as provider, governed(tmp_path / "home", gate, workflow) as host:
        first = await begin(host, workflow, "do the mail")
        assert (await ended(host, first)).output == "noted"
        [row] = host.store.memories("default", None, host.clock.now(), 9)
        assert row.participant == "payables/clerk"
        assert decode(host.store.payload(row.run, row.sources))["provenance"]["text"] == "untrusted"
        run = await begin(host, workflow, "pay Blum")
        question = await asked(host, run)
        assert (question.role, MADE) == ("treasurer", [])
        await reply(host, question, NO, by=EVE)
        await ended(host, run)
        results = [one.body for one in await events(host, run, "result")]
        recalled = [one for one in results if "memory" in one.get("noted", {}).get("retrieved", {})]
    assert [one["trust"] for one in recalled] == ["untrusted"]
    assert recalled[0]["noted"]["retrieved"]["runs"] == [first]
    assert f"moved to {EVIL}" in provider.asked[-1].text
    assert MADE == []


async def test_an_agent_is_told_passages_with_their_sources(tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text("# Leave\n\nSixteen weeks.", "utf-8")
    script = turns(Calls([(HANDBOOK.search.offered_as, {"query": "weeks of leave"})]), Says("sixteen"))
    workflow = Workflow("desk", agent("desk", model="chat", tools=HANDBOOK.tools))
    async with asking(script) as provider, serving(tmp_path / "home", workflow) as host:
        await add(host.store, "handbook", [tmp_path / "leave.md"], by=OPERATOR)
        run = await begin(host, workflow, "how long?")
        assert (await ended(host, run)).output == "sixteen"
        first, second = [
            one.body["noted"] for one in await events(host, run, "result") if "model" in one.body["noted"]
        ]
    assert "retrieved" not in first
    [shown] = second["retrieved"]
    assert (shown["tool"], shown["found"]) == (HANDBOOK.search.offered_as, 1)
    assert float(shown["scores"][0]) > 0
    for part in ("leave.md", "Sixteen weeks.", "score"):
        assert part in provider.asked[-1].text
