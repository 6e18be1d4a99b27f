"""What is to be run: a workflow that is given, or one that is deployed under a name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ripieno.cli.choosing import chosen
from ripieno.cli.definitions import find_workflow
from ripieno.cli.output import note
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.places import is_there
from ripieno.kernel.deployments import deployed
from ripieno.model.errors import InputError
from ripieno.model.mode import Mode
from ripieno.model.principal import Principal
from ripieno.workflows.deployed import Deployment
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from ripieno.journal.store import Created
    from ripieno.kernel.host import Host

__all__ = ["Served", "served"]

LENGTH: Final = 12
"""Digits of a version that people see."""


class Served(Protocol):
    """What runs are started of."""

    @property
    def name(self) -> str:
        """The workflow's."""
        ...

    def check_input(self, value: object) -> None:
        """Raise `InputError` when no run can start with this input."""
        ...

    def check_needs_no_input(self) -> None:
        """Raise `InputError` when no run can start without an input."""
        ...

    async def start(
        self, host: Host, value: object, *, principal: Principal, key: str | None, detach: bool
    ) -> Created:
        """Start a run, or give the one that has this key."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A workflow that was given itself: its own draft."""

    workflow: Workflow

    @property
    def name(self) -> str:
        """The workflow's."""
        return self.workflow.name

    def check_input(self, value: object) -> None:
        """Raise `InputError` when no run can start with this input."""
        self.workflow.check_input(value)

    def check_needs_no_input(self) -> None:
        """Raise `InputError` when no run can start without an input."""
        check_needs_no_input(self.workflow)

    async def start(
        self, host: Host, value: object, *, principal: Principal, key: str | None, detach: bool
    ) -> Created:
        """Start a run, or give the one that has this key."""
        return await host.start(self.workflow, value, principal=principal, key=key, detach=detach)


@dataclass(frozen=True, slots=True)
class Named:
    """A workflow that is deployed, with what its new runs may get."""

    deployment: Deployment
    workflows: tuple[Workflow, ...]

    @property
    def name(self) -> str:
        """The workflow's."""
        return self.deployment.name

    def check_input(self, value: object) -> None:
        """Raise `InputError` when no run can start with this input, whichever version it falls to."""
        for workflow in self.workflows:
            workflow.check_input(value)

    def check_needs_no_input(self) -> None:
        """Raise `InputError` when no run can start without an input, whichever version it falls to."""
        for workflow in self.workflows:
            check_needs_no_input(workflow)

    async def start(
        self, host: Host, value: object, *, principal: Principal, key: str | None, detach: bool
    ) -> Created:
        """Start a run, or give the one that has this key."""
        return await self.deployment.start(host, value, principal=principal, key=key, detach=detach)


def check_needs_no_input(workflow: Workflow) -> None:
    """Raise `InputError`, naming who reads it, where a workflow takes an input."""
    remedy = "--input FILE gives it, --input FOLDER one run for each *.json, --input - reads it from stdin"
    reader = workflow.reads_input()
    if reader is not None:
        msg = f"{workflow.name} takes an input: {reader} reads it"
        raise InputError(msg, remedy=remedy)
    try:
        workflow.check_input(None)
    except InputError as error:
        msg = f"{workflow.name} takes an input: {error.message}"
        raise InputError(msg, remedy=remedy) from error


def served(settings: Settings, text: str, *, model: str | None = None, mode: Mode | None = None) -> Served:
    """Give what people mean by `text`: a file or object that there is, else what is deployed by that name.

    `model` and `mode` are those of its agents, of a workflow that ships with Ripieno: then that is meant.
    """
    if (
        model is None
        and mode is None
        and ":" not in text
        and not Path(text).is_file()
        and is_there(settings.home)
    ):
        named = asyncio.run(in_production(settings, text))
        if named is not None:
            return named
    return Given(find_workflow(chosen(text, model, mode)))


async def in_production(settings: Settings, text: str) -> Named | None:
    """Give what is deployed under a name; None where nothing is in production."""
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        if deployed(store, tenant, text).production is None:
            return None
        deployment = Deployment(tenant, text)
        found = await deployment.workflows(store)
        also = f", candidate {found[1].version[:LENGTH]}" if len(found) > 1 else ""
        note(f"{text}: version {found[0].version[:LENGTH]} in production{also}")
        return Named(deployment, tuple(found))
