"""The no-trade band: by hand, against the known optimum of hysteresis, and against widths by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from regimen import Costs, Market
from regimen.errors import RunError
from regimen.execution import History, Moment, Policy, decide, targets
from regimen.labels import FixedHorizonConfig, label
from regimen.observation import ObservationSchema
from regimen.policies import ClassifierPolicy, ExposureConfig, FractionalKellyConfig, KellyRule
from regimen.policies.band import NoTradeBand, NoTradeConfig
from regimen.policies.band.width import Motion, bound_of, expected_returns, motion_of, next_returns, slope
from regimen.policies.kelly import Confirmation
from regimen.policies.wrapping import Fitting
from regimen.simulators import HysteresisConfig
from regimen.splits import WalkForwardConfig, walk_forward
from regimen.windows import SeriesWindows

Floats = NDArray[np.float64]
BARS = 150_000
GAIN = 1e3
"""Aim for one unit of signal: far beyond the cap, as where nothing but the cap limits a position."""


def held_by(band: NoTradeBand, aims: list[float] | Floats) -> Floats:
    rows = np.asarray(aims, np.float64)[:, None]
    return band.scan(rows, np.ones(rows.shape, np.bool_), np.zeros(1))[:, 0]


def test_by_hand() -> None:
    aims = [0.1, 0.5, 0.6, 0.4, -0.5, 2.0, 1.7, 0.0, 0.2]
    edge = NoTradeBand(NoTradeConfig(width=0.2), 0.2, -1.0, 1.0)
    np.testing.assert_allclose(held_by(edge, aims), [0.0, 0.3, 0.4, 0.4, -0.3, 1.0, 1.0, 0.0, 0.0], atol=1e-12)
    aim = NoTradeBand(NoTradeConfig(width=0.2, target="aim"), 0.2, -1.0, 1.0)
    np.testing.assert_allclose(held_by(aim, aims), [0.0, 0.5, 0.5, 0.5, -0.5, 1.0, 1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(held_by(NoTradeBand(NoTradeConfig(), 0.0), aims), aims)
    np.testing.assert_array_equal(held_by(NoTradeBand(NoTradeConfig(), math.inf), aims), np.zeros(9))
    long = NoTradeBand(NoTradeConfig(), 0.2, 0.0, 1.0)
    np.testing.assert_allclose(held_by(long, [0.5, 0.1, -0.1, -0.3]), [0.3, 0.3, 0.1, 0.0], atol=1e-12)


def test_a_policys_own_bound_is_taken_at_its_word_and_no_bar_keeps() -> None:
    band = NoTradeBand(NoTradeConfig(), 0.3, bound=1.0)
    np.testing.assert_allclose(held_by(band, [1.0, 0.9, -1.0, -0.5, np.nan]), [1.0, 1.0, -1.0, -0.8, -0.8])
    aims, present = np.full((3, 2), 0.8), np.array([[True, True], [True, False], [False, True]])
    aims[1] = -0.8
    got = NoTradeBand(NoTradeConfig(), 0.3).scan(aims, present, np.zeros(2))
    np.testing.assert_allclose(got, [[0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5]])
    assert bound_of(np.array([0.2, -1.0, 1.0, 0.5])) == 1.0
    assert bound_of(np.array([0.2, -1.0, 0.7, 0.5])) == math.inf
    assert bound_of(np.zeros(3)) == math.inf


def test_capping_what_a_band_without_a_cap_holds_is_the_same() -> None:
    """The cap comes after the band: clipping is monotone, and so goes through the middle of three."""
    aims = np.cumsum(np.random.default_rng(1).normal(0.0, 0.5, 2_000))
    free = held_by(NoTradeBand(NoTradeConfig(), 0.7), aims)
    np.testing.assert_array_equal(held_by(NoTradeBand(NoTradeConfig(), 0.7, -1.0, 1.0), aims), np.clip(free, -1, 1))


def test_the_motion_of_an_aim() -> None:
    market = HysteresisConfig(phi=0.9)
    signal = market.simulate(BARS, 3).signal[:, None]
    usable = np.ones(signal.shape, np.bool_)
    motion = motion_of(2.0 * signal, usable, 0.5, 0.25)
    assert motion.persistence == pytest.approx(0.9, abs=0.005)
    assert motion.innovation == pytest.approx(2.0 * math.sqrt(1.0 - 0.81), rel=0.01)
    scattered = np.random.default_rng(0).random(signal.shape) < 0.5  # bars that do not follow one another are no pair
    part = motion_of(np.where(scattered, 2.0 * signal, 1e9), scattered, 0.5, 0.25)
    assert part.innovation == pytest.approx(motion.innovation, rel=0.02)
    still = motion_of(np.sign(signal), usable, 0.5, 0.25, bound=1.0)
    assert (still.innovation, still.width) == (0.0, 0.0)  # all or nothing says no distance
    assert Motion(0.9, 1.0, 0.0, 0.1).width == math.inf
    assert Motion(0.9, 1.0, 1.0, 0.0).width == 0.0


@pytest.mark.parametrize("cost", [0.5, 1.0, 2.0, 5.0])
def test_it_reaches_the_optimum_of_hysteresis(cost: float) -> None:
    """At least 97 % of J* with the optimal width, far above the aims as they are, near the best width by search."""
    market = HysteresisConfig(cost=cost)
    path = market.simulate(BARS, 5)
    aims = GAIN * path.signal
    usable = np.ones((BARS, 1), np.bool_)
    motion = motion_of(aims[:, None], usable, slope(aims[:-1], path.returns[1:]), cost)
    assert motion.width / GAIN == pytest.approx(market.asymptotic_threshold, rel=0.02)

    def earned(width: float) -> tuple[float, float]:
        x = held_by(NoTradeBand(NoTradeConfig(), width, -1.0, 1.0), aims)
        return float(market.rewards(path, x, expected=True).mean()), float(np.abs(np.diff(x)).mean())

    best = float(market.rewards(path, market.optimal(path), expected=True).mean())
    mine, turnover = earned(motion.width)
    plain, churn = earned(0.0)
    assert mine >= 0.97 * best
    assert mine > plain
    assert turnover < 0.6 * churn
    widths = GAIN * np.linspace(0.05, 1.6, 32)
    searched = max(earned(width)[0] for width in widths)
    assert mine >= 0.975 * searched


@pytest.mark.parametrize(("worth", "cost"), [(0.5, 0.5), (2.0, 0.1), (2.0, 1.0)])
def test_it_is_the_best_width_where_risk_costs(worth: float, cost: float) -> None:
    """x f − κx²/2 − c|Δx|: within 1 % of the best width by search, and never below the aims as they are."""
    path = HysteresisConfig().simulate(BARS, 2)
    aims = path.signal / worth
    motion = motion_of(aims[:, None], np.ones((BARS, 1), np.bool_), slope(aims[:-1], path.returns[1:]), cost)
    assert motion.worth == pytest.approx(worth, rel=0.02)

    def earned(width: float) -> float:
        x = held_by(NoTradeBand(NoTradeConfig(), width), aims)
        return float((x * path.signal - 0.5 * worth * x**2 - cost * np.abs(np.diff(x, prepend=0.0))).mean())

    searched = max(earned(width) for width in np.linspace(0.02, 1.5, 40) / worth)
    assert earned(motion.width) >= 0.99 * searched
    assert earned(motion.width) > earned(0.0)


def test_bar_by_bar_and_from_its_numbers_it_is_the_same() -> None:
    aims = np.random.default_rng(4).normal(size=(300, 3))
    present = np.random.default_rng(5).random((300, 3)) < 0.9
    for motion, config in ((Motion(0.9, 0.4, 0.5, 0.1), NoTradeConfig()), (None, NoTradeConfig(width=0.3))):
        band = NoTradeBand(config, 0.3, -1.0, 1.0, motion=motion)
        whole = band.scan(aims, present, np.zeros(3))
        back, last = config.from_state(band.state()), np.zeros(3)
        assert back == band
        for t in range(300):
            np.testing.assert_array_equal(back.scan(aims[t : t + 1], present[t : t + 1], last)[0], whole[t])
    never = NoTradeBand(NoTradeConfig(), math.inf, -1.0, 1.0, motion=Motion(0.9, 0.4, -0.5, 0.1))
    assert NoTradeConfig().from_state(never.state()) == never
    with pytest.raises(RunError, match="holds a damaged band: must have width, low, high, bound, persistence"):
        NoTradeConfig().from_state({"width": np.array(0.3)})


class Signal:
    """A policy that shows the signal, many times over: it is the market's extra column, its only feature."""

    schema = ObservationSchema(inputs=1)

    def initial_state(self, symbols: int) -> Floats:
        return np.zeros((symbols, 0))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        del moment
        return state

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        return GAIN * moment.features[:, 0], state

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        return np.asarray(GAIN * history.features[start:stop, :, 0])


