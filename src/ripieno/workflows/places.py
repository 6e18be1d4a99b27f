"""Where the parts of a workflow stand, so that errors and findings can point at them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ripieno.model.errors import Place
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function

if TYPE_CHECKING:
    from ripieno.workflows.workflow import Workflow

__all__ = ["Places", "places_in_python"]


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one workflow."""

    file: Place
    """The whole."""
    participants: Mapping[BaseParticipant, Place] = field(default_factory=dict[BaseParticipant, Place])
    """Where each participant, step and pattern is declared; those not known are left out."""
    declared: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Where each name under `participants` of a file stands; empty for a workflow in Python."""
    fields: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Where the fields of the workflow itself stand."""

    def of(self, participant: BaseParticipant) -> Place:
        """Give the place of a participant, else that of the whole."""
        return self.participants.get(participant, self.file)

    def field(self, name: str) -> Place:
        """Give the place of one of the workflow's fields, else that of the whole."""
        return self.fields.get(name, self.file)


def places_in_python(workflow: Workflow) -> Places:
    """Give what can be told of a workflow written in Python: where its functions stand."""
    found: dict[BaseParticipant, Place] = {}
    for leaf in workflow.leaves():
        if isinstance(leaf, Function):
            try:
                file = inspect.getsourcefile(leaf.function) or ""
                _, line = inspect.getsourcelines(leaf.function)
            except (OSError, TypeError):
                continue
            found[leaf] = Place(file, line, leaf.name)
    return Places(Place(workflow.source or workflow.name), found)
