"""`adapt_run`: kept where the rule flips, refused on a random walk, and never measured on what it was adapted to."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import ConfigError, DataError, RunError
from regimen.predictors import TorchPredictor
from regimen.records import RunDirectory, load_config, read_json
from regimen.runs import Adaptation, adapt_run, backtest_run, reproduce_run, signal_of, start
from regimen.runs.adapting.learner import Rows
from regimen.simulators import FlipMarketConfig

BARS, MORE, LATER = 3_400, 20, 30
FLIP = """
data: {{path: {path}}}
features: {{kind: standard, columns: [return_1]}}
labels: {{kind: fixed_horizon, horizon: 1, dead_band: 0.0, volatility_bars: 20}}
splits: {{train: 1800, test: 1700}}
calibration: none
model: {{kind: baseline, hidden: [16]}}
training:
  epochs: 5
  patience: null
  learning_rate: 0.005
  allow_missing_classes: true
  recipes:
    - {{kind: maml, inner_rate: 0.3, queries: 30, bars: 160, tasks_per_batch: 8,
       first_order: true, steps_per_epoch: 40}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
WALK = """
data: {{path: {path}}}
features: {{kind: standard, columns: [return_1, return_5]}}
labels: {{horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 250}}
model: {model}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""


def _frame(bars: int) -> pd.DataFrame:
    path = FlipMarketConfig(length=160).simulate(bars, 4).bars
    prices = {name: getattr(path, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"timestamp": pd.to_datetime(path.time, utc=True), **prices})


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def flip(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("flip")
    frame = _frame(BARS + MORE + LATER)
    frame[:BARS].to_parquet(folder / "then.parquet")
    frame[BARS : BARS + MORE].to_parquet(folder / "last.parquet")
    frame.to_parquet(folder / "later.parquet")
    (folder / "flip.yaml").write_text(FLIP.format(path=folder / "then.parquet"))
    return start(load_config(folder / "flip.yaml"), folder / "runs", silent)[0]


@pytest.fixture(scope="module")
def adapted(flip: RunDirectory) -> tuple[Adaptation, dict[str, str]]:
    before = _contents(flip.path)
    return adapt_run(flip, str(flip.home.parent / "last.parquet"), silent), before


def test_it_is_kept_where_the_rule_flips(flip: RunDirectory, adapted: tuple[Adaptation, dict[str, str]]) -> None:
    result, before = adapted
    assert result.kept
    assert result.low > 0.0
    assert result.gain == pytest.approx((result.low + result.high) / 2)
    assert result.accuracy[1] > 0.58 > result.accuracy[0]
    assert (result.rate, result.steps, result.shots) == (0.3, 5, 20)  # of the run's own recipe
    assert _contents(flip.path) == before  # the old run is as it was
    assert sum(row["run"] == result.run for row in flip.trials.rows()) == 1


def test_the_new_run_holds_the_adapted_model_and_all_else_of_the_old_window(
    flip: RunDirectory, adapted: tuple[Adaptation, dict[str, str]]
) -> None:
    result, _ = adapted
    assert result.run is not None
    new = RunDirectory.open(flip.home / result.run)
    new.require_undamaged()
    assert new.status == "finished"
    assert new.manifest()["adapted_from"] == flip.id
    number = flip.manifest()["windows"][-1]["number"]
    for name in ("scaler.json", "history.json"):
        assert (new.window(0) / name).read_bytes() == (flip.window(number) / name).read_bytes()
    ours, theirs, start_ = (
        TorchPredictor.load(place).state()
        for place in (new.window(0) / "model", flip.window(number) / "model", flip.window(number) / "unadapted")
    )
    assert any(not np.array_equal(ours[name], values) for name, values in theirs.items())
    assert any(not np.array_equal(ours[name], values) for name, values in start_.items())
    assert read_json(new.path / "adaptation.json")["gain"] == pytest.approx(result.gain)
    later = str(flip.home.parent / "later.parquet")
    assert signal_of(new, later, [], silent).holdings[0].known
    _, judgement = backtest_run(new, later, [], silent)
    assert judgement["skipped_bars"] == BARS + MORE - 1  # it decides from the last bar that it was given
    with pytest.raises(RunError, match=f"was adapted from {flip.id}, and not trained"):
        reproduce_run(new, silent)


def test_the_same_adaptation_has_the_same_numbers(
    flip: RunDirectory, adapted: tuple[Adaptation, dict[str, str]]
) -> None:
    again = adapt_run(flip, str(flip.home.parent / "last.parquet"), silent)
    assert {**again.to_dict(), "run": ""} == {**adapted[0].to_dict(), "run": ""}
    states = [
        TorchPredictor.load(flip.home / str(run) / "windows" / "000" / "model").state()
        for run in (again.run, adapted[0].run)
    ]
    for name, values in states[0].items():
        np.testing.assert_array_equal(values, states[1][name])


def _scaled(bars: pd.DataFrame, factor: float) -> pd.DataFrame:
    return bars.assign(**{name: factor * bars[name] for name in ("open", "high", "low", "close")})


def _walk(folder: Path, model: str) -> RunDirectory:
    simulated(600)[:560].to_parquet(folder / "then.parquet")
    (folder / "walk.yaml").write_text(WALK.format(path=folder / "then.parquet", model=model))
    return start(load_config(folder / "walk.yaml"), folder / "runs", silent)[0]


def test_it_is_refused_on_a_random_walk_and_counts_all_the_same(tmp_path: Path) -> None:
    run = _walk(tmp_path, "{kind: logistic}\ntraining: {epochs: 2, batch_size: 64}")
    simulated(600)[540:600].to_parquet(tmp_path / "now.parquet")
    trials, runs = len(run.trials.rows()), sorted(run.home.iterdir())
    result = adapt_run(run, str(tmp_path / "now.parquet"), silent, rate=0.05, shots=30)
    assert not result.kept
    assert result.low <= 0.0
    assert result.sentence.startswith("Refused: adapting gains ")
    assert len(run.trials.rows()) == trials + 1
    assert sorted(run.home.iterdir()) == runs
    with pytest.raises(ConfigError, match=r"--rate: must be positive; got -1"):
        adapt_run(run, str(tmp_path / "now.parquet"), silent, rate=-1.0)
    for rows, words in (
        (simulated(600)[:560], "must go on behind the run's own"),
        (simulated(600)[580:], "must begin where the run's own end"),
        (simulated(600, seed=3)[500:], "must be the market of the run"),
        (
            _scaled(simulated(600)[560:], 2.0),
            r"must be the market of the run, in which asset closed at [\d.]+ and no bar",
        ),
        (simulated(600)[540:].drop(columns="volume"), r"must have the run's columns; volume is missing; got \[\]"),
        (simulated(600)[540:], r"two blocks of 500 bars with labels behind 20\d\d-\d\d-\d\d \d\d:\d\d, to measure by"),
    ):
        rows.to_parquet(tmp_path / "bad.parquet")
        with pytest.raises(DataError, match=words):
            adapt_run(run, str(tmp_path / "bad.parquet"), silent, shots=500)


def test_a_rule_has_no_weights_to_adapt(tmp_path: Path) -> None:
    run = _walk(tmp_path, "{kind: momentum, lookback: 20}")
    simulated(600)[540:].to_parquet(tmp_path / "now.parquet")
    with pytest.raises(ConfigError, match="must be a torch classifier, whose weights can take a step; got 'momentum'"):
        adapt_run(run, str(tmp_path / "now.parquet"), silent)


def test_a_support_is_the_last_rows_whose_labels_are_due() -> None:
    times = np.arange(40) // 2
    rows = Rows(times, np.arange(40) % 2, times + 3)
    support = rows.last(4, until=12)
    assert support.ends.max() == 11
    assert sorted(support.times) == [5, 5, 6, 6, 7, 7, 8, 8]
