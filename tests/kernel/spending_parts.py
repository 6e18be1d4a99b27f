"""Workflows that spend, and what tests of budgets ask of their logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ripieno import Call, Context, Cost, Function, Outcome, ToolError, tool
from ripieno.kernel.host import Host
from ripieno.model.event import Event
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.value import decode

__all__ = ["buy", "chosen", "of_run", "paid", "pure", "spends"]


def told_maximum(tokens: int, told: int | None = None, fail: str = "") -> Cost:
    """Give what `buy` can cost at most."""
    del told, fail
    return Cost(model_calls=1, tokens=tokens, cost_usd="0.01")


@tool(effect="read", attempts=1, cost=told_maximum)
async def buy(tokens: int, call: Call, told: int | None = None, fail: str = "") -> dict[str, int]:
    """Stand for a model call: reserves `tokens`, tells `told`, fails as it is told to."""
    if told is not None:
        call.spent(model_calls=1, tokens=told, cost_usd="0.005")
    if fail == "refused":
        msg = "nothing was done"
        raise ToolError(msg)
    if fail:
        raise RuntimeError(fail)
    return {"bought": tokens if told is None else told}


def pure(function: Callable[..., Any], name: str | None = None) -> Function:
    """Give a function as a participant that changes nothing by itself."""
    return Function(function, name=name, pure=True)


def spends(name: str, *amounts: Any) -> Function:
    """Give a participant that buys so many tokens, one call after another, and ends with its name.

    An amount is a number of tokens, or the arguments of `buy`.
    """

    async def act(context: Context) -> Outcome:
        for amount in amounts:
            arguments: dict[str, Any] = {"tokens": amount} if isinstance(amount, int) else amount
            await context.use(buy, **arguments)
        return Outcome("complete", f"{name} done")

    return Function(act, name=name, pure=True)


async def of_run(host: Host, run: str, kind: str = "") -> list[Event]:
    """Give a run's events, of one kind where it is named."""
    return [event for event in await host.store.events(run) if not kind or event.kind == kind]


async def paid(host: Host, run: str) -> Spending:
    """Give what the results of a run's log say that it has spent."""
    total = NOTHING
    for event in await of_run(host, run):
        if event.kind == "result":
            total += Spending.read(event.body.get("spent", {}))
        elif event.kind == "spent":
            total += Spending.read(event.body.get("amounts", {}))
    return total


async def chosen(host: Host, run: str) -> list[tuple[str, Any]]:
    """Give what was chosen where limits tripped, each with its reasons."""
    return [
        (event.body["chosen"], decode(host.store.payload(run, event.body["because"])))
        for event in await of_run(host, run, "choice")
        if event.body["what"] == "budget"
    ]
