"""Quantiles of a finished run: scored as written out by hand, shown in the report, and foretold at the last bar."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent, simulated
from typer.testing import CliRunner

from regimen.cli.app import app
from regimen.errors import ConfigError
from regimen.labels import adjusted_prices, trailing_volatility
from regimen.metrics import diebold_mariano, pinball_losses
from regimen.numerals import number, percent
from regimen.predictors import BaselineConfig, TFTConfig
from regimen.records import RunDirectory, load_config, read_json
from regimen.reporting.report import Exhibit
from regimen.runs import signal_of, start
from regimen.runs.families.quantiles import Forecasted, forecasted, horizon_score
from regimen.runs.prepare import Prepared, prepare

YAML = """
name: fan
data: {{path: {path}}}
features: {{kind: standard, groups: [momentum], calendar: [0, 1, 6], symbol: 2}}
labels: {{horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 160}}
model: {{kind: tft, context: 4, horizons: [1, 6], symbol: 2, quantiles: [0.1, 0.5, 0.9], width: 4, heads: 2}}
training: {{epochs: 2, batch_size: 64}}
exposure: {{dead_band: 0.0}}
intervals: {{kind: conformal}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
LEVELS = np.array([0.1, 0.5, 0.9])


def panel(bars: int) -> pd.DataFrame:
    return pd.concat([simulated(900, seed)[:bars].assign(symbol=symbol) for seed, symbol in enumerate("AB")])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("fan")
    panel(700).to_parquet(folder / "bars.parquet")
    (folder / "fan.yaml").write_text(YAML.format(path=folder / "bars.parquet"))
    return start(load_config(folder / "fan.yaml"), folder / "runs", silent)[0]


@pytest.fixture(scope="module")
def prepared(run: RunDirectory) -> Prepared:
    return prepare(load_config(run.path / "config.yaml"))


@pytest.fixture(scope="module")
def seen(run: RunDirectory, prepared: Prepared) -> Forecasted:
    every = forecasted(prepared, run)
    assert every is not None
    return every


def test_what_came_and_what_whoever_knows_the_volatility_says(prepared: Prepared, seen: Forecasted) -> None:
    close = adjusted_prices(prepared.bars).close
    sigma = trailing_volatility(close, 20)
    first = prepared.windows[0]
    assert seen.times.min() >= first.test.start
    assert (np.diff(seen.times) >= 0).all()
    for row in range(0, len(seen.times), 37):
        t, s = seen.times[row], seen.symbols[row]
        for k, bars in enumerate((1, 6)):
            wanted = np.log(close[t + bars, s] / close[t, s]) / (sigma[t, s] * bars**0.5)
            assert seen.came[row, k] == pytest.approx(wanted, rel=1e-12)
    learned = prepared.targets(("ahead_1", "ahead_6"))[first.train.positions]
    np.testing.assert_allclose(seen.plain[0], np.quantile(learned, LEVELS, axis=0).T, rtol=1e-12)
    # no target of a training row reaches into what is tested: the spans are purged by the furthest horizon
    assert first.train.positions[0].max() + 6 < first.validation.start


def test_the_exhibit_shows_the_scores_and_the_page_says_who_is_better(run: RunDirectory, seen: Forecasted) -> None:
    shown = {each["key"]: Exhibit.from_dict(each) for each in read_json(run.path / "exhibits.json")["exhibits"]}
    assert {"quantiles", "selection", "intervals"} <= shown.keys()
    rows = shown["quantiles"].rows
    assert [row[0] for row in rows] == ["1", "6"]
    for k, row in enumerate(rows):
        ours = pinball_losses(seen.quantiles[:, k], seen.came[:, k], LEVELS).sum(axis=1)
        held = (seen.quantiles[:, k, 0] <= seen.came[:, k]) & (seen.came[:, k] <= seen.quantiles[:, k, -1])
        assert row[1] == number(float(ours.mean()), 4)
        assert row[7].startswith(f"{percent(float(held.mean()))} (EWMA ")
    fan = shown["quantiles"].drawings[0].curves[0]
    assert all(low < middle < high for low, middle, high in zip(fan.low, fan.y, fan.high, strict=True))  # type: ignore[operator]
    assert any("symbol_1" in sentence for sentence in shown["selection"].sentences)
    attention = shown["selection"].drawings[1].curves
    assert [curve.name for curve in attention] == ["1 bar ahead", "6 bars ahead"]
    assert all(len(curve.y) == 4 for curve in attention)
    assert len(shown["selection"].rows) == 12  # of 14 inputs: ten of momentum, four of the bar's own calendar


def test_a_panel_is_compared_bar_by_bar(seen: Forecasted) -> None:
    config = TFTConfig(horizons=(1, 6))
    score = horizon_score(seen, config, 1)
    losses = [pinball_losses(said[:, 1], seen.came[:, 1], LEVELS).sum(axis=1) for said in (seen.quantiles, seen.plain)]
    table = pd.DataFrame({"time": seen.times, "ours": losses[0], "plain": losses[1]}).groupby("time").mean()
    wanted = diebold_mariano(table["ours"].to_numpy(), table["plain"].to_numpy(), 6)
    assert score.against_plain == wanted
    assert (score.rows, score.bars) == (len(seen.times), 6)
    assert score.against_none is not None
    assert horizon_score(seen, TFTConfig(horizons=(1, 6), quantiles=(0.1, 0.4, 0.9)), 1).against_none is None


def test_what_is_foretold_at_a_bar_is_what_the_test_span_was_told(
    run: RunDirectory, prepared: Prepared, seen: Forecasted, tmp_path: Path
) -> None:
    t = int(prepared.windows[-1].test.start) + 40
    panel(t + 1).to_parquet(tmp_path / "now.parquet")
    signal = signal_of(run, str(tmp_path / "now.parquet"), [], silent)
    sigma, close = prepared.volatility[t], prepared.bars.close[t]
    for s, holding in enumerate(signal.holdings):
        (row,) = np.flatnonzero((seen.times == t) & (seen.symbols == s))
        assert holding.ahead is not None
        for k, (bars, ahead) in enumerate(zip((1, 6), holding.ahead, strict=True)):
            moves = np.expm1(seen.quantiles[row, k] * sigma[s] * bars**0.5)
            np.testing.assert_allclose(ahead.moves, moves, rtol=1e-6)
            np.testing.assert_allclose(ahead.prices, close[s] * (1.0 + moves), rtol=1e-6)
            stamp = prepared.bars.time[t] + np.timedelta64(bars + 1, "h")
            assert ahead.close == str(stamp)[:16].replace("T", " ")


def test_the_command_prints_every_horizon_and_refuses_other_models(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel(690).to_parquet(tmp_path / "now.parquet")
    words = ["forecast", str(run.path), "--bars", str(tmp_path / "now.parquet")]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert [word in shown.output for word in ("bars ahead", "10 %", "90 %", "Classes", "SELL")] == [True] * 5
    table = shown.output.partition("Classes")[0]
    assert max(map(len, table.splitlines())) <= 80
    values = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [each["bars"] for each in values["symbols"][1]["ahead"]] == [1, 6]
    assert values["symbols"][0]["probabilities"] is not None
    plain = run.located_config().model_copy(update={"model": BaselineConfig()})
    monkeypatch.setattr(RunDirectory, "located_config", lambda _: plain)
    with pytest.raises(ConfigError, match=r"^run: must be of a model that forecasts quantiles .*; got 'baseline'$"):
        CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)
