"""The exhibit of sizing: a row for each layer, the last one what the run traded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regimen.numerals import number
from regimen.records import RunConfig, RunDirectory, read_json
from regimen.reporting.report import Exhibit
from regimen.runs import start
from regimen.runs.families.sizing_exhibit import show_sizing
from regimen.runs.prepare import prepare

from .conftest import silent

Configured = Callable[..., RunConfig]


def exhibits_of(directory: RunDirectory) -> dict[str, Exhibit]:
    """Returns what a run kept for its report, by key."""
    every = read_json(directory.path / "exhibits.json")["exhibits"]
    return {each["key"]: Exhibit.from_dict(each) for each in every}


def test_each_layer_has_its_turnover(configured: Configured, tmp_path: Path) -> None:
    words = "exposure={kind: kelly, fraction: 0.2}", "band={kind: no_trade, width: 0.3}"
    directory, _ = start(configured("training.epochs=2", *words), tmp_path / "runs", silent)
    exhibit, traded = exhibits_of(directory)["sizing"], read_json(directory.path / "judgement.json")["rows"][0]
    assert [row[0] for row in exhibit.rows] == ["as the rule sizes it", "with the no-trade band"]
    assert exhibit.rows[-1][1] == number(traded["turnover"], 1)
    assert exhibit.rows[-1][-1] == number(traded["sharpe"])
    assert "Turnover went from" in exhibit.sentences[0]
    assert "Kelly's exposures were multiplied by" in exhibit.sentences[1]
    assert "within 0.30 of the aim." in exhibit.sentences[2]
    assert exhibit.drawings[0].curves[0].name == "window 1"


def test_below_a_band_the_limits_hold(configured: Configured, tmp_path: Path) -> None:
    words = "exposure={scale: 500, max_exposure: 0.5}", "band={kind: no_trade, width: 0.1}"
    config = configured("training.epochs=2", *words)
    directory, _ = start(config, tmp_path / "runs", silent)
    exhibit = exhibits_of(directory)["sizing"]
    assert all(float(row[3].removesuffix("%")) <= 50.0 for row in exhibit.rows)
    assert float(exhibit.rows[0][3].removesuffix("%")) > 40.0


def test_a_plain_run_has_none(configured: Configured, tmp_path: Path) -> None:
    config = configured("training.epochs=2")
    directory, _ = start(config, tmp_path / "runs", silent)
    assert "sizing" not in exhibits_of(directory)
    assert list(show_sizing(prepare(config), directory)) == []
