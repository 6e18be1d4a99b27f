"""Secrets kept in AWS Secrets Manager, through boto3, which finds region and credentials by itself."""

from __future__ import annotations

import importlib
from typing import Any, Final

from ripieno.mediation.secrets.provider import Provider, field_of, lacking, refuse
from ripieno.mediation.secrets.reference import Reference

__all__ = ["AwsSecrets"]

SECONDS: Final = 3
"""For a connection, and for an answer; tried twice."""


class AwsSecrets(Provider):
    """Secrets by name or ARN: their text, or a field of a JSON object."""

    name = "aws"
    shape = "secret://aws/name or secret://aws/name#field"

    def fits(self, reference: Reference) -> bool:
        """Tell that any name may be one."""
        return bool(reference.name)

    def read(self, reference: Reference) -> str:
        """Give the current version of the secret."""
        try:
            aws: Any = importlib.import_module("boto3")
            core: Any = importlib.import_module("botocore.config")
            errors: Any = importlib.import_module("botocore.exceptions")
        except ImportError:
            lacking(reference, "boto3", "aws")
        settings = core.Config(
            connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2}
        )
        try:
            client = aws.session.Session().client("secretsmanager", config=settings)
            answer: dict[str, Any] = client.get_secret_value(SecretId=reference.name)
        except errors.ClientError as error:
            code: str = error.response.get("Error", {}).get("Code", "ClientError")
            refuse(reference, f"AWS says {code}", "look at its name, the region, and the rights of this role")
        except errors.BotoCoreError as error:
            refuse(reference, f"AWS raised {type(error).__name__}", "look at AWS_REGION and the credentials")
        text = answer.get("SecretString")
        if not isinstance(text, str):
            refuse(reference, "it is binary", "store it as text")
        return field_of(text, reference)
