"""Fractional Kelly: the coin, Merton's fraction, the growth that a part of it keeps, and the shrinkage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import minimize_scalar

from regimen.errors import RunError, SplitError
from regimen.labels import FixedHorizonConfig, Labels, label
from regimen.policies import ExposureRule, FractionalKellyConfig, KellyRule
from regimen.policies.kelly import Confirmation, confirm
from regimen.simulators import KellyConfig, MertonConfig
from regimen.splits import Slice, WalkForwardConfig, Window, walk_forward

WHOLE = FractionalKellyConfig(fraction=1.0, shrink=False, max_exposure=1e6)
ONE_BAR = FixedHorizonConfig(horizon=1, dead_band=0.0, volatility_bars=2)


def rule_of(means: list[float], deviations: list[float], cost: float = 0.0, **fields: object) -> KellyRule:
    config = WHOLE.model_copy(update=fields)
    return KellyRule(config, np.array(means), np.array(deviations), cost)


def window_of(market: KellyConfig | MertonConfig, bars: int, seed: int = 0) -> tuple[Labels, Window]:
    series = market.simulate(bars, seed).bars
    labels = label(ONE_BAR, series)
    (window,) = walk_forward(WalkForwardConfig(train=bars - 100, test=100), series, labels)
    return labels, window


@pytest.mark.parametrize("odds", [0.5, 1.0, 3.0])
def test_a_coin_is_bet_on_by_kellys_fraction(odds: float) -> None:
    """Fitted on a simulated coin, for every chance that it might have: p − (1 − p)/b, and nothing below 0."""
    market = KellyConfig(chance=0.6, odds=odds)
    labels, window = window_of(market, 600)
    rule = WHOLE.fit(labels, window.train)
    chances = np.linspace(0.05, 0.95, 19)
    probabilities = np.column_stack([1.0 - chances, np.zeros(19), chances])
    got = rule.exposures(probabilities) * market.scale
    fractions = chances - (1.0 - chances) / odds
    long = fractions > 0.0
    np.testing.assert_allclose(got[long], fractions[long], rtol=1e-9)
    short = (1.0 - chances) / odds - chances  # of the stake, which b times is lost
    np.testing.assert_allclose(got[~long], -np.maximum(short[~long], 0.0), rtol=1e-9, atol=1e-12)
    kept = FractionalKellyConfig(fraction=1.0, shrink=False, max_exposure=1e6, long_only=True)
    np.testing.assert_array_equal(kept.fit(labels, window.train).exposures(probabilities)[fractions < -1e-12], 0.0)


def test_a_lognormal_market_is_held_by_mertons_fraction() -> None:
    market = MertonConfig(drift=1e-3, volatility=0.01)
    labels, window = window_of(market, 300_000)
    rule = WHOLE.fit(labels, window.train)
    shares = np.bincount(window.train.take(labels.y), minlength=3) / window.train.rows
    got = float(rule.exposures(shares))
    assert got == pytest.approx(market.fraction, rel=0.05)
    returns = window.train.take(labels.forward_return)
    assert got == pytest.approx(returns.mean() / returns.var(), rel=0.02)  # the limit of small returns


def test_it_is_the_maximum_of_growth_by_brute_force() -> None:
    draws = np.random.default_rng(3)
    probabilities = draws.dirichlet([2.0, 2.0, 2.0], 50)
    for cost in (0.0, 0.004):
        rule = rule_of([-0.02, 0.001, 0.025], [0.03, 0.01, 0.05], cost)
        got = rule.exposures(probabilities)
        for p, best in zip(probabilities, got, strict=True):
            outcomes = np.concatenate([rule.means - rule.deviations, rule.means + rule.deviations])
            weights = 0.5 * np.concatenate([p, p])

            def growth(f: float, weights: NDArray[np.float64] = weights, r: NDArray[np.float64] = outcomes) -> float:
                wealth = 1.0 + f * r - abs(f) * cost  # noqa: B023  # read within the loop only
                return float(-(weights @ np.log(wealth))) if (wealth > 0.0).all() else math.inf

            found = minimize_scalar(growth, bounds=(-12.0, 12.0), method="bounded", options={"xatol": 1e-10})
            if abs(best) > 1e-6:
                assert best == pytest.approx(found.x, rel=1e-4, abs=1e-5)
            else:
                assert abs(rule.edge(p)) <= cost
                assert abs(found.x) < 1e-5


def test_a_fraction_keeps_its_growth() -> None:
    """2f − f² of the optimum's: half keeps .75, a quarter .4375; exact for the mean, and by simulation within 3 SE."""
    market = KellyConfig(chance=0.52)
    labels, window = window_of(market, 2_000)
    path = market.simulate(200_000, 7)
    even = np.array([[1.0 - market.chance, 0.0, market.chance]])
    whole = market.rewards(path, np.full(len(path), WHOLE.fit(labels, window.train).exposures(even)[0] * market.scale))
    for fraction, kept in ((0.5, 0.75), (0.25, 0.4375)):
        rule = WHOLE.model_copy(update={"fraction": fraction}).fit(labels, window.train)
        x = rule.exposures(even)[0] * market.scale
        assert x == pytest.approx(fraction * market.fraction)
        assert market.value_of(x) / market.optimum == pytest.approx(kept, abs=0.002)
        difference = market.rewards(path, np.full(len(path), x)) - kept * whole
        assert abs(difference.mean()) < 3.0 * difference.std() / math.sqrt(len(difference))


