"""What each limit costs and saves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import random_walk

from regimen.execution import Market
from regimen.safeguards import LIMITS, SafeguardsConfig, guarded, limit_effects


def test_each_limit_is_measured_against_all_others() -> None:
    bars = random_walk(500, seed=4, sigma=0.03)
    targets = np.where(np.arange(500) % 9 < 5, 1.0, -1.0)[:, None]
    config = SafeguardsConfig(position=0.8, price_band=0.06, collapse=None)
    effects = limit_effects(Market(), bars, targets, config)
    by_name = {effect.limit: effect for effect in effects.effects}
    assert tuple(by_name) == config.limits
    own = guarded(Market(), bars, targets, config)[0]
    assert effects.total_return == pytest.approx(own.equity[-1] / own.start_equity - 1.0)
    for name in ("position", "daily_loss", "drawdown"):
        effect, other = by_name[name], guarded(Market(), bars, targets, config.without(name))[0]
        assert effect.bars > 0
        assert effect.total_return == pytest.approx(other.equity[-1] / other.start_equity - 1.0)
        assert effect.cost == pytest.approx(effect.total_return - effects.total_return)
        assert effect.saved == pytest.approx(effect.drawdown - effects.drawdown)
    quiet = by_name["staleness"]
    assert (quiet.bars, quiet.targets, quiet.cost, quiet.saved) == (0, 0, 0.0, 0.0)
    assert effects.unseen == ("correlated_exposure", "confidence", "staleness", "drift")
    free = Market().backtest(bars, targets)
    assert effects.free_return == pytest.approx(free.equity[-1] / free.start_equity - 1.0)
    assert 0.0 < effects.reducing + effects.halted < 1.0


def test_without_any_limit_nothing_is_measured() -> None:
    bars = random_walk(60)
    effects = limit_effects(Market(), bars, np.ones((60, 1)), SafeguardsConfig().without(*LIMITS))
    assert effects.effects == ()
    assert effects.total_return == effects.free_return
    assert effects.mode == "active"
