"""Targets at horizons of their own: by hand, with holes, and spans that reach as far as they do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.labels.test_targets import some_bars

from regimen.errors import ConfigError
from regimen.labels import FixedHorizonConfig, ahead_target, bars_ahead, further_targets, label, reaching

CONFIG = FixedHorizonConfig(horizon=4, volatility_bars=8)


def test_names_and_bars() -> None:
    assert ahead_target(24) == "ahead_24"
    assert [bars_ahead(name) for name in ("ahead_24", "ahead_0", "ahead_", "return")] == [24, None, None, None]


@pytest.mark.parametrize("ahead", [1, 4, 24])
def test_it_is_the_log_return_in_trailing_volatilities(ahead: int) -> None:
    bars = some_bars()
    labels = label(CONFIG, bars)
    scale, target = np.moveaxis(further_targets(labels, bars, ("scale", f"ahead_{ahead}"), 8), -1, 0)
    close = bars.close * bars.extras["adjustment"]
    known = 0
    for t in range(len(bars)):
        for s in range(len(bars.symbols)):
            inside = t + ahead < len(bars) and labels.y[t, s] >= 0 and not math.isnan(close[t + ahead, s])
            assert math.isfinite(target[t, s]) is bool(inside)
            if inside:
                unit = scale[t, s] / math.sqrt(CONFIG.horizon) * math.sqrt(ahead)
                assert target[t, s] == pytest.approx(math.log(close[t + ahead, s] / close[t, s]) / unit, rel=1e-12)
                known += 1
    assert known > 100


def test_spans_reach_as_far_as_the_target_and_never_less() -> None:
    bars = some_bars()
    labels = label(CONFIG, bars)
    wide = reaching(labels, 24)
    place = np.broadcast_to(np.arange(len(bars))[:, None], labels.shape)
    defined = labels.defined
    assert np.array_equal(wide.t_end[defined], np.minimum(place + 24, len(bars) - 1)[defined])
    assert (wide.t_end[~defined] == -1).all()
    assert np.array_equal(reaching(labels, 2).t_end, labels.t_end)
    assert reaching(labels, 0) is labels
    assert np.array_equal(wide.y, labels.y)


def test_a_horizon_beyond_the_bars_is_refused_in_one_line() -> None:
    bars = some_bars(60)
    with pytest.raises(ConfigError, match=r"^model.horizons: must be shorter than the data of 60 bars; got 60$"):
        reaching(label(CONFIG, bars), 60)
