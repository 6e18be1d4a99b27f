"""The tools of a workflow, as far as they can be told without running it, and their secrets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from ripieno.connectors.tool import Tool
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import SecretError
from ripieno.participants.base import BaseParticipant
from ripieno.participants.frameworks.base import FrameworkAgent
from ripieno.participants.function import Function
from ripieno.participants.llm.agent import Agent
from ripieno.participants.remote import RemoteAgent
from ripieno.participants.workflow import Subworkflow
from ripieno.patterns.single_agent import SingleAgent

__all__ = ["classes_in", "open_all", "references", "tools_in"]


def tools_in(participant: BaseParticipant) -> list[Tool]:
    """Give the tools that a participant has, or which its function names, with what undoes them."""
    if isinstance(participant, SingleAgent | Agent | RemoteAgent | FrameworkAgent):
        found = list(participant.tools)
    elif isinstance(participant, Function) and participant.binding.context is not None:
        found = [one for one in named_by(participant.function) if isinstance(one, Tool)]
    else:
        found = []
    return [*found, *(tool.undo for tool in found if tool.undo is not None)]


def named_by(function: Callable[..., Any]) -> list[object]:
    """Give what a function names of its module and of what is around it, as far as it has a value by now."""
    whole = inspect.unwrap(function)
    plain = whole.__func__ if inspect.ismethod(whole) else whole
    held = [plain.__globals__[name] for name in plain.__code__.co_names if name in plain.__globals__]
    for cell in plain.__closure__ or ():
        with suppress(ValueError):  # given its value later
            held.append(cell.cell_contents)
    return held


async def open_all(secrets: Iterable[Reference]) -> list[str]:
    """Open secrets; give the reasons for those that cannot be had."""
    problems: list[str] = []
    for reference in secrets:
        try:
            await SECRETS.open(reference)
        except SecretError as error:
            problems.append(error.message)
    return problems


def references(participants: Iterable[BaseParticipant]) -> tuple[Reference, ...]:
    """Give the secrets that the tools of participants declare, each once."""
    found = [tool for participant in dict.fromkeys(participants) for tool in tools_in(participant)]
    known = [one for tool in found for one in tool.secrets.values()]
    for tool in found:
        if tool.on_demand is not None:  # whoever has it may call every tool of its connector
            known += tool.on_demand.connector.secrets
    return tuple(dict.fromkeys(known))


def classes_in(participants: Iterable[BaseParticipant]) -> list[str]:
    """Give the classes of data that the tools of participants, and workflows they run, are declared with."""
    found: set[str] = set()
    for participant in dict.fromkeys(participants):
        found.update(name for tool in tools_in(participant) for name in tool.data)
        if isinstance(participant, Subworkflow):
            about = participant.workflow.about
            found.update(about.get("data", ()), about.get("carries", ()))
    return sorted(found)
