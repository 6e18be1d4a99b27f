"""What managers answer, as Pydantic models at the edge, and what is wrong with an answer in words.

Strict throughout: `"false"` is text and no boolean, and nothing that is missing is taken for granted.
The words are ours, so that a run which asked again replays under any release of Pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from ripieno.patterns.magentic.facts import Fact, FactKind
from ripieno.patterns.magentic.plan import MOST_ITEMS, ItemState, PlanItem

__all__ = [
    "Facts",
    "Known",
    "MalformedError",
    "Plan",
    "PlanReview",
    "Progress",
    "Replan",
    "fact_values",
    "plan_items",
    "read",
]

Text = Annotated[str, Field(min_length=1, max_length=4000)]
ItemId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
MOST_AT_ONCE: Final = 100
FENCE: Final = re.compile(r"\A```[a-z]*\s*\n(.*)\n```\Z", re.DOTALL)


class Form(BaseModel):
    """Part of an answer. What it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FactLine(Form):
    """One fact."""

    kind: FactKind = Field(description="given, verified, look_up, derive or guess")
    text: Text
    source: str | None = Field(default=None, description="`input`, or the id of the evidence that shows it")


class Facts(Form):
    """What is known, and what is not: the answer in the phase `facts`."""

    facts: list[FactLine] = Field(max_length=MOST_AT_ONCE)


class ItemLine(Form):
    """One item of a plan."""

    id: ItemId = Field(description="lower-case letters, digits, `-` and `_`; unique in the plan")
    what: Text
    owner: str = Field(description="name of a worker")


class Plan(Form):
    """What is to be done by whom: the answer in the phase `plan`."""

    items: list[ItemLine] = Field(min_length=1, max_length=MOST_ITEMS)
    reason: Text


class Replan(Plan):
    """Another plan, and the facts as they stand now: the answer in the phase `replan`."""

    facts: list[FactLine] | None = Field(
        default=None,
        max_length=MOST_AT_ONCE,
        description="all that is not given or verified, as it stands now; unchanged when left out",
    )


class YesOrNo(Form):
    """A judgement, with its reason."""

    answer: bool
    reason: Text


class Said(Form):
    """A name or an instruction, with its reason."""

    answer: Text
    reason: Text


class Progress(Form):
    """The progress ledger: the answer in the phase `progress`."""

    satisfied: YesOrNo = Field(description="whether the request is fully answered")
    looping: YesOrNo = Field(description="whether the same is done again and again")
    progressing: YesOrNo = Field(description="whether the last turns brought the work on")
    next_speaker: Said | None = Field(default=None, description="which worker; needed unless satisfied")
    instruction: Said | None = Field(default=None, description="what it is to do; needed unless satisfied")
    item: str | None = Field(default=None, description="id of the plan's item that this serves; needed too")
    facts: list[FactLine] = Field(default=[], max_length=MOST_AT_ONCE, description="what was learnt")
    states: dict[str, ItemState] = Field(default={}, description="items whose state is another now")


class PlanReview(Form):
    """What a person says of a plan."""

    decision: Literal["approve", "edit", "reject"]
    items: list[ItemLine] = Field(default=[], description="the plan as it should be, when edited")
    reason: str = Field(default="", description="why; needed to reject")


Document = TypeVar("Document", bound=BaseModel)


class MalformedError(Exception):
    """An answer that is not what was asked for; `problems` says everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Known:
    """What answers may refer to."""

    workers: Collection[str]
    items: Collection[str] = ()
    """Ids of the plan's items."""
    rounds: int = 0
    """Evidence goes from `e1` to this."""


def read(model: type[Document], answer: Any, known: Known) -> Document:
    """Read an answer: plain data, or its JSON as text, in a code fence or not. Raises `MalformedError`."""
    try:
        document = model.model_validate(plain(answer))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise MalformedError([in_words(cast("Mapping[str, Any]", problem)) for problem in problems]) from None
    problems = list(dict.fromkeys(unknown(document, known)))
    if problems:
        raise MalformedError(problems)
    return document


def plain(answer: Any) -> Any:
    """Give the data that a text holds; whatever is no text is data already."""
    if not isinstance(answer, str):
        return answer
    text = answer.strip()
    fenced = FENCE.match(text)
    try:
        return from_json(fenced.group(1) if fenced else text)
    except ValueError:
        message = "expected a JSON document, found text that is none"
        raise MalformedError([message]) from None


WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "bool_type": "expected true or false, found {found}",
    "string_type": "expected text, found {found}",
    "list_type": "expected a list, found {found}",
    "dict_type": "expected a mapping, found {found}",
    "model_type": "expected a mapping, found {found}",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "too_short": "is empty",
    "too_long": "has too many entries",
    "literal_error": "is not one of the known words, found {found}",
    "string_pattern_mismatch": "expected lower-case letters, digits, '-' and '_', found {found}",
}


def in_words(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with one field."""
    place = ".".join(str(part) for part in problem["loc"]) or "the answer"
    words = WORDS.get(problem["type"], "does not fit, found {found}")
    return f"{place}: {words.format(found=found(problem['input']))}"


def found(value: Any) -> str:
    """Name a value for a message: its kind, and text itself where it is short."""
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else "a long text"  # noqa: PLR2004 - a line's worth
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return "nothing" if value is None else names.get(cast("type[Any]", type(value)), "something else")


# -- what an answer refers to ----------------------------------------------------------------------------


def unknown(document: BaseModel, known: Known) -> list[str]:
    """Say which names in an answer nobody or nothing bears."""
    problems: list[str] = []
    if isinstance(document, Facts | Replan | Progress):
        problems += unsourced(document.facts or [], known)
    if isinstance(document, Plan):
        problems += misplanned(document.items, known)
    if isinstance(document, PlanReview):
        problems += misreviewed(document, known)
    if isinstance(document, Progress):
        problems += misdirected(document, known)
    return problems


def unsourced(facts: list[FactLine], known: Known) -> list[str]:
    """Say which verified facts nothing shows, and which sources do not exist."""
    problems: list[str] = []
    for index, fact in enumerate(facts):
        if fact.source is not None and not is_source(fact.source, known.rounds):
            shown = f"e1 to e{known.rounds}" if known.rounds else "no evidence yet"
            problems.append(f"facts.{index}.source: {fact.source!r} is no source; known: input, {shown}")
        elif fact.kind == "verified" and fact.source is None:
            problems.append(f"facts.{index}.source: is missing; a verified fact names what shows it")
    return problems


def is_source(source: str, rounds: int) -> bool:
    """Tell whether there is such a source."""
    number = source.removeprefix("e")
    numbered = source.startswith("e") and number.isascii() and number.isdecimal() and number[0] != "0"
    return source == "input" or (numbered and len(number) < 10 and int(number) <= rounds)  # noqa: PLR2004 - digits


def misplanned(items: list[ItemLine], known: Known) -> list[str]:
    """Say which owners nobody is, and which ids stand twice."""
    problems = [
        f"items.{index}.owner: nobody is called {item.owner!r}; workers: {', '.join(known.workers)}"
        for index, item in enumerate(items)
        if item.owner not in known.workers
    ]
    ids = [item.id for item in items]
    return problems + [f"items.{n}.id: {one!r} stands twice" for n, one in enumerate(ids) if one in ids[:n]]


def misreviewed(review: PlanReview, known: Known) -> list[str]:
    """Say what a review lacks."""
    if review.decision == "reject" and not review.reason.strip():
        return ["reason: is missing; the next plan is made after it"]
    if review.decision == "edit" and not review.items:
        return ["items: is missing; an edited plan is given whole"]
    return misplanned(review.items, known)


def misdirected(progress: Progress, known: Known) -> list[str]:
    """Say whom or what an instruction does not reach."""
    problems = [
        f"states.{item}: no item has this id; items: {', '.join(known.items)}"
        for item in progress.states
        if item not in known.items
    ]
    if progress.satisfied.answer:
        return problems
    speaker = progress.next_speaker
    if speaker is None:
        problems.append("next_speaker: is missing")
    elif speaker.answer not in known.workers:
        problems.append(
            f"next_speaker.answer: nobody is called {speaker.answer!r}; workers: {', '.join(known.workers)}"
        )
    if progress.instruction is None:
        problems.append("instruction: is missing")
    if progress.item is None:
        problems.append("item: is missing; it names the item of the plan that the instruction serves")
    elif progress.item not in known.items:
        problems.append(f"item: no item is called {progress.item!r}; items: {', '.join(known.items)}")
    return problems


# -- into values -----------------------------------------------------------------------------------------


def fact_values(lines: list[FactLine]) -> list[Fact]:
    """Give facts as values; what was given comes from the input unless it says otherwise."""
    return [
        Fact(line.kind, line.text, "input" if line.kind == "given" and line.source is None else line.source)
        for line in lines
    ]


def plan_items(lines: list[ItemLine]) -> list[PlanItem]:
    """Give the items of a plan as values, all open."""
    return [PlanItem(line.id, line.what, line.owner) for line in lines]
