"""The hospital's systems of record: scheduling and billing, behind an interface a real one could take."""

from ripieno.blueprints.hospital_discharge.systems.base import (
    Appointment,
    Authorisation,
    Billing,
    ReceivedCall,
    Scheduling,
    Sender,
)
from ripieno.blueprints.hospital_discharge.systems.local import LocalSystems, systems_at, systems_path

__all__ = [
    "Appointment",
    "Authorisation",
    "Billing",
    "LocalSystems",
    "ReceivedCall",
    "Scheduling",
    "Sender",
    "systems_at",
    "systems_path",
]
