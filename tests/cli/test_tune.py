"""`regimen tune`: a table of 80 columns, JSON, a page; bad input is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import CONFIG, called

SEARCH = """
search:
  objectives: [sharpe, turnover]
  batch: 2
  space:
    model.kind: [logistic, lightgbm]
    training.learning_rate: {low: 0.001, high: 0.1, log: true}
    model.num_leaves: {low: 2, high: 15}
"""


@pytest.fixture
def file(market: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(path=market).replace("train: 300", "train: 450") + SEARCH)
    return path


def test_the_table_fits_80_columns_and_the_page_stands_alone(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    runs = tmp_path / "runs"
    assert called("tune", file, "--trials", 3, "--runs", runs) == 0
    out = capsys.readouterr().out
    tables = out[: out.index("Search:")]
    assert max(len(line) for line in tables.splitlines()) <= 80
    assert "best" in out
    assert "the verdict is deflated by all of them" in " ".join(out.split())
    page = (runs / "tune-tiny" / "search.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    for heading in ("What was tried?", "The Pareto front", "What did each parameter matter?", "All trials"):
        assert heading in page

    assert called("tune", file, "--trials", 3, "--runs", runs) == 2
    assert "--resume goes on with it" in capsys.readouterr().err
    assert called("tune", file, "--trials", 3, "--runs", runs, "--resume", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [trial["number"] for trial in document["trials"]] == [0, 1, 2]
    assert document["best"] in document["front"]
    assert document["trials_on_this_series"] == 4
    assert {each["name"] for each in document["sensitivity"]} >= {"model.kind"}
    assert called("tune", file, "--trials", 3, "--runs", runs, "--resume", "search.sampler=random") == 2
    assert "whose search.sampler was 'tpe' and not 'random'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("search.sampler=annealing", "search.sampler: must be"),
        ("search.trials=9", "search.trials"),
        ("search.splits.warm_start=true", "search.splits: must not have warm_start"),
        ("--compute=cluster", "compute: must be local, processes:N"),
        ("search=3", "search: must be a mapping"),
        ("search.objectives=[]", "search.objectives"),
        ("search.hyperband=true", "search: hyperband must have one objective"),
    ],
)
def test_a_mistake_is_one_line(file: Path, override: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("tune", file, override) == 2
    err = [each for each in capsys.readouterr().err.splitlines() if not each.startswith("[")]
    assert len(err) == 1
    assert line in err[0]


def test_a_file_with_a_search_is_trained_like_any_other(file: Path, tmp_path: Path) -> None:
    assert called("train", file, "--runs", tmp_path / "runs") == 0
