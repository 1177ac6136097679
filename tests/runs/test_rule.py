"""A rule in a run: nothing is fitted, everything is judged, and every try counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.metrics import annual_sharpe
from regimen.policies import targets
from regimen.records import RunConfig, read_json
from regimen.records.effort import Effort
from regimen.runs import backtest_run, find_run_leaks, reproduce_run, start
from regimen.runs.prepare import prepare

from .conftest import silent

Configured = Callable[..., RunConfig]


@pytest.fixture
def ruled(configured: Configured) -> Configured:
    """The small run with a rule in it."""
    return lambda *more: configured("model={kind: momentum, lookback: 24}", "training={}", "exposure={}", *more)


def test_a_rule_is_judged_like_any_other_model(ruled: Configured, tmp_path: Path) -> None:
    config = ruled("exposure.volatility_target=0.4", "seeds=2")
    directory, judgement = start(config, tmp_path / "runs", silent)
    prepared = prepare(config)
    (begin, end), bars = prepared.span, prepared.bars

    # What was traded is the rule's own answer, window after window, in the judge's account.
    exposures = np.full(bars.shape, np.nan)
    for window in prepared.windows:
        part = window.test
        exposures[part.start : part.stop] = targets(
            config.model.build(config.exposure), prepared.history, part.start, part.stop
        )
        np.testing.assert_array_equal(
            np.load(directory.window(window.number) / "exposures.npy"), exposures[part.start : part.stop]
        )
    ledger = config.market.build().backtest(bars, exposures, begin, end)
    policy = next(row for row in judgement["rows"] if row["name"] == "policy")
    assert policy["sharpe"] == annual_sharpe(ledger.returns, bars.periods_per_year)

    # Nothing was fitted, and two tries were counted: one for each seed, though they are equal.
    effort = Effort.read(directory.window(0))
    assert effort is not None
    assert (effort.parameters, effort.trainable) == (0, 0)
    assert read_json(directory.window(0) / "history.json") == {"rows": 0}
    assert [row["kind"] for row in directory.trials.rows()].count("evaluation") == 2
    first, second = judgement["seeds"]["rows"]
    assert first["total_return"] == second["total_return"]
    assert 'id="h-training"' not in (directory.path / "report.html").read_text()


def test_a_rule_reproduces_and_trades_other_costs(ruled: Configured, tmp_path: Path) -> None:
    directory, judgement = start(ruled(), tmp_path / "runs", silent)
    assert reproduce_run(directory, silent).differing == ()
    _, same = backtest_run(directory, None, [], silent)
    assert same["rows"][0]["total_return"] == judgement["rows"][0]["total_return"]
    _, dear = backtest_run(directory, None, ["market.costs.commission_bps=50"], silent)
    assert dear["rows"][0]["total_return"] < judgement["rows"][0]["total_return"]


def test_the_leak_search_finds_a_rule_clean(ruled: Configured) -> None:
    report = find_run_leaks(ruled("exposure.volatility_target=0.4"), silent)
    assert report.leaks == ()
    assert "policy" in {row.kind for row in report.rows}


def test_each_lookback_is_a_trial_of_its_own_and_what_is_not_read_is_refused(ruled: Configured) -> None:
    assert ruled().hash != ruled("model.lookback=25").hash
    assert ruled().hash != ruled("exposure.long_only=true").hash
    for override in ("training.epochs=3", "scaler.clip=4.0", "environment.steps=5"):
        with pytest.raises(ConfigError, match="is not read by a model of kind momentum: leave it out"):
            ruled(override)
