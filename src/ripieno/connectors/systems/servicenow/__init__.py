"""ServiceNow: records by the Table API, incidents, changes by the Change Management API.

May import the foundation of systems, `connectors.rest` and `connectors.systems.base`.
"""

from ripieno.connectors.systems.servicenow.connector import ServiceNow
from ripieno.connectors.systems.servicenow.words import Records, Written

__all__ = ["Records", "ServiceNow", "Written"]
