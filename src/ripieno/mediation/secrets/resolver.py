"""Opening references at the moment of a call: kept for a short life, asked for anew when refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

from ripieno.mediation.secrets.aws import AwsSecrets
from ripieno.mediation.secrets.local import EnvironmentSecrets, FileSecrets, KeyringSecrets
from ripieno.mediation.secrets.logs import guard_logs
from ripieno.mediation.secrets.provider import Provider, refuse
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.secret import Secret
from ripieno.mediation.secrets.vault import VaultSecrets
from ripieno.model.confidential import CONFIDENTIAL, LEAST
from ripieno.model.errors import DefinitionError, SecretError, nearest

__all__ = ["SECRETS", "Secrets"]

LIFETIME_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 15.0
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret that was read, and until when it need not be read again."""

    secret: Secret
    until: float


class Secrets:
    """Opens references. What it has read is kept in memory, for a minute, and nowhere else."""

    def __init__(
        self,
        *,
        lifetime: float = LIFETIME_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lifetime, self._timeout, self._clock = lifetime, timeout, clock
        found = (EnvironmentSecrets(), FileSecrets(), KeyringSecrets(), AwsSecrets(), VaultSecrets())
        self._providers: dict[str, Provider] = {provider.name: provider for provider in found}
        self._kept: dict[Reference, Kept] = {}
        self._reading: dict[Reference, Lock] = {}
        """Held while a reference is read, so that many calls at once ask but once."""
        self._guard = Lock()
        """Protects the two mappings above."""
        self._threads: ThreadPoolExecutor | None = None

    def provide(self, provider: Provider) -> None:
        """Let secrets of one more provider be used; one of the same name takes its place."""
        self._providers[provider.name] = provider

    def reference(self, text: object) -> Reference:
        """Read a reference as a declaration has it; raises `DefinitionError` for one that cannot work."""
        reference = Reference.parse(text)
        provider = self._providers.get(reference.provider)
        if provider is None:
            known = ", ".join(sorted(self._providers))
            hint = nearest(reference.provider, self._providers)
            msg = f"no provider of secrets is called {reference.provider!r}{hint}; known: {known}"
            raise DefinitionError(msg)
        provider.check(reference)
        return reference

    async def open(self, reference: Reference, *, anew: bool = False) -> Secret:
        """Give a secret, read again where it is `anew` or has been kept for long enough.

        Raises `SecretError`, which says nothing of its value.
        """
        if not anew and (kept := self._fresh(reference)) is not None:
            return kept
        provider = self._providers[reference.provider]
        if not provider.waits:
            return self._read(reference, provider, anew=anew)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ripieno-secrets")
        reading = self._threads.submit(self._read, reference, provider, anew=anew)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(reading), self._timeout)
        except TimeoutError:
            refuse(reference, f"no answer in {self._timeout:g} s", "look at whether its provider is there")

    def problem(self, reference: Reference) -> str | None:
        """Say why a reference cannot be opened here and now; None when it can."""
        try:
            self._read(reference, self._providers[reference.provider], anew=True)
        except SecretError as error:
            return error.message
        return None

    def forget(self) -> None:
        """Keep nothing of what was read; it is still looked for in what is recorded."""
        with self._guard:
            self._kept.clear()

    def _fresh(self, reference: Reference) -> Secret | None:
        kept = self._kept.get(reference)
        return kept.secret if kept is not None and self._clock() < kept.until else None

    def _read(self, reference: Reference, provider: Provider, *, anew: bool) -> Secret:
        with self._guard:
            lock = self._reading.setdefault(reference, Lock())
        asked = self._clock()
        with lock:
            kept = self._kept.get(reference)
            if kept is not None and not anew and asked < kept.until:  # somebody else has read it meanwhile
                return kept.secret
            value = self._value(reference, provider)
            guard_logs()
            secret = Secret(str(reference), value)
            self._kept[reference] = Kept(secret, self._clock() + self._lifetime)
            return secret

    def _value(self, reference: Reference, provider: Provider) -> str:
        try:
            value = provider.read(reference)
        except SecretError:
            raise
        except Exception as error:  # noqa: BLE001 - its message may hold what was read
            refuse(reference, f"its provider raised {type(error).__name__}", "look at the provider")
        try:
            CONFIDENTIAL.hold(str(reference), value)
        except ValueError:
            refuse(
                reference,
                f"it has fewer than {LEAST} bytes",
                "a secret so short could not be kept out of what is recorded: use a longer one",
            )
        return value


SECRETS: Final = Secrets()
"""Those of this process."""
