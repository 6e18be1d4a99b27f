"""Patterns are tested as what they are part of: workflows that run."""

from __future__ import annotations

import pytest
from running import Running, Turned

from ripieno.kernel.host import Host


@pytest.fixture
def running(host: Host, clock: Turned) -> Running:
    """Give what runs a flow and waits for what becomes of it."""
    return Running(host, clock)
