"""The connectors of a workflow: those that it declares, and those whose tools its participants use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ripieno.connectors.connector import Connector, split_reference
from ripieno.connectors.sampler import SAMPLERS, Sampler
from ripieno.connectors.tool import Tool, undo_tool
from ripieno.model.errors import DefinitionError
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.references import load
from ripieno.workflows.tools import named_by, tools_in

__all__ = ["connectors_of", "undo_at"]


def sampler() -> Sampler:
    """Give what has a model asked for a server of tools."""
    from ripieno.participants.llm.sampling import ModelSampler  # noqa: PLC0415 - loads clients of models

    return ModelSampler()


SAMPLERS.declare(sampler)


def connectors_of(
    declared: Sequence[Connector], participants: Iterable[BaseParticipant]
) -> Mapping[str, Connector]:
    """Give connectors by name; raises `DefinitionError` where two of one name have another interface."""
    found: dict[str, Connector] = {}
    for one in (
        *declared,
        *(one for participant in dict.fromkeys(participants) for one in used_by(participant)),
    ):
        known = found.setdefault(one.name, one)
        if known is not one and known.describe() | known.identity() != one.describe() | one.identity():
            msg = f"two connectors are called {one.name!r}, and are not the same"
            raise DefinitionError(msg, remedy="give one of them a name of its own, such as crm-v2")
    return dict(sorted(found.items()))


def used_by(participant: BaseParticipant) -> list[Connector]:
    """Give the connectors whose tools a participant has, or that its function names."""
    found = [tool.connector for tool in tools_in(participant)]
    if isinstance(participant, Function) and participant.binding.context is not None:
        found += [one for one in named_by(participant.function) if isinstance(one, Connector)]
    return [one for one in found if one is not None]


def undo_at(reference: str, connectors: Mapping[str, Connector]) -> Tool | None:
    """Give the tool that takes a call back, by its reference; None when it is not there."""
    of_connector = split_reference(reference)
    if of_connector is not None:
        connector = connectors.get(of_connector[0])
        return None if connector is None else connector.found(reference)
    try:
        return undo_tool(load(reference))
    except DefinitionError:
        return None
