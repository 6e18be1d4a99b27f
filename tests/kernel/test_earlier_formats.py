"""A run that waits in a data folder of an earlier format goes on in this version."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from kernel.scenarios.house import serving
from ripieno import Workflow, human, role
from ripieno.kernel import commands
from ripieno.model.principal import Principal

FORMAT_1 = Path(__file__).parents[1] / "journal" / "support" / "format_1.zip"
ADA = Principal("person", "ada", roles=frozenset({"clerk"}))
THEN = Workflow("written-before", human("clerk", role="clerk", due="52w", then=role("head")))
VERSION = "938ffabb3d28ecc718b4019de2b82db05739dd919432dd145be8094d5959c808"


def test_a_definition_of_the_earlier_version_has_the_same_version_now() -> None:
    assert THEN.version == VERSION


async def test_a_run_that_waited_is_answered_and_ends(tmp_path: Path) -> None:
    with ZipFile(FORMAT_1) as archive:
        archive.extractall(tmp_path)
    async with serving(tmp_path, THEN) as host:
        (waiting,) = await host.store.questions()
        await commands.answer(host.store, host.clock, waiting, by=ADA, value={"proceed": True}, reason="yes")
        outcome = await host.outcome(waiting.run)
    assert (outcome.status, outcome.reason) == ("complete", "yes")
