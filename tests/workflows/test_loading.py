"""Workflows are loaded by file, by module, by Python file and by the name of a blueprint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ripieno import InputError
from ripieno.model.errors import DefinitionError, NotFoundError
from ripieno.workflows.load import BLUEPRINTS, load, load_text, load_workflow
from ripieno.workflows.schema import schema_line, workflow_schema

PYTHON = (
    "from ripieno import Workflow\n\ndef act(input): return input\n\nit = Workflow('mine', act)\nnumber = 3\n"
)


def yaml_beside(folder: Path, module: str) -> Path:
    (folder / f"{module}.py").write_text("def act(input): return input\n")
    file = folder / "mine.yaml"
    file.write_text(
        f"workflow: mine\nparticipants: {{act: {{function: {{import: '{module}:act'}}}}}}\nflow: act\n"
    )
    return file


def test_a_file_names_modules_beside_it_and_remembers_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = yaml_beside(tmp_path, "beside_a_file")
    monkeypatch.chdir(tmp_path)
    workflow = load_workflow("mine.yaml")
    assert workflow.source == str(file)
    assert str(tmp_path) not in sys.path
    assert load_workflow(workflow.source).version == workflow.version


def test_a_module_beside_a_file_is_never_silently_another_of_its_name(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    load_workflow(str(yaml_beside(tmp_path / "one", "twice_named")))
    with pytest.raises(DefinitionError, match="has the name of one that is loaded already"):
        load_workflow(str(yaml_beside(tmp_path / "two", "twice_named")))


def test_a_python_file_is_loaded_by_path_and_attribute(tmp_path: Path) -> None:
    file = tmp_path / "python_file.py"
    file.write_text(PYTHON)
    workflow = load_workflow(f"{file}:it")
    assert (workflow.name, workflow.source) == ("mine", f"{file}:it")


def test_a_python_file_in_a_package_is_a_module_of_it(tmp_path: Path) -> None:
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("def act(input): return input\n")
    (package / "flow.py").write_text(
        "from ripieno import Workflow\nfrom .parts import act\nit = Workflow('mine', act)\n"
    )
    workflow = load_workflow(f"{package}/flow.py:it")
    assert workflow.document()["participants"] == {"act": {"function": {"import": "some_package.parts:act"}}}


def test_a_module_of_this_folder_can_be_loaded_again_from_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module_here.py").write_text(PYTHON)
    monkeypatch.chdir(tmp_path)
    workflow = load_workflow("module_here:it")
    command = (
        "import sys; from ripieno.workflows.load import load_workflow as l; print(l(sys.argv[1]).version)"
    )
    elsewhere = subprocess.run(  # noqa: S603 - Python itself, on a file of this test
        [sys.executable, "-c", command, workflow.source], cwd="/", capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == workflow.version


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_is_loaded_by_its_name(name: str) -> None:
    workflow = load_workflow(name)
    assert workflow.name == name
    assert load_workflow(workflow.source).version == workflow.version


@pytest.mark.parametrize(
    ("reference", "error", "says"),
    [
        ("hospital-dischrge", NotFoundError, "did you mean 'hospital-discharge'"),
        ("nowhere.yaml", NotFoundError, "no file 'nowhere.yaml'"),
        ("nowhere.py:it", NotFoundError, "no file 'nowhere.py'"),
        ("nowhere.py", NotFoundError, "name it as 'nowhere.py:attribute'"),
        ("no_such_module_here:it", DefinitionError, "cannot import 'no_such_module_here'"),
        ("ripieno:Wrkflow", DefinitionError, "did you mean 'Workflow'"),
        ("ripieno:function", DefinitionError, "expected a Workflow at 'ripieno:function', found function"),
    ],
)
def test_what_cannot_be_loaded_says_so(reference: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        load(reference)


def test_a_module_that_raises_is_named_with_what_it_raised(tmp_path: Path) -> None:
    (tmp_path / "raises_when_imported.py").write_text("raise SystemExit('not now')\n")
    with pytest.raises(DefinitionError, match="importing 'raises_when_imported' raised SystemExit: not now"):
        load(f"{tmp_path}/raises_when_imported.py:it")


def test_places_name_the_lines_of_participants_and_stages() -> None:
    text = (
        "workflow: orders\nparticipants:\n  read:\n    function: {import: 'workflow_parts:read'}\n"
        "flow:\n  sequential:\n  - step: read\n    timeout: 5s\n"
    )
    loaded = load_text(text, folder=Path(__file__).parent, file="orders.yaml")
    step = loaded.workflow.top.children()[0]
    assert str(loaded.places.of(step)) == "orders.yaml:7 (flow.sequential.0)"
    assert str(loaded.places.of(step.children()[0])) == "orders.yaml:3 (participants.read)"
    assert str(loaded.places.field("flow")) == "orders.yaml:5 (flow)"


@pytest.mark.parametrize(
    ("rule", "refused", "says"),
    [
        ("{schema: {type: object, required: [amount]}}", {}, "'amount' is a required property"),
        ("{schema: input.json}", {"amount": "x"}, "amount: 'x' is not of type 'integer'"),
        ("{type: object, required: [amount]}", {}, "'amount' is a required property"),
        ("{import: 'workflow_parts:Order'}", {"amount": "x"}, "amount: Input should be a valid integer"),
        ("{import: 'workflow_parts:refuse_odd'}", 3, "odd"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_before_a_run_starts(
    rule: str, refused: object, says: str, tmp_path: Path
) -> None:
    (tmp_path / "input.json").write_text('{"properties": {"amount": {"type": "integer"}}}')
    text = (
        f"input: {rule}\nworkflow: orders\nparticipants: {{chief: {{human: {{role: chief}}}}}}\nflow: chief\n"
    )
    workflow = load_text(text, folder=tmp_path).workflow
    workflow.check_input(4 if "odd" in rule else {"amount": 4})
    with pytest.raises(InputError, match=f"the input does not fit orders: {says}"):
        workflow.check_input(refused)


def test_the_schema_for_editors_accepts_what_loads_and_names_every_field() -> None:
    schema = workflow_schema()
    assert {"workflow", "owner", "flow", "participants", "input"} <= set(schema["properties"])
    assert schema_line() == "# yaml-language-server: $schema=ripieno.schema.json"
