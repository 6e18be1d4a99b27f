"""Microsoft Entra ID: users, groups and licences, by Microsoft Graph v1.0.

By plain HTTP rather than `msgraph-sdk`: that brings tens of thousands of generated classes, and a retry
handler of its own beneath the one that knows what a claimed call may repeat.
May import the foundation of systems, `connectors.rest` and `connectors.systems.base`.
"""

from ripieno.connectors.systems.entra.connector import Entra
from ripieno.connectors.systems.entra.words import Group, Licence, Membership, User

__all__ = ["Entra", "Group", "Licence", "Membership", "User"]
