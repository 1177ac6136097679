"""Every Python block of the README and the docs runs as it stands, top to bottom, page by page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

SAVED = re.compile(r"[Ss]ave this as `(\w+\.py)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, saved in SAVED.findall(page.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(saved, encoding="utf-8")
    code = "\n".join(blocks(page))
    script = tmp_path / f"{page.stem}.py"  # a file, because a compiled step wants to know where it comes from
    script.write_text(code, encoding="utf-8")
    try:
        exec(compile(code, str(script), "exec"), {"__name__": "__main__"})
    finally:  # another page may save another file of the same name
        for name, _ in SAVED.findall(page.read_text(encoding="utf-8")):
            sys.modules.pop(Path(name).stem, None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    import tomllib

    navigation = (ROOT / "zensical.toml").read_text()
    tomllib.loads(navigation)
    for page in (ROOT / "docs").glob("*.md"):
        assert f'"{page.name}"' in navigation, page.name
