"""The report of one run as a page: each section answers a question that auditors ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ripieno.evidence.markdown import Page, cell, in_words
from ripieno.evidence.run_report import RunReport
from ripieno.evidence.story import Effect, Posed, Step
from ripieno.kernel.clock import moment
from ripieno.model.ids import short

__all__ = ["run_page"]

LEFT_OUT: Final = "(left out)"
"""What stands for a value in a report without values."""


def run_page(report: RunReport, *, values: bool) -> str:
    """Give the page; without `values` it says what happened and leaves out what the data was."""
    row = report.row
    page = Page(f"Run {short(row.id)} of {row.workflow}")
    why = (report.outcome.reason if report.outcome else row.detail) or ""
    page.text(f"**{row.status}**" + (f": {page.said(why)}" if why and values else ""))
    what_ran(page, report)
    what_was_restored(page, report)
    who_worked(page, report)
    who_decided(page, report, values=values)
    what_was_done(page, report, values=values)
    what_was_denied(page, report, values=values)
    who_saw(page, report)
    what_operators_did(page, report, values=values)
    which_policies(page, report)
    proof(page, report)
    return str(page)


def what_ran(page: Page, report: RunReport) -> None:
    """Say what was run, for whom, and in which versions."""
    row, started, about = report.row, report.started, report.about
    page.heading("What ran, for whom")
    roles = "every role" if started.get("every_role") else started.get("roles", ())
    page.facts(
        (
            ("run", row.id),
            ("business key", row.key),
            ("on behalf of", row.principal),
            ("with the roles", roles),
            ("tenant", row.tenant),
            ("part of run", row.parent),
            ("takes back run", started.get("undoes", {}).get("run")),
            ("requested", at(row.requested_at)),
            ("ended", None if row.ended_at is None else at(row.ended_at)),
            ("owner", about.get("owner")),
            ("purpose", about.get("purpose")),
            ("risk", about.get("risk")),
            ("classes of data", about.get("data")),
            ("classes of data of what it uses", about.get("carries")),
            ("policy pack", about.get("policy")),
            ("limits", report.story.limits),
            ("spent", report.story.amounts),
        )
    )
    page.text("Versions in force:")
    code = [(f"code of {name}", identity[:16]) for name, identity in report.code.items()]
    page.facts(
        (
            ("workflow", row.version),
            ("definition", started["definition"]),
            ("policies at its start", started.get("policy")),
            ("ripieno", started["library"]),
            *code,
        )
    )


def what_was_restored(page: Page, report: RunReport) -> None:
    """Say that it came through a restore, and what it may have done that its log does not know of."""
    for one in report.story.restored:
        page.heading("Restored from a backup")
        page.text(f"The run was {cell(str(one))}. What it did between the two is not in the log.")
        page.table(
            ("step", "to", "whether it had been made before"),
            [(effect.path, effect.tool, effect.known) for effect in one.effects],
            "It has claimed no write effect since: none is in doubt so far.",
        )
        if not report.row.ended:
            page.text("Each further write effect of it is found out about before it is made.")


def who_worked(page: Page, report: RunReport) -> None:
    """Say who did a part, and what each was shown."""
    page.heading("Who worked, and what each was shown")
    page.table(
        ("when", "step", "kind", "was shown", "came to", "let by"),
        (worked(step) for step in report.story.steps),
        "Nobody has worked yet.",
    )
    for child in report.story.children:
        part = f"{cell(child.workflow)} did the part `{cell(child.path)}`"
        page.text(f"Run {short(child.run)} of {part}: {child.status or 'not ended'}.")


def worked(step: Step) -> Sequence[object]:
    """Give the row of a step."""
    sure = "" if step.confidence is None else f" at {step.confidence:g} ({step.method})"
    return (at(step.started), step.name, step.participant, step.reads, f"{step.status}{sure}", let(step))


def who_decided(page: Page, report: RunReport, *, values: bool) -> None:
    """Say which people decided what, on what evidence."""
    page.heading("Who decided, on what evidence")
    asked = [posed for posed in report.story.questions if posed.kind != "child"]
    if not asked:
        page.text("No person was asked.")
    for posed in asked:
        decided(page, posed, values=values)


def decided(page: Page, posed: Posed, *, values: bool) -> None:
    """Say what one person was asked, and what the answer was."""
    page.text(f"**{page.said(posed.title) if values else f'A question at {cell(posed.path)}'}**")
    by = posed.answered_by and posed.answered_by + (
        f" in the stead of {posed.answered_for}" if posed.answered_for else ""
    )
    page.facts(
        (
            ("asked", f"{at(posed.asked)}, {'role ' + posed.role if posed.role else posed.person}"),
            ("answered by", by if posed.answer is not None else "nobody in time" if by else "nobody yet"),
            ("after", None if posed.seconds is None else f"{posed.seconds:.0f} s"),
            ("in an emergency, past those who were to approve", "yes" if posed.emergency else None),
            ("decision", shown(posed.answer, values=values)),
            ("reason", shown(posed.reason, values=values)),
        )
    )
    if posed.evidence:
        page.text(f"Evidence shown ({len(posed.evidence)}):")
        page.listed((told(one), one) if values else (LEFT_OUT, LEFT_OUT) for one in posed.evidence)


def told(evidence: Any) -> str:
    """Give one piece of evidence on a line."""
    if not isinstance(evidence, Mapping):
        return in_words(evidence)
    fields: Mapping[str, Any] = evidence  # pyright: ignore[reportUnknownVariableType] - any JSON
    return "; ".join(in_words(value) for value in fields.values() if value)


def what_was_done(page: Page, report: RunReport, *, values: bool) -> None:
    """Say what was sent to which system, and what became of it."""
    page.heading("What was sent where, and what it changed")
    page.table(
        ("when", "to", "effect", "sent", "came back", "known by", "let by", "now"),
        (sent(effect, values=values) for effect in report.story.effects),
        "Nothing was sent to any system.",
    )
    rows = [(short(one.run), one.path, one.tool, one.standing) for one in report.story.elsewhere]
    if rows:
        page.text("Of other runs:")
        page.table(("run", "step", "to", "now"), rows)
    for one in report.undone_by:
        page.text(f"Run {short(str(one['run_id']))} took back what this one did: {one['status']}.")


def sent(effect: Effect, *, values: bool) -> Sequence[object]:
    """Give the row of a call."""
    came = effect.error or effect.result
    often = f", {effect.attempts} attempts" if effect.attempts > 1 else ""
    known = effect.how + (f" ({effect.by})" if effect.by else "")
    return (
        at(effect.at),
        effect.tool,
        effect.effect if effect.undoes is None else f"undoes {effect.undoes}",
        edited(shown(effect.arguments, values=values), effect.edited_by),
        shown(came, values=values),
        f"{known or effect.status}{often}",
        let(effect),
        effect.standing or effect.status,
    )


def what_was_denied(page: Page, report: RunReport, *, values: bool) -> None:
    """Say what was kept from happening, and by which policies."""
    page.heading("What was not allowed")
    within = [
        (
            at(one.at),
            one.path,
            edited(one.what, one.edited_by),
            shown(one.reason, values=values),
            one.policies,
        )
        for one in report.story.refused
    ]
    outside = [
        (at(one.at), one.by, one.what, shown(one.reason, values=values), one.policies)
        for one in report.elsewhere
        if one.kind == "act.denied"
    ]
    page.table(
        ("when", "where, or who", "what", "why", "policies"), [*within, *outside], "Nothing was denied."
    )


def who_saw(page: Page, report: RunReport) -> None:
    """Say who was shown the data: participants by what they were given, people by what they opened."""
    page.heading("Who has seen its data")
    given = [step.name for step in report.story.steps if step.saw_input]
    if given:
        page.text(f"Within the run its input was given to: {cell(', '.join(dict.fromkeys(given)))}.")
    answered = [
        posed.answered_by
        for posed in report.story.questions
        if posed.answered_by and posed.answer is not None
    ]
    if answered:
        page.text(f"With a task, its evidence was shown to: {cell(', '.join(dict.fromkeys(answered)))}.")
    page.table(
        ("when", "who", "by", "because", "let by"),
        ((at(one.at), one.by, one.what, one.reason, let(one)) for one in report.seen),
        "No look at it from outside is in the log: its workflow declares no class of data, or nobody looked.",
    )


def what_operators_did(page: Page, report: RunReport, *, values: bool) -> None:
    """Say what was commanded of the run, and what else the tenant's log has of it."""
    page.heading("What was commanded of it")
    said = [
        (at(one["at"]), one["by"], one["what"], one["path"], shown(one["reason"], values=values))
        for one in report.story.messages
    ]
    other = [
        (at(one.at), one.by, f"{one.kind} {one.what}", None, shown(one.reason, values=values))
        for one in report.elsewhere
        if one.kind not in ("data.read", "act.denied")
    ]
    page.table(("when", "who", "what", "where", "why"), [*said, *other], "Nothing.")


