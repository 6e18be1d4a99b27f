"""Events as others read them: OCSF API Activity (class 6003) in CloudEvents 1.0 envelopes, as JSON.

An event's own envelope goes with it, and so structure, names and commitments; no recorded value does.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from ripieno.journal.feeding import Fed
from ripieno.model.event import Event
from ripieno.model.ids import short

__all__ = ["CRITICAL", "HIGH", "MEDIUM", "SEVERITIES", "activity", "cloud_event"]

SCHEMA: Final = "1.3.0"
"""Version of OCSF."""

CATEGORY: Final = 6
CLASS: Final = 6003
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99

ACTIVITIES: Final[dict[str, int]] = {
    **dict.fromkeys(
        (
            *("run.started", "run.forked", "asked", "tenant.created", "workflow.registered"),
            *("absence.set", "provider.trusted", "group.mapped", "key.created", "stop.set", "budget.set"),
        ),
        CREATE,
    ),
    "data.read": READ,
    **dict.fromkeys(
        (
            *("run.migrated", "run.ended", "answered", "message", "task", "agent.status"),
            *("principal.changed", "workflow.mode", "workflow.deployed", "workflow.drained"),
            *("workflow.protected", "versions.compatible", "operation"),
        ),
        UPDATE,
    ),
    **dict.fromkeys(
        (
            *("absence.cleared", "workflow.undrained", "workflow.unprotected", "group.unmapped"),
            *("provider.distrusted", "key.revoked", "stop.released", "budget.cleared"),
        ),
        DELETE,
    ),
}
"""What kinds of events do, in the words of OCSF; the others are `Other`, by their own name."""

NAMES: Final = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete"}
INFORMATIONAL, MEDIUM, HIGH, CRITICAL = 1, 3, 4, 5
SEVERITIES: Final = {
    "denied": MEDIUM,
    "act.denied": MEDIUM,
    "login.refused": MEDIUM,
    "sink.failed": MEDIUM,
    "emergency": HIGH,
    "stop.set": HIGH,
    "checkpoint.refused": CRITICAL,
}
REFUSED: Final = frozenset({"denied", "act.denied", "login.refused", "sink.failed", "checkpoint.refused"})
SUCCESS, FAILURE = 1, 2
WHO: Final = ("by", "principal")


def activity(fed: Fed, event: Event, origin: str) -> dict[str, Any]:
    """Give an event as OCSF has it."""
    doing = ACTIVITIES.get(event.kind, OTHER)
    who = next((event.body[name] for name in WHO if isinstance(event.body.get(name), str)), None)
    uid = f"{event.stream}/{event.seq}"
    failed = event.kind in REFUSED or event.body.get("status") == "failed"
    tenant = {} if fed.tenant is None else {"tenant_uid": fed.tenant}
    return {
        "class_uid": CLASS,
        "class_name": "API Activity",
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "activity_id": doing,
        "activity_name": NAMES.get(doing, event.kind),
        "type_uid": CLASS * 100 + doing,
        "severity_id": SEVERITIES.get(event.kind, INFORMATIONAL),
        "status_id": FAILURE if failed else SUCCESS,
        "time": event.at // 1000,
        "message": f"{event.kind} {event.path}".rstrip(),
        "metadata": {
            "version": SCHEMA,
            "product": {"name": "Ripieno", "vendor_name": "Ripieno"},
            "uid": uid,
            "sequence": fed.position,
            "log_name": origin,
            **tenant,
        },
        "actor": {"app_name": "ripieno"} if who is None else {"user": {"name": who, "uid": who}},
        "api": {"operation": event.kind, "service": {"name": "ripieno"}, "request": {"uid": uid}},
        "src_endpoint": {"svc_name": "ripieno", "uid": origin},
        "resources": [
            {
                "type": "run" if fed.run else "tenant",
                "uid": event.stream,
                "name": short(event.stream) if fed.run or fed.tenant is None else fed.tenant,
            }
        ],
        "unmapped": {"envelope": json.loads(fed.envelope)},
    }


def cloud_event(fed: Fed, origin: str) -> dict[str, Any]:
    """Give an event in a CloudEvents envelope; one that cannot be read any more says so."""
    try:
        event = Event.read(fed.envelope)
    except ValueError as error:
        return {
            "specversion": "1.0",
            "id": f"{fed.stream}/at/{fed.position}",
            "source": source(origin, fed.tenant),
            "type": "ripieno.unreadable",
            "datacontenttype": "application/json",
            "data": {"position": fed.position, "problem": str(error)},
        }
    at = datetime.fromtimestamp(event.at / 1e6, UTC)
    return {
        "specversion": "1.0",
        "id": f"{event.stream}/{event.seq}",
        "source": source(origin, fed.tenant),
        "type": f"ripieno.{event.kind}",
        "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"https://schema.ocsf.io/{SCHEMA}/classes/api_activity",
        "sequence": f"{fed.position:020d}",
        **({"subject": event.path} if event.path else {}),
        "data": activity(fed, event, origin),
    }


def source(origin: str, tenant: str | None) -> str:
    """Give what names a log, and a tenant within it, as a URI reference."""
    return f"/{quote(origin)}/{quote(tenant or '', safe='')}"
