"""Each provider of secrets, as the real thing speaks; what it cannot give it says without what it read."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs] - it ships none
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from moto import mock_aws

from ripieno.mediation.secrets import SECRETS, Secrets
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import DefinitionError


def read(text: str) -> str:
    secrets = Secrets()
    problem = secrets.problem(secrets.reference(text))
    assert problem is None, problem
    return secrets._kept[secrets.reference(text)].secret.reveal()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - without a loop


def why(text: str) -> str:
    secrets = Secrets()
    found = secrets.problem(secrets.reference(text))
    assert found is not None
    assert text in found
    return found


# -- this machine ---------------------------------------------------------------------------------------


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAY_KEY", "from the environment")
    assert read("secret://env/PAY_KEY") == "from the environment"
    monkeypatch.delenv("PAY_KEY")
    assert "the variable is not set; set PAY_KEY" in why("secret://env/PAY_KEY")


def test_a_file_as_a_whole_and_a_field_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").write_text("in the file\n")
    (tmp_path / "some.json").write_text(json.dumps({"key": "in the field", "port": 80}))
    assert read(f"secret://file{tmp_path}/whole") == "in the file"
    assert read(f"secret://file{tmp_path}/some.json#key") == "in the field"
    monkeypatch.chdir(tmp_path)
    assert read("secret://file/./whole") == "in the file"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "No such file"),
        ("folder", "Is a directory"),
        ("large", "more than 65,536 bytes"),
        ("binary", "not text in UTF-8"),
        ("plain#key", "it is not JSON"),
        ("list.json#key", "it has no such field with text in it"),
        ("some.json#port", "it has no such field with text in it"),
        ("some.json#gone", "it has no such field with text in it"),
        ("short", "fewer than 8 bytes"),
    ],
)
def test_a_file_that_gives_nothing_says_why_and_nothing_of_what_is_in_it(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_text("xyzzy" * 20_000)
    (tmp_path / "binary").write_bytes(b"xyzzy\xff\xfe")
    (tmp_path / "plain").write_text("xyzzy {")
    (tmp_path / "list.json").write_text('["xyzzy"]')
    (tmp_path / "some.json").write_text('{"port": 80, "other": "xyzzy"}')
    (tmp_path / "short").write_text("xyzzy")
    found = why(f"secret://file{tmp_path}/{name}")
    assert said in found
    assert "xyzzy" not in found


def test_a_file_is_not_reached_by_going_up() -> None:
    with pytest.raises(DefinitionError, match="is no reference of 'file'"):
        SECRETS.reference("secret://file/run/secrets/../../etc/passwd")


class Drawer(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # pyright: ignore[reportAssignmentType] - as its own backends do

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if service == "locked":
            raise KeyringLocked("xyzzy")  # noqa: EM101
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before, mine = keyring.get_keyring(), Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def test_the_keyring_of_the_desktop(drawer: Drawer) -> None:
    drawer.kept["https://pay.example", "robot"] = "from the keyring"
    assert read("secret://keyring/https://pay.example/robot") == "from the keyring"
    assert "holds nothing of that name; keyring set pay robot" in why("secret://keyring/pay/robot")
    locked = why("secret://keyring/locked/robot")
    assert "KeyringLocked" in locked
    assert "xyzzy" not in locked
    with pytest.raises(DefinitionError, match="it looks like secret://keyring/service/name"):
        SECRETS.reference("secret://keyring/robot")


# -- AWS ------------------------------------------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    settings = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    for name, value in {**settings, "AWS_DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        made: Any = boto3
        yield made.client("secretsmanager")


def test_aws_secrets_manager(aws: Any) -> None:
    aws.create_secret(Name="prod/pay", SecretString='{"key": "kept by AWS"}')
    aws.create_secret(Name="plain", SecretString="plain in AWS")
    aws.create_secret(Name="binary", SecretBinary=b"xyzzy xyzzy")
    assert read("secret://aws/prod/pay#key") == "kept by AWS"
    assert read("secret://aws/plain") == "plain in AWS"
    assert "it is binary" in why("secret://aws/binary")
    assert "AWS says ResourceNotFoundException" in why("secret://aws/prod/none")
    aws.put_secret_value(SecretId="plain", SecretString="rotated in AWS")
    assert read("secret://aws/plain") == "rotated in AWS"


def test_aws_without_a_region_or_credentials_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "AWS raised NoRegionError" in why("secret://aws/plain")


# -- Vault ----------------------------------------------------------------------------------------------

TOKEN = "hvs.token-of-the-tests"  # noqa: S105 - opens nothing


class Vault(BaseHTTPRequestHandler):
    """Speaks what Vault speaks about KV version 2."""

    kept: Mapping[str, Any] = {}
    asked: list[Mapping[str, str]]

    def do_GET(self) -> None:
        """Answer a read."""
        type(self).asked.append(dict(self.headers))
        path = self.path.removeprefix("/v1/")
        if path == "secret/data/elsewhere":
            self.send_response(307)
            self.send_header("Location", "/v1/secret/data/team/pay")
            self.end_headers()
            return
        if self.headers["X-Vault-Token"] != TOKEN:
            self._say(403, {"errors": ["permission denied"]})
        elif path in self.kept:
            self._say(200, self.kept[path])
        else:
            self._say(404, {"errors": []})

    def _say(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
        """Say nothing on stderr."""


def version_two(fields: Any) -> dict[str, Any]:
    return {"lease_duration": 0, "data": {"data": fields, "metadata": {"version": 3, "destroyed": False}}}


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Vault]]:
    handler = type("OneVault", (Vault,), {"asked": []})
    handler.kept = {
        "secret/data/team/pay": version_two({"key": "kept by Vault", "port": 7}),
        "old/data/team/pay": {"data": {"key": "version one of KV"}},
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
        monkeypatch.delenv(name, raising=False)
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_vault(vault: type[Vault], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("secret://vault/secret/team/pay#key") == "kept by Vault"
    assert vault.asked[-1]["X-Vault-Request"] == "true"
    assert "X-Vault-Namespace" not in vault.asked[-1]
    monkeypatch.setenv("VAULT_NAMESPACE", "care")
    assert read("secret://vault/secret/team/pay#key") == "kept by Vault"
    assert vault.asked[-1]["X-Vault-Namespace"] == "care"
    assert CONFIDENTIAL.found(TOKEN.encode()) == ("VAULT_TOKEN",), "the token is a secret as well"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("secret://vault/secret/team/none#key", "Vault has nothing there"),
        ("secret://vault/secret/team/pay#none", "it has no such field"),
        ("secret://vault/secret/team/pay#port", "it has no such field"),
        ("secret://vault/old/team/pay#key", "not that of KV version 2"),
        ("secret://vault/secret/elsewhere#key", "Vault answers 307"),
    ],
)
def test_vault_says_why_it_gives_nothing(vault: type[Vault], reference: str, said: str) -> None:
    del vault
    assert said in why(reference)


def test_vault_that_does_not_know_the_token(vault: type[Vault], monkeypatch: pytest.MonkeyPatch) -> None:
    del vault
    monkeypatch.setenv("VAULT_TOKEN", "short")
    assert "Vault does not allow it" in why("secret://vault/secret/team/pay#key")


def test_vault_takes_the_token_that_its_login_keeps(
    vault: type[Vault], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del vault
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "there is no token for Vault" in why("secret://vault/secret/team/pay#key")
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    assert read("secret://vault/secret/team/pay#key") == "kept by Vault"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://vault.example:8200", "VAULT_ADDR is not https"),
        ("ftp://127.0.0.1", "VAULT_ADDR is not https"),
        ("https://127.0.0.1:1", "could not be reached (ConnectError)"),
    ],
)
def test_vault_is_sent_no_token_where_others_could_read_it(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("VAULT_ADDR", address)
    assert said in why("secret://vault/secret/team/pay#key")


@pytest.mark.parametrize(
    "reference", ["secret://vault/secret#key", "secret://vault/secret/pay", "secret://vault/a/../b#key"]
)
def test_a_reference_that_vault_cannot_know_is_refused_when_it_is_declared(reference: str) -> None:
    with pytest.raises(DefinitionError, match="it looks like secret://vault/mount/path#field"):
        SECRETS.reference(reference)


@pytest.mark.parametrize(
    ("reference", "package", "extra"),
    [
        ("secret://aws/plain", "boto3", "aws"),
        ("secret://keyring/pay/robot", "keyring", "keyring"),
        ("secret://vault/secret/pay#key", "httpx", "vault"),
    ],
)
def test_a_provider_whose_package_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, reference: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert f"{package} is not installed; pip install 'ripieno[{extra}]'" in why(reference)


def test_what_a_provider_raises_besides_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAY_KEY", "from the environment")

    def broken(*given: object) -> Any:
        raise SystemError(*given)

    monkeypatch.setattr("ripieno.mediation.secrets.local.EnvironmentSecrets.read", broken)
    assert "its provider raised SystemError" in why("secret://env/PAY_KEY")
