"""The values and rules of the known markets against printed tables, closed forms and brute-force twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.simulators import (
    AlmgrenChrissConfig,
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
)

Values = NDArray[np.float64]


def by_value_iteration(phi: float, cost: float, edge: float, points: int) -> tuple[Values, NDArray[np.intp], float]:
    """Relative value iteration over the signal's grid and all three positions: grid, best action (f, held), J*."""
    f = np.linspace(-edge, edge, points)
    beta = math.sqrt(1.0 - phi * phi)
    chance = np.exp(-0.5 * ((f[None, :] - phi * f[:, None]) / beta) ** 2)
    chance /= chance.sum(axis=1, keepdims=True)
    actions = np.array([-1.0, 0.0, 1.0])
    fee = cost * np.abs(actions[:, None] - actions[None, :])
    worth = np.zeros((points, 3))
    for _ in range(3000):
        choice = (np.outer(f, actions) + chance @ worth)[:, None, :] - fee[None, :, :]
        following = choice.max(axis=2)
        gain = following - worth
        worth = following - following[points // 2, 1]
        if gain.max() - gain.min() < 1e-9:
            break
    return f, choice.argmax(axis=2), 0.5 * float(gain.max() + gain.min())


# c, J*, myopic J and q, printed to four, four and three digits, for s = 1 and φ = .9; φ = .98 gives q only. The q
# are midpoints of the cells of a grid of 801 points on ±6 in which the best action changes.
TABLE = [
    (0.9, 0.0, 0.7979, 0.7979, 0.0),
    (0.9, 0.5, 0.7022, 0.6543, 0.292),
    (0.9, 1.0, 0.6402, 0.5108, 0.442),
    (0.9, 2.0, 0.5470, 0.2236, 0.637),
    (0.9, 5.0, 0.3617, -0.6378, 1.012),
    (0.98, 2.0, None, None, 0.382),
]


@pytest.mark.parametrize(("phi", "cost", "best", "myopic", "q"), TABLE)
def test_hysteresis_reproduces_the_printed_table(
    phi: float, cost: float, best: float | None, myopic: float | None, q: float
) -> None:
    market = HysteresisConfig(phi=phi, cost=cost)
    if best is not None:
        assert market.optimum == pytest.approx(best, abs=0.5001e-4)
        assert market.baseline_values["myopic"] == pytest.approx(myopic, abs=0.5001e-4)
    assert abs(market.threshold - q) <= 0.0081  # half a cell and the cut third digit
    assert market.value_of_threshold(0.0) == pytest.approx(market.baseline_values["myopic"], abs=1e-12)


@pytest.mark.parametrize(("phi", "cost", "best", "myopic", "q"), TABLE[1:])
def test_hysteresis_equals_value_iteration_over_all_three_positions(
    phi: float, cost: float, best: float | None, myopic: float | None, q: float
) -> None:
    del myopic
    f, action, value = by_value_iteration(phi, cost, 6.0, 801)
    market = HysteresisConfig(phi=phi, cost=cost)
    assert value == pytest.approx(market.optimum, abs=2e-5)
    assert best is None or value == pytest.approx(best, abs=0.5001e-4)
    assert not (action[:, [0, 2]] == 1).any()  # zero is never entered again
    turned = int((action[:, 0] == 2).argmax())
    assert 0.5 * (f[turned - 1] + f[turned]) == pytest.approx(q, abs=0.5001e-3)  # the printed digits
    assert f[turned - 1] <= market.threshold <= f[turned]
    entered = int((action[:, 1] == 2).argmax())
    assert f[entered - 1] <= market.threshold <= f[entered]  # zero is left at the same q


def test_hysteresis_threshold_is_the_best_of_all() -> None:
    market = HysteresisConfig(cost=1.0, phi=0.9, deviation=1.0)
    q = market.threshold
    assert market.value_of_threshold(q) > max(market.value_of_threshold(q + step) for step in (-1e-3, 1e-3))
    # the value is flat at its maximum: a centred difference is zero to second order
    slope = (market.value_of_threshold(q + 1e-4) - market.value_of_threshold(q - 1e-4)) / 2e-4
    assert abs(slope) < 1e-6


def test_hysteresis_scales_with_the_signal() -> None:
    one, ten = HysteresisConfig(cost=1.0), HysteresisConfig(cost=10.0, deviation=10.0)
    assert ten.threshold == pytest.approx(10.0 * one.threshold, rel=1e-10)
    assert ten.optimum == pytest.approx(10.0 * one.optimum, rel=1e-10)


def test_hysteresis_small_cost_limit() -> None:
    market = HysteresisConfig(phi=0.98, cost=2.0)
    assert market.asymptotic_threshold == pytest.approx(0.376, abs=0.5001e-3)
    assert market.threshold == pytest.approx(market.asymptotic_threshold, abs=0.02)


def test_autoregressive_values() -> None:
    assert Ar1Config(phi=0.2).sharpe == pytest.approx(0.1616, abs=0.5001e-4)
    assert Ar1Config(phi=0.2, lag=1).sharpe == pytest.approx(0.0319, abs=0.5001e-4)
    assert Ar1Config(phi=-0.3, lag=1).optimum == pytest.approx(0.09 * math.sqrt(2 / math.pi))
    market = OrnsteinUhlenbeckConfig(rho=0.9, deviation=2.0)
    assert market.optimum == pytest.approx(2.0 * math.sqrt(0.1 / 1.9) * math.sqrt(2 / math.pi))


def test_garleanu_pedersen_golden_cases() -> None:
    market = GarleanuPedersenConfig()
    assert market.rate == pytest.approx(1 / 5, abs=1e-14)
    assert market.aims[0] == pytest.approx(5 / 6, abs=1e-14)
    assert market.optimum == pytest.approx(25 / 72, abs=1e-14)
    assert market.frictionless == 0.5
    assert market.baseline_values["full rebalancing"] == pytest.approx(-0.5, abs=1e-14)
    assert market.baseline_values["tuned rate"] == pytest.approx(0.3364, abs=0.5001e-4)
    second = GarleanuPedersenConfig(discount=0.99, cost=5.0, phi=(0.9,))
    assert second.rate == pytest.approx(0.35575, abs=0.5001e-5)
    assert second.aims[0] == pytest.approx(0.85027, abs=0.5001e-5)


@pytest.mark.parametrize(
    "market",
    [
        GarleanuPedersenConfig(discount=0.99, cost=5.0, phi=(0.9,)),
        GarleanuPedersenConfig(discount=0.9, cost=3.0, risk=2.0, phi=(0.95, 0.3, 0.0), deviation=(1.0, 2.0, 0.5)),
    ],
)
def test_garleanu_pedersen_equals_the_riccati_equation(market: GarleanuPedersenConfig) -> None:
    """Discounted linear-quadratic control by iteration, with the position and the signals as the state."""
    signals = len(market.phi)
    size = signals + 1
    moves = np.diag([1.0, *market.phi])
    control = np.zeros(size)
    control[0] = 1.0  # the position grows by the trade
    # reward of trading u from state (x, f): (x + u)·Σf − κ(x + u)²/2 − λu²/2 = ½(state, u)ᵀR(state, u)
    reward = np.zeros((size + 1, size + 1))
    for i in (0, size):
        reward[i, 1:size] += 1.0
        reward[1:size, i] += 1.0
        for j in (0, size):
            reward[i, j] -= market.risk
    reward[size, size] -= market.cost
    value = np.zeros((size, size))
    step = np.column_stack([moves, control])
    for _ in range(5000):
        total = reward + market.discount * step.T @ value @ step
        gain = -total[size, :size] / total[size, size]
        value = total[:size, :size] + np.outer(total[:size, size], gain)
    assert -gain[0] == pytest.approx(market.rate, abs=1e-13)
    np.testing.assert_allclose(gain[1:], market.rate * market.aims, atol=1e-13)


def test_garleanu_pedersen_rule_is_the_best_of_all_linear_ones() -> None:
    market = GarleanuPedersenConfig(phi=(0.95, 0.5), deviation=(1.0, 0.7), cost=7.0)
    best = market.value_of(market.rate, market.aims)
    rng = np.random.default_rng(0)
    for _ in range(200):
        rate = float(np.clip(market.rate + rng.normal(0.0, 0.05), 0.01, 1.0))
        assert market.value_of(rate, market.aims * np.exp(rng.normal(0.0, 0.1, 2))) < best


def test_hidden_regime_values() -> None:
    market = HiddenRegimeConfig()
    assert market.optimum == pytest.approx(0.2931, abs=1.5e-4)  # the table's figure is a simulation's
    assert market.memoryless == pytest.approx(0.1723, abs=0.5001e-4)
    assert market.informed == pytest.approx(0.45, abs=1e-15)


@pytest.mark.parametrize(("mean", "stay"), [(0.05, 0.999), (0.5, 0.95), (2.0, 0.9)])
def test_hidden_regime_value_equals_its_simulation(mean: float, stay: float) -> None:
    market = HiddenRegimeConfig(mean=mean, stay=stay)
    beliefs = market.beliefs(market.simulate(500_000, 3).returns)
    worth = mean * np.abs(2.0 * beliefs - 1.0)
    blocks = worth.reshape(100, -1).mean(axis=1)
    assert market.optimum == pytest.approx(worth.mean(), abs=4.0 * blocks.std() / 10.0)


def test_hidden_regime_filter_equals_bayes_over_all_paths() -> None:
    """The belief after six returns, summed over the 2⁷ paths that the regime could have taken."""
    market = HiddenRegimeConfig(mean=0.7, deviation=1.3, stay=0.8)
    returns = market.simulate(6, 5).returns
    likelihood = {0: 0.0, 1: 0.0}
    for path in range(2**7):
        sides = [(path >> i) & 1 for i in range(7)]
        chance = 0.5
        for i in range(1, 7):
            chance *= 0.8 if sides[i] == sides[i - 1] else 0.2
        for i in range(6):
            chance *= math.exp(-0.5 * ((returns[i] - (0.7 if sides[i] else -0.7)) / 1.3) ** 2)
        likelihood[sides[6]] += chance
    belief = likelihood[1] / (likelihood[0] + likelihood[1])
    assert market.beliefs(returns)[-1] == pytest.approx(belief, abs=1e-14)


@pytest.mark.parametrize("risk", [1.0, 3.0, 0.5])
def test_merton_fraction_equals_the_best_of_the_exact_bar(risk: float) -> None:
    """Expected utility of one bar by Gauss–Hermite, maximised over a grid of fractions."""
    market = MertonConfig(drift=8e-5, cash_rate=2e-5, volatility=0.01, risk_aversion=risk)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    returns = (1.0 + market.drift) * np.exp(0.01 * nodes - 0.5e-4) - 1.0

    def utility(fraction: float) -> float:
        wealth = 1.0 + market.cash_rate + fraction * (returns - market.cash_rate)
        gained = np.log(wealth) if risk == 1.0 else (wealth ** (1.0 - risk) - 1.0) / (1.0 - risk)
        return float(weights @ gained / math.sqrt(2.0 * math.pi))

    fractions = market.fraction * np.linspace(0.5, 1.5, 1001)
    values = np.array([utility(fraction) for fraction in fractions])
    assert fractions[values.argmax()] == pytest.approx(market.fraction, rel=0.005)
    assert values.max() == pytest.approx(market.optimum, rel=0.005)


def test_kelly_fraction_is_the_best_and_its_growth_is_exact() -> None:
    market = KellyConfig(chance=0.4, odds=2.5)
    assert market.fraction == pytest.approx(0.4 - 0.6 / 2.5)
    grid = np.linspace(0.0, 0.99, 9901)
    values = [market.value_of(float(fraction)) for fraction in grid]
    assert grid[int(np.argmax(values))] == pytest.approx(market.fraction, abs=1e-4)
    assert KellyConfig(chance=0.3).fraction == 0.0
    assert market.value_of(1.0) == -math.inf


def test_merton_half_band_minimises_its_losses() -> None:
    market = MertonConfig(cost=0.001, risk_aversion=2.0, drift=1e-4)
    pi, variance = market.fraction, market.volatility**2

    def loss(width: float) -> float:
        paid = 0.001 * variance * (pi * (1 - pi)) ** 2 / (2 * width)
        return market.risk_aversion * variance * width**2 / 6 + paid

    best = loss(market.half_band)
    assert best < min(loss(0.99 * market.half_band), loss(1.01 * market.half_band))
    assert market.value_of(pi) - market.optimum == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("steps", [2, 7, 60])
@pytest.mark.parametrize("risk", [0.0, 1e-9, 0.05, 40.0])
def test_almgren_chriss_equals_the_quadratic_programme(steps: int, risk: float) -> None:
    """The best schedule as the solution of the linear equations of its quadratic cost."""
    market = AlmgrenChrissConfig(
        shares=3.0, steps=steps, interval=0.5, impact=0.7, risk_aversion=risk, deviation=1.2, volatility=0.005
    )
    inner = steps - 1
    sales = (2 * np.eye(inner) - np.eye(inner, k=1) - np.eye(inner, k=-1)) * 0.7 / 0.5
    start = np.zeros(inner)
    start[0] = 3.0 * 0.7 / 0.5
    solved = np.linalg.solve(sales + risk * 1.2**2 * 0.5 * np.eye(inner), start)
    np.testing.assert_allclose(market.schedule[1:-1], solved, atol=1e-7)
    assert market.schedule[0] == pytest.approx(3.0, abs=1e-14)
    rng = np.random.default_rng(1)
    for _ in range(20):
        other = market.schedule.copy()
        other[1:-1] += rng.normal(0.0, 0.05, inner)
        assert market.value_of(other) < market.optimum


def test_almgren_chriss_does_not_overflow() -> None:
    schedule = AlmgrenChrissConfig(steps=5000, risk_aversion=100.0).schedule
    assert np.isfinite(schedule).all()
    assert (np.diff(schedule) <= 0.0).all()
