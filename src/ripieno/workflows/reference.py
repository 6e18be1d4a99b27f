"""The reference page of workflow files, written from the models that read them.

python -c "from ripieno.workflows.reference import render; print(render(), end='')"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from ripieno.workflows import (
    agents,
    calendars,
    chats,
    connector_entries,
    entries,
    limits,
    llm,
    magentic,
    resilience,
    rules,
)
from ripieno.workflows import document as doc
from ripieno.workflows.schema import schema_line, workflow_schema

__all__ = ["render"]

EXAMPLE: Final = """\
workflow: hospital-discharge
owner: care-transitions
risk: high
data: [phi]
limits: {deadline: 2d}
participants:
  summarise:  {function: {import: "discharge.summary:summarise", pure: true}}
  reconcile:  {function: {import: "discharge.medication:reconcile", pure: true}}
  coordinate: {function: {import: "discharge.visits:coordinate"}}
  bill:       {function: {import: "discharge.billing:preauthorise"}}
  clinician:  {human: {role: clinician, form: {schema: decision.json}, due: 4h, then: {role: chief-of-staff}}}
flow:
  sequential:
    - step: summarise
    - step: reconcile
      escalate: {below: 0.85, to: clinician}
    - concurrent: {steps: [coordinate, bill], resolve: merge}"""

INTRODUCTION: Final = f"""\
# Workflow files

*Written from the models that read the files (`ripieno.workflows.reference`); not to be edited.*

A workflow in YAML and the same workflow in Python are one: the same document, the same digest, the same \
version. Python objects are named as `module:attribute`; modules beside the file are found.

```yaml
{EXAMPLE}
```

An editor that knows the YAML language server completes and checks a file whose first line is

```yaml
{schema_line()}
```

with the schema that `ripieno schema` writes. Files are read as YAML 1.2 reads plain data: `yes`, `no`, \
`on`, `off`, dates and times are text; anchors and merge keys work; tags do not. A file may have a \
megabyte.
"""

FLOW: Final = """\
A stage is a participant's name, or a mapping with one of the keys below. Patterns nest to any depth.

Beside its own key, any stage may have:
"""

RULES: Final = """\
`merge`, `unanimous`, `majority`, `median`, `highest_confidence` and `first` may be given by name alone; \
with settings a rule is a mapping of its name to them.
"""

MODED: Final = """\
Who acts: the participant, a person, or both. Beside `function` or `import` it holds wherever the \
participant takes part; beside a stage it holds there.
"""

SCHEMAS: Final = """\
A form, or what an input has to be, is given in one of these ways:

| written as | means |
|---|---|
| `{schema: decision.json}` | a JSON Schema (2020-12) in a file beside this one |
| `{schema: {type: object, ...}}`, or the schema itself | a JSON Schema as it stands |
| `{import: "module:Model"}` | a Pydantic model; for an input also a function that raises `ValueError` |
"""

CALENDARS: Final = """\
When people work: a duration of whoever is asked under a calendar is working time. `{file: office.yaml}` \
has it in a file beside this one, `{import: "module:calendar"}` in Python; or as it stands:
"""

RESILIENCE: Final = """\
What calls of a tool pass on their way out, beside `import` in its settings; and of a model or a provider, \
in `ripieno.toml`. [Resilience](../concepts/resilience.md) says what each does. Failures are `timeout`, \
`connection`, `rate_limited`, `overloaded`, `server`, `auth`, `budget_exhausted`, `bad_request`, \
`refused_content` and `unknown`.
"""

CONNECTORS: Final = """\
The systems that tools reach. Each has a name and one of the keys below; `{import: "module:attribute"}` \
names one that is declared in Python. Its tools are called `name.tool`; an agent has them as \
`connector:name/tool`, as `connector:name/*` all of them, or as `connector:name` by one that finds them. \
Beside its own key a connector may have:
"""

TIMES: Final = """\
A duration is a number of seconds, or text such as `90s`, `30m`, `1h30m`, `2d`, `1w`.

