"""Entra ID: users, groups and licences, each act once, and taken back by its opposite."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from entra_server import SKU, Directory
from loopback import Heard, a_call, serving_at

from kernel.scenarios.house import OPERATOR, begin, ended, serving
from ripieno import Context, Function, Workflow
from ripieno.connectors.rest.auth import ClientCredentials
from ripieno.connectors.rest.errors import RefusedCallError
from ripieno.connectors.systems.entra import Entra
from ripieno.kernel.rollback import roll_back
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.errors import ToolError

ADA = "ada@example.com"


@asynccontextmanager
async def tenant(**options: Any) -> AsyncGenerator[tuple[Entra, Directory, Heard]]:
    directory = Directory()
    heard = Heard(directory)
    async with serving_at(heard.app) as url:
        at_once = {"create_user": {"settle": "1ms"}}
        yield Entra("entra", f"{url}/v1.0", overrides=at_once, **options), directory, heard


async def test_users_are_found_over_all_pages_and_by_what_they_are_called() -> None:
    async with tenant() as (entra, directory, heard):
        for number in range(5):
            directory.user(f"u{number}@example.com", displayName=f"O'Neill {number}")
        directory.user("other@example.com", displayName="Other")
        found = await entra.tool("find_users")(value="O'Neill", match="begins with")
        assert [one.user_principal_name for one in found] == [f"u{number}@example.com" for number in range(5)]
        assert len(heard.requests) == 3
        assert await entra.tool("find_users")(value="Other' or 1 eq 1 or displayName eq 'x") == []


async def test_a_user_in_doubt_is_found_by_its_mark_and_deleted_again(tmp_path: Path) -> None:
    async with tenant() as (entra, directory, heard):
        directory.fails_after = 1
        create = entra.tool("create_user")

        async def hire(context: Context) -> Any:
            return await context.use(
                create, user_principal_name=ADA, display_name="Ada", more={"department": "Engines"}
            )

        workflow = Workflow("hire", Function(hire, name="hire", pure=True))
        async with serving(tmp_path, workflow) as host:
            run = await begin(host, workflow)
            outcome = await ended(host, run)
            (user,) = directory.users.values()
            assert (outcome.output["id"], outcome.output["existed"]) == (user["id"], True)
            assert user["department"] == "Engines"
            assert sum(asked.startswith("POST") for asked in heard.asked) == 1
            back = await roll_back(
                host.store, host.clock, await host.store.run(run), by=OPERATOR, reason="no"
            )
            host.ring()
            await ended(host, back.id)
        assert directory.users == {}
        assert list(directory.deleted) == [user["id"]]


async def test_nobody_knows_the_password_of_a_new_user(tmp_path: Path) -> None:
    async with tenant() as (entra, directory, _):
        create = entra.tool("create_user")

        async def hire(context: Context) -> Any:
            return await context.use(create, user_principal_name=ADA, display_name="Ada")

        workflow = Workflow("hire", Function(hire, name="hire", pure=True))
        async with serving(tmp_path, workflow) as host:
            assert (await ended(host, await begin(host, workflow))).ok
        password = directory.password["password"]
        assert len(password) >= 40
        kept = everything_in(tmp_path)
        assert b"entra.create_user" in kept
        assert password.encode() not in kept


async def test_a_name_that_somebody_else_has_is_refused_and_ones_own_is_not() -> None:
    async with tenant() as (entra, directory, _):
        directory.user(ADA)
        with pytest.raises(RefusedCallError, match="already exists"):
            await entra.tool("create_user")(user_principal_name=ADA, display_name="Ada")
        call = await a_call()
        first = await entra.create_user("grace@example.com", "Grace", call)
        again = await entra.create_user("grace@example.com", "Grace", call)
        assert (again.id, again.existed) == (first.id, True)


async def test_fields_are_changed_over_nobodys_change_and_turned_back() -> None:
    async with tenant() as (entra, directory, _):
        user = directory.user(ADA, department="Engines")
        update = entra.tool("update_user")
        assert (await entra.tool("read_user")(user=ADA))["department"] == "Engines"
        await update(user=user, changes={"department": "Notes"}, was={"department": "Engines"})
        with pytest.raises(ToolError, match="has changed since it was read"):
            await update(user=user, changes={"department": "Looms"}, was={"department": "Engines"})
        with pytest.raises(ToolError, match="accountEnabled is not changed by this"):
            await update(user=user, changes={"accountEnabled": "x"}, was={"accountEnabled": "y"})
        assert update.undo is not None
        given = {"user": user, "changes": {"department": "Notes"}, "was": {"department": "Engines"}}
        await update.undo(**update.undo.undo_arguments(given, {}))
        assert directory.users[user]["department"] == "Engines"


@pytest.mark.parametrize("before", [True, False], ids=["new", "there already"])
async def test_a_member_is_taken_out_again_only_if_it_was_not_one_before(before: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with tenant() as (entra, directory, _):
        user, group = directory.user(ADA), directory.group("engineers")
        assert [one.display_name for one in await entra.tool("find_groups")(begins_with="eng")] == [
            "engineers"
        ]
        if not before:
            directory.members[group].append(user)
        add = entra.tool("add_member")
        made = await add(group=group, user=user)
        assert made.changed is before
        assert [one.id for one in await entra.tool("members_of")(group=group)] == [user]
        await taken_back(add, {"group": group, "user": user}, made)
        assert directory.members[group] == ([] if before else [user])


async def test_what_an_earlier_attempt_may_have_done_is_taken_back_as_well() -> None:
    async with tenant() as (entra, directory, _):
        user, group = directory.user(ADA), directory.group("engineers")
        directory.members[group].append(user)
        owed = replace(await a_call(), owed=True)
        assert (await entra.add_member(group, user, owed)).changed


async def test_a_licence_needs_a_place_and_is_withdrawn_only_if_it_was_given() -> None:
    async with tenant() as (entra, directory, _):
        user = directory.user(ADA)
        assign = entra.tool("assign_licence")
        with pytest.raises(RefusedCallError, match="invalid usage location"):
            await assign(user=user, sku_id=SKU)
        directory.users[user]["usageLocation"] = "NL"
        made = await assign(user=user, sku_id=SKU)
        (held,) = await entra.tool("licences")()
        assert (held.name, held.total, held.used) == ("SPE_E3", 25, 1)
        again = await assign(user=user, sku_id=SKU)
        await taken_back(assign, {"user": user, "sku_id": SKU}, again)
        assert len(directory.users[user]["assignedLicenses"]) == 1
        await taken_back(assign, {"user": user, "sku_id": SKU}, made)
        assert directory.users[user]["assignedLicenses"] == []


@pytest.mark.parametrize("enabled", [True, False])
async def test_who_was_blocked_before_is_not_let_in_by_taking_a_block_back(enabled: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with tenant() as (entra, directory, _):
        user = directory.user(ADA, accountEnabled=enabled)
        block = entra.tool("block_sign_in")
        made = await block(user=user)
        assert directory.users[user]["accountEnabled"] is False
        assert directory.sessions_ended == [user]
        await taken_back(block, {"user": user}, made)
        assert directory.users[user]["accountEnabled"] is enabled


async def test_a_deleted_user_is_restored() -> None:
    async with tenant() as (entra, directory, _):
        user = directory.user(ADA)
        delete = entra.tool("delete_user")
        made = await delete(user=user)
        assert directory.users == {}
        await taken_back(delete, {"user": user}, made)
        assert list(directory.users) == [user]
        with pytest.raises(ToolError, match="a GUID"):
            await delete(user="../groups")


async def test_an_application_is_known_by_the_token_of_its_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRA", "a-secret-of-the-application")
    SECRETS.forget()
    reference = "secret://env/ENTRA"
    named = Entra("entra", tenant="contoso.example", client_id="app", client_secret=reference)
    assert "login.microsoftonline.com/contoso.example/oauth2/v2.0/token" in str(named.reaches())
    directory = Directory()
    heard = Heard(directory)
    async with serving_at(heard.app) as url:
        scope = "https://graph.microsoft.com/.default"
        auth = ClientCredentials(f"{url}/token", "app", reference, scope=scope, in_body=True)
        entra = Entra("entra", f"{url}/v1.0", auth=auth)
        assert await entra.tool("find_groups")(begins_with="x") == []
        assert directory.asked_tokens[0]["scope"] == [scope]
        assert heard.requests[-1][0].headers["authorization"] == "Bearer a-token-of-the-tenant"


def everything_in(folder: Path) -> bytes:
    """Give what all files of a folder hold."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def taken_back(tool: Any, arguments: dict[str, Any], result: Any) -> None:
    """Call what takes a call back with what it finds in that."""
    given = {name: getattr(result, name) for name in ("user", "of", "changed", "id") if hasattr(result, name)}
    await tool.undo(**tool.undo.undo_arguments(arguments, given))
