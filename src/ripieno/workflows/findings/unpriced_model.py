"""A limit of money over a model whose price nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno.model.errors import RipienoError
from ripieno.participants.base import BaseParticipant
from ripieno.participants.llm.agent import Agent
from ripieno.participants.llm.models import MODELS
from ripieno.participants.llm.rates import priced
from ripieno.participants.step import Step
from ripieno.workflows.findings.base import Finding, FindingKind, everyone
from ripieno.workflows.places import Places
from ripieno.workflows.workflow import Workflow

__all__ = ["UnpricedModel"]


class UnpricedModel(FindingKind):
    """What it asks counts as free, and no such limit trips; where runs are served it may have a price."""

    code = "unpriced-model"
    severity = "warning"
    title = "A limit of money over a model without a price"

    def find(self, workflow: Workflow, places: Places) -> Iterator[Finding]:
        """Look up the price of each model that a limit of money is for, an agent's or a server's of tools."""
        for who, within in limited(workflow):
            for agent in dict.fromkeys(within):
                for model in unpriced(agent):
                    reason = (
                        f"{agent.name!r} asks {model!r}, of which no price is known: that counts as free,"
                        f" and the limit of money of {who} does not hold it"
                    )
                    yield self.at(places.of(agent), reason, fix(model))
        if workflow.limits.cost_usd is None:
            return
        for name, connector in workflow.connectors.items():
            sampling = getattr(getattr(connector, "server", None), "sampling", None)
            if sampling is not None and without_price(sampling.model):
                reason = (
                    f"connector {name!r} may ask {sampling.model!r} for answers, of which no price is known:"
                    " the limit of money of the run does not hold them"
                )
                yield self.at(places.file, reason, fix(sampling.model))


def limited(workflow: Workflow) -> Iterator[tuple[str, Iterator[BaseParticipant]]]:
    """Give who a limit of money is of, and everyone whom it is for; the outermost alone."""
    if workflow.limits.cost_usd is not None:
        yield "the run", workflow.everyone()
        return
    for step in everyone(workflow):
        if isinstance(step, Step) and step.settings.limits is not None and step.settings.limits.cost_usd:
            yield repr(step.name), step.everyone()


def unpriced(agent: BaseParticipant) -> Iterator[str]:
    """Give the models of an agent whose price is not known."""
    if not isinstance(agent, Agent):
        return
    if agent.given is not None:
        yield from (one.id for one in agent.entries if not priced(one))
        return
    yield from (model for model in agent.models if without_price(model))


def without_price(model: str) -> bool:
    """Tell whether a model has no known price; one that is not known at all is a finding of its own."""
    try:
        return not priced(MODELS.find(model))
    except RipienoError:
        return False


def fix(model: str) -> str:
    """Say what to do."""
    return (
        f'say in ripieno.toml what {model} costs: price = {{ input = "1.25", output = "10" }}; "0" is a price'
    )
