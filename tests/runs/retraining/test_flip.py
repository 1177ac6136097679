"""From end to end where the truth is known: a rule that turns round behind the champion's bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.runs.conftest import silent

from regimen.monitoring import ChangesConfig
from regimen.records import RunConfig
from regimen.runs import RetrainSettings, retrain_run, start

OWN, NEWER = 1700, 1800


def market(turns: bool, seed: int, newer: int = NEWER, back: int | None = None) -> pd.DataFrame:
    """Hourly returns that go on in the direction of the bar before, autocorrelation .7; from OWN on they turn round.

    Args:
        turns: whether they do.
        seed: of the noise, which is the same whatever turns.
        newer: bars from OWN on.
        back: bar behind OWN from which on they are as they were; None: they stay.
    """
    random = np.random.default_rng(seed)
    moves, last = np.empty(OWN + newer), 0.0
    turned = range(OWN, OWN + (newer if back is None else back)) if turns else range(0)
    for t in range(len(moves)):
        last = (-0.7 if t in turned else 0.7) * last + np.sqrt(0.51) * random.standard_normal()
        moves[t] = 0.01 * last
    close = 100.0 * np.exp(moves.cumsum())
    opens = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "timestamp": pd.date_range("2021-01-01", periods=len(close), freq="h", tz="UTC"),
            "open": opens,
            "high": np.maximum(opens, close) * np.exp(np.abs(random.normal(0.0, 0.002, len(close)))),
            "low": np.minimum(opens, close) * np.exp(-np.abs(random.normal(0.0, 0.002, len(close)))),
            "close": close,
            "volume": random.lognormal(3.0, 0.5, len(close)),
        }
    )


def config_of(path: Path) -> RunConfig:
    return RunConfig.model_validate(
        {
            "data": {"path": str(path)},
            "features": {"kind": "standard"},
            "labels": {"kind": "fixed_horizon", "horizon": 1, "volatility_bars": 20},
            "splits": {"train": 400, "test": 600, "embargo": 0},
            "model": {"kind": "logistic"},
            "training": {"epochs": 30, "batch_size": 64, "patience": None, "learning_rate": 0.01},
            "judge": {"bootstrap_draws": 100, "random_controls": 20},
            "tracking": "none",
        }
    )


@pytest.mark.slow
def test_a_rule_that_turns_round_is_seen_at_once_and_who_learned_the_new_one_is_promoted(tmp_path: Path) -> None:
    frame = market(turns=True, seed=0)
    frame.to_parquet(tmp_path / "all.parquet")
    frame.iloc[:OWN].to_parquet(tmp_path / "own.parquet")
    champion, _ = start(config_of(tmp_path / "own.parquet"), tmp_path / "runs", silent)
    changes = ChangesConfig(window=24, checks=4, period=200)
    settings = RetrainSettings.parsed(when="drift", changes=changes)
    result = retrain_run(champion, str(tmp_path / "all.parquet"), settings, silent)
    begun = pd.Timestamp("2021-01-01") + pd.Timedelta(hours=OWN)
    first = result.happened[0]
    assert first.kind == "retrain"
    assert "loss" in first.words or "confidence" in first.words
    assert pd.Timestamp(first.time) - begun <= pd.Timedelta(hours=100)
    assert result.counted("promote") >= 1
    assert result.counted("rollback") == 0
    assert result.champion != champion.id
    retrained, never, _ = result.accounts
    assert retrained.loss is not None
    assert never.loss is not None
    assert retrained.loss < never.loss - 0.1
    assert retrained.growth > never.growth


@pytest.mark.slow
def test_where_nothing_turns_nobody_is_promoted(tmp_path: Path) -> None:
    frame = market(turns=False, seed=1)
    frame.to_parquet(tmp_path / "all.parquet")
    frame.iloc[:OWN].to_parquet(tmp_path / "own.parquet")
    champion, _ = start(config_of(tmp_path / "own.parquet"), tmp_path / "runs", silent)
    result = retrain_run(champion, str(tmp_path / "all.parquet"), RetrainSettings.parsed(when="every:20d"), silent)
    assert result.counted("retrain") == 3
    assert result.counted("promote") == 0


@pytest.mark.slow
def test_who_was_promoted_for_a_rule_that_did_not_last_gives_way_to_the_champion_before(tmp_path: Path) -> None:
    back = 2070
    frame = market(turns=True, seed=0, newer=2900, back=back)
    frame.iloc[: OWN + 2500].to_parquet(tmp_path / "all.parquet")
    frame.iloc[:OWN].to_parquet(tmp_path / "own.parquet")
    champion, _ = start(config_of(tmp_path / "own.parquet"), tmp_path / "runs", silent)
    settings = RetrainSettings.parsed(when="every:60d", level=0.2)
    result = retrain_run(champion, str(tmp_path / "all.parquet"), settings, silent)
    trained, promoted, rolled_back = result.happened
    challenger = trained.run
    assert [each.kind for each in result.happened] == ["retrain", "promote", "rollback"]
    assert (promoted.run, promoted.champion) == (challenger, challenger)
    assert (rolled_back.run, rolled_back.champion, result.champion) == (champion.id,) * 3
    turn = pd.Timestamp("2021-01-01") + pd.Timedelta(hours=OWN + back)
    assert pd.Timestamp(promoted.time) < turn < pd.Timestamp(rolled_back.time)
    retrained, never, newest = result.accounts
    assert len({kept.loss for kept in (retrained, never, newest)}) == 3  # it traded in between, and not to the end
    assert "rolled back to" in (champion.path / "report.html").read_text()
