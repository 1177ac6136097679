"""`training.select=sharpe`: an epoch is as good as its model trades the validation slice, after costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from regimen.metrics import annual_sharpe
from regimen.policies import Constant, Moment, ObservationSchema
from regimen.policies import targets as asked
from regimen.records import RunConfig
from regimen.runs.families import classifier
from regimen.runs.prepare import prepare
from regimen.runs.selection import sharpe_after_costs

Configured = Callable[..., RunConfig]


class Script:
    """A policy whose exposures (time, symbol) are written down already."""

    schema = ObservationSchema()

    def __init__(self, exposures: NDArray[np.float64]) -> None:
        self.lines = exposures

    def initial_state(self, symbols: int) -> NDArray[np.float64]:
        """The position in the script, the same for each symbol."""
        return np.zeros((symbols, 1))

    def watch(self, moment: Moment, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """One bar further."""
        del moment
        return state + 1.0

    def act(self, moment: Moment, state: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The line of this bar."""
        return self.lines[int(state[0, 0])], self.watch(moment, state)


@pytest.mark.parametrize(
    "model", [[], ["model={kind: lstm, context: 8, width: 8, layers: 1, heads: 2}"]], ids=["rows", "windows"]
)
def test_the_kept_epoch_is_the_one_that_trades_best(configured: Configured, model: list[str]) -> None:
    words = ("training.select=sharpe", "training.learning_rate=0.03", "calibration=none")  # epochs are not calibrated
    prepared = prepare(configured(*model, *words))
    window = prepared.windows[0]
    found = classifier.fit(prepared, window, 0)
    scores = [epoch.score for epoch in found.result.history]
    assert found.result.best_epoch == 1 + int(np.argmax(np.array(scores, dtype=float)))

    # The score is what the judge's own account says of the kept model on the validation slice, and on nothing else.
    part, bars = window.validation, prepared.bars
    targets = np.full(bars.shape, np.nan)
    targets[part.start : part.stop] = asked(found.policy, prepared.history, part.start, part.stop)
    ledger = prepared.config.market.build().backtest(bars, targets, part.start, part.stop)
    assert scores[found.result.best_epoch - 1] == annual_sharpe(ledger.returns, bars.periods_per_year)


def test_the_score_rewards_the_right_side_and_pays_costs(configured: Configured) -> None:
    cheap, dear = (
        prepare(configured(f"market.costs.commission_bps={bps}", "market.costs.half_spread_bps=0")) for bps in (1, 50)
    )
    part = cheap.windows[0].validation
    opens = cheap.bars.open
    # A target of bar t is filled at the open of t+1 and held to that of t+2.
    moves = np.zeros(cheap.bars.shape)
    moves[:-2] = np.sign(opens[2:] / opens[1:-1] - 1.0)

    right = sharpe_after_costs(cheap, part, Script(moves))
    wrong = sharpe_after_costs(cheap, part, Script(-moves))
    assert right > 10.0 > -10.0 > wrong
    assert sharpe_after_costs(dear, part, Script(moves)) < right - 5.0
    assert sharpe_after_costs(cheap, part, Constant(0.0)) == 0.0
