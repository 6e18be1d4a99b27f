"""Where telemetry goes: the environment variables that OpenTelemetry's own exporters read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from ripieno.model.errors import SettingsError

__all__ = ["SIGNALS", "Signal", "Telemetry"]

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
SPOKEN: Final = "http/protobuf"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Settings of a process that serves runs."""

    signals: AbstractSet[Signal] = frozenset[Signal]()
    """What is told; nothing where no collector is named."""
    name: str = ""
    """What the collector is called where it is kept how far it was told: holds no password."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read `OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and its like.

        `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` and its like switch off. Headers,
        certificates, compression, service name and resource attributes are read by the exporters
        themselves. Raises `SettingsError` for what none of them can do.
        """
        found = os.environ if environment is None else environment
        if found.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls()
        places: dict[Signal, str] = {
            signal: place for signal in SIGNALS if (place := place_of(found, signal))
        }
        if not places:
            return cls()
        for name in (PROTOCOL, *(f"OTEL_EXPORTER_OTLP_{one.upper()}_PROTOCOL" for one in places)):
            if (asked := found.get(name) or SPOKEN) != SPOKEN:
                msg = f"{name}: {asked!r} is not spoken"
                raise SettingsError(msg, remedy=f"set it to {SPOKEN}; collectors take that at port 4318")
        return cls(frozenset(places), f"otlp:{named(next(iter(places.values())))}")


def place_of(found: Mapping[str, str], signal: Signal) -> str | None:
    """Give where a signal goes, unless it is switched off."""
    upper = signal.upper()
    exporter = found.get(f"OTEL_{upper}_EXPORTER") or "otlp"
    if exporter == "none":
        return None
    if exporter != "otlp":
        msg = f"OTEL_{upper}_EXPORTER: expected 'otlp' or 'none', got {exporter!r}"
        raise SettingsError(msg, remedy="a collector passes on what it is told by otlp in any other way")
    return found.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT") or found.get(ENDPOINT)


def named(place: str) -> str:
    """Give a place without what may be secret in it; raises `SettingsError` for what is none."""
    parts = urlsplit(place)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{ENDPOINT}: expected such as http://localhost:4318, got {place!r}"
        raise SettingsError(msg)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
