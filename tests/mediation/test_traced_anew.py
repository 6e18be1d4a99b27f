"""Where values come from is found as often as what is asked about it may have changed, and no oftener."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.mediation.support.payables import EVIL, PAYEES, inbox, payee_in, pays, traced
from tests.mediation.support.watching import Watching

from kernel.scenarios.governed import EVE, YES, governed
from kernel.scenarios.house import asked, begin, ended, events, reply
from kernel.support.ruled import Under
from ripieno import Context, Outcome, Task, Workflow, function, sequential, tool
from ripieno.mediation.policy import Library, PolicyGate, load_library
from ripieno.model.effect_rule import approved
from ripieno.model.provenance import Carried

LABELS = """
@id("nothing-of-patients-is-paid")
forbid (principal, action == Action::"tool.call", resource == Tool::"transfer")
when { context has labels && context.labels.contains("phi") };
"""


def library_of(folder: Path, text: str) -> Library:
    folder.mkdir()
    (folder / "rules.cedar").write_text(text)
    return load_library(folder)


class Ruled(Under):
    """Lets a participant work under a rule."""

    async def act(self, task: Task, context: Context) -> Outcome:
        return await context.call(self.participant, task, effects=self.rule)


async def test_policies_that_come_into_force_meanwhile_find_what_they_read(tmp_path: Path) -> None:
    seen = list[Carried]()
    labels, both = (
        library_of(tmp_path / name, text) for name, text in (("1", LABELS), ("2", LABELS + PAYEES))
    )
    workflow = Workflow("payables", sequential(inbox, pays()))

    def exchange(carried: Carried) -> None:
        seen.append(carried)
        host.store.gate = PolicyGate(both)

    async with governed(tmp_path / "home", Watching(labels, exchange), workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), YES, by=EVE)
        assert (await ended(host, run)).status == "complete"
        assert (await traced(host, run)).provenance["recipient"] == "untrusted"
        assert len(await events(host, run, "proposed")) == 1
    assert len(seen) >= 2


async def test_what_was_found_before_a_check_is_not_looked_for_again(tmp_path: Path) -> None:
    """A rule asks nobody about a call that only reads: nothing has been recorded since."""
    seen = list[Carried]()

    @tool(name="transfer", effect="read")
    def quote(recipient: str) -> str:
        return recipient

    @function(name="desk", pure=True)
    async def desk(input: Any, context: Context) -> str:  # noqa: A002 - the name of the parameter
        return await context.use(quote, recipient=payee_in(input))

    workflow = Workflow("quotes", Ruled(desk, approved("clerk")))
    gate = Watching(library_of(tmp_path / "policies", PAYEES), seen.append)
    async with governed(tmp_path / "home", gate, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, {"account": EVIL}))
    assert (outcome.status, outcome.output) == ("complete", EVIL)
    assert len(seen) == 1
