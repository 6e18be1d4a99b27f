"""`ripieno runs show`: what became of a run first, then how it came to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, duration, listing, mark, show, to_json, write
from ripieno.cli.plans import is_plan, plan_of
from ripieno.cli.runs.listing import RESTORED, run_document
from ripieno.cli.runs.reasons import because_of
from ripieno.cli.runs.sides import is_about_sides, show_sides
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.evidence.doubts import Doubt
from ripieno.evidence.steps import step_name
from ripieno.evidence.story import Chosen, Effect, Posed, Story
from ripieno.evidence.telling import tell
from ripieno.evidence.undoings import take_in
from ripieno.identity.reading import read_run
from ripieno.journal.records import QuestionRow
from ripieno.kernel.clock import MICROSECONDS, moment
from ripieno.kernel.erased import value_of
from ripieno.model.ids import short

__all__ = ["show_run"]

METHOD: Final = 34
METHOD_NARROW: Final = 12
ROOMY: Final = 110
"""Columns from which on a confidence is shown with the whole of its method."""

LIMIT: Final = 110
KEY_SHOWN: Final = 8


def show_run(
    run: str,
    /,
    *,
    values: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Show a run: its outcome, its steps, choices, effects and questions.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    values
        Show input and output in full.
    reason
        Why you look at labelled data, for the log.

    """
    return asyncio.run(_show(options.settle(), run, reason, values=values))


async def _show(settings: Settings, text: str, reason: str | None, *, values: bool) -> int:
    async with opened(settings) as store:
        row = await find_run(settings, store, text)
        await read_run(store, row, "runs show", by=settings.principal, reason=reason)
        document = await run_document(store, row)
        story = await tell(store, row.id)
        document["undone_by"] = await take_in(store, row, story)
        tasks = {task.path: task for task in await store.questions(run=row.id, state=None, tenant=row.tenant)}
        given = value_of(store, row.id, document["input_commitment"]) if values else None
    if settings.output != "table":
        more = {"input_value": given} if values else {}
        waiting = {"waiting_for": waiting_for(story, tasks, ended=row.ended)}
        write(settings.output, {**document, **waiting, **more, **story.document()}, None)
        return Exit.OK
    screen = console(sys.stdout)
    head(screen, document, story, (row.ended_at or row.updated_at) - row.requested_at)
    parts(screen, story, tasks)
    if values:
        for title, value in (("Input", given), ("Output", document["output"])):
            screen.print(Text(f"\n{title}", style="bold"))
            screen.print(Text(to_json(value, indent=2)), soft_wrap=True)
    return Exit.OK


def waiting_for(story: Story, tasks: Mapping[str, QuestionRow], *, ended: bool) -> list[dict[str, Any]]:
    """Give what a run waits for: people's tasks, then calls in doubt."""
    if ended:
        return []
    titles = {posed.path: posed.title for posed in story.questions}
    found: list[dict[str, Any]] = [
        {
            "task": f"t-{task.number}",
            "role": task.role,
            "person": task.person,
            "title": titles.get(task.path),
            "until": None if task.due_at is None else moment(task.due_at).isoformat(),
        }
        for task in tasks.values()
        if task.state == "open"
    ]
    doubts = [
        Doubt(effect.path, effect.tool, effect.asked_again_at)
        for effect in story.effects
        if effect.asked_again_at is not None
    ]
    return [*found, *(doubt.document() for doubt in doubts)]


def head(screen: Console, document: dict[str, Any], story: Story, took: int) -> None:
    """Show what became of it."""
    confidence = document["confidence"]
    sure = f", confidence {confidence['value']:.2f} ({confidence['method']})" if confidence else ""
    ended = f" in {duration(took / MICROSECONDS)}" if document["ended_at"] else ""
    screen.print(
        Text.assemble(
            mark(document["status"]),
            (f" {document['short_id']}", "bold"),
            f"  {document['workflow']}  ",
            (document["status"], "bold"),
            f"{ended}{sure}",
        ),
        soft_wrap=True,
    )
    if document["reason"]:
        screen.print(clean(document["reason"]), soft_wrap=True)
    show_answer(screen, story)
    show_restored(screen, story, ended=document["ended_at"] is not None)
    for other in document["undone_by"]:
        screen.print(Text(f"rolled back by run {short(other['run_id'])} ({other['status']})"), soft_wrap=True)
    key = f", key {document['key']}" if document["key"] and document["undoes"] is None else ""
    parent = from_whom(document)
    screen.print(
        Text(
            f"{document['run_id']}{key}{parent}, version {document['version'][:12]},"
            f" for {document['principal']}, {document['events']} events",
            style="dim",
        ),
        soft_wrap=True,
    )


