"""Retraining on a small market: challengers that are ordinary runs, a record that goes on, clear refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent, simulated

from regimen.errors import ConfigError, DataError, RunError
from regimen.monitoring import loss_units
from regimen.readers import load
from regimen.records import RunConfig, RunDirectory, write_manifest
from regimen.runs import RetrainSettings, retrain_run, start
from regimen.runs.retraining import retraining
from regimen.runs.retraining.arena import WalkedBars
from regimen.runs.retraining.comparing import Comparing

FAST = {"when": "every:10d"}


@pytest.fixture
def champion(configured: Callable[..., RunConfig], tmp_path: Path) -> RunDirectory:
    """A finished run on the first 900 of 1,500 bars, and the file of all of them beside it."""
    simulated(1500).to_parquet(tmp_path / "newer.parquet")
    simulated(1500).iloc[:900].to_parquet(tmp_path / "coin.parquet")
    return start(
        configured("training.epochs=2", "judge.random_controls=20", "tracking=none"), tmp_path / "runs", silent
    )[0]


def rows(result: Any) -> list[tuple[str, str, str]]:
    return [(each.time, each.kind, each.run.rpartition("-")[2]) for each in result.happened]


def test_challengers_are_runs_and_trials_and_a_killed_walk_goes_on(
    champion: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, settings = str(tmp_path / "newer.parquet"), RetrainSettings.parsed(**FAST)
    begun, calls = retraining.finished_run, list[str]()

    def killed(config: RunConfig, place: Path, *rest: Any) -> RunDirectory:
        calls.append(place.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return begun(config, place, *rest)

    monkeypatch.setattr(retraining, "finished_run", killed)
    with pytest.raises(KeyboardInterrupt):
        retrain_run(champion, newer, settings, silent)
    monkeypatch.undo()
    result = retrain_run(champion, newer, settings, silent)
    assert rows(result)[:2] == [("2021-02-17 12:00", "retrain", "1"), ("2021-02-27 12:00", "retrain", "2")]
    assert result.counted("retrain") == 2
    assert result.bars == 600
    first = RunDirectory(champion.home / calls[0])
    manifest = first.manifest()
    assert manifest["status"] == "finished"
    assert manifest["windows"][-1]["test"] == [1140 - 8, 1140]  # trained on all bars but the last eight of its own
    assert manifest["windows"][-1]["test"][0] - manifest["windows"][-1]["train"][0] == 300
    assert first.config().model == champion.config().model
    assert champion.trials.trials(first.manifest()["fingerprint"], 8766.0).count >= 1
    names = {str(row["run"]) for row in champion.trials.rows()}
    assert {champion.id, *calls[:2], f"{champion.id}/retraining/{settings.name}"} <= names
    assert "Retraining" in (champion.path / "report.html").read_text()
    assert [kept.name for kept in result.accounts] == ["retrained", "never retrained", "retrained, no judge"]
    assert result.accounts[0].loss == pytest.approx(result.accounts[1].loss)  # nobody was promoted

    before = len(champion.trials.rows())
    monkeypatch.setattr(retraining, "finished_run", begun)
    again = retrain_run(champion, newer, settings, silent)
    assert again == result
    assert len(champion.trials.rows()) == before

    journal = champion.path / "retraining" / settings.name
    other = simulated(1500)
    other.loc[950:, ["open", "high", "low", "close"]] *= 1.5
    other.iloc[:1000].to_parquet(tmp_path / "shorter.parquet")
    with pytest.raises(RunError, match="must be those that its journal tells of"):
        retrain_run(champion, str(tmp_path / "shorter.parquet"), settings, silent)
    assert json.loads((journal / "retraining.json").read_text())["champion"] == champion.id


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda frame: frame.iloc[:880], "must go on behind the run's own"),
        (lambda frame: frame.iloc[::2], "must have the run's bar length, 1h; got '2h'"),
        (lambda frame: frame.iloc[950:], "must begin where the run's own end"),
        (lambda frame: frame.assign(close=frame["close"] * 1.001, high=frame["high"] * 1.01), "must be the market of"),
    ],
    ids=["before its end", "another length", "a gap", "another market"],
)
def test_bars_that_do_not_go_on_are_refused(
    changed: Callable[[pd.DataFrame], pd.DataFrame], message: str, champion: RunDirectory, tmp_path: Path
) -> None:
    changed(simulated(1500)).to_parquet(tmp_path / "wrong.parquet")
    with pytest.raises(DataError, match=message):
        retrain_run(champion, str(tmp_path / "wrong.parquet"), RetrainSettings.parsed(**FAST), silent)


def test_a_champion_of_other_features_and_settings_that_mean_nothing_are_refused(
    champion: RunDirectory, tmp_path: Path
) -> None:
    write_manifest(champion.path, {**champion.manifest(), "features_hash": "0" * 64})
    with pytest.raises(RunError, match="features: must be those of the run, hash 000000000000"):
        retrain_run(champion, str(tmp_path / "newer.parquet"), RetrainSettings.parsed(**FAST), silent)
    for values, message in (
        ({"when": "sometimes"}, "must be drift, or every: and a span"),
        ({"when": "every:blue"}, "must be a positive number and one of"),
        ({"by": "luck"}, "by"),
        ({"level": 1.5}, "level"),
    ):
        with pytest.raises(ConfigError, match=message):
            RetrainSettings.parsed(**values)


def test_a_rule_is_compared_by_growth_only(configured: Callable[..., RunConfig], tmp_path: Path) -> None:
    simulated(1100).to_parquet(tmp_path / "newer.parquet")
    simulated(1100).iloc[:900].to_parquet(tmp_path / "coin.parquet")
    overrides = ("judge.random_controls=20", "tracking=none")
    config = RunConfig.model_validate(
        {**configured(*overrides).as_dict(), "model": {"kind": "momentum", "lookback": 5}, "training": {}}
    )
    directory, _ = start(config, tmp_path / "runs", silent)
    with pytest.raises(ConfigError, match="--by: must be growth for a model that says no probabilities"):
        retrain_run(directory, str(tmp_path / "newer.parquet"), RetrainSettings.parsed(when="drift", by="loss"), silent)


def panel(bars: int) -> pd.DataFrame:
    """Three symbols; one has no bars for a while behind the champion's own, and one begins late."""
    parts = [simulated(1500, seed).assign(symbol=name).iloc[:bars] for seed, name in enumerate(("AAA", "BBB", "CCC"))]
    return pd.concat([parts[0], parts[1].drop(index=range(1000, min(1040, bars))), parts[2].iloc[50:]])


