"""The documentation as it is built: the reference from the docstrings, formulas as pictures, a search that finds."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


api_pages, formulas = script("api_pages"), script("formulas")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("api"))
    shutil.copy(ROOT / "zensical.toml", folder)
    api_pages.write_pages(folder / "docs" / "api")
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert formulas.typeset(folder / "site") > 20
    return folder / "site"


def entries(navigation: list[Any]) -> Iterator[str]:
    for each in navigation:
        for value in each.values():
            yield from entries(value) if isinstance(value, list) else [value]


def test_the_navigation_and_the_pages_are_the_same(site: Path) -> None:
    named = list(entries(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))
    docs = site.parent / "docs"
    assert len(named) == len(set(named))
    assert set(named) == {str(page.relative_to(docs)) for page in docs.rglob("*.md")}


@pytest.mark.parametrize("word", ["dataframe", "slippage", "strategy", "hyperparameter", "install", "api"])
def test_the_search_finds(site: Path, word: str) -> None:
    """A page that a user wants, not only a signature of the reference."""
    items = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    hits = {item["location"] for item in items if word in f"{item['title']} {item['text']}".lower()}
    assert {hit for hit in hits if not hit.startswith("api/")} or word == "api"
    assert hits


def test_no_formula_is_left_as_tex(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert 'class="arithmatex"' not in page.read_text(encoding="utf-8"), page


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    for room in api_pages.ROOMS:
        page = (site / "api" / room / "index.html").read_text(encoding="utf-8")
        for name in importlib.import_module(f"regimen.{room}").__all__:
            assert f'id="{name}"' in page, f"regimen.{room}.{name}"


def test_a_docstring_becomes_lists_and_a_config_a_table() -> None:
    text = "\n\n".join(
        api_pages._entry("WalkForwardConfig", importlib.import_module("regimen.splits").WalkForwardConfig, "splits")
    )
    assert "| `train` |" in text
    assert "\n- `x`: a number < 1" not in api_pages._prose("Does.\n\nArgs:\n    x: a number < 1.")
    assert "- `x`: a number &lt; 1, `a < b`.\n\n**Raises**" in api_pages._prose(
        "Does.\n\nArgs:\n    x: a number < 1, `a < b`.\n\nRaises:\n    ValueError: never."
    )


def test_a_formula_is_a_picture_with_its_text() -> None:
    inline = formulas.picture(r"\sqrt{T}")
    assert inline.startswith("<svg")
    assert 'aria-label="\\sqrt{T}"' in inline
    assert "vertical-align" in inline
    assert formulas.picture("x", display=True).startswith('<div class="formula"><svg')
    with pytest.raises(ValueError, match="nosuch"):
        formulas.picture(r"\nosuch{x}")
    depths = [float(re.findall(r"vertical-align:(-?[\d.]+)em", formulas.picture(tex))[0]) for tex in ("x", "y")]
    assert depths[1] < depths[0], "what hangs below the line is set below it"
