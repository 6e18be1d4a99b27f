"""The reference page is what the models say, and its examples are what they accept."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ripieno.workflows.document import WorkflowDocument
from ripieno.workflows.reference import render

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "workflow.md"


def test_the_committed_page_is_the_one_that_the_models_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "write it anew: python -c 'from ripieno.workflows.reference import render; print(render(), end=\"\")'"
        " > docs/reference/workflow.md"
    )


def test_the_example_of_the_page_is_a_workflow() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert WorkflowDocument.model_validate(yaml.safe_load(examples[0])).workflow == "hospital-discharge"


def test_every_link_of_the_page_leads_to_a_heading() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([^)]*)\)", page)) <= headings
