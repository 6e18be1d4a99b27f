"""A task as people see it: what is asked, what it rests on, how it can be answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ripieno.cli.exact import exact, fields_of_act
from ripieno.cli.output import clean, duration, show, words
from ripieno.cli.plans import is_plan, plan_of
from ripieno.journal.records import QuestionRow
from ripieno.kernel.clock import MICROSECONDS, SystemClock, moment
from ripieno.kernel.commands import AskedFor
from ripieno.kernel.tasks import TaskNote
from ripieno.model.ids import short

__all__ = ["in_words", "row_document", "show_asked", "task_document", "whom"]

EVIDENCE_SHOWN: Final = 12
TEXT_LIMIT: Final = 300


def task_document(asked: AskedFor, *, whole: bool = False, notes: Sequence[TaskNote] = ()) -> dict[str, Any]:
    """Give a task as programs read it; `whole` with evidence, form, what it is about, and was done so far."""
    document = row_document(asked.row, asked)
    if whole:
        document["evidence"] = [dataclasses.asdict(item) for item in asked.evidence]
        document["about"] = asked.about
        document["sources"] = dict(asked.sources)
        document["form"] = asked.form
        document["history"] = [note_document(note) for note in notes]
    return document


def note_document(note: TaskNote) -> dict[str, Any]:
    """Give what was done with a task as programs read it."""
    at = moment(note.at).isoformat()
    return {"at": at, "what": note.what, "by": note.by, "to": note.to, "said": note.said}


def row_document(row: QuestionRow, asked: AskedFor | None) -> dict[str, Any]:
    """Give what a task's row tells, and its title; None where one may not see its content."""
    return {
        "task": f"t-{row.number}",
        "run_id": row.run,
        "role": row.role,
        "person": row.person,
        "claimed_by": row.claimed_by,
        "delegated_by": row.delegated_by,
        "title": None if asked is None else asked.title,
        "kind": row.kind,
        "state": row.state,
        "asked_at": moment(row.asked_at).isoformat(),
        "due_at": None if row.due_at is None else moment(row.due_at).isoformat(),
        "reminded": row.reminded,
        "answered_by": row.answered_by,
        "answered_for": row.answered_for,
        "answered_at": None if row.answered_at is None else moment(row.answered_at).isoformat(),
    }


def show_asked(
    screen: Console,
    asked: AskedFor,
    *,
    hints: bool = True,
    now_with: str | None = None,
    notes: Sequence[TaskNote] = (),
) -> None:
    """Show a task with everything that a person needs in order to decide.

    `now_with` is who has it at this moment; `notes` is what was done with it so far.
    """
    row = asked.row
    screen.print(Text.assemble((asked.id, "bold"), "  ", clean(asked.title, style="bold")))
    for line in standing_of(row, now_with):
        screen.print(clean(line, style="dim"))
    findings = findings_in(asked.about)
    if findings:
        section(screen, "Findings", findings)
    if asked.evidence:
        section(screen, "Evidence", evidence_in(asked))
    if is_plan(asked.about):
        section(screen, "Plan", plan_of(asked.about))
    elif asked.about is not None and (is_act(asked.about) or not (findings or asked.evidence)):
        section(screen, "About", about(without_sections(asked.about)))
    for title, found, body in (
        ("Why it is asked", why_in(asked.about), reasons),
        ("Where it comes from", sources_in(asked.about) or asked.sources, about),
        ("You may vouch for, in the rest of this run", vouch_in(asked.about), offers),
    ):
        if found:
            section(screen, title, body(found))
    if notes:
        section(screen, "So far", Group(*(told(note) for note in notes)))
    if hints and row.state == "open":
        section(screen, "Answer", answers_to(asked))


def fields_of(said: Any) -> dict[str, Any]:
    """Give the fields of an object; none for anything else."""
    return dict(cast("Mapping[str, Any]", said)) if isinstance(said, Mapping) else {}


def sources_in(said: Any) -> dict[str, Any]:
    """Give where the values of an act come from that a task is about."""
    return fields_of(fields_of(said).get("sources"))


