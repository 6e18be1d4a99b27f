"""A place in object storage, through boto3, which finds region, endpoint and credentials by itself."""

from __future__ import annotations

import importlib
from typing import Any, Final
from urllib.parse import SplitResult

from ripieno.anchoring.sink import SinkError
from ripieno.model.errors import SettingsError

__all__ = ["Bucket", "ThereError"]

THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class ThereError(SinkError):
    """An object of this name is there, and was to be made anew."""


class Bucket:
    """Objects under `s3://bucket/prefix`."""

    def __init__(self, parts: SplitResult) -> None:
        if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
            msg = f"expected s3://bucket/prefix, got s3://{parts.netloc.rpartition('@')[2]}{parts.path}"
            remedy = "credentials come from where AWS's tools have them, and never stand in an address"
            raise SettingsError(msg, remedy=remedy)
        self.bucket = parts.netloc
        prefix = parts.path.strip("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self.name = f"s3://{self.bucket}/{prefix}"
        """Holds no password."""

    def client(self, *, seconds: int, attempts: int) -> Any:
        """Give a client that waits so long for an answer, and asks so often."""
        try:
            aws: Any = importlib.import_module("boto3")
            core: Any = importlib.import_module("botocore.config")
        except ImportError as error:
            msg = f"{self.name}: boto3 is not installed"
            raise SinkError(msg, remedy="pip install 'ripieno[aws]'") from error
        settings = core.Config(
            connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": attempts}
        )
        return self.attempt(lambda: aws.session.Session().client("s3", config=settings))

    def attempt(self, act: Any) -> Any:
        """Do something there; raises `ThereError`, and `SinkError` for all else that AWS or boto3 say."""
        errors: Any = importlib.import_module("botocore.exceptions")
        transfers: Any = importlib.import_module("boto3.exceptions")
        try:
            return act()
        except errors.ClientError as error:
            code: str = error.response.get("Error", {}).get("Code", "ClientError")
            if code in THERE:
                msg = f"{self.name}: an object of this name is there"
                raise ThereError(msg) from error
            raise self._said(code) from error
        except (errors.BotoCoreError, transfers.Boto3Error) as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, errors.ClientError):  # what a transfer of many parts hides
                raise self._said(cause.response.get("Error", {}).get("Code", "ClientError")) from error
            msg = f"{self.name}: AWS raised {type(error).__name__}"
            raise SinkError(msg, remedy="look at AWS_REGION and the credentials") from error

    def _said(self, code: str) -> SinkError:
        msg = f"{self.name}: AWS says {code}"
        return SinkError(msg, remedy="look at the bucket, the region, and the rights of this role")
