"""FHIR R4 servers: records read, searched and written as hl7.org/fhir/R4/http.html has it.

May import the foundation of systems, `connectors.rest` and `connectors.systems.base`.
"""

from ripieno.connectors.systems.fhir.backend_services import BackendServices
from ripieno.connectors.systems.fhir.connector import Fhir
from ripieno.connectors.systems.fhir.words import Change, Found

__all__ = ["BackendServices", "Change", "Fhir", "Found"]
