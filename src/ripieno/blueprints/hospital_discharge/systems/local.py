"""Where the local systems are kept, and how to open them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ripieno.blueprints.hospital_discharge.systems.base import ReceivedCall
from ripieno.blueprints.hospital_discharge.systems.billing import LocalBilling
from ripieno.blueprints.hospital_discharge.systems.scheduling import LocalScheduling
from ripieno.blueprints.hospital_discharge.systems.store import Store

__all__ = ["LocalSystems", "systems_at", "systems_path"]


@dataclass(frozen=True, slots=True)
class LocalSystems:
    """Both systems of one hospital, in one file."""

    scheduling: LocalScheduling
    billing: LocalBilling
    path: Path

    def calls(self) -> list[ReceivedCall]:
        """List every call that either system received, in order; entries are never changed."""
        return self.scheduling.store.calls()


def systems_at(path: str | Path) -> LocalSystems:
    """Open the systems kept in the file at `path`, made when missing. Raises StoreError."""
    store = Store(Path(path))
    store.create()
    return LocalSystems(LocalScheduling(store), LocalBilling(store), store.path)


def systems_path() -> Path:
    """Give `RIPIENO_HOSPITAL_SYSTEMS`, else `hospital.sqlite` in `RIPIENO_HOME` or `./.ripieno`."""
    named = os.environ.get("RIPIENO_HOSPITAL_SYSTEMS")
    if named:
        return Path(named)
    return Path(os.environ.get("RIPIENO_HOME") or ".ripieno") / "hospital.sqlite"
