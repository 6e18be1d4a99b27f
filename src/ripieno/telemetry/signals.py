"""Spans and log records of what the log tells, in the words of OpenTelemetry.

Names are those of its semantic conventions where these have one, else begin with `ripieno.`. No recorded
value is told: the log's events hold none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from ripieno.anchoring.ocsf import CRITICAL, HIGH, MEDIUM, SEVERITIES
from ripieno.kernel import proposals
from ripieno.telemetry import names

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from ripieno.telemetry.moments import Moment, Run, Work

__all__ = ["SCOPE", "about_model", "about_run", "log_record", "span"]

SCOPE: Final = InstrumentationScope("ripieno", names.VERSION, names.SCHEMA)

AGENTS: Final = proposals.AGENTS | {"remote"}
"""Kinds of participants whose work is an agent's."""

LEVELS: Final = {
    MEDIUM: SeverityNumber.WARN,
    HIGH: SeverityNumber.ERROR,
    CRITICAL: SeverityNumber.FATAL,
}
"""By how severe it is in an audit."""

NANOSECONDS: Final = 1_000
"""In a microsecond."""

Attributes = dict[str, Any]


def span(run: Run, work: Work, resource: Resource) -> ReadableSpan:
    """Give the span of work that has ended."""
    name, kind, said = told(work)
    error: Attributes = {} if work.failed is None else {names.ERROR_TYPE: work.failed}
    return ReadableSpan(
        name,
        context_of(run, work.span),
        None if work.above is None else context_of(run, work.above),
        resource,
        {**about_run(run), "ripieno.status": work.status, **said, **error},
        kind=kind,
        status=Status(StatusCode.UNSET) if work.failed is None else Status(StatusCode.ERROR, work.failed),
        start_time=min(work.begun, work.ended) * NANOSECONDS,
        end_time=work.ended * NANOSECONDS,
        instrumentation_scope=SCOPE,
    )


def told(work: Work) -> tuple[str, SpanKind, Attributes]:
    """Give what work is called, of which kind it is, and what it tells of itself."""
    said = work.said
    match work.kind:
        case "run":
            about: Attributes = {names.OPERATION: "invoke_workflow"}
            return f"invoke_workflow {work.name}", SpanKind.SERVER, about
        case "visit":
            about, doing = about_visit(said) | spending(said), str(said["participant"])
            if doing in AGENTS:
                doing = "invoke_agent"
                about |= {names.OPERATION: doing, names.AGENT_NAME: work.name}
            return f"{doing} {work.name}", SpanKind.INTERNAL, about
        case "model":
            about = about_model(work) | about_call(said) | spending(said)
            return f"chat {about[names.REQUEST_MODEL]}", SpanKind.CLIENT, about
        case "tool":
            about = {names.OPERATION: "execute_tool", names.TOOL_NAME: work.name}
            return f"execute_tool {work.name}", SpanKind.CLIENT, about | about_call(said) | spending(said)
        case "wait":
            return f"wait for {work.name}", SpanKind.INTERNAL, {"ripieno.role": work.name}


def about_run(run: Run) -> Attributes:
    """Give what every span of a run tells: which run, and the versions that it is one of."""
    return {
        names.WORKFLOW: run.workflow,
        names.CONVERSATION: run.id,
        "ripieno.tenant": run.tenant,
        "ripieno.workflow.version": run.version,
        "ripieno.policy.version": run.policy,
        "ripieno.library.version": run.library,
    }


def about_visit(said: Mapping[str, Any]) -> Attributes:
    """Give which participant it was, by which code and which policies, and how sure it is."""
    found: Attributes = {"ripieno.participant.kind": said["participant"], **policies(said)}
    version = said["code"].get("version") or said["code"].get("source")
    if version:
        found[names.AGENT_VERSION] = version
    if "confidence" in said["outcome"]:
        found["ripieno.confidence"] = float(said["outcome"]["confidence"])
    return found


def about_call(said: Mapping[str, Any]) -> Attributes:
    """Give how a call was made."""
    return {
        "ripieno.effect": said["effect"],
        "ripieno.attempt": said["attempt"],
        "ripieno.tool.version": said["version"],
        "ripieno.how": said["how"],
        "ripieno.approved": bool(said.get("approved")),
        **policies(said),
    }


def about_model(work: Work) -> Attributes:
    """Give which model was asked, which answered, and what was counted."""
    provider, _, model = work.name.partition(":")
    noted: Mapping[str, Any] = work.said.get("noted", {})
    found: Attributes = {
        names.OPERATION: "chat",
        names.PROVIDER: names.PROVIDERS.get(provider, provider),
        names.REQUEST_MODEL: model,
        **{name: noted[of] for name, of in names.COUNTED.items() if of in noted},
    }
    if "finish" in noted:
        found[names.FINISH_REASONS] = [noted["finish"]]
    return found


def policies(said: Mapping[str, Any]) -> Attributes:
    """Give the policies that let it happen."""
    return {"ripieno.policies": [str(one) for one in said.get("policies", ())]}


def spending(said: Mapping[str, Any]) -> Attributes:
    """Give what was spent; money in dollars."""
    spent: Mapping[str, int] = said.get("spent", {})
    found: Attributes = {
        f"ripieno.{name}": spent[name] for name in ("tokens", "model_calls") if name in spent
    }
    return found | ({"ripieno.cost_usd": spent["cost"] / 1e6} if "cost" in spent else {})


def log_record(moment: Moment, resource: Resource) -> ReadableLogRecord:
    """Give an event of the log as a log record."""
    event, run = moment.event, moment.run
    level = LEVELS.get(SEVERITIES.get(event.kind, 0), SeverityNumber.INFO)
    record = LogRecord(
        timestamp=event.at * NANOSECONDS,
        observed_timestamp=event.at * NANOSECONDS,
        context=Context() if run is None or moment.within is None else within(run, moment.within),
        severity_text=level.name,
        severity_number=level,
        body=f"{event.kind} {event.path}".rstrip(),
        attributes={
            "ripieno.tenant": moment.fed.tenant or "",
            "ripieno.stream": event.stream,
            "ripieno.seq": event.seq,
            "ripieno.position": moment.fed.position,
            "ripieno.path": event.path,
            **({} if run is None else about_run(run)),
        },
        event_name=f"ripieno.{event.kind}",
    )
    return ReadableLogRecord(record, resource, SCOPE)


def within(run: Run, span: str) -> Context:
    """Give the context of whatever is said within a span."""
    return set_span_in_context(NonRecordingSpan(context_of(run, span)), Context())


def context_of(run: Run, span: str) -> SpanContext:
    """Give where a span stands."""
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(run.trace, 16), int(span, 16), is_remote=False, trace_flags=flags)