def show_answer(screen: Console, story: Story) -> None:
    """Say which parts of the answer come from where nobody answers for it."""
    for place, said in story.answer_from.items():
        screen.print(
            Text.assemble(("answer ", "yellow"), (place, "bold yellow"), " is ", clean(said)), soft_wrap=True
        )


def show_restored(screen: Console, story: Story, *, ended: bool) -> None:
    """Say that it was put back from a backup, and which effects are in doubt by that."""
    for one in story.restored:
        screen.print(Text(f"{RESTORED} {one}", style="yellow"), soft_wrap=True)
        for effect in one.effects:
            screen.print(Text(f"  {effect.tool} at {effect.path}: {effect.known}"), soft_wrap=True)
    if story.restored and not ended:
        screen.print(Text("  each further write effect is found out about before it is made"), soft_wrap=True)


def from_whom(document: Mapping[str, Any]) -> str:
    """Say of which run it is a child, or from which it was forked."""
    if document["undoes"] is not None:
        whom = f" for {short(document['parent'])}" if document["parent"] else ""
        return f", takes back {short(document['undoes'])}{whom}"
    if not document["parent"]:
        return ""
    if document["parent_step"] is None:
        return f", forked from {short(document['parent'])}"
    step = document["parent_step"].partition("/child/")[0]
    return f", a child of {short(document['parent'])} at {step}"


def show_children(screen: Console, story: Story) -> None:
    """Show the runs that it has started."""
    if story.children:
        table = listing("", "run", "workflow", "", "step")
        for child in story.children:
            status = child.status or "under way"
            undoes = "" if child.undoes is None else f", takes back {short(child.undoes)}"
            table.add_row(
                mark(child.status or "running"),
                Text(short(child.run), style="bold"),
                child.workflow,
                status + undoes,
                Text(child.path.partition("/child/")[0], style="dim"),
            )
        section(screen, "Child runs", table)


def show_elsewhere(screen: Console, story: Story) -> None:
    """Show what became of effects of other runs that are not wanted any more."""
    if story.elsewhere:
        table = listing("run", "tool", "", "path")
        for one in story.elsewhere:
            table.add_row(
                Text(short(one.run), style="bold"), one.tool, one.standing, Text(one.path, style="dim")
            )
        section(screen, "Effects of other runs", table)


def parts(screen: Console, story: Story, tasks: Mapping[str, QuestionRow]) -> None:
    """Show how it came to it."""
    if story.steps:
        table = listing("", "step", "", "confidence", "started", "took", "")
        for column, width in ((0, 1), (4, 8), (5, 6)):
            table.columns[column].min_width = width  # these are read in a narrow terminal, too
        for step in story.steps:
            sure = "" if step.confidence is None else f"{step.confidence:.2f} {step.method or ''}"
            table.add_row(
                mark(step.status),
                "  " * step.depth + step.name,
                Text(step.participant + (", imported" if step.imported else ""), style="dim"),
                clean(sure, limit=METHOD if screen.width >= ROOMY else METHOD_NARROW),
                Text(f"{moment(step.started).astimezone():%H:%M:%S}", style="dim"),
                Text(duration(step.seconds), style="dim"),
                clean(step.reason or "", limit=LIMIT),
            )
        section(screen, "Steps", table)
    show_choices(screen, story.choices)
    if story.effects:
        table = listing("", "tool", "attempts", "known by", "result")
        for effect in story.effects:
            add_effect(table, effect)
        section(screen, "Effects", table)
    show_children(screen, story)
    show_elsewhere(screen, story)
    if story.questions:
        table = listing("", "", "")
        for posed in story.questions:
            add_question(table, posed, tasks)
        section(screen, "Questions", table)
    add_spent(screen, story)
    messages(screen, story)


def show_choices(screen: Console, choices: list[Chosen]) -> None:
    """Show what was settled among branches, then everything else that was chosen."""
    sides = [choice for choice in choices if is_about_sides(choice)]
    for choice in sides:
        show_sides(screen, choice)
    plans = [choice for choice in choices if is_plan(choice.because)]
    for choice in plans:
        section(screen, choice.chosen.capitalize(), Padding(plan_of(choice.because), (0, 0, 0, 2)))
    if len(choices) > len(sides) + len(plans):
        table = listing("", "")
        for choice in (one for one in choices if one not in sides and one not in plans):
            table.add_row(
                Text.assemble(f"{titled(choice)}: ", (choice.chosen, "bold")),
                clean(grounds(choice), style="dim"),
            )
        section(screen, "Choices", table)