def test_a_round_trip_is_taken_from_the_edge() -> None:
    probabilities = np.array([[0.4, 0.0, 0.6], [0.45, 0.0, 0.55], [0.7, 0.0, 0.3]])
    rule = rule_of([-0.01, 0.0, 0.01], [0.0, 0.0, 0.0], 0.001)
    got = rule.exposures(probabilities)
    won, lost = 0.009, 0.011  # of a unit of exposure, after the round trip
    np.testing.assert_allclose(got[0], 0.6 / lost - 0.4 / won, rtol=1e-9)
    assert got[1] == 0.0  # ten basis points are expected, and ten are paid
    assert got[2] < 0.0
    dearer = rule_of([-0.01, 0.0, 0.01], [0.0, 0.0, 0.0], 0.003).exposures(probabilities)
    assert (np.abs(dearer) <= np.abs(got)).all()


def test_limits_and_what_is_not_known() -> None:
    rule: ExposureRule = rule_of([-0.01, 0.0, 0.01], [0.01, 0.01, 0.01], max_exposure=2.0, volatility_target=0.2)
    probabilities = np.tile([0.2, 0.1, 0.7], (6, 1))
    probabilities[3, 0] = np.nan
    got = rule.exposures(probabilities, np.array([0.05, 0.2, 0.4, 0.2, np.nan, 0.0]))
    np.testing.assert_allclose(got, [2.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    certain = rule_of([0.01, 0.0, 0.01], [0.0, 0.0, 0.0], max_exposure=3.0)
    np.testing.assert_array_equal(certain.exposures(np.array([[0.5, 0.0, 0.5]])), [3.0])  # nothing can be lost
    with pytest.raises(RunError, match="volatility: must be given with a volatility target"):
        rule.exposures(probabilities)
    with pytest.raises(RunError, match="probabilities: must be SELL, HOLD, BUY"):
        certain.exposures(probabilities[:, :2])


def test_rows_do_not_see_each_other() -> None:
    rule = rule_of([-0.01, 0.0, 0.012], [0.01, 0.002, 0.02], 0.0005)
    rows = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], (40, 3))
    whole = rule.exposures(rows)
    for t in range(40):
        np.testing.assert_array_equal(rule.exposures(rows[t]), whole[t])


def series_of(edge: NDArray[np.float64], strength: float, horizon: int, seed: int) -> Confirmation:
    """Returns what overlapping labels say of an edge: each bar's return is ``strength`` times it, and noise."""
    bars = np.random.default_rng(seed).normal(0.0, 0.01, len(edge) + horizon) + np.pad(strength * edge, (0, horizon))
    time = np.arange(len(edge))
    realised = np.convolve(bars, np.ones(horizon), "full")[horizon - 1 : horizon - 1 + len(edge)]
    return confirm(horizon * edge, realised, time, time + horizon - 1)


def persistent(length: int, seed: int, phi: float = 0.97) -> NDArray[np.float64]:
    edge, draws = np.empty(length), np.random.default_rng([seed, 1]).normal(0.0, 1.0, length)
    edge[0] = draws[0]
    for t in range(1, length):
        edge[t] = phi * edge[t - 1] + math.sqrt(1.0 - phi**2) * draws[t]
    return 0.001 * edge


