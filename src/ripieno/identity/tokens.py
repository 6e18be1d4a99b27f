"""Tokens of an identity provider: whose they are, once everything about them was checked.

A token is a signed JWT (RFC 7519), an ID token or an access token (RFC 9068). What is checked follows
RFC 8725, the best current practice: algorithms by a list, never by what the token says alone.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NoReturn, cast

from ripieno.identity.key_sets import KeySets
from ripieno.identity.providers import Provider
from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.model.errors import InputError, SignInError
from ripieno.model.principal import Principal, PrincipalKind

__all__ = ["Claimed", "issuer_of", "verify"]

LONGEST: Final = 16 * 1024
"""Letters of a token; it is refused before anything of it is read."""

LONGEST_KID: Final = 256
MOST_GROUPS: Final = 500
LONGEST_GROUP: Final = 256
TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
ALLOWED: Final = re.compile(r"[A-Za-z0-9._@-]")
PARTS: Final = 3

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a verified token says."""

    kind: PrincipalKind
    """`service` where a client came for itself, else `person`."""
    name: str
    groups: tuple[str, ...]
    mark: str
    """What tells it from the next one of the same principal."""
    client: str | None
    """By which program it was asked for."""


def issuer_of(token: str) -> str:
    """Give who a token says has issued it, before anything is verified; raises `SignInError`."""
    _, payload = parts_of(token)
    issuer = payload.get("iss")
    if not isinstance(issuer, str):
        refuse("it names no issuer")
    return issuer


async def verify(token: str, provider: Provider, key_sets: KeySets, clock: Clock) -> Claimed:
    """Give what a token says once it is shown to be the provider's, meant for us, and in force.

    Raises `SignInError`, which never holds the token or a part of it.
    """
    from joserfc import jwt  # noqa: PLC0415 - only who comes with a token needs it
    from joserfc.errors import JoseError  # noqa: PLC0415

    header, _ = parts_of(token)
    algorithm, kid = check_header(header, provider)
    key = await key_sets.key(provider.issuer, kid, algorithm)
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm]).claims
        registry = jwt.JWTClaimsRegistry(
            now=clock.now() // MICROSECONDS,
            leeway=provider.leeway_seconds,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "values": list(provider.audience)},
            exp={"essential": True},
            sub={"essential": True},
        )
        registry.validate(claims)
    except JoseError as error:
        refuse(why(error), error)
    except (ValueError, TypeError) as error:  # a signature or key of another shape than its algorithm's
        refuse("its signature cannot be checked", error)
    return claimed(claims, provider)


def check_header(header: Document, provider: Provider) -> tuple[str, str]:
    """Give algorithm and key of a token; raises `SignInError` for what is not accepted."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if algorithm not in provider.algorithms:
        refuse("its algorithm is not accepted")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        refuse("it does not name the key that it is signed with")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        refuse("it is a token of another type")
    if "crit" in header or "b64" in header:
        refuse("it wants to be read in a way that is not known here")
    return cast("str", algorithm), kid


def claimed(claims: Document, provider: Provider) -> Claimed:
    """Give what is said of the principal; raises `SignInError` for what names none."""
    subject, client = claims.get(provider.subject), claims.get("client_id", claims.get("azp"))
    if not isinstance(subject, str) or not subject:
        refuse(f"its claim {provider.subject!r} names nobody")
    kind: PrincipalKind = "service" if client is not None and client == claims["sub"] else "person"
    name = provider.prefix + written(subject)
    try:
        Principal(kind, name)
    except InputError as error:
        refuse(f"its claim {provider.subject!r} names nobody that can stand in the log", error)
    mark = sha256(f"{claims.get('jti')!r} {claims.get('iat')!r}".encode("ascii", "replace")).hexdigest()[:16]
    return Claimed(kind, name, groups_of(claims, provider), mark, text(client))


def groups_of(claims: Document, provider: Provider) -> tuple[str, ...]:
    """Give the groups that a token names, sorted; raises `SignInError` for what is no list of names."""
    found: set[str] = set()
    for claim in provider.groups:
        value: Any = lookup(claims, claim)
        if value is None:
            continue
        values: Sequence[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        for group in values:
            if not isinstance(group, str):
                refuse(f"its claim {claim!r} is no list of names")
            if group.strip() and group.isprintable() and len(group) <= LONGEST_GROUP:
                found.add(group)
    if len(found) > MOST_GROUPS:
        refuse(f"it names more than {MOST_GROUPS} groups")
    return tuple(sorted(found))


def lookup(claims: Mapping[str, Any], claim: str) -> Any:
    """Give a claim by its name, or by the names that lead to it."""
    if claim in claims:
        return claims[claim]
    value: Any = claims
    for name in claim.split("."):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value


def written(subject: str) -> str:
    """Give a subject in the letters that a principal may have; two subjects never become the same."""
    return "".join(
        letter
        if ALLOWED.fullmatch(letter)
        else "".join(f"+{byte:02X}" for byte in letter.encode(errors="surrogatepass"))
        for letter in subject
    )


def parts_of(token: str) -> tuple[Document, Document]:
    """Give header and payload as they stand there, before anything is verified; raises `SignInError`."""
    if len(token) > LONGEST:
        refuse(f"it is longer than {LONGEST} letters")
    parts = token.split(".")
    if len(parts) != PARTS:
        refuse("it is no signed token")
    header: Any
    payload: Any
    try:
        header, payload = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]
        )
    except (ValueError, RecursionError) as error:
        refuse("it is no signed token", error)
    if not isinstance(header, dict) or not isinstance(payload, dict):
        refuse("it is no signed token")
    return cast("Document", header), cast("Document", payload)


def text(value: object) -> str | None:
    """Give a name for the log."""
    return value[:LONGEST_KID] if isinstance(value, str) and value.isprintable() else None


def why(error: Exception) -> str:
    """Say what a check found, in words that hold nothing of the token."""
    words: Mapping[str, str] = {
        "bad_signature": "its signature is not the provider's",
        "expired_token": "it has expired",
        "invalid_claim": "a claim is not as it has to be",
        "missing_claim": "a claim is missing",
    }
    claim = getattr(error, "claim", None)
    named = f" ({claim})" if isinstance(claim, str) else ""
    return words.get(str(getattr(error, "error", "")), "it cannot be verified") + named


def refuse(reason: str, cause: Exception | None = None) -> NoReturn:
    """Turn a token away."""
    msg = f"the token is not accepted: {reason}"
    raise SignInError(msg, remedy="sign in again at the provider") from cause
