"""A process that is killed between sending to a remote agent and recording it: the message is sent once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, ended, parked, reply, serving
from participants.agent_peer import peering
from ripieno.journal.records import RunFilter
from ripieno.workflows.load import load_workflow

FLOW = """
workflow: care
participants:
  triage: {{remote: {{url: "{url}", card: "{card}", on_uncertain: {rule}}}}}
flow: {{step: triage}}
"""


@pytest.mark.parametrize("rule", ["verify", "ask"])
async def test_a_message_that_was_taken_up_is_not_sent_again(tmp_path: Path, rule: str) -> None:
    async with peering() as peer:
        file = tmp_path / "care.yaml"
        file.write_text(FLOW.format(url=peer.url, card=peer.digest, rule=rule))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ripieno.cli", "run", str(file), "--home", str(tmp_path / "data")),
            env={**os.environ, "NO_COLOR": "1"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        peer.after_send = process.kill  # it has the message, and nobody will record that
        assert await process.wait() == -signal.SIGKILL
        peer.after_send = None
        clock = HandClock()  # by which the deadline of the call is long over
        async with serving(tmp_path / "data", load_workflow(str(file)), clock=clock) as host:
            [row] = await host.store.runs(RunFilter())
            if rule == "ask":
                question = await asked(host, row.id, "uncertain")
                result = {"task": {"id": "task-1", "status": {"state": "TASK_STATE_WORKING"}}}
                await reply(host, question, {"happened": True, "result": result})
            await parked(host, row.id)
            peer.done("bed 4")
            clock.turn(6)
            host.ring()
            outcome = await ended(host, row.id)
    assert (outcome.status, outcome.output) == ("complete", "bed 4")
    assert len(peer.messages) == 1
