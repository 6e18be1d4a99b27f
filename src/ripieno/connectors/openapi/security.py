"""Security schemes of a document, with the secrets that a project gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ripieno.connectors.openapi.document import Document
from ripieno.connectors.rest.auth import ApiKey, Auth, Basic, Bearer, ClientCredentials, Credentials, NoAuth
from ripieno.model.action import Call
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json

__all__ = ["AllOf", "Given", "schemes_of"]

Given = str | Mapping[str, Any]
"""A reference to a secret, or the fields that a scheme needs."""

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "basic": frozenset({"user", "password"}),
    "oauth2": frozenset({"client_id", "client_secret", "token_url", "scope", "resource", "more", "in_body"}),
}


@dataclass(frozen=True)
class AllOf(Auth):
    """Several schemes that an operation takes together; each has its secrets under its own name."""

    schemes: Mapping[str, Auth]
    kind = "all_of"

    @property
    def secrets(self) -> Mapping[str, str]:
        """Give those of each."""
        return {
            f"{name} {what}": reference
            for name, auth in sorted(self.schemes.items())
            for what, reference in auth.secrets.items()
        }

    async def credentials(self, call: Call) -> Credentials:
        """Give what each bears."""
        found = Credentials()
        for name, auth in self.schemes.items():
            one = await auth.credentials(own(call, name))
            found.headers.update(one.headers)
            found.query.update(one.query)
            found.cookies.update(one.cookies)
        return found

    def refused(self, call: Call) -> bool:
        """Tell whether any of them may give something new."""
        refused = [auth.refused(own(call, name)) for name, auth in self.schemes.items()]
        return any(refused)

    def describe(self) -> dict[str, Json]:
        """Give them by name."""
        return {name: auth.describe() for name, auth in sorted(self.schemes.items())}


def own(call: Call, name: str) -> Call:
    """Give a call with the secrets of one scheme."""
    found = replace(call)
    mark = f"{name} "
    found.given.update(
        (one.removeprefix(mark), secret) for one, secret in call.given.items() if one.startswith(mark)
    )
    return found


def schemes_of(document: Document, given: Mapping[str, Given], whose: str) -> dict[str, Auth]:
    """Give the schemes that secrets were given for; raises `DefinitionError` where they do not fit."""
    components = document.mapping(document.data.get("components"))
    declared = document.mapping(components.get("securitySchemes"))
    found: dict[str, Auth] = {}
    for name, secret in given.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            msg = f"{whose}: no security scheme {name!r}{nearest(name, declared)}; it has {known}"
            raise DefinitionError(msg)
        try:
            found[name] = scheme(document, document.mapping(declared[name]), secret)
        except DefinitionError as error:
            msg = f"{whose}: security scheme {name!r}: {error.message}"
            raise DefinitionError(msg, remedy=error.remedy) from None
    return found


def scheme(document: Document, said: Mapping[str, Any], given: Given) -> Auth:
    """Give one scheme with its secrets."""
    kind, way = said.get("type"), str(said.get("scheme", "")).lower()
    if kind == "apiKey":
        return ApiKey(reference(given), str(said.get("name", "")), said.get("in", "header"))
    if kind == "http" and way == "basic":
        fields = fields_of(given, "basic", {"user", "password"})
        return Basic(fields["user"], fields["password"])
    if kind == "http":
        return Bearer(reference(given), scheme={"bearer": "Bearer"}.get(way, str(said.get("scheme"))))
    if kind == "oauth2":
        return client_credentials(document, said, given)
    if kind == "openIdConnect":
        return Bearer(reference(given))
    msg = f"of type {kind!r}, which is not known"
    raise DefinitionError(msg)


def client_credentials(document: Document, said: Mapping[str, Any], given: Given) -> Auth:
    """Give an OAuth 2 scheme: by client credentials, or with a token that was given out once."""
    if isinstance(given, str):
        return Bearer(given)
    flow = document.mapping(document.mapping(said.get("flows")).get("clientCredentials"))
    fields = fields_of(given, "oauth2", {"client_id", "client_secret"})
    url = str(fields.get("token_url") or flow.get("tokenUrl") or "")
    if not url:
        msg = "it declares no server that gives tokens for client credentials"
        raise DefinitionError(msg, remedy="name it: token_url, or give a token as `secret://...` alone")
    scope = fields.get("scope")
    if scope is None:
        scope = " ".join(document.mapping(flow.get("scopes")))
    return ClientCredentials(
        url,
        fields["client_id"],
        fields["client_secret"],
        scope=scope,
        resource=fields.get("resource", ""),
        more=fields.get("more", {}),
        in_body=bool(fields.get("in_body", False)),
    )


def reference(given: Given) -> str:
    """Give a secret that is a reference alone."""
    if isinstance(given, str):
        return given
    msg = "it takes one reference, such as secret://env/API_KEY"
    raise DefinitionError(msg)


def fields_of(given: Given, kind: str, needed: set[str]) -> Mapping[str, Any]:
    """Give the fields of a secret that has several."""
    fields: Mapping[str, Any] = {} if isinstance(given, str) else given
    for unknown in sorted(set(fields) - FIELDS[kind]):
        msg = f"unknown field {unknown!r}{nearest(unknown, FIELDS[kind])}"
        raise DefinitionError(msg)
    for lacking in sorted(needed - set(fields)):
        msg = f"it needs {lacking!r}"
        raise DefinitionError(msg, remedy=f"give {', '.join(sorted(needed))}")
    return fields


def chosen(security: Sequence[Mapping[str, Any]], known: Mapping[str, Auth], whose: str) -> Auth:
    """Give how an operation is called: by the first way for which every secret is there."""
    for way in security:
        if all(name in known for name in way):
            return AllOf({name: known[name] for name in way}) if way else NoAuth()
    if not security:
        return NoAuth()
    ways = " or ".join(" with ".join(way) for way in security)
    msg = f"{whose} is called with {ways}, and no secret is given for that"
    raise DefinitionError(msg, remedy="auth={'<scheme>': 'secret://...'}")