def said_with(content: Any) -> str:
    """Give what stands in a message: its reason and its settings."""
    if not isinstance(content, dict):
        return f": {content}" if content else ""
    fields: dict[str, Any] = content  # pyright: ignore[reportUnknownVariableType] - any JSON
    more = ", ".join(
        name if value is True else f"{name} {value}"
        for name, value in fields.items()
        if name != "reason" and value not in (None, False)
    )
    reason = f": {fields['reason']}" if fields.get("reason") else ""
    return (f" ({more})" if more else "") + reason


def titled(choice: Chosen) -> str:
    """Say what was chosen; of a mode and of a shadow, whose it is."""
    if choice.what not in ("mode", "shadow"):
        return choice.what
    return f"{choice.what} of {step_name(choice.path.rpartition('/choice/')[0])}"


def grounds(choice: Chosen) -> str:
    """Say what else was offered, and why it was not taken; every mode and verdict is known."""
    others = [name for name in choice.offered if name != choice.chosen]
    why = because_of(choice)
    known = not others or choice.what in ("mode", "shadow")
    return why if known else f"not {', '.join(others)}; {why}"


def add_spent(screen: Console, story: Story) -> None:
    """Show what a run has spent, beside its limits."""
    if not story.amounts:
        return
    table = listing("", "", "")
    for name, amount in story.amounts.items():
        limit = story.limits.get(name)
        table.add_row(name, str(amount), "" if limit is None else f"of {limit}")
    section(screen, "Spent", table)


def section(screen: Console, title: str, body: Any) -> None:
    """Show one part under its heading."""
    screen.print(Text(f"\n{title}", style="bold"))
    show(screen, body)


def messages(screen: Console, story: Story) -> None:
    """Show what operators said to it."""
    if story.messages:
        table = listing("", "", "")
        for message in story.messages:
            add_message(table, message)
        section(screen, "Operators", table)


def add_message(table: Any, message: Mapping[str, Any]) -> None:
    """Add what an operator said: when, who, and why."""
    when = moment(message["at"]).astimezone()
    what = " ".join(part for part in (message["what"], message["path"]) if part)
    part_of = f", {message['operation']}" if message["operation"] else ""
    said = f"{message['by']}{part_of}{said_with(message['content'])}"
    table.add_row(Text(f"{when:%H:%M:%S}", style="dim"), what, clean(said))


def add_effect(table: Any, effect: Effect) -> None:
    """Add a call: how often it was tried, and how it is known what became of it."""
    status = {"done": "complete", "under way": "running"}.get(effect.status, "failed")
    result = effect.error or brief(effect.result)
    known = effect.how + (f" ({effect.by})" if effect.by else "")
    if effect.asked_again_at is not None:
        known = f"in doubt: asked again at {moment(effect.asked_again_at).astimezone():%H:%M:%S}"
    if effect.standing is not None:
        known = f"{known}; {effect.standing}"
    if effect.edited_by:
        known = f"{known or effect.status}; edited by {', '.join(effect.edited_by)}"
    tool = effect.tool if effect.undoes is None else f"  undo: {effect.tool}"
    table.add_row(
        mark(status), tool, str(effect.attempts), known or effect.status, clean(result, limit=LIMIT)
    )


def add_question(table: Any, posed: Posed, tasks: Mapping[str, QuestionRow]) -> None:
    """Add a question: who answered, and after how long."""
    asked = clean(f"{posed.role or posed.person}: {posed.title}", limit=LIMIT)
    if posed.answered_by is None:
        table.add_row(mark("waiting"), asked, clean(state_of(tasks.get(posed.path))))
        return
    said = brief(posed.answer)
    why = f': "{posed.reason}"' if posed.reason else ""
    after = f"after {duration(posed.seconds or 0)}"
    by = f"{posed.answered_by} for {posed.answered_for}" if posed.answered_for else posed.answered_by
    answer = f"nobody, {after}" if posed.answer is None else f"{by} {after}: {said}{why}"
    table.add_row(
        mark("complete"), clean(f"{posed.role or posed.person}: {posed.title}", limit=LIMIT), clean(answer)
    )


def state_of(task: QuestionRow | None) -> str:
    """Say how things stand with a question whose answer the run has not taken up."""
    if task is None:
        return "open"
    if task.state == "answered":
        return f"t-{task.number}, answered by {task.answered_by}, not yet taken up by the run"
    return f"t-{task.number}, {task.state}"


def brief(value: Any) -> str:
    """Give a value in a few words: its short fields."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] - any JSON
        short = {
            name: item
            for name, item in items.items()
            if isinstance(item, str | int | float | bool) and item != ""
        }
        return ", ".join(f"{name} {item}" for name, item in short.items() if name not in ("key", "patient"))
    return "" if value is None else str(value)