WHY: Final[Mapping[str, str]] = {
    "reason": "the reason given",
    "why": "asked by policy",
    "goes_on": "goes on if",
}
"""What a task says of why it is asked, and what that is called."""


def why_in(said: Any) -> dict[str, Any]:
    """Give why a policy asks, what would let it go on, and what whoever proposes it says for it."""
    found = fields_of(said)
    return {name: found[name] for name in WHY if found.get(name)} if "goes_on" in found else {}


def reasons(why: Mapping[str, Any]) -> Group:
    """Give why it is asked, whole and as it is."""
    lines: list[Text] = []
    for name, said in why.items():
        each: list[Any] = said if isinstance(said, list) else [said]  # pyright: ignore[reportUnknownVariableType] - any JSON
        lines += [Text.assemble((WHY[name], "bold"), "  ", exact(one)) for one in each]
    return Group(*lines)


def vouch_in(said: Any) -> dict[str, Any]:
    """Give what whoever approves may vouch for."""
    return fields_of(fields_of(said).get("vouch"))


def without_sections(said: Any) -> Any:
    """Give what a task is about but for what has a section of its own."""
    own = [name for name, of in (("sources", sources_in), ("vouch", vouch_in)) if of(said)]
    own += [*why_in(said), "policies"] if why_in(said) else []
    return {name: one for name, one in fields_of(said).items() if name not in own} if own else said


def offers(vouch: Mapping[str, Any]) -> Group:
    """Give what may be vouched for: of a source all that it said, whole and as it is."""
    lines: list[Text] = []
    for name, one in vouch.items():
        known = fields_of(one)
        if not known:
            lines.append(Text.assemble((exact(name), "bold"), "  ", exact(one)))
            continue
        step = f"  {exact(known['what'])}, step {exact(known['path'])}, said"
        lines += [Text.assemble((exact(name), "bold"), step), Text(f"  {exact(known['said'])}")]
    return Group(*lines)


def is_act(said: Any) -> bool:
    """Tell whether a task is about a call that is to be made: all that it is given is shown, as it is."""
    return fields_of(said).keys() >= {"tool", "arguments", "path"}


def about(said: Any) -> Group:
    """Give what a task is about: the fields of an object each on a line, anything else as it is."""
    if is_act(said):
        return act(said)
    if not isinstance(said, Mapping) or not said:
        return Group(clean(said, limit=TEXT_LIMIT))  # pyright: ignore[reportUnknownArgumentType] - any JSON
    fields: Mapping[str, Any] = said  # pyright: ignore[reportUnknownVariableType] - any JSON
    shown = list(fields.items())[:EVIDENCE_SHOWN]
    lines = [
        Text.assemble(
            clean(name, style="bold", limit=TEXT_LIMIT), "  ", clean(words(value), limit=TEXT_LIMIT)
        )
        for name, value in shown
    ]
    if len(fields) > len(shown):
        lines.append(Text(f"… and {len(fields) - len(shown)} more: --output json", style="dim"))
    return Group(*lines)


def act(said: Mapping[str, Any]) -> Group:
    """Give a call that is to be made: nothing of what it is given is left out, or shown as something else."""
    lines = [Text.assemble(("tool", "bold"), "  ", exact(said["tool"]))]
    lines += [Text("arguments", style="bold"), *fields_of_act(said["arguments"])]
    for name in (name for name in said if name not in ("tool", "arguments")):
        lines.append(
            Text.assemble(clean(name, style="bold"), "  ", clean(words(said[name]), limit=TEXT_LIMIT))
        )
    return Group(*lines)


def whom(row: QuestionRow, now_with: str | None = None) -> str:
    """Say in a word or two who has a task: a role, a person, whoever claimed it or stands in."""
    holder = row.claimed_by or row.person
    if now_with is not None and holder is not None and now_with != holder:
        return f"{bare(now_with)} for {bare(holder)}"
    if row.claimed_by is not None:
        behind = row.delegated_by or (row.role if row.person is None else None)
        said = bare(row.claimed_by)
        return f"{said} ({bare(behind)})" if behind else said
    if row.person is not None:
        return f"{bare(row.person)} for {bare(row.delegated_by)}" if row.delegated_by else bare(row.person)
    return row.role or "anybody"


