"""Salesforce: records by the REST API, found by SOQL.

By plain HTTP rather than `simple-salesforce`: that is synchronous, and brings SOAP and its own session.
May import the foundation of systems, `connectors.rest` and `connectors.systems.base`.
"""

from ripieno.connectors.systems.salesforce.connector import Salesforce
from ripieno.connectors.systems.salesforce.signed_client import SignedClient
from ripieno.connectors.systems.salesforce.words import Condition, Records, Written

__all__ = ["Condition", "Records", "Salesforce", "SignedClient", "Written"]