def test_an_edge_is_trusted_as_far_as_it_is_confirmed() -> None:
    noise = [series_of(persistent(3_000, seed), 0.0, 5, seed) for seed in range(60)]
    assert np.median([each.shrinkage for each in noise]) == 0.0
    assert np.mean([each.shrinkage == 0.0 for each in noise]) > 0.7  # five of six, 1.6 standard errors below
    strong = [series_of(persistent(50_000, seed), 1.0, 1, seed) for seed in range(5)]
    assert min(each.shrinkage for each in strong) > 0.9
    half = series_of(persistent(50_000, 1), 0.5, 1, 1)
    assert half.shrinkage == pytest.approx(0.5, abs=0.1)
    assert series_of(persistent(50_000, 2), -1.0, 1, 2).shrinkage == 0.0
    assert confirm(np.zeros(4), np.ones(4), np.arange(4), np.arange(4)) == Confirmation(0.0, math.inf, 0.0)


def test_the_standard_error_knows_that_labels_overlap() -> None:
    several = [series_of(persistent(2_000, seed), 0.0, 10, seed) for seed in range(150)]
    spread = np.std([each.slope for each in several])
    believed = np.median([each.standard_error for each in several])
    assert believed == pytest.approx(spread, rel=0.2)
    time = np.arange(2_000)
    alone = confirm(persistent(2_000, 0), np.random.default_rng(0).normal(size=2_000), time, time)
    doubled = confirm(  # two symbols that move as one are no more evidence than one
        np.repeat(persistent(2_000, 0), 2),
        np.repeat(np.random.default_rng(0).normal(size=2_000), 2),
        np.repeat(time, 2),
        np.repeat(time, 2),
    )
    assert doubled.standard_error == pytest.approx(alone.standard_error)


def test_shrinkage_scales_the_exposure_and_is_kept() -> None:
    market = KellyConfig(chance=0.6)
    labels, window = window_of(market, 12_000)
    config = FractionalKellyConfig(fraction=1.0, max_exposure=1e6)
    rule = config.fit(labels, window.train, 0.0001)
    part = window.validation
    probabilities = np.tile([0.3, 0.0, 0.7], (part.stop - part.start, 1, 1))
    shrunk = rule.confirmed_by(probabilities, labels, part)
    assert shrunk.confirmation is not None
    assert 0.3 < shrunk.confirmation.shrinkage < 1.0
    np.testing.assert_allclose(
        shrunk.exposures(probabilities), shrunk.confirmation.shrinkage * rule.exposures(probabilities)
    )
    back = KellyRule.from_state(config, shrunk.state())
    np.testing.assert_array_equal(back.exposures(probabilities), shrunk.exposures(probabilities))
    against = rule.confirmed_by(probabilities[..., ::-1], labels, part)
    assert not against.exposures(probabilities).any()


def test_a_class_that_never_was_pays_what_all_do() -> None:
    market = KellyConfig(chance=0.6)
    labels, window = window_of(market, 600)
    rule, returns = WHOLE.fit(labels, window.train), window.train.take(labels.forward_return)
    assert not (window.train.take(labels.y) == 1).any()
    assert rule.means[1] == returns.mean()
    assert rule.deviations[1] == returns.std()


def test_bad_input_is_one_line() -> None:
    labels, window = window_of(KellyConfig(), 600)
    rule = WHOLE.fit(labels, window.train)

    def fitted_on(part: Slice) -> KellyRule:
        return WHOLE.fit(labels, part)

    with pytest.raises(SplitError, match="exposure: must be fitted on a training slice; got 'test'"):
        fitted_on(window.test)
    with pytest.raises(SplitError, match="exposure: must be shrunk by a validation slice; got 'train'"):
        rule.confirmed_by(np.zeros((1, 1, 3)), labels, window.train)
    with pytest.raises(RunError, match="exposure: must have the means that the rule was fitted to"):
        KellyRule.from_state(WHOLE, {})
    with pytest.raises(RunError, match="exposure: must have the slope that the rule was fitted to"):
        KellyRule.from_state(FractionalKellyConfig(), rule.state())
    for bad in ({"fraction": 0.0}, {"fraction": 1.5}, {"max_exposure": math.inf}, {"dead_band": 0.1}):
        with pytest.raises(ValidationError):
            FractionalKellyConfig.model_validate(bad)
