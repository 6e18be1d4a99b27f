"""Which model the agents of a workflow that ships with Ripieno ask: as is said, or as is found here."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from ripieno.cli.output import note
from ripieno.model.errors import DefinitionError, InputError, RipienoError
from ripieno.model.mode import Mode
from ripieno.workflows.load import WITH_AGENTS

__all__ = ["NONE", "RECORDED", "chosen", "found_here", "reference"]

NONE: Final = "none"
RECORDED: Final = "recorded"
PHI: Final = "phi"


def chosen(text: str, model: str | None, mode: Mode | None) -> str:
    """Give the workflow that is meant, with the model and mode of its agents, and say which they are.

    Nothing said: the first model that is found here and may be shown health records; where there is none the
    workflow has no agents. Raises `InputError` for a workflow whose agents have models of their own.
    """
    if text not in WITH_AGENTS:
        if model is not None or mode is not None:
            msg = f"{text} names the models and modes of its agents itself"
            remedy = f"--model and --mode are for {', '.join(WITH_AGENTS)}; ripieno runs mode changes a mode"
            raise InputError(msg, remedy=remedy)
        return text
    if model == NONE:
        if mode is not None:
            msg = f"--model none leaves {text} to its rules, so that there is nobody to be in mode {mode}"
            raise InputError(msg)
        return text
    if model is None:
        model = found_here(text, asked=mode is not None)
    elif model == RECORDED:
        note(f"{text}: recorded answers in the place of a model's, written for the sample patients")
    else:
        told = problem(model)
        if told is not None:
            note(told)
    return text if model is None else reference(text, model, mode)


def reference(text: str, model: str, mode: Mode | None) -> str:
    """Give what names the workflow with agents."""
    said = "" if mode is None else f"&mode={mode}"
    return f"{text}?model={quote(model, safe=':/@')}{said}"


def problem(model: str) -> str | None:
    """Say what keeps a model from being shown health records.

    Raises `DefinitionError` where it cannot be asked at all.
    """
    from ripieno.participants.llm.kept_answers import recordings  # noqa: PLC0415 - few runs have a model chosen
    from ripieno.participants.llm.models import MODELS  # noqa: PLC0415 - the same
    from ripieno.participants.llm.providers import missing  # noqa: PLC0415 - the same

    entry = MODELS.find(model)
    if entry.provider == RECORDED:
        recordings(entry.model)
    command = missing(entry.provider)
    if command is not None:
        msg = f"{model}: the client of {entry.provider} is not installed"
        raise DefinitionError(msg, remedy=command)
    if PHI in entry.approved_for:
        return None
    return (
        f"{model} is not approved for phi: the gate will not let it be shown health records, and people are"
        f' asked instead\n  approved_for = ["phi"] under [models."{model}"] in ripieno.toml approves it'
    )


def found_here(text: str, *, asked: bool) -> str | None:
    """Give the model that is found here and may be shown health records, and say so; None for none."""
    from ripieno.participants.llm.found import found_models, usable_model  # noqa: PLC0415 - as above

    try:
        models = found_models()
    except RipienoError as error:
        note(f"no model is looked for: {error.message}")
        models = []
    usable = usable_model(PHI, models)
    if usable is not None:
        note(f"{text}: agents ask {usable.name} ({usable.because}); --model none leaves it to the rules")
        return usable.name
    if asked:
        msg = f"there is no model here that {text} could ask"
        raise InputError(msg, remedy="--model names one, such as ollama:llama3.2, or recorded")
    for one in models:
        note(f"{text}: rules alone, as {one.name} ({one.because}) is {one.lacks}")
    return None
