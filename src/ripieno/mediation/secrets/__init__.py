"""Secrets: references that are opened at the moment of a call, and values that are recorded nowhere."""

from ripieno.mediation.secrets.logs import redact
from ripieno.mediation.secrets.provider import Provider
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS, Secrets
from ripieno.mediation.secrets.secret import Secret

__all__ = ["SECRETS", "Provider", "Reference", "Secret", "Secrets", "redact"]
