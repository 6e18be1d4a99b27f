"""The JSON Schema of workflow files, for editors: they complete, explain and underline while one writes.

An editor finds it through the first line of a file:

    # yaml-language-server: $schema=ripieno.schema.json
"""

from __future__ import annotations

from typing import Any

from ripieno.workflows.document import WorkflowDocument

__all__ = ["SCHEMA_FILE", "schema_line", "workflow_schema"]

SCHEMA_FILE = "ripieno.schema.json"
"""What the schema's file is called beside workflow files."""


def workflow_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a workflow file."""
    schema = WorkflowDocument.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ripieno workflow",
        **{name: value for name, value in schema.items() if name != "title"},
    }


def schema_line(schema: str = SCHEMA_FILE) -> str:
    """Give the first line of a workflow file, by which an editor finds the schema."""
    return f"# yaml-language-server: $schema={schema}"
