"""Secrets kept in HashiCorp Vault, KV version 2, through its HTTP API."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

from ripieno.mediation.secrets.provider import Provider, lacking, refuse, text_of
from ripieno.mediation.secrets.reference import Reference
from ripieno.model.confidential import CONFIDENTIAL, LEAST

if TYPE_CHECKING:
    import httpx

__all__ = ["VaultSecrets"]

SECONDS: Final = 5
LARGEST: Final = 1_048_576
SAID: Final = {
    403: ("Vault does not allow it", "look at the policies of the token, and whether it has expired"),
    404: ("Vault has nothing there", "look at mount and path, and whether the version was deleted"),
    503: ("Vault is sealed or in maintenance", "unseal it"),
}


class VaultSecrets(Provider):
    """Fields of secrets, at the server `VAULT_ADDR` with `VAULT_TOKEN` or `~/.vault-token`.

    `VAULT_NAMESPACE` and `VAULT_CACERT` count as they do for Vault's own command. Without TLS only a
    server of this machine is asked; redirects are not followed, as they would carry the token away.
    """

    name = "vault"
    shape = "secret://vault/mount/path#field"

    def fits(self, reference: Reference) -> bool:
        """Tell whether it names a mount, a path in it and a field."""
        parts = reference.name.split("/")
        return reference.field is not None and len(parts) > 1 and all(parts) and ".." not in parts

    def read(self, reference: Reference) -> str:
        """Give the field of the latest version."""
        try:
            import httpx  # noqa: PLC0415 - an extra
        except ImportError:
            lacking(reference, "httpx", "vault")
        mount, _, path = reference.name.partition("/")
        url = f"{self._address(reference)}/v1/{quote(mount)}/data/{quote(path)}"
        try:
            with httpx.Client(timeout=SECONDS, follow_redirects=False, verify=trusted()) as client:
                answer = client.get(url, headers=self._headers(reference))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            refuse(reference, f"Vault could not be reached ({type(error).__name__})", "look at VAULT_ADDR")
        return self._field(answer, reference)

    def _address(self, reference: Reference) -> str:
        address = os.environ.get("VAULT_ADDR", "https://127.0.0.1:8200").rstrip("/")
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and local(parts.hostname)):
            refuse(reference, "VAULT_ADDR is not https", "a token is sent in the clear to this machine alone")
        return address

    def _headers(self, reference: Reference) -> dict[str, str]:
        token = os.environ.get("VAULT_TOKEN") or kept_token()
        if not token:
            refuse(reference, "there is no token for Vault", "set VAULT_TOKEN, or log in with vault login")
        if len(token) >= LEAST:
            CONFIDENTIAL.hold("VAULT_TOKEN", token)
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        namespace = os.environ.get("VAULT_NAMESPACE")
        return {**headers, "X-Vault-Namespace": namespace} if namespace else headers

    def _field(self, answer: httpx.Response, reference: Reference) -> str:
        if answer.status_code != 200:  # noqa: PLR2004 - HTTP's own number
            again = (f"Vault answers {answer.status_code}", "look at its log")
            refuse(reference, *SAID.get(answer.status_code, again))
        try:
            document: Any = answer.json() if len(answer.content) <= LARGEST else None
            fields: Any = document["data"]["data"]
        except (ValueError, TypeError, KeyError):
            refuse(reference, "Vault's answer is not that of KV version 2", "look at the mount's version")
        known = cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
        return text_of(known.get(reference.field or ""), reference)


def trusted() -> Any:
    """Give what the server's certificate is verified by."""
    import ssl  # noqa: PLC0415 - only who asks Vault needs it

    return ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)


def local(host: str | None) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def kept_token() -> str:
    """Give the token that `vault login` keeps."""
    try:
        return (Path.home() / ".vault-token").read_text("utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError):
        return ""
