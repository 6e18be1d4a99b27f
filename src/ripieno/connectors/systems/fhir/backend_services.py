"""How a service is known to a FHIR server: by a signed assertion, as SMART Backend Services has it."""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import Final, Literal
from uuid import uuid4

from ripieno.connectors.rest.auth import ClientCredentials, Credentials, revealed
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError

__all__ = ["BackendServices"]

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LASTS: Final = 240
"""Seconds; the guide allows five minutes at most."""


@dataclass(frozen=True)
class BackendServices(ClientCredentials):
    """A token for a client that signs with its own key (hl7.org/fhir/smart-app-launch/backend-services.html).

    `client_secret` is the reference to the private key, PEM or JWK; its public half is registered with
    the server under `key_id`. `scope` is such as `system/Patient.rs system/Appointment.cruds`.
    """

    key_id: str = ""
    algorithm: Literal["RS384", "ES384"] = "RS384"
    kind = "backend_services"

    def _proof(self, call: Call) -> Credentials:
        """Give the assertion: who asks, of whom, for the next minutes, and once."""
        from joserfc import jwt  # noqa: PLC0415 - only who calls such a server waits for it
        from joserfc.errors import JoseError  # noqa: PLC0415 - the same
        from joserfc.jwk import import_key  # noqa: PLC0415 - the same

        kind: Literal["RSA", "EC"] = "RSA" if self.algorithm.startswith("RS") else "EC"
        header = {"alg": self.algorithm, "typ": "JWT", **({"kid": self.key_id} if self.key_id else {})}
        now = int(time())
        claims = {"iss": self._id(call), "sub": self._id(call), "aud": self.token_url, "jti": str(uuid4())}
        claims |= {"iat": now, "exp": now + LASTS}
        text = revealed(call, "client_secret")
        try:
            key = import_key(text, kind)
            signed = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        except (JoseError, ValueError, TypeError):
            msg = f"the key of client {self.client_id!r} is no private key for {self.algorithm}"
            raise AuthenticationError(msg) from None
        return Credentials(query={"client_assertion_type": ASSERTION, "client_assertion": signed})
