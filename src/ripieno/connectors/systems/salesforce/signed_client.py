"""How a server is known to Salesforce: by what it signs for a user (OAuth 2.0 JWT bearer flow)."""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import Final

from ripieno.connectors.rest.auth import ClientCredentials, Credentials, revealed
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError

__all__ = ["SignedClient"]

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LASTS: Final = 180
"""Seconds; Salesforce takes no assertion that lasts for longer than three minutes."""


@dataclass(frozen=True)
class SignedClient(ClientCredentials):
    """A token for a connected app that acts as `user` (RFC 7523); `client_secret` is its private key."""

    user: str = ""
    """The name under which that user signs in."""
    audience: str = "https://login.salesforce.com"
    """Where users sign in: `https://test.salesforce.com` for a sandbox."""
    kind = "signed_client"

    def _proof(self, call: Call) -> Credentials:
        """Give the assertion."""
        from joserfc import jwt  # noqa: PLC0415 - only who calls Salesforce waits for it
        from joserfc.errors import JoseError  # noqa: PLC0415 - the same
        from joserfc.jwk import import_key  # noqa: PLC0415 - the same

        claims = {"iss": self._id(call), "sub": self.user, "aud": self.audience, "exp": int(time()) + LASTS}
        try:
            key = import_key(revealed(call, "client_secret"), "RSA")
            signed = jwt.encode({"alg": "RS256"}, claims, key, algorithms=["RS256"])
        except (JoseError, ValueError, TypeError):
            msg = f"the key of client {self.client_id!r} is no private RSA key"
            raise AuthenticationError(msg) from None
        return Credentials(query={"grant_type": GRANT, "assertion": signed})
