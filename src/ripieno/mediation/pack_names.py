"""Which policy packs there are, by name: told without reading a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["SHIPPED", "pack_names", "policy_folder"]

SHIPPED: Final = Path(__file__).parent / "policy" / "packs"
"""The packs that come with Ripieno."""

FOLDER: Final = "policies"


def policy_folder(home: Path) -> Path:
    """Give where the policies of a data folder's project are: `policies` beside it."""
    return home.absolute().parent / FOLDER


def pack_names(home: Path) -> list[str]:
    """Give the names of the shipped packs, and of those beside a data folder."""
    folders = [*SHIPPED.iterdir(), *policy_folder(home).glob("*/")]
    return sorted({one.name for one in folders if any(one.glob("*.cedar"))})