A condition is an expression, or `{import: "module:function"}`, a function of the names that the \
expression would see. An expression may use the fields of the input, `input`, `previous`, and the \
participants before it by name: `amount > 10_000 and region == 'EU'`, `reconcile.findings == []`. It knows \
`len`, `min`, `max`, `sum` and `abs`, and nothing else of Python.
"""

PATTERNS: Final[tuple[tuple[str, type[BaseModel], type[BaseModel]], ...]] = (
    ("direct", doc.DirectStage, agents.DirectSettings),
    ("single_agent", doc.SingleAgentStage, agents.SingleAgentSettings),
    ("sequential", doc.SequentialStage, doc.SequentialSettings),
    ("fallback", doc.FallbackStage, doc.FallbackSettings),
    ("concurrent", doc.ConcurrentStage, doc.ConcurrentSettings),
    ("handoff", doc.HandoffStage, doc.HandoffSettings),
    ("group_chat", doc.GroupChatStage, doc.GroupChatSettings),
    ("magentic", doc.MagenticStage, magentic.MagenticSettings),
    ("branch", doc.BranchStage, doc.BranchSettings),
    ("map", doc.MapStage, doc.MapSettings),
    ("loop", doc.LoopStage, doc.LoopSettings),
)
SETTLED: Final[Mapping[str, type[BaseModel]]] = {
    "unanimous, majority, median": rules.Compared,
    "quorum": rules.QuorumSettings,
    "weighted": rules.WeightedSettings,
    "priority": rules.PrioritySettings,
    "first": rules.FirstSettings,
    "judge": rules.JudgeSettings,
}
OUTGOING: Final[Mapping[str, type[BaseModel]]] = {
    "retry (of calls)": resilience.RetryDocument,
    "breaker": resilience.BreakerDocument,
    "hedge": resilience.HedgeDocument,
    "limits (of rates)": resilience.RateLimitDocument,
    "bulkhead": resilience.BulkheadDocument,
    "timeouts": resilience.TimeoutsDocument,
}
CONNECTED: Final[Mapping[str, type[BaseModel]]] = {
    "openapi": connector_entries.OpenApiSettings,
    "sql": connector_entries.SqlSettings,
    "memory": connector_entries.MemorySettings,
    "documents": connector_entries.DocumentsSettings,
}
PLAIN: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
}


def render() -> str:
    """Give the page."""
    return "\n".join(line.rstrip() for line in "\n".join(sections()).splitlines()) + "\n"


def of_agents() -> Iterator[str]:
    """Give what is said of LLM agents."""
    yield from section("agent", llm.AgentSettings, level=3)
    yield from section("settings", llm.ModelOptions, level=4)
    yield from section("examples", llm.ExampleDocument, level=4)
    yield from section("compact of an agent", llm.TurnCompactSettings, level=4)
    yield from section("strategies of an agent", llm.ShortSettings, level=5)
    yield from section("summary of an agent", llm.RecapSettings, level=5)
    yield from section("agent: brought", llm.BroughtSettings, level=4)


def sections() -> Iterator[str]:
    """Give the sections in order."""
    yield INTRODUCTION
    yield from section("The workflow", doc.WorkflowDocument)
    yield from section("limits", limits.WorkflowLimits, level=3)
    yield from section("runaway", limits.RunawaySettings, level=4)
    yield from section("rates", limits.RateSettings, level=4)
    yield from section("replaces", doc.ReplacesDocument, level=3)
    yield f"### calendars\n\n{CALENDARS}"
    yield from table(calendars.CalendarSettings)
    yield from connectors()
    yield "## Participants\n\nEach has a name and one of the keys below.\n"
    yield from of_agents()
    yield from section("function", entries.FunctionSettings, level=3)
    yield from section("human", entries.HumanSettings, level=3)
    yield from section("then", entries.Then, level=4)
    yield from section("workflow", entries.WorkflowSettings, level=3)
    yield from section("allowance", limits.AllowanceDocument, level=4)
    yield from section("remote", entries.RemoteSettings, level=3)
    yield from section("cost", entries.RemoteCost, level=4)
    yield from section("import", entries.ImportEntry, level=3, without=entries.WithMode)
    yield f"### Modes\n\n{MODED}"
    yield from table(entries.WithMode)
    yield f"### Forms and inputs\n\n{SCHEMAS}"
    yield f"## The flow\n\n{FLOW}"
    yield from table(doc.Qualified)
    yield from section("escalate", doc.Escalation, level=3)
    yield from section("retry", doc.Retry, level=3)
    yield from section("about", agents.AboutSettings, level=3)
    yield from section("step", doc.StepStage, level=3, without=doc.Qualified)
    for kind, stage, settings in PATTERNS:
        yield f"### {kind}\n\n{sentence(stage)}\n"
        yield from table(settings)
        if kind == "sequential":
            yield "The list of its stages alone will do: `sequential: [read, check]`.\n"
        if kind == "group_chat":
            yield from section("until", chats.EndSettings, level=4)
            yield from section("manager", chats.ManagerSettings, level=4)
        if kind == "magentic":
            yield from section("approved", magentic.ApproverSettings, level=4)
        if kind == "branch":
            yield from section("cases", doc.Case, level=4)
    yield from section("compact", agents.CompactSettings, level=3)
    yield from section("collapse", agents.CollapseSettings, level=4)
    yield from section("summary", agents.SummarySettings, level=4)
    yield from outgoing()
    yield f"### Durations and conditions\n\n{TIMES}"
    yield f"## Rules that join branches\n\n{RULES}"
    yield from table(rules.RuleSettings)
    for name, model in SETTLED.items():
        yield from section(name, model, level=3)


def outgoing() -> Iterator[str]:
    """Give what calls pass on their way out."""
    yield f"## Resilience\n\n{RESILIENCE}"
    yield from table(resilience.ResilienceDocument)
    for name, model in OUTGOING.items():
        yield from section(name, model, level=3)


def connectors() -> Iterator[str]:
    """Give the sections on connectors."""
    yield f"## Connectors\n\n{CONNECTORS}"
    yield from table(connector_entries.Declared)
    for kind, model in CONNECTED.items():
        yield from section(kind, model, level=3)
    yield "### mcp\n\nThe tools of an MCP server that were approved.\n"
    yield from table(connector_entries.McpEntry, connector_entries.Declared)
    yield from section("statements", connector_entries.StatementDocument, level=3)
    yield from section("tools of a connector", connector_entries.OverrideDocument, level=3)
    yield from section("rate", connector_entries.RateDocument, level=4)


def section(
    title: str, model: type[BaseModel], *, level: int = 2, without: type[BaseModel] | None = None
) -> Iterator[str]:
    """Give a heading, what the model is for, and its fields."""
    yield f"{'#' * level} {title}\n\n{sentence(model)}\n"
    yield from table(model, without)


def sentence(model: type[BaseModel]) -> str:
    """Give a model's docstring."""
    return (model.__doc__ or "").strip()


