"""What README and docs show holds: every example is run, page by page, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Example, Page, examples

from warm_start import WarmStart

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DATED = ROOT / "docs" / "decisions"
"""A decision shows what was tried when it was made."""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: WarmStart) -> Iterator[Page]:
    """Give a page in an empty folder, with a data folder there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    opened = Page(tmp_path, warm)
    yield opened
    opened.close()


def example(language: str, code: str, *, title: str | None = None, line: int = 3) -> Example:
    return Example(Path("page.md"), line, language, title, code)


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path.parent != DATED], ids=lambda path: str(path.relative_to(ROOT))
)
async def test_every_example_of_the_page_runs(path: Path, page: Page) -> None:
    for found in examples(path):
        await page.run(found)


async def test_blocks_of_a_page_build_on_each_other_and_may_await(page: Page) -> None:
    await page.run(example("python", "import asyncio\nasync def double(x): return 2 * x\n"))
    await page.run(example("python", "assert await double(21) == 42\n"))


async def test_a_titled_block_is_a_file_that_later_ones_import(page: Page) -> None:
    await page.run(example("python", "ANSWER = 42\n", title="mine.py"))
    await page.run(example("python", "from mine import ANSWER\nassert ANSWER == 42\n"))


async def test_a_function_of_an_example_has_a_source_and_a_name_to_refer_to_it_by(page: Page) -> None:
    await page.run(example("python", "def hello():\n    return 'hello'\n"))
    reads = "import inspect\nassert 'return' in inspect.getsource(hello)\n"
    await page.run(example("python", reads, line=9))
    await page.run(example("python", "import example\nassert example.hello() == 'hello'\n", line=15))


async def test_a_failing_example_fails_at_the_line_of_its_page(page: Page) -> None:
    with pytest.raises(ZeroDivisionError) as failure:
        await page.run(example("python", "x = 0\n1 / x\n"))
    assert failure.traceback[-1].lineno + 1 == 5


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(example("yaml", "a: [1\n"), id="YAML"),
        pytest.param(example("json", "{a: 1}\n"), id="JSON"),
        pytest.param(example("rust", "fn main() {}\n"), id="a language that nobody runs"),
        pytest.param(example("console", "$ rm -rf data\n"), id="a command that is not ours"),
    ],
)
async def test_what_cannot_be_read_or_run_is_refused(page: Page, broken: Example) -> None:
    with pytest.raises(Exception, match=r"page\.md:3|expected|Expecting"):
        await page.run(broken)


@pytest.mark.parametrize(
    ("shown", "holds"),
    [
        pytest.param("ripieno 0.1.0", True, id="shown as printed"),
        pytest.param("ripieno  …", True, id="with parts left open"),
        pytest.param("failed", False, id="not printed"),
    ],
)
async def test_a_console_block_shows_what_the_command_prints(page: Page, shown: str, *, holds: bool) -> None:
    block = example("console", f"$ ripieno --version\nripieno\n$ ripieno --version\n{shown}\n")
    if holds:
        await page.run(block)
    else:
        with pytest.raises(AssertionError, match="did not print 'failed'"):
            await page.run(block)


def test_examples_are_found_in_order_and_what_is_only_shown_is_left_out(tmp_path: Path) -> None:
    text = (
        'a\n\n```python title="x.py"\nx\n```\n\n```sh\nls\n```\n\n- b\n\n    ```console\n    $ b\n    ```\n'
    )
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    found = [(block.language, block.line, block.title, block.code) for block in examples(path)]
    assert found == [("python", 3, "x.py", "x\n"), ("console", 13, None, "$ b\n")]


def test_an_example_that_the_parser_would_not_see_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("!!! note\n\n    ```python\n    1 / 0\n    ```\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md:3"):
        examples(path)
