"""Every test that the page on faults names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_promise_has_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ") and "| promise |" not in line]
    assert len(lines) > 25
    for line in lines:
        names = re.findall(r"`(tests/\S+?\.py)::(\w+)`", line)
        assert names, line
        for file, name in names:
            assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
