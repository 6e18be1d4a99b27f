"""Loading workflows: from a YAML file, from Python, or by the name of one that ships with Ripieno."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from pydantic import ValidationError

from ripieno.model.errors import DefinitionError, NotFoundError, Place, nearest
from ripieno.participants.references import load as load_object
from ripieno.workflows.build import Builder
from ripieno.workflows.document import WorkflowDocument
from ripieno.workflows.explain import explained
from ripieno.workflows.objects import import_from, importable
from ripieno.workflows.places import Places, places_in_python
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.text import Text, parse, read_text
from ripieno.workflows.workflow import Workflow

__all__ = ["BLUEPRINTS", "WITH_AGENTS", "Loaded", "load", "load_file", "load_text", "load_workflow"]

BLUEPRINTS: Final = {"hospital-discharge": "ripieno.blueprints.hospital_discharge:workflow"}
"""Workflows that ship with Ripieno, by name; imported when they are asked for."""

WITH_AGENTS: Final = {
    "hospital-discharge": "ripieno.blueprints.hospital_discharge.agents.workflow:with_agents"
}
"""What makes the same workflow with agents, of those that can have them: given a model, and their mode."""

YAML: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A workflow, and where its parts stand."""

    workflow: Workflow
    places: Places


def load_workflow(reference: str) -> Workflow:
    """Give the workflow that `reference` names, ready to run and to be loaded again elsewhere.

    A reference is the path of a YAML file, `file.py:attribute`, `module:attribute`, or the name of a
    workflow that ships with Ripieno. The folder of a file is importable while it is loaded.

    Raises `WorkflowFileError` with every problem of a file, `DefinitionError` for a Python object that
    is no workflow, and `NotFoundError` when there is nothing of that name.
    """
    workflow = load(reference).workflow
    _ = workflow.version  # now, while the files are still those that were loaded
    return workflow


def load(reference: str) -> Loaded:
    """Give the workflow that `reference` names, with the places of its parts; see `load_workflow`."""
    path = Path(reference)
    if path.suffix in YAML or (path.is_file() and path.suffix != ".py"):
        return load_file(path)
    if "?" in reference and reference.partition("?")[0] in BLUEPRINTS:
        return with_agents(*reference.split("?", maxsplit=1))
    named = BLUEPRINTS.get(reference, reference)
    module, _, attribute = named.rpartition(":")
    if module.endswith(".py") and attribute:
        return in_python(*from_python_file(Path(module), attribute))
    if module and attribute:
        return in_python(*from_module(module, attribute))
    if path.suffix == ".py":
        msg = f"which workflow of {reference!r}? name it as '{reference}:attribute'"
        raise NotFoundError(msg)
    msg = f"no workflow {reference!r}{nearest(reference, BLUEPRINTS)}"
    remedy = f"give a YAML file, file.py:attribute, module:attribute, or one of: {', '.join(BLUEPRINTS)}"
    raise NotFoundError(msg, remedy=remedy)


def with_agents(name: str, said: str) -> Loaded:
    """Give a workflow that ships with Ripieno with agents, as `?model=NAME&mode=MODE` says."""
    try:
        pairs = parse_qsl(said.replace("+", "%2B"), strict_parsing=True)
    except ValueError:
        pairs = []
    given = dict(pairs)
    if not given or len(given) < len(pairs) or not given.keys() <= {"model", "mode"} or "model" not in given:
        msg = f"after {name}? expected model=NAME, or model=NAME&mode=MODE, got {said!r}"
        raise NotFoundError(msg)
    if name not in WITH_AGENTS:
        msg = f"{name} has no agents that a model could be chosen for"
        raise NotFoundError(msg, remedy=f"these have: {', '.join(WITH_AGENTS)}")
    workflow = load_object(WITH_AGENTS[name])(**given)
    return Loaded(workflow, places_in_python(workflow))


# -- YAML ------------------------------------------------------------------------------------------------


def load_file(path: Path) -> Loaded:
    """Load a workflow from a YAML file."""
    if not path.is_file():
        msg = f"no file {str(path)!r}"
        raise NotFoundError(msg)
    file = path.resolve()
    return built(read_text(path), file.parent, str(file))


def load_text(content: str, *, folder: Path, file: str = "workflow.yaml") -> Loaded:
    """Load a workflow from YAML that is not, or not yet, in a file; `file` is what errors call it."""
    return built(parse(content, file), folder, "")


def built(text: Text, folder: Path, source: str) -> Loaded:
    """Validate and build what a text says."""
    try:
        document = WorkflowDocument.model_validate(text.data)
    except ValidationError as error:
        raise WorkflowFileError(explained(error, text)) from error
    workflow, places = Builder(document, text, folder).build(source)
    return Loaded(workflow, places)


# -- Python ----------------------------------------------------------------------------------------------


def from_python_file(path: Path, attribute: str) -> tuple[object, str]:
    """Give what a Python file calls `attribute`, and what loads it again."""
    if not path.is_file():
        msg = f"no file {str(path)!r}"
        raise NotFoundError(msg)
    file = path.resolve()
    folder, module = file.parent, file.stem
    while (folder / "__init__.py").is_file():
        folder, module = folder.parent, f"{folder.name}.{module}"
    try:
        return import_from(folder, f"{module}:{attribute}"), f"{file}:{attribute}"
    except DefinitionError as error:
        error.place = error.place or Place(str(path))
        raise


def from_module(module: str, attribute: str) -> tuple[object, str]:
    """Give what a module calls `attribute`, and what loads it again; modules of this folder count."""
    if installed(module):
        return load_object(f"{module}:{attribute}"), f"{module}:{attribute}"
    here = Path.cwd()
    found = import_from(here, f"{module}:{attribute}")
    with importable(here):
        spec = importlib.util.find_spec(module)
    file = module if spec is None or spec.origin is None else str(Path(spec.origin).resolve())
    return found, f"{file}:{attribute}"


def installed(module: str) -> bool:
    """Tell whether a module can be imported whatever folder one is in."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return spec is not None
    here = Path.cwd()
    return Path(spec.origin) not in (here / f"{top}.py", here / top / "__init__.py")


def in_python(found: object, source: str) -> Loaded:
    """Give a workflow made in Python, its source noted."""
    if not isinstance(found, Workflow):
        msg = f"expected a Workflow at {source!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    found.source = source
    return Loaded(found, places_in_python(found))
