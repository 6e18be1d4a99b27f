"""Entra ID as a connector: who may sign in, belong and use what, each act taken back by its opposite."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from ripieno.connectors.rest.auth import Auth, ClientCredentials
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError
from ripieno.connectors.rest.paging import NextLink
from ripieno.connectors.systems.base import System, act
from ripieno.connectors.systems.entra.words import (
    CHANGEABLE,
    Group,
    Licence,
    Membership,
    User,
    checked_changes,
    checked_id,
    checked_user,
    fields,
    quoted,
)
from ripieno.model.action import Call
from ripieno.model.errors import NotSentError, ToolError

__all__ = ["Entra"]

GRAPH: Final = "https://graph.microsoft.com/v1.0"
MARK: Final = "extensionAttribute15"
PAGES: Final = NextLink("@odata.nextLink", "value")
SELECT: Final = "id,userPrincipalName,displayName,accountEnabled,jobTitle,department"
GONE: Final = 404
REFUSED: Final = 400


class Entra(System):
    """A tenant of Microsoft Entra ID, for an application of it.

        Entra("entra", tenant="contoso.example", client_id="...", client_secret="secret://env/ENTRA")

    A new user has a password that nobody knows: who they are is shown otherwise, by a pass or a reset.
    It bears the key of the call that created it in an extension attribute. What the directory says
    right after a write may be what it was before: calls in doubt are looked into after ten seconds.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"data": ("personal",), "settle": "10s"}

    def __init__(
        self,
        name: str,
        base_url: str = GRAPH,
        *,
        tenant: str = "",
        client_id: str = "",
        client_secret: str = "",
        auth: Auth | None = None,
        mark: str = MARK,
        **options: Any,
    ) -> None:
        if auth is None and tenant:
            issuer = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
            scope = "https://graph.microsoft.com/.default"
            auth = ClientCredentials(issuer, client_id, client_secret, scope=scope, in_body=True)
        self._mark = mark
        super().__init__(name, base_url, auth=auth, **options)

    # -- users ---------------------------------------------------------------------------------------------

    @act(effect="read")
    async def find_users(
        self,
        call: Call,
        field: Literal[
            "displayName", "userPrincipalName", "mail", "department", "employeeId"
        ] = "displayName",
        value: str = "",
        match: Literal["is", "begins with"] = "is",
        limit: int = 100,
    ) -> list[User]:
        """Find users by one field: its whole value, or what it begins with."""
        text = quoted(value)
        test = f"{field} eq {text}" if match == "is" else f"startswith({field},{text})"
        query = {"$filter": test, "$select": SELECT, "$top": str(min(limit, 999))}
        found = await self.api.items(call, "/users", PAGES, query=query, limit=limit)
        return [User.of(one) for one in found]

    @act(effect="read")
    async def read_user(self, user: str, call: Call) -> dict[str, str]:
        """Read the fields of a user that `update_user` changes, by id or principal name; empty for none."""
        names = sorted(CHANGEABLE)
        found = await self._user(call, checked_user(user), ",".join(names))
        return {name: str(found.get(name) or "") for name in names}

    @act(
        effect="write",
        undo="delete_user",
        undo_from={"user": "result.id"},
        verify="find_created",
        content=("display_name", "more"),
    )
    async def create_user(
        self,
        user_principal_name: str,
        display_name: str,
        call: Call,
        more: dict[str, str] | None = None,
    ) -> User:
        """Create a user who may sign in; `more` are other fields, such as department and usageLocation."""
        others = more or {}
        if others:
            checked_changes(others, others)
        body = {
            **others,
            "accountEnabled": True,
            "displayName": display_name,
            "mailNickname": checked_user(user_principal_name).partition("@")[0],
            "userPrincipalName": user_principal_name,
            "passwordProfile": {
                "password": f"{secrets.token_urlsafe(32)}aA1!",
                "forceChangePasswordNextSignIn": True,
            },
            "onPremisesExtensionAttributes": {self._mark: call.key},
        }
        try:
            return User.of(await self.api.post(call, "/users", body))
        except RefusedCallError as error:
            if error.status != REFUSED:
                raise
            mine = await self._looked_for(call, user_principal_name)
            if mine is None:
                raise
            return mine

    async def find_created(self, user_principal_name: str, call: Call) -> User | None:
        """Find the user that a call created: by name, and by its mark."""
        return await self._created(call, user_principal_name)

    @act(
        effect="write",
        undo="update_user",
        undo_from={"was": "arguments.changes", "changes": "arguments.was"},
        on_uncertain="retry",
        content=("changes", "was"),
    )
    async def update_user(
        self, user: str, changes: dict[str, str], was: dict[str, str], call: Call
    ) -> dict[str, str]:
        """Change fields of a user, given what was read in each; over other values nothing is written."""
        checked_changes(changes, was)
        now = await self._before(call, checked_user(user), ",".join(changes))
        others = {
            name: now.get(name)
            for name in changes
            if (now.get(name) or "") not in {was[name], *([changes[name]] if call.owed else [])}
        }
        if others:
            msg = f"user {user} has changed since it was read: {others}; read it again"
            raise ToolError(msg)
        body = {name: value or None for name, value in changes.items()}
        await self.api.patch(call, "/users/{user}", body, at={"user": user})
        return changes

    @act(effect="write", undo="restore_user", undo_from={"user": "result.id"}, on_uncertain="retry")
    async def delete_user(self, user: str, call: Call) -> User:
        """Delete a user, who can be restored for 30 days."""
        found = await self._before(call, checked_id(user, "user"), SELECT, gone=call.owed)
        if found:
            await self.api.delete(call, "/users/{user}", at={"user": user})
        return User.of(found or {"id": user})

    @act(effect="write", undo="delete_user", on_uncertain="retry")
    async def restore_user(self, user: str, call: Call) -> User:
        """Restore a user who was deleted, as they were."""
        if call.owed and (found := await self._before(call, checked_id(user, "user"), SELECT, gone=True)):
            return User.of(found)
        path = "/directory/deletedItems/{user}/restore"
        return User.of(await self.api.post(call, path, at={"user": checked_id(user, "user")}))

    @act(effect="write", undo="allow_sign_in", undo_from={"only_if": "result.changed"}, on_uncertain="retry")
    async def block_sign_in(self, user: str, call: Call, *, only_if: bool = True) -> Membership:
        """Let a user sign in no more, and end the sessions that they have."""
        changed = only_if and await self._enabled(call, user, enabled=False)
        if only_if:
            await self.api.post(call, "/users/{user}/revokeSignInSessions", at={"user": user})
        return Membership(user, "sign-in", changed=changed)

    @act(effect="write", undo="block_sign_in", undo_from={"only_if": "result.changed"}, on_uncertain="retry")
    async def allow_sign_in(self, user: str, call: Call, *, only_if: bool = True) -> Membership:
        """Let a user sign in again."""
        changed = only_if and await self._enabled(call, user, enabled=True)
        return Membership(user, "sign-in", changed=changed)

    # -- groups and licences -------------------------------------------------------------------------------

    @act(effect="read", data=())
    async def find_groups(self, begins_with: str, call: Call, limit: int = 100) -> list[Group]:
        """Find groups whose name begins with this."""
        query = {"$filter": f"startswith(displayName,{quoted(begins_with)})", "$top": str(min(limit, 999))}
        found = await self.api.items(call, "/groups", PAGES, query=query, limit=limit)
        return [Group.of(one) for one in found]

    @act(effect="read")
    async def members_of(self, group: str, call: Call, limit: int = 1000) -> list[User]:
        """Give the users that are members of a group, not by way of another group."""
        path = "/groups/{group}/members/microsoft.graph.user"
        at = {"group": checked_id(group, "group")}
        query = {"$select": SELECT, "$top": str(min(limit, 999))}
        found = await self.api.items(call, path, PAGES, query=query, at=at, limit=limit)
        return [User.of(one) for one in found]

    @act(
        effect="write",
        undo="remove_member",
        undo_from={"group": "result.of", "only_if": "result.changed"},
        on_uncertain="retry",
    )
    async def add_member(self, group: str, user: str, call: Call) -> Membership:
        """Make a user a member of a group."""
        reference = f"{self.api.base_url}/directoryObjects/{checked_id(user, 'user')}"
        path, at = "/groups/{group}/members/$ref", {"group": checked_id(group, "group")}
        try:
            await self.api.post(call, path, {"@odata.id": reference}, at=at)
        except RefusedCallError as error:
            if error.status != REFUSED or "already exist" not in error.message:
                raise
            return Membership(user, group, changed=call.owed)  # what may have been an earlier attempt is ours
        return Membership(user, group, changed=True)

    @act(
        effect="write",
        undo="add_member",
        undo_from={"group": "result.of"},
        on_uncertain="retry",
    )
    async def remove_member(self, group: str, user: str, call: Call, *, only_if: bool = True) -> Membership:
        """Take a user out of a group."""
        at = {"group": checked_id(group, "group"), "user": checked_id(user, "user")}
        if not only_if:
            return Membership(user, group, changed=False)
        try:
            await self.api.delete(call, "/groups/{group}/members/{user}/$ref", at=at)
        except RefusedCallError as error:
            if error.status != GONE:
                raise
            return Membership(user, group, changed=call.owed)
        return Membership(user, group, changed=True)

    @act(effect="read", data=())
    async def licences(self, call: Call) -> list[Licence]:
        """Give the licences that the organisation holds, and how many of each are used."""
        found = await self.api.items(call, "/subscribedSkus", PAGES)
        return [
            Licence(
                str(one["skuId"]),
                str(one.get("skuPartNumber", "")),
                int(fields(one.get("prepaidUnits")).get("enabled", 0)),
                int(one.get("consumedUnits", 0)),
            )
            for one in found
        ]

    @act(
        effect="write",
        undo="withdraw_licence",
        undo_from={"sku_id": "result.of", "only_if": "result.changed"},
        on_uncertain="retry",
    )
    async def assign_licence(self, user: str, sku_id: str, call: Call) -> Membership:
        """Give a user, whose usageLocation is set, a licence by its `sku_id`."""
        had = sku_id in await self._licensed(call, user)
        if not had:
            await self._assign(call, user, add=checked_id(sku_id, "licence"))
        return Membership(user, sku_id, changed=not had or call.owed)

    @act(effect="write", undo="assign_licence", undo_from={"sku_id": "result.of"}, on_uncertain="retry")
    async def withdraw_licence(
        self, user: str, sku_id: str, call: Call, *, only_if: bool = True
    ) -> Membership:
        """Take a licence from a user."""
        had = only_if and sku_id in await self._licensed(call, user)
        if had:
            await self._assign(call, user, remove=checked_id(sku_id, "licence"))
        return Membership(user, sku_id, changed=had or (only_if and call.owed))

    # -- what its acts share -------------------------------------------------------------------------------

    async def _user(self, call: Call, user: str, select: str) -> dict[str, Any]:
        return fields(await self.api.get(call, "/users/{user}", at={"user": user}, query={"$select": select}))

    async def _before(self, call: Call, user: str, select: str, *, gone: bool = False) -> dict[str, Any]:
        """Read before a write: what fails here has left nothing in doubt. With `gone` there may be none."""
        try:
            return await self._user(call, user, select)
        except InDoubtError as error:
            raise NotSentError(error.message, failure=error.failure, retry_after=error.retry_after) from None
        except RefusedCallError as error:
            if not gone or error.status != GONE:
                raise
            return {}

    async def _created(self, call: Call, name: str) -> User | None:
        select = f"{SELECT},onPremisesExtensionAttributes"
        try:
            found = await self._user(call, checked_user(name), select)
        except RefusedCallError as error:
            if error.status != GONE:
                raise
            return None
        mine = fields(found.get("onPremisesExtensionAttributes")).get(self._mark) == call.key
        return User.of(found, existed=True) if mine else None

    async def _looked_for(self, call: Call, name: str) -> User | None:
        """Look whether the user that could not be created was created by this very call."""
        try:
            return await self._created(call, name)
        except (InDoubtError, ToolError):
            return None

    async def _enabled(self, call: Call, user: str, *, enabled: bool) -> bool:
        """Let a user sign in or not; tell whether that was otherwise before this call."""
        now = await self._before(call, checked_id(user, "user"), "id,accountEnabled")
        if now.get("accountEnabled") is enabled:
            return call.owed
        await self.api.patch(call, "/users/{user}", {"accountEnabled": enabled}, at={"user": user})
        return True

    async def _licensed(self, call: Call, user: str) -> set[str]:
        found = await self._before(call, checked_id(user, "user"), "id,assignedLicenses")
        return {str(fields(one).get("skuId")) for one in found.get("assignedLicenses") or ()}

    async def _assign(self, call: Call, user: str, *, add: str = "", remove: str = "") -> None:
        body: dict[str, Any] = {
            "addLicenses": [{"skuId": add, "disabledPlans": []}] if add else [],
            "removeLicenses": [remove] if remove else [],
        }
        await self.api.post(call, "/users/{user}/assignLicense", body, at={"user": user})