def which_policies(page: Page, report: RunReport) -> None:
    """Say which policies determined what happened, by version."""
    page.heading("By which policies")
    page.table(("version of the policies", "policy", "acts"), counted(report.policies), "None was asked.")


def counted(policies: Mapping[str, Mapping[str, int]]) -> Iterator[Sequence[object]]:
    """Give a row for each policy."""
    for version, counts in policies.items():
        for policy, count in sorted(counts.items()):
            yield version, policy, count


def proof(page: Page, report: RunReport) -> None:
    """Say what vouches for all this."""
    page.heading("Proof")
    page.facts(
        (
            ("events", report.row.head_seq),
            ("hash of the last one", report.head),
            ("the whole log", report.verdict),
        )
    )
    if report.inclusion is None:
        page.text("No checkpoint holds its last event yet: `ripieno audit checkpoint` signs one.")
    else:
        page.text(
            "Its last event, and with it all before, is in what was signed. Anybody verifies that by the "
            "public key alone: `ripieno audit verify --proof FILE --key KEY`."
        )
        page.block(report.inclusion)
    if report.problems:
        page.text("**The log does not hold together:**")
        page.listed((one, one) for one in report.problems)


def edited(what: Any, by: Sequence[str]) -> Any:
    """Say beside what was to be done who had put other arguments in place."""
    return f"{what if isinstance(what, str) else in_words(what)} (edited by {', '.join(by)})" if by else what


def let(one: Any) -> str:
    """Say which policies let something happen, and of which version where that is known."""
    names = ", ".join(one.policies)
    return f"{names} ({one.policy})" if names and one.policy else names


def shown(value: Any, *, values: bool) -> Any:
    """Give a value, or that it was left out."""
    return value if values or value is None else LEFT_OUT


def at(microseconds: int) -> str:
    """Give a moment, in UTC to the second."""
    return f"{moment(microseconds):%Y-%m-%d %H:%M:%SZ}"