def bare(principal: str) -> str:
    """Give a person's name without the word person."""
    return principal.removeprefix("person:")


def standing_of(row: QuestionRow, now_with: str | None) -> Iterator[str]:
    """Say whose a task is, how long it waits, and until when."""
    now = SystemClock().now()
    waits = duration(((row.answered_at or now) - row.asked_at) / MICROSECONDS)
    state = f"waits {waits}" if row.state == "open" else f"{row.state} after {waits}"
    by = f" by {row.answered_by}" if row.answered_by else ""
    behalf = f" for {row.answered_for}" if row.answered_for else ""
    asked = row.role if row.person is None else row.person
    yield f"for {asked}, run {short(row.run)}, {state}{by}{behalf}"
    if row.state != "open":
        return
    if row.delegated_by is not None:
        yield f"delegated by {row.delegated_by}"
    if row.claimed_by is not None:
        yield f"claimed by {row.claimed_by}, {duration((now - (row.claimed_at or now)) / MICROSECONDS)} ago"
    if now_with is not None and now_with not in (row.claimed_by, row.person, f"role:{row.role}"):
        yield f"{now_with} stands in: {row.claimed_by or row.person} is away"
    if row.due_at is not None:
        yield f"due {in_words(row.due_at, now)}, {moment(row.due_at).astimezone():%a %Y-%m-%d %H:%M}"
    if row.reminded or row.remind_at is not None:
        next_one = "" if row.remind_at is None else f", next {in_words(row.remind_at, now)}"
        yield f"reminded {row.reminded} time{'' if row.reminded == 1 else 's'}{next_one}"


def in_words(at: int, now: int) -> str:
    """Say when something is due: so long from now, or since when it is over."""
    away = duration(abs(at - now) / MICROSECONDS)
    return f"in {away}" if at >= now else f"{away} ago"


SAID: Final = {
    "claim": "claimed it",
    "release": "gave it back",
    "reassign": "reassigned it",
    "delegate": "delegated it",
    "comment": "wrote",
    "reminded": "reminded",
}


def told(note: TaskNote) -> Text:
    """Say what was done with a task in a line."""
    when = f"{moment(note.at).astimezone():%Y-%m-%d %H:%M}  "
    who = "" if note.what == "reminded" else f"{note.by} "
    to = "" if note.to is None else f" {TO.get(note.what, 'to')} {note.to}".replace("  ", " ")
    why = "" if note.said is None else f": {note.said}"
    return Text.assemble((when, "dim"), clean(f"{who}{SAID[note.what]}{to}{why}"))


TO: Final = {"claim": "from", "reminded": ""}


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
            clean(name, style="bold"),
            "  ",
            clean(f"{describe(field)}{'' if name in required else ', may be left out'}"),
        )
        for name, field in fields.items()
    ]
    if "proceed" in fields or "approved" in fields:
        lines.append(Text(f'\nripieno inbox approve {asked.id} --reason "..."'))
        if "vouch" in fields:
            first = exact(next(iter(fields["vouch"]["items"]["enum"])))
            lines.append(Text(f'ripieno inbox approve {asked.id} --vouch "{first}" --reason "..."'))
        lines.append(Text(f'ripieno inbox reject {asked.id} --reason "..."'))
    lines.append(Text(f"ripieno inbox answer {asked.id}"))
    return Group(*lines)


def describe(field: Mapping[str, Any]) -> str:
    """Say what a field of a form takes."""
    kind = field.get("type", "anything")
    if kind == "array" and "enum" in field.get("items", {}):
        kind = "some of " + ", ".join(str(item) for item in field["items"]["enum"])
    elif "enum" in field:
        kind = "one of " + ", ".join(str(item) for item in field["enum"])
    about = field.get("description")
    return f"{kind}: {about}" if about else str(kind)