def fitting_of(market: HysteresisConfig, bars: int, seed: int, policy: Policy) -> Fitting:
    path = market.simulate(bars, seed)
    labels = label(FixedHorizonConfig(horizon=1, dead_band=0.0), path.bars)
    (window,) = walk_forward(WalkForwardConfig(train=bars - 100, test=100), path.bars, labels)
    costs = Market(costs=Costs(commission_bps=market.cost_bps, half_spread_bps=0.0))
    history = costs.history(path.bars, path.signal[:, None])
    return Fitting(policy, history, labels, costs.config, window.train, window.validation, limits=(-1.0, 1.0))


def test_a_policy_that_shows_the_signal_is_fitted_and_decides_bar_by_bar_as_at_once() -> None:
    market = HysteresisConfig(cost=1.0, noise=2.0)
    seen = fitting_of(market, 60_000, 1, Signal())
    band = NoTradeConfig().fit(seen)
    assert band.motion is not None
    assert band.motion.worth == pytest.approx(market.scale / GAIN, rel=0.1)
    assert band.motion.cost == pytest.approx(market.scale)
    assert band.width / GAIN == pytest.approx(market.asymptotic_threshold, rel=0.06)
    policy, path = band.around(Signal()), market.simulate(60_000, 1)
    x = targets(policy, seen.history)[:, 0]
    best = market.rewards(path, market.optimal(path), expected=True).mean()
    assert market.rewards(path, x, expected=True).mean() >= 0.97 * best
    state = policy.initial_state(1)
    for t in range(300):
        state = policy.watch(seen.history.at(t), state)
    span = targets(policy, seen.history, 300, 400)
    for t in range(300, 400):
        row, state = decide(policy, seen.history.at(t), state)
        np.testing.assert_array_equal(row, span[t - 300])


