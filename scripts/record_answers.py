"""Writes beside each recorded answer of the hospital discharge what it answers: after a change of samples.

The answers themselves are written by hand: no model has given them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ripieno.blueprints import hospital_discharge as blueprint
from ripieno.blueprints.hospital_discharge.agents.chart import chart
from ripieno.blueprints.hospital_discharge.agents.notes import notes
from ripieno.blueprints.hospital_discharge.agents.workflow import with_agents
from ripieno.blueprints.hospital_discharge.sample_patients import sample
from ripieno.model.value import decode, encode
from ripieno.participants.llm.agent import Agent
from ripieno.participants.llm.kept_answers import FOLDER, asked_as
from ripieno.participants.llm.prompts import told


class AtOnce:
    """Calls tools here and now, with no run around it."""

    async def use(self, tool: Any, **arguments: Any) -> Any:
        """Call a tool."""
        return await tool.function(**arguments)


def asked_of(agents: Mapping[str, Agent], agent: str, name: str) -> str:
    """Give the digest of what an agent is asked about a sample patient."""
    record = sample(name)
    summary = blueprint.summarise(record).output
    opened = asyncio.run(notes.function(record, summary, AtOnce()))
    shown = {"chart": chart.function(record, summary), "notes": opened.output}
    return asked_as(agents[agent].told, told({name: decode(encode(one)) for name, one in shown.items()}))


def main() -> None:
    """Write all of them."""
    agents = {one.name: one for one in with_agents("recorded").everyone() if isinstance(one, Agent)}
    folder = Path(next(iter(blueprint.__path__))) / FOLDER
    for file in sorted(folder.glob("*.json")):
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for one in kept["answers"]:
            one["asked"] = asked_of(agents, file.stem, one["of"])
        file.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
