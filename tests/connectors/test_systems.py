"""A system is a class whose marked methods are tools; what one did is found, told and taken back."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback import Heard, a_call, serving_at
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Call, Context, Function, Workflow
from ripieno.connectors.rest.auth import Bearer
from ripieno.connectors.rest.errors import RefusedCallError
from ripieno.connectors.rest.paging import Offset
from ripieno.connectors.systems.base import System, act
from ripieno.kernel.rollback import roll_back
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import AuthenticationError, DefinitionError


class User(BaseModel):
    id: str
    name: str


class Directory(System):
    """Users of a directory."""

    @act(effect="read", data=["personal"])
    async def list_users(self, name: str, call: Call) -> list[User]:
        """List the users whose name begins with `name`."""
        found = await self.api.items(call, "/users", Offset(size=2, items="users"), query={"starts": name})
        return [User(**one) for one in found]

    @act(effect="write", undo="delete_user", undo_from={"user": "result.id"}, verify="find_user")
    async def create_user(self, name: str, call: Call) -> User:
        """Create a user; give it with its id."""
        return User(**await self.api.post(call, "/users", {"name": name, "mark": call.key}))

    @act(effect="write")
    async def delete_user(self, user: str, call: Call) -> None:
        """Delete a user by its id."""
        await self.api.delete(call, "/users/{user}", at={"user": user})

    async def find_user(self, call: Call) -> User | None:
        """Find the user that a call created."""
        found = await self.api.get(call, "/users", query={"mark": call.key, "limit": 1, "offset": 0})
        return User(**found["users"][0]) if found["users"] else None


class Users:
    """The other system: keeps users, and may fail after it did what it was asked."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, str]] = {}
        self.token = "first-token"  # noqa: S105 - that of this server
        self.fails = 0

    def __call__(self, request: Request, body: bytes) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"title": "who are you?"}, 401)
        if request.method == "POST":
            user = {**json.loads(body), "id": f"u{len(self.users) + 1}"}
            self.users[user["id"]] = user
            if self.fails:
                self.fails -= 1
                return Response(status_code=500)
            return JSONResponse(user, 201)
        if request.method == "DELETE":
            gone = self.users.pop(request.url.path.rpartition("/")[2], None)
            return Response(status_code=404 if gone is None else 204)
        asked = request.query_params
        found = [
            one
            for one in self.users.values()
            if one["name"].startswith(asked.get("starts", "")) and asked.get("mark") in {None, one["mark"]}
        ]
        begin = int(asked["offset"])
        return JSONResponse({"users": found[begin : begin + int(asked["limit"])]})


@asynccontextmanager
async def directory(
    monkeypatch: pytest.MonkeyPatch, **options: Any
) -> AsyncGenerator[tuple[Directory, Users, Heard]]:
    monkeypatch.setenv("DIRECTORY", "first-token")
    SECRETS.forget()
    users = Users()
    heard = Heard(users)
    async with serving_at(heard.app) as url:
        yield Directory("directory", url, auth=Bearer("secret://env/DIRECTORY"), **options), users, heard


async def test_its_methods_are_tools_with_schemas_secrets_and_an_undo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with directory(monkeypatch) as (system, users, _):
        create = system.tool("create_user")
        assert (create.name, create.origin, create.effect) == ("directory.create_user", "system", "write")
        assert create.on_uncertain == "verify"
        assert list(create.input_schema["properties"]) == ["name"]
        assert create.output_schema is not None
        assert list(create.output_schema["properties"]) == ["id", "name"]
        assert create.description == "Create a user; give it with its id."
        assert {name: str(one) for name, one in create.secrets.items()} == {"token": "secret://env/DIRECTORY"}
        assert system.tool("list_users").data == ("personal",)
        assert list(system.names) == ["list_users", "create_user", "delete_user"]
        for name in ("ada", "alan", "barbara", "adele"):
            await create(name=name)
        assert [one.name for one in await system.tool("list_users")(name="ad")] == ["ada", "adele"]
        assert len(users.users) == 4


async def test_what_it_is_approved_with_is_its_tools_and_whom_they_reach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with directory(monkeypatch) as (system, _, _):
        url = system.api.base_url
    same = Directory("directory", url, auth=Bearer("secret://env/DIRECTORY"))
    assert same.digest == system.digest
    for other in (
        Directory("directory", f"{url}/v2", auth=Bearer("secret://env/DIRECTORY")),
        Directory("directory", url, auth=Bearer("secret://env/OTHER")),
    ):
        assert other.digest != system.digest
    with pytest.raises(DefinitionError, match="was approved as"):
        Directory("directory", url, pin=system.digest)


async def test_a_renewed_secret_is_taken_up_and_a_wrong_one_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with directory(monkeypatch) as (system, users, heard):
        delete = system.tool("delete_user")
        with pytest.raises(RefusedCallError, match="directory answers 404"):
            await delete(user="u9")
        monkeypatch.setenv("DIRECTORY", "second-token")
        users.token = "second-token"  # noqa: S105 - that of this server
        await system.tool("create_user")(name="ada")
        await delete(user="u1")
        users.token = "third-token"  # noqa: S105 - the same
        with pytest.raises(AuthenticationError, match="who are you"):
            await delete(user="u1")
    assert len(heard.requests) == 5


async def test_a_write_in_doubt_is_found_again_and_taken_back_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with directory(monkeypatch) as (system, users, heard):
        users.fails = 1
        create = system.tool("create_user")

        async def onboard(context: Context) -> Any:
            return await context.use(create, name="ada")

        workflow = Workflow("onboarding", Function(onboard, name="onboard", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            assert outcome.output == {"id": "u1", "name": "ada"}
            assert [one.split("?")[0] for one in heard.asked] == ["POST /users", "GET /users"]
            row = await roll_back(host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no")
            host.ring()
            await ended(host, row.id)
    assert users.users == {}


async def test_an_act_that_nothing_marks_is_no_undo() -> None:
    class Broken(System):
        @act(effect="write", undo="remove")
        async def add(self, call: Call) -> None:
            """Add."""

    with pytest.raises(DefinitionError, match=r"Broken\.add: its undo 'remove' is not marked"):
        Broken("broken", "https://example.com")


async def test_what_a_child_class_does_not_mark_is_no_tool() -> None:
    class Smaller(Directory):
        async def list_users(self, name: str, call: Call) -> list[User]:
            """Stay inside."""
            return [User(id=name, name=call.key)]

    smaller = Smaller("smaller", "https://example.com")
    assert list(smaller.names) == ["create_user", "delete_user"]
    assert (await smaller.list_users("a", await a_call()))[0].id == "a"


async def test_a_tool_of_a_system_is_not_called_past_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with directory(monkeypatch) as (system, users, heard):
        create = system.tool("create_user")

        async def onboard(context: Context) -> Any:
            del context
            return await create(name="ada")

        workflow = Workflow("onboarding", Function(onboard, name="onboard", pure=True))
        async with serving(tmp_path, workflow) as host:
            outcome = await ended(host, await begin(host, workflow))
        assert outcome.status == "failed"
        assert "directory.create_user is called past the gate" in str(outcome.reason)
        assert (users.users, heard.requests) == ({}, [])
