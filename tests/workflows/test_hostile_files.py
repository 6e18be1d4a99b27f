"""Files that would harm whoever reads them: too large, too deep, without end, or no text at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripieno.workflows.load import load
from ripieno.workflows.problems import WorkflowFileError


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: " + b"x" * 1_000_001, "may have 1,000,000 bytes"),
        (b"\xff\xfe\x00", "expected UTF-8"),
        (b"a: [" * 200, "nested deeper than 100 levels"),
        (b"a: &a [*a]", "an alias that contains itself"),
        (b"a: &a " + b"9" * 500, "a number of 500 characters"),
        (b"? [a]\n: b", "a key must be a plain name"),
        (b"a: {<<: 3}", "merges mappings only"),
        (b"a: \x01", "not YAML"),
        (b'a: "\\ud800"', "half a character"),
        (b"---\na: 1\n---\nb: 1\n", "not YAML"),
    ],
    ids=[
        "too large",
        "not UTF-8",
        "too deep",
        "in a circle",
        "a long number",
        "an odd key",
        "a merge",
        "control",
        "half",
        "two",
    ],
)
def test_a_file_that_would_harm_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_bytes(content)
    with pytest.raises(WorkflowFileError, match=says):
        load(str(file))


def test_aliases_that_expand_without_bound_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(WorkflowFileError, match="more than 100,000 values"):
        load(str(file))