def table(model: type[BaseModel], without: type[BaseModel] | None = None) -> Iterator[str]:
    """Give a model's fields, those of `without` left out."""
    shape = definition(model)
    left_out = set(without.model_fields) if without is not None else set[str]()
    rows = ["| field | value | |", "|---|---|---|"]
    for name, field in shape["properties"].items():
        if name not in left_out:
            required = "**required**; " if name in shape.get("required", ()) else ""
            words = kind_of(field).replace("|", "\\|")
            rows.append(f"| `{name}` | {words} | {required}{field.get('description', '')}{default(field)} |")
    yield "\n".join([*rows, ""])


def definition(model: type[BaseModel]) -> Mapping[str, Any]:
    """Give a model's part of the JSON Schema."""
    if model is doc.WorkflowDocument:
        return whole()
    found = whole()["$defs"].get(model.__name__)
    return found if found is not None else model.model_json_schema()


@cache
def whole() -> Mapping[str, Any]:
    """Give the JSON Schema of a workflow file, which takes a while to make."""
    return workflow_schema()


def default(field: Mapping[str, Any]) -> str:
    """Give a field's default where it says something."""
    value = field.get("default")
    if value is None or isinstance(value, dict | list):
        return ""
    return f"; `{value if isinstance(value, str) else str(value).lower()}` when left out"


def kind_of(field: Mapping[str, Any]) -> str:
    """Say in words what a field holds."""
    options = field.get("anyOf") or field.get("oneOf")
    if "90s" in field.get("examples", ()):
        return "duration"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return named(str(field["$ref"]).rpartition("/")[2])
    return either(options) if options is not None else kind_of_type(field)


def kind_of_type(field: Mapping[str, Any]) -> str:
    """Say in words what a field of one type holds."""
    if field.get("type") == "array":
        items = kind_of(field["items"])
        return f"list of {'stages' if items == 'stage' else items}"
    if field.get("type") == "object" and "patternProperties" in field:
        return f"mapping of names to {str(field['title']).lower()}"
    return PLAIN.get(str(field.get("type")), "anything")


def either(options: list[Mapping[str, Any]]) -> str:
    """Say in words what a field may hold of several things."""
    names = [str(option.get("$ref", "")).rpartition("/")[2] for option in options]
    if "StepStage" in names:
        return "stage"
    if "SchemaText" in names:
        return "[schema](#forms-and-inputs)"
    words = [kind_of(option) for option in options if option.get("type") != "null"]
    if words == ["number", "text"]:
        return "number"
    return " or ".join(dict.fromkeys(words))


def named(definition: str) -> str:
    """Say in words what a definition of the schema is."""
    links = {
        "Escalation": "[mapping](#escalate)",
        "Retry": "[mapping](#retry)",
        "AboutSettings": "[mapping](#about)",
        "Then": "[mapping](#then)",
        "LimitsDocument": "[mapping](#limits)",
        "LimitDocument": "[mapping](#limits)",
        "WorkflowLimits": "[mapping](#limits)",
        "RunawaySettings": "[mapping](#runaway)",
        "RateSettings": "[mapping](#rates)",
        "ReplacesDocument": "[mapping](#replaces)",
        "RuleSettings": "[rule](#rules-that-join-branches)",
        "Case": "[mapping](#cases)",
        "ApprovedSettings": "`{approved: role}`, or `{approved:` [mapping](#approved)`}`",
        "EndSettings": "[mapping](#until)",
        "ManagerSettings": "[mapping](#manager)",
        "CompactSettings": "[mapping](#compact)",
        "StrategySettings": "[strategy](#compact)",
        "TurnCompactSettings": "[mapping](#compact-of-an-agent)",
        "ShortSettings": "[strategy](#strategies-of-an-agent)",
        "RecapSettings": "[mapping](#summary-of-an-agent)",
        "CollapseSettings": "[mapping](#collapse)",
        "SummarySettings": "[mapping](#summary)",
        "Import": "`{import: ...}`",
    }
    return links.get(definition, "mapping")
