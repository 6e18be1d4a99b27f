"""Which workflows are served, and as what tools: their name, their purpose, their input's JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ripieno.journal.store import Created
from ripieno.kernel.deployments import deployed
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError
from ripieno.model.principal import Principal
from ripieno.workflows.deployed import Deployment
from ripieno.workflows.workflow import Workflow

__all__ = ["Given", "Offered", "Starts", "in_production", "input_schema", "value_of"]

INPUT = "input"
"""The argument that is the input, where a workflow does not say that its input is an object."""


class Starts(Protocol):
    """What runs are started of."""

    async def start(self, host: Host, value: object, *, principal: Principal, key: str | None) -> Created:
        """Start a run, or give the one that has this key."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A workflow that was given itself."""

    workflow: Workflow

    async def start(self, host: Host, value: object, *, principal: Principal, key: str | None) -> Created:
        """Start a run, or give the one that has this key."""
        return await host.start(self.workflow, value, principal=principal, key=key)


@dataclass(frozen=True, slots=True)
class Offered:
    """A workflow as it is offered."""

    workflow: Workflow
    """What its name, purpose and input are read from."""
    starts: Starts

    @property
    def name(self) -> str:
        """What the tool is called."""
        return self.workflow.name

    @property
    def description(self) -> str:
        """What it is for, and how it ends."""
        purpose = (self.workflow.purpose or "").rstrip(".") or f"Runs the workflow {self.name}"
        return (
            f"{purpose}. Gives the output of the run; where the run waits for a person, its id, and the tasks"
            " that are waited for: `runs_show` tells later how it stands."
        )

    @property
    def whole(self) -> bool:
        """Whether the arguments of the tool are the input itself."""
        schema = input_schema(self.workflow)
        return schema is not None and schema.get("type") == "object"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the tool's arguments."""
        schema = input_schema(self.workflow)
        if schema is not None and self.whole:
            return {"properties": {}, **schema}
        return {
            "type": "object",
            "properties": {INPUT: schema or {}},
            "required": [] if schema is None else [INPUT],
        }


def input_schema(workflow: Workflow) -> Mapping[str, Any] | None:
    """Give the JSON Schema of a workflow's input; None where it declares none."""
    return None if workflow.input is None else workflow.input.schema


def value_of(offered: Offered, arguments: Mapping[str, Any]) -> object:
    """Give the input of a run that is called with these arguments; raises `InputError`."""
    if offered.whole:
        return dict(arguments)
    for name in arguments:
        if name != INPUT:
            msg = f"{offered.name}: no argument {name!r}: the input is given as {INPUT!r}"
            raise InputError(msg)
    return arguments.get(INPUT)


async def in_production(host: Host, tenant: str) -> Sequence[Offered]:
    """Give what is in production of a tenant; new runs get the version that they fall to."""
    names = dict.fromkeys(row.workflow for row in await host.store.versions(tenant))
    found: list[Offered] = []
    for name in sorted(names):
        if deployed(host.store, tenant, name).production is not None:
            deployment = Deployment(tenant, name)
            found.append(Offered((await deployment.workflows(host.store))[0], deployment))
    return found
