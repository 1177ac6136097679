"""The exhibit of forecasts: its numbers by hand, from a run's saved windows, and where there is nothing to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.metrics import log_loss_skill
from regimen.policies import TemperatureConfig
from regimen.records import RunConfig, write_manifest
from regimen.runs import reproduce_run, start
from regimen.runs.exhibits import exhibits_of
from regimen.runs.families.calibrated_rule import Forecasts
from regimen.runs.families.forecasts import WindowForecasts, forecast_exhibit
from regimen.runs.prepare import prepare

from .conftest import silent

Configured = Callable[..., RunConfig]
QUICK = ("splits={train: 400, test: 250, embargo: 0}", "training={epochs: 2, batch_size: 64, patience: null}")


def _windows() -> list[WindowForecasts]:
    random = np.random.default_rng(0)
    windows = []
    for n in (40, 60):
        raw = Forecasts(random.dirichlet((1.0, 1.0, 1.0), n), random.integers(0, 3, n))
        calibration = TemperatureConfig().fit(*raw)
        after = Forecasts(calibration(raw.probabilities), raw.y)
        windows.append(WindowForecasts(raw, after, np.array([0.3, 0.4, 0.3]), calibration))
    return windows


def test_the_skill_is_the_mean_over_windows_and_its_gain_is_paired() -> None:
    windows = _windows()
    exhibit = forecast_exhibit(windows, is_calibrated=True)
    skills = 1e4 * np.array(
        [[log_loss_skill(*part, each.prior) for part in (each.raw, each.calibrated)] for each in windows]
    )
    cells = {row[0]: row[1:] for row in exhibit.rows}
    for name, values in (
        ("as the model says", skills[:, 0]),
        ("calibrated", skills[:, 1]),
        ("gain, window by window", skills[:, 1] - skills[:, 0]),
    ):
        mean, error = (float(part.replace(",", "").replace("−", "-")) for part in cells[name][0].split(" ± "))
        assert mean == pytest.approx(values.mean(), abs=0.051)
        assert error == pytest.approx(abs(values[0] - values[1]) / 2, abs=0.051)
    assert cells["always the class prior"][0] == "0.0"
    low, high = sorted(each.calibration.about["temperature"] for each in windows if each.calibration is not None)
    assert exhibit.sentences[-1] == f"Fitted: temperature {low:.3g} to {high:.3g}."
    assert [len(drawing.curves) for drawing in exhibit.drawings] == [4, 4]


def test_windows_that_were_not_calibrated_are_counted() -> None:
    first, second = _windows()
    plain = WindowForecasts(second.raw, second.raw, second.prior, None)
    line = forecast_exhibit([first, plain], is_calibrated=True).sentences[-1]
    assert line.endswith(" 1 of 2 windows had too little to be calibrated on.")
    assert forecast_exhibit([plain], is_calibrated=True).sentences[-1] == "No window was calibrated."
    raw = forecast_exhibit([plain], is_calibrated=False)
    assert [row[0] for row in raw.rows] == ["always the class prior", "as the model says"]
    assert len(raw.drawings) == 1
    assert "±" not in raw.rows[1][1]


@pytest.mark.parametrize("calibration", ["temperature", "none"])
def test_a_run_shows_its_forecasts_and_is_reproduced_with_them(
    configured: Configured, tmp_path: Path, calibration: str
) -> None:
    directory, _ = start(configured(*QUICK, f"calibration={calibration}"), tmp_path / "runs", silent)
    prepared = prepare(directory.located_config())
    (exhibit,) = exhibits_of(prepared, directory)
    rows = sum(int((window.test.take(prepared.labels.y) >= 0).sum()) for window in prepared.windows)
    assert exhibit.sentences[0].startswith(f"{rows} rows out of sample.")
    assert len(exhibit.rows) == (4 if calibration == "temperature" else 2)
    assert "Reliability" in (directory.path / "report.html").read_text(encoding="utf-8")
    assert json.loads(json.dumps(exhibit.to_dict()))["key"] == "forecasts"
    assert reproduce_run(directory, silent).differing == ()
    (directory.path / "exhibits.json").unlink()  # as in a run that was made before there were exhibits
    manifest = directory.manifest()
    write_manifest(
        directory.path, manifest | {"files": {k: v for k, v in manifest["files"].items() if k != "exhibits.json"}}
    )
    assert reproduce_run(directory, silent).differing == ()


def test_a_model_that_says_no_probabilities_shows_none(configured: Configured, tmp_path: Path) -> None:
    momentum = ("model={kind: momentum, lookback: 5}", "training={}", QUICK[0])
    directory, _ = start(configured(*momentum), tmp_path / "runs", silent)
    assert exhibits_of(prepare(directory.located_config()), directory) == []


@pytest.mark.parametrize(
    ("members", "shown"),
    [("[{kind: logistic}, {kind: logistic}]", 1), ("[{kind: logistic}, {kind: momentum, lookback: 5}]", 0)],
)
def test_of_several_models_what_they_say_together_is_shown(
    configured: Configured, tmp_path: Path, members: str, shown: int
) -> None:
    combine = "mean" if shown else "hedge"
    ensemble = f"model={{kind: ensemble, combine: {combine}, members: {members}}}"
    directory, _ = start(configured(ensemble, *QUICK), tmp_path / "runs", silent)
    exhibits = [each for each in exhibits_of(prepare(directory.located_config()), directory) if each.key == "forecasts"]
    assert [[row[0] for row in each.rows] for each in exhibits] == [
        ["always the class prior", "as the model says", "calibrated", "gain, window by window"]
    ] * shown
