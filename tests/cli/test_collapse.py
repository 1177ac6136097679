"""`regimen collapse`: the verdict as a person and as a machine meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called

from regimen.runs.collapse import CAUSES


def test_the_verdict_fits_a_terminal_and_is_kept(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("collapse", finished, "--no-twin") == 0
    shown = capsys.readouterr().out
    tables = shown.partition("Unit:")[0]
    assert max(map(len, tables.splitlines())) <= 80
    assert "a trade costs" in tables
    assert "Result:" in shown
    kept = json.loads((finished / "collapse.json").read_text())
    assert "".join(kept["sentence"].split()) in "".join(shown.split())
    assert called("collapse", finished.name, "--runs", finished.parent, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["cause"] in CAUSES
    assert [each["horizon"] for each in answer["evidence"]["own"]] == [1, 4, 16]
