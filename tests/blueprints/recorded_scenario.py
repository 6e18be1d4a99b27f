"""The discharge with agents whose answers are recorded, for crash tests: a note gives orders."""

from __future__ import annotations

from blueprints.discharge_scenario import DAY, answered, effects, settle_in, without_keys
from kernel.support.scenario import Scenario
from ripieno.blueprints.hospital_discharge.agents.workflow import with_agents
from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from ripieno.participants.llm import loops, recordings

__all__ = ["SCENARIO"]

LOADED = (loops, recordings)
"""What takes long to load is there before processes are forked."""

PATIENT = "injected-note"

SCENARIO = Scenario(
    with_agents("recorded", "auto"),
    lambda: recent_sample(PATIENT, DAY),
    settle_in,
    effects,
    answered,
    without_keys,
)
