"""Key services: who wraps the master key of a data folder, so that it lies nowhere in clear.

Without one the master key stands in its file as it is, readable by its owner alone. With one the file
holds what the service has wrapped, and each process asks the service once, when it opens the folder.
"""

from __future__ import annotations

import binascii
import importlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from ripieno.model.errors import SettingsError, StoreError

__all__ = ["SERVICES", "AwsKms", "KeyService", "chosen", "keeper_of", "opened", "sealed", "service_named"]

MARK: Final = b"ripieno master key 1\n"
"""How a file begins whose key a service has wrapped."""

SETTING: Final = "RIPIENO_KEY_SERVICE"
FILE: Final = "file"

SECONDS: Final = 3
"""For a connection, and for an answer; tried twice."""


class KeyService(Protocol):
    """Wraps and unwraps the master key. Both raise `StoreError` when the service does not."""

    @property
    def name(self) -> str:
        """What it is called in the setting and in the file, such as `awskms:alias/ripieno`."""
        ...

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Give the key wrapped, bound to what the context says."""
        ...

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Give the key back; refused for another context than it was wrapped under."""
        ...


class AwsKms:
    """A symmetric key of AWS KMS, through boto3, which finds region and credentials by itself."""

    def __init__(self, key: str) -> None:
        self._key = key

    @property
    def name(self) -> str:
        """What it is called: `awskms:` and the id, ARN or alias of the key."""
        return f"awskms:{self._key}"

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Have the key encrypted."""
        return self._asked("encrypt", "CiphertextBlob", Plaintext=key, EncryptionContext=context)

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Have it decrypted."""
        return self._asked("decrypt", "Plaintext", CiphertextBlob=wrapped, EncryptionContext=context)

    def _asked(self, act: str, field: str, **values: Any) -> bytes:
        try:
            aws: Any = importlib.import_module("boto3")
            core: Any = importlib.import_module("botocore.config")
            errors: Any = importlib.import_module("botocore.exceptions")
        except ImportError as error:
            msg = f"the master key is kept by {self.name}, and boto3 is not installed"
            raise StoreError(msg, remedy="pip install 'ripieno[aws]'") from error
        settings = core.Config(
            connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2}
        )
        try:
            client = aws.session.Session().client("kms", config=settings)
            answer: dict[str, Any] = getattr(client, act)(KeyId=self._key, **values)
        except errors.ClientError as error:
            code: str = error.response.get("Error", {}).get("Code", "ClientError")
            msg = f"the master key cannot be had: {self.name} refuses to {act} it: AWS says {code}"
            remedy = "look at the key's id and state, the region, and the rights of this role"
            raise StoreError(msg, remedy=remedy) from error
        except errors.BotoCoreError as error:
            msg = f"the master key cannot be had: {self.name} cannot be asked: {type(error).__name__}"
            raise StoreError(msg, remedy="look at AWS_REGION, the credentials and the network") from error
        return answer[field]


SERVICES: Final[dict[str, Callable[[str], KeyService]]] = {"awskms": AwsKms}
"""By the first part of its name; each is given the rest."""


def service_named(name: str) -> KeyService:
    """Give the service of a name such as `awskms:alias/ripieno`; raises `SettingsError`."""
    kind, _, key = name.partition(":")
    if kind not in SERVICES or not key:
        msg = f"no key service {name!r}"
        raise SettingsError(msg, remedy="expected file, or awskms: and the id, ARN or alias of a key")
    return SERVICES[kind](key)


def chosen(name: str | None) -> KeyService | None:
    """Give the service of a name, else of the setting; None for `file`, or where neither says so."""
    name = os.environ.get(SETTING, FILE) if name is None else name
    return None if name in ("", FILE) else service_named(name)


def sealed(key: bytes, service: KeyService) -> bytes:
    """Give what stands in the file of a key that a service keeps."""
    context = {"application": "ripieno", "folder": secrets.token_hex(16)}
    wrapped = b64encode(service.wrap(key, context)).decode()
    document = {"service": service.name, "context": context, "wrapped": wrapped}
    return MARK + json.dumps(document, indent=1).encode() + b"\n"


def keeper_of(data: bytes) -> str | None:
    """Give the name of the service that keeps the key of which this stands in its file; None for none."""
    return str(document(data)["service"]) if data.startswith(MARK) else None


def document(data: bytes) -> dict[str, Any]:
    """Read what stands in the file of a key that a service keeps; raises `StoreError`."""
    try:
        found: Any = json.loads(data[len(MARK) :])
        context = {str(name): str(value) for name, value in cast("dict[Any, Any]", found["context"]).items()}
        wrapped = b64decode(found["wrapped"], validate=True)
        service_named(str(found["service"]))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, SettingsError) as error:
        msg = f"what names the service that keeps the master key was changed: {error}"
        raise StoreError(msg, remedy="restore master.key from a backup") from error
    return {"service": str(found["service"]), "context": context, "wrapped": wrapped}


def opened(data: bytes) -> bytes | None:
    """Give the key of what stands in its file; None where no service keeps it.

    Raises `StoreError` where the service does not give it, or the file was changed.
    """
    if not data.startswith(MARK):
        return None
    found = document(data)
    return service_named(found["service"]).unwrap(found["wrapped"], found["context"])
