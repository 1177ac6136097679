"""Labels that know what acting on them costs, against the rule written out row by row."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from tests.markets import bars_of, random_walk

from regimen.errors import ConfigError
from regimen.labels import (
    BUY,
    HOLD,
    SELL,
    FixedHorizonConfig,
    LabelsConfig,
    OwnLabelsConfig,
    TripleBarrierConfig,
    label,
)

CONFIGS: list[FixedHorizonConfig | TripleBarrierConfig] = [
    FixedHorizonConfig(horizon=4, dead_band=0.1, volatility_bars=10),
    TripleBarrierConfig(horizon=6, upper=1.0, lower=1.0, volatility_bars=10, vertical_band=0.0),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_no_row_acts_on_a_move_inside_the_round_trip(config: FixedHorizonConfig | TripleBarrierConfig) -> None:
    bars = random_walk(600, symbols=2)
    plain, paying = label(config, bars), label(config.model_copy(update={"costs": "round_trip"}), bars, 0.012)
    changed = 0
    for t, s in np.argwhere(plain.defined):
        inside = abs(plain.forward_return[t, s]) <= 0.012
        assert paying.y[t, s] == (HOLD if inside else plain.y[t, s])
        changed += int(inside and plain.y[t, s] != HOLD)
    assert changed > 50
    np.testing.assert_array_equal(plain.defined, paying.defined)
    np.testing.assert_array_equal(plain.t_end, paying.t_end)
    np.testing.assert_array_equal(plain.forward_return, paying.forward_return)
    acts = np.isin(paying.y, (BUY, SELL))
    assert np.abs(paying.forward_return[acts]).min() > 0.012


@pytest.mark.parametrize("config", CONFIGS)
def test_where_nothing_is_charged_nothing_changes(config: FixedHorizonConfig | TripleBarrierConfig) -> None:
    bars = random_walk(200)
    free = label(config.model_copy(update={"costs": "round_trip"}), bars, 0.0)
    np.testing.assert_array_equal(free.y, label(config, bars).y)
    np.testing.assert_array_equal(label(config, bars, 0.5).y, label(config, bars).y)  # costs that nobody asked for


def test_a_move_of_just_the_round_trip_earns_nothing() -> None:
    prices = np.array([64.0, 65.0] * 15 + [64.0, 64.0, 66.0, 66.0, 66.0, 66.0])
    config = FixedHorizonConfig(horizon=1, dead_band=0.0, volatility_bars=2, costs="round_trip")
    bars = bars_of(prices)
    r = 65.0 / 64.0 - 1.0
    assert set(np.unique(label(config, bars, r).y[20:27])) == {HOLD}
    assert set(np.unique(label(config, bars, np.nextafter(r, 0.0)).y[20:27])) == {HOLD, BUY}  # down is a smaller move


def test_a_round_trip_that_is_missing_wrong_or_larger_than_every_move_is_one_line() -> None:
    bars, config = random_walk(200), FixedHorizonConfig(costs="round_trip")
    with pytest.raises(ConfigError, match=r"^labels\.costs: needs to know what a round trip costs: .*'round_trip'$"):
        label(config, bars)
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"^round_trip: must be a fraction of what is traded, 0 or more; got"):
            label(config, bars, wrong)
    with pytest.raises(ConfigError, match=r"^labels\.costs: leaves neither a BUY nor a SELL: no move is larger than"):
        label(config, bars, 0.9)
    for values in ({"kind": "fixed_horizon", "costs": "twice"}, {"kind": "own", "source": "a.py:b", "costs": "none"}):
        with pytest.raises(ValidationError):
            TypeAdapter(LabelsConfig).validate_python(values)
    assert "costs" not in OwnLabelsConfig.model_fields


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_not_asked_for_is_not_written(config: FixedHorizonConfig | TripleBarrierConfig) -> None:
    assert "costs" not in config.model_dump()
    assert config.model_copy(update={"costs": "round_trip"}).model_dump()["costs"] == "round_trip"