def test_an_aim_that_expects_nothing_is_never_traded(caplog: pytest.LogCaptureFixture) -> None:
    class Against(Signal):
        def exposures(self, history: History, start: int, stop: int) -> Floats:
            return -super().exposures(history, start, stop)

    seen = fitting_of(HysteresisConfig(), 3_000, 1, Against())
    band = NoTradeConfig().fit(seen)
    assert band.width == math.inf
    assert not targets(band.around(Against()), seen.history).any()
    end = str(seen.history.bars.time[seen.validation.stop - 1])[:10]
    assert f"band: fitted up to {end}: nothing is traded in the window behind it: " in caplog.text
    assert NoTradeConfig(width=0.2).fit(seen).width == 0.2


def test_nothing_behind_the_training_slice_decides_what_an_aim_is_worth() -> None:
    market = HysteresisConfig(cost=1.0)
    seen = fitting_of(market, 5_000, 1, Signal())
    returns = next_returns(seen.history.bars, seen.train)
    assert np.isfinite(returns[: seen.train.stop - 2]).all()
    assert np.isnan(returns[seen.train.stop - 2 :]).all()
    moved = market.simulate(5_000, 1).returns[1:] * market.scale
    np.testing.assert_allclose(returns[1:2_000, 0], moved[1:2_000], rtol=1e-9)


@pytest.mark.parametrize("bad", [{"width": -0.1}, {"width": "wide"}, {"width": math.inf}, {"target": "middle"}])
def test_impossible_bands_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoTradeConfig.model_validate(bad)


class Sure:
    """A classifier of one feature: the chance of BUY grows with it, as it does where a return is that and noise."""

    inputs, schema, context = 1, "", 1

    def predict_proba(self, x: NDArray[np.floating] | SeriesWindows) -> Floats:
        assert isinstance(x, np.ndarray)
        up = 0.5 * (1.0 + np.vectorize(math.erf)(x[:, 0] / (4.0 * math.sqrt(2.0))))
        return np.column_stack([1.0 - up, np.zeros(len(up)), up])


def test_probabilities_say_what_an_aim_is_worth() -> None:
    """κ of two classes: 2/π of the truth where a signal moves all returns, since within a class it moves them too."""
    market = HysteresisConfig(cost=1.0, noise=4.0)
    policy = ClassifierPolicy(Sure(), ExposureConfig(dead_band=0.0, scale=1e3, max_exposure=1e6))
    seen = fitting_of(market, 40_000, 1, policy)
    band = NoTradeConfig().fit(seen)
    assert band.motion is not None
    aims = policy.exposures(seen.history, 0, 40_000)[:-1, 0]
    true = slope(aims, market.scale * market.simulate(40_000, 1).signal[:-1])
    assert band.motion.worth == pytest.approx(2.0 / math.pi * true, rel=0.05)  # a class pays the same, however sure
    assert band.bound == math.inf  # how far beyond the cap it would go is known
    doubled = expected_returns(np.array([0.2, 0.0, 0.8]), None, seen.labels, seen.train)
    confirmed = KellyRule(FractionalKellyConfig(), np.zeros(3), np.zeros(3), confirmation=Confirmation(0.6, 0.1, 0.5))
    halved = expected_returns(np.array([0.2, 0.0, 0.8]), confirmed, seen.labels, seen.train)
    assert halved == 0.5 * doubled