def test_a_panel_has_one_account_and_one_bet_over_all_rows(
    configured: Callable[..., RunConfig], tmp_path: Path
) -> None:
    panel(1500).to_parquet(tmp_path / "newer.parquet")
    panel(900).to_parquet(tmp_path / "coin.parquet")
    champion, _ = start(
        configured("training.epochs=2", "judge.random_controls=20", "tracking=none"), tmp_path / "runs", silent
    )
    result = retrain_run(champion, str(tmp_path / "newer.parquet"), RetrainSettings.parsed(**FAST), silent)
    assert [kind for _, kind, _ in rows(result)] == ["retrain", "retrain"]
    challenger = RunDirectory(champion.home / result.happened[0].run)
    assert load(challenger.located_config().data).symbols == ("AAA", "BBB", "CCC")
    arena = WalkedBars.of(champion, str(tmp_path / "newer.parquet"))
    assert arena.bars.symbols == ("AAA", "BBB", "CCC")
    comparing = Comparing(arena, RetrainSettings.parsed(**FAST))
    mine = comparing.take(champion.id, arena.first)
    theirs = comparing.take(challenger.id, arena.first)
    assert mine.classes is not None
    assert theirs.classes is not None
    since, y = arena.first - 1, arena.prepared.labels.y[arena.first :]
    units = comparing._units(champion.id, challenger.id, since)
    each = [loss_units(mine.classes[:, s], theirs.classes[:, s], y[:, s]) for s in range(3)]
    twin = [np.mean([unit[t] for unit in each if np.isfinite(unit[t])] or [np.nan]) for t in range(len(units))]
    np.testing.assert_allclose(units, twin)
    assert np.isnan(each[1][100:140]).all()  # no bar, no row
    assert np.isfinite(units[100:140]).all()  # the others go on
    ledger = comparing.account(champion.id, since)
    assert np.abs(ledger.units).max(axis=0).min() > 0.0  # all three in one account
    assert result.accounts[1].turnover == pytest.approx(ledger.turnover.mean() * arena.bars.periods_per_year)
    names = set(arena.columns)
    assert {"AAA rsi_14", "CCC range"} <= names
    assert len(names) == arena.rows.shape[1]
