"""A task as people see it: what is asked, what it rests on, how it can be answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ripieno.cli.output import clean, duration, show
from ripieno.journal.records import QuestionRow
from ripieno.kernel.clock import MICROSECONDS, SystemClock, moment
from ripieno.kernel.commands import AskedFor
from ripieno.model.ids import short

__all__ = ["row_document", "show_asked", "task_document"]

EVIDENCE_SHOWN: Final = 12
TEXT_LIMIT: Final = 300


def task_document(asked: AskedFor, *, whole: bool = False) -> dict[str, Any]:
    """Give a task as programs read it; `whole` with evidence, form and what it is about."""
    document = row_document(asked.row, asked)
    if whole:
        document["evidence"] = [dataclasses.asdict(item) for item in asked.evidence]
        document["about"] = asked.about
        document["form"] = asked.form
    return document


def row_document(row: QuestionRow, asked: AskedFor | None) -> dict[str, Any]:
    """Give what a task's row tells, and its title; None where one may not see its content."""
    return {
        "task": f"t-{row.number}",
        "run_id": row.run,
        "role": row.role,
        "title": None if asked is None else asked.title,
        "kind": row.kind,
        "state": row.state,
        "asked_at": moment(row.asked_at).isoformat(),
        "due_at": None if row.due_at is None else moment(row.due_at).isoformat(),
        "answered_by": row.answered_by,
        "answered_at": None if row.answered_at is None else moment(row.answered_at).isoformat(),
    }


def show_asked(screen: Console, asked: AskedFor, *, hints: bool = True) -> None:
    """Show a task with everything that a person needs in order to decide."""
    row = asked.row
    waits = duration(((row.answered_at or SystemClock().now()) - row.asked_at) / MICROSECONDS)
    screen.print(Text.assemble((asked.id, "bold"), "  ", clean(asked.title, style="bold")))
    state = f"waits {waits}" if row.state == "open" else f"{row.state} after {waits}"
    by = f" by {row.answered_by}" if row.answered_by else ""
    screen.print(Text(f"for {row.role}, run {short(row.run)}, {state}{by}", style="dim"))
    findings = findings_in(asked.about)
    if findings:
        section(screen, "Findings", findings)
    if asked.evidence:
        section(screen, "Evidence", evidence_in(asked))
    if not findings and not asked.evidence and asked.about is not None:
        section(screen, "About", clean(asked.about, limit=TEXT_LIMIT))
    if hints and row.state == "open":
        section(screen, "Answer", answers_to(asked))


def section(screen: Console, title: str, body: RenderableType) -> None:
    """Show one part under its heading."""
    screen.print(Text(f"\n{title}", style="bold"))
    show(screen, Padding(body, (0, 0, 0, 2)))


def findings_in(about: Any) -> Group | None:
    """Give what a participant found, where its result has findings with a title."""
    found = about.get("findings") if isinstance(about, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON
    if not isinstance(found, list):
        return None
    lines: list[Text] = []
    for item in found:  # pyright: ignore[reportUnknownVariableType] - any JSON
        if isinstance(item, Mapping) and "title" in item:
            finding: Mapping[str, Any] = item  # pyright: ignore[reportUnknownVariableType] - any JSON
            lines.append(
                Text.assemble(
                    clean(finding.get("severity", ""), style="yellow"), "  ", clean(finding["title"])
                )
            )
            lines += [clean(finding[name], style="dim") for name in ("advice", "source") if finding.get(name)]
    return Group(*lines) if lines else None


def evidence_in(asked: AskedFor) -> Group:
    """Give the evidence: each claim, and under it where it stands."""
    lines: list[Text] = []
    for item in asked.evidence[:EVIDENCE_SHOWN]:
        detail = f" ({item.detail})" if item.detail else ""
        lines.append(clean(f"{item.claim}{detail}"))
        lines.append(Text.assemble("  ", clean(item.reference, style="dim")))
    if len(asked.evidence) > EVIDENCE_SHOWN:
        lines.append(Text(f"… and {len(asked.evidence) - EVIDENCE_SHOWN} more: --output json", style="dim"))
    return Group(*lines)


def answers_to(asked: AskedFor) -> Group:
    """Say how it can be answered."""
    fields: Mapping[str, Any] = asked.form.get("properties", {})
    required = asked.form.get("required", [])
    lines = [
        Text.assemble(
            (name, "bold"),
            f"  {describe(field)}{'' if name in required else ', may be left out'}",
        )
        for name, field in fields.items()
    ]
    if "proceed" in fields:
        lines.append(Text(f'\nripieno inbox approve {asked.id} --reason "..."'))
        lines.append(Text(f'ripieno inbox reject {asked.id} --reason "..."'))
    lines.append(Text(f"ripieno inbox answer {asked.id}"))
    return Group(*lines)


def describe(field: Mapping[str, Any]) -> str:
    """Say what a field of a form takes."""
    kind = field.get("type", "anything")
    if "enum" in field:
        kind = "one of " + ", ".join(str(item) for item in field["enum"])
    about = field.get("description")
    return f"{kind}: {about}" if about else str(kind)
