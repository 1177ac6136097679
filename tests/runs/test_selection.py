"""`training.select=sharpe`: an epoch is as good as its model trades the validation slice, after costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

from regimen.metrics import annual_sharpe
from regimen.records import RunConfig
from regimen.runs.families import classifier
from regimen.runs.prepare import prepare
from regimen.runs.selection import sharpe_after_costs

Configured = Callable[..., RunConfig]


@pytest.mark.parametrize(
    "model", [[], ["model={kind: lstm, window: 8, width: 8, layers: 1, heads: 2}"]], ids=["rows", "windows"]
)
def test_the_kept_epoch_is_the_one_that_trades_best(configured: Configured, model: list[str]) -> None:
    prepared = prepare(configured(*model, "training.select=sharpe", "training.learning_rate=0.03"))
    window = prepared.windows[0]
    found = classifier.fit(prepared, window, 0)
    scores = [epoch.score for epoch in found.result.history]
    assert found.result.best_epoch == 1 + int(np.argmax(np.array(scores, dtype=float)))

    # The score is what the judge's own account says of the kept model on the validation slice, and on nothing else.
    part, bars = window.validation, prepared.bars
    targets = np.full(bars.shape, np.nan)
    targets[part.start : part.stop] = found.decider.decide(bars, prepared.frame, part.start, part.stop)
    ledger = prepared.config.market.build().backtest(bars, targets, part.start, part.stop)
    assert scores[found.result.best_epoch - 1] == annual_sharpe(ledger.returns, bars.periods_per_year)


def test_the_score_rewards_the_right_side_and_pays_costs(configured: Configured) -> None:
    cheap, dear = (
        prepare(configured(f"market.costs.commission_bps={bps}", "market.costs.half_spread_bps=0")) for bps in (1, 50)
    )
    part = cheap.windows[0].validation
    opens = cheap.bars.open
    # A target of bar t is filled at the open of t+1 and held to that of t+2.
    moves = np.sign(opens[2:] / opens[1:-1] - 1.0)
    known = np.zeros(cheap.bars.shape)
    known[:-2] = moves

    def knowing(start: int, stop: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.asarray(known[start:stop], dtype=np.float64)

    right = sharpe_after_costs(cheap, part, knowing)
    wrong = sharpe_after_costs(cheap, part, lambda start, stop: -knowing(start, stop))
    assert right > 10.0 > -10.0 > wrong
    assert sharpe_after_costs(dear, part, knowing) < right - 5.0
    assert sharpe_after_costs(cheap, part, lambda start, stop: np.zeros((stop - start, 1))) == 0.0
