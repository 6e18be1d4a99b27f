"""How an integration is known to Workday: by a refresh token that does not end, of an API client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ripieno.connectors.rest.auth import ClientCredentials, Credentials, checked, revealed
from ripieno.model.action import Call

__all__ = ["RefreshToken"]


@dataclass(frozen=True)
class RefreshToken(ClientCredentials):
    """A token for a client that was given a refresh token (OAuth 2.0, RFC 6749 section 6), kept."""

    refresh_token: str = ""
    """A reference such as `secret://env/WORKDAY_REFRESH_TOKEN`."""
    kind = "refresh_token"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked(self.refresh_token)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The client's secret, and the refresh token."""
        return {**super().secrets, "refresh_token": self.refresh_token}

    def _proof(self, call: Call) -> Credentials:
        known = super()._proof(call)
        known.query |= {"grant_type": "refresh_token", "refresh_token": revealed(call, "refresh_token")}
        return known
