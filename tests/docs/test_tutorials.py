"""Every tutorial runs from top to bottom, and prints what it shows: the same lines, numbers and ids aside."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("tutorials", ROOT / "scripts" / "tutorials.py")
assert spec is not None
assert spec.loader is not None
tutorials = importlib.util.module_from_spec(spec)
sys.modules["tutorials"] = tutorials  # dataclasses look their module up
spec.loader.exec_module(tutorials)


def pages() -> list[object]:
    """The pages; those with a comment ``slow`` take longer than 20 s."""
    return [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if "<!-- slow -->" in page.read_text() else [])
        for page in tutorials.PAGES
    ]


@pytest.mark.parametrize("page", pages())
def test_the_tutorial_runs_and_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    for shown in tutorials.run_page(page, tmp_path):
        assert shown.agrees(), f"python scripts/tutorials.py --refresh {page}\n{shown.expected}\n{shown.printed}"


def test_an_output_that_differs_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nprint('net return', 0.25)\nprint('more')\n```\n\n```text\nnet return 0.31\n```\n", encoding="utf-8"
    )
    (shown,) = tutorials.run_page(page, tmp_path)
    assert shown.agrees(), "another number, and a line more"
    assert tutorials.refreshed(page.read_text(), [shown]).endswith("```text\nnet return 0.25\nmore\n```\n")
    page.write_text(page.read_text().replace("net return 0.31", "gross return 0.25"), encoding="utf-8")
    (shown,) = tutorials.run_page(page, tmp_path)
    assert not shown.agrees()


def test_commands_and_saved_files_share_a_folder(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Save this as `own_page.py`:\n\n```python\nTEXT = 'mine'\n```\n\n```console\n$ ls own_page.py\nown_page.py\n"
        "$ regimen runs\n…\n```\n\n```python\nimport own_page\nprint(own_page.TEXT)\n```\n\n```text\nmine\n```\n",
        encoding="utf-8",
    )
    assert all(shown.agrees() for shown in tutorials.run_page(page, tmp_path))
