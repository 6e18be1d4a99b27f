"""The server as an application: all workflows as one agent, and each as an agent of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from ripieno.api.a2a.card import card_for
from ripieno.api.a2a.door import CARD, Came, Door, contexts
from ripieno.api.a2a.handler import Handler
from ripieno.api.a2a.push import Pushes
from ripieno.api.a2a.tasks import Tasks
from ripieno.api.mcp.workflows import Offered
from ripieno.identity.credential import Credential
from ripieno.identity.directory import Directory
from ripieno.identity.key_sets import KeySets
from ripieno.identity.sign_in import sign_in
from ripieno.kernel.host import Host
from ripieno.model.errors import SignInError
from ripieno.model.principal import Principal

__all__ = ["application", "signed_in"]

TOGETHER: Final = "/a2a"


@asynccontextmanager
async def application(
    host: Host,
    served: Sequence[Offered],
    *,
    url: str,
    came: Came,
    folder: Path,
    names: frozenset[str] = frozenset(),
    push_to: Sequence[str] = (),
    patience: float = 50.0,
    without_keys: bool = False,
) -> AsyncGenerator[ASGIApp]:
    """Give the application for an address, telling of tasks until the block is left.

    The agent of all workflows has its card at the root; that of one stands below `/agents/` and its name.
    `push_to` are addresses below which clients may have changes sent; none are allowed without.
    `without_keys` says that `came` lets in whoever comes, so that cards ask for nothing.
    """
    tasks = Tasks(host)
    pushes = Pushes(tasks, folder, push_to)
    routes: list[BaseRoute] = []
    agents = [("", TOGETHER, served), *((f"/agents/{one.name}",) * 2 + ([one],) for one in served)]
    for root, path, those in agents:
        handler = Handler(those, tasks, pushes, url=url, path=path, patience=patience)
        card = card_for(those, url, path, pushes=pushes.offered, keys=not without_keys)
        routes += create_agent_card_routes(card, card_url=f"{root}{CARD}")
        routes += create_jsonrpc_routes(handler, f"{path}/rpc", context_builder=contexts())
        rest = create_rest_routes(handler, context_builder=contexts(), path_prefix=f"{path}/rest")
        routes += [one for one in rest if not isinstance(one, Mount)]  # below a tenant's name: keys tell that
    pushes.begin()
    try:
        yield Door(Starlette(routes=routes), came, names)
    finally:
        await pushes.end()


def signed_in(host: Host, by: Principal, *, open_to_all: bool = False) -> Came:
    """Give how whoever comes is known: by key or token; where it is `open_to_all`, as `by` without either."""
    key_sets = KeySets(host.clock)

    async def came(credential: Credential | None) -> Principal:
        if credential is None and open_to_all:
            return replace(Directory(host.store).settled(by), leave=None)
        if credential is None:
            msg = "an API key or token is needed"
            raise SignInError(msg, remedy="ripieno keys create makes a key")
        return await sign_in(host.store, host.clock, by, credential, tenant=by.tenant, key_sets=key_sets)

    return came
