"""Workday: workers and their titles by REST, and reports that are served (RaaS).

May import the foundation of systems, `connectors.rest` and `connectors.systems.base`.
"""

from ripieno.connectors.systems.workday.connector import TitleChange, Workday, Worker
from ripieno.connectors.systems.workday.refresh_token import RefreshToken

__all__ = ["RefreshToken", "TitleChange", "Workday", "Worker"]
