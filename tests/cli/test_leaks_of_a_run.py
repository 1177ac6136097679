"""`regimen leaks RUN`: a finished run as if it were live."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.runs.conftest import simulated

from regimen.cli.app import main
from regimen.records import RunDirectory, find_run, write_manifest

YAML = """
data: {{path: {folder}/coin.parquet}}
features: {{kind: indicators, columns: [rsi_14]}}
splits: {{train: 240, test: 100}}
model: {{kind: momentum, lookback: 24}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""


def ran(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(str(ended.value.code))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    simulated(480).to_parquet(tmp_path / "coin.parquet")
    (tmp_path / "run.yaml").write_text(YAML.format(folder=tmp_path))
    assert ran("train", "run.yaml") == 0
    capsys.readouterr()
    return find_run("latest", tmp_path / "runs")


def test_a_run_is_named_in_any_way_and_is_as_it_was(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("leaks", "latest") == 0
    shown = capsys.readouterr().out
    assert "bar by bar, and on data that end earlier, everything is as the run wrote it." in " ".join(shown.split())
    assert max(len(line) for line in shown.splitlines() if not line.startswith(("Next", "As live"))) <= 80
    assert ran("leaks", run.id[:4], "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["passed"]
    assert [check["compared"] for check in outcome["checks"]][-1] == 99
    assert ran("leaks", str(run.path), "labels.horizon=3") == 2
    assert "takes nothing beside a run, whose config is fixed" in capsys.readouterr().err


def test_what_differs_fails(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    path = run.window(0) / "exposures.npy"
    np.save(path, -np.load(path))
    write_manifest(run.path, {**run.manifest(), "files": {}})
    assert ran("leaks", "latest") == 1
    assert "window 1, decisions: 100 of 100 differ" in " ".join(capsys.readouterr().out.split())
