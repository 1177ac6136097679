"""The flip market: its law against the closed form, what one rule for all stretches is worth, its bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from regimen.simulators import FlipMarketConfig, Simulation, SimulatorConfig

BARS = 400_000


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return FlipMarketConfig().simulate(BARS, 3)


def test_who_knows_the_sign_is_right_as_often_as_the_formula_says(simulation: Simulation) -> None:
    market, r = FlipMarketConfig(), simulation.returns
    assert market.accuracy == pytest.approx(0.7048327646991335, abs=1e-12)  # ½ + asin(.6)/π
    right = np.sign(simulation.expected[:-1]) == np.sign(r[1:])
    assert right.mean() == pytest.approx(market.accuracy, abs=3.0 * 0.5 / math.sqrt(BARS))
    assert (np.sign(simulation.expected[:-1]) * r[1:]).mean() == pytest.approx(market.informed, abs=0.005)


def test_one_rule_for_all_stretches_is_worth_nothing(simulation: Simulation) -> None:
    r, stretches = simulation.returns, BARS // 80
    for side in (1.0, -1.0):
        right = np.sign(side * r[:-1]) == np.sign(r[1:])
        assert right.mean() == pytest.approx(
            0.5, abs=3.0 * 0.205 / math.sqrt(stretches)
        )  # stretches are .7048 or .2952


def test_returns_have_variance_one_and_the_autocorrelation_of_their_stretch(simulation: Simulation) -> None:
    r, regime = simulation.returns, simulation.truth["regime"]
    assert r.var() == pytest.approx(1.0, abs=0.01)
    for sign, phi in ((0, -0.6), (1, 0.6)):
        here = np.flatnonzero(regime == sign)[1:]
        assert (r[here] * r[here - 1]).mean() == pytest.approx(phi, abs=0.01)
    assert regime.mean() == pytest.approx(0.5, abs=3.0 * 0.5 / math.sqrt(BARS / 80))
    assert (np.diff(regime)[np.arange(1, BARS) % 80 != 0] == 0).all()


def test_bars_show_the_return_and_not_its_rule(simulation: Simulation) -> None:
    bars = simulation.bars
    assert set(bars.extras) == {"return"}
    np.testing.assert_allclose(bars.close / bars.open - 1.0, 0.005 * simulation.returns[:, None], atol=1e-12)


def test_same_seed_same_bytes_and_a_longer_path_begins_with_the_shorter() -> None:
    market = FlipMarketConfig(length=50)
    first, longer = market.simulate(500, 9), market.simulate(930, 9)
    assert market.simulate(500, 9).bars.fingerprint == first.bars.fingerprint
    assert longer.bars.window(0, 500).fingerprint == first.bars.fingerprint
    for name, values in first.truth.items():
        np.testing.assert_array_equal(longer.truth[name][:500], values)
    assert market.simulate(500, 10).bars.fingerprint != first.bars.fingerprint


def test_the_config_round_trips_and_refuses_what_is_no_market() -> None:
    market = FlipMarketConfig(phi=0.3, length=20)
    assert TypeAdapter(SimulatorConfig).validate_python(market.model_dump(mode="json")) == market
    for wrong in ({"phi": 0.0}, {"phi": 1.0}, {"length": 1}, {"volatility": 0.0}):
        with pytest.raises(ValidationError):
            FlipMarketConfig(**wrong)  # type: ignore[arg-type]
