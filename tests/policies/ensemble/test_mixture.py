"""Weights of members follow what each of them would have earned: against a twin in plain Python, and the account."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.markets import bars_of, random_walk

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution import Costs, History, MarketConfig, Policy
from regimen.observation import ObservationSchema
from regimen.policies import Constant, ExposureConfig, MomentumConfig, targets
from regimen.policies.ensemble import (
    DiscountedThompsonConfig,
    HedgeConfig,
    MeanConfig,
    Mixture,
    ThompsonConfig,
    hedge,
)
from regimen.policies.ensemble.config import CombineConfig
from regimen.policies.ensemble.mixture import WIDTH

COSTS = Costs(commission_bps=3.0, half_spread_bps=2.0)
START, STOP = 40, 180
WAYS: list[CombineConfig] = [
    MeanConfig(),
    HedgeConfig(),
    HedgeConfig(horizon=140),
    ThompsonConfig(draw_every=3),
    DiscountedThompsonConfig(),
]


def members() -> list[Policy]:
    return [MomentumConfig(lookback=n).build(ExposureConfig()) for n in (1, 5, 20)] + [Constant(1.0), Constant(-0.5)]


def holed(symbols: int = 2) -> Bars:
    """Daily bars whose opens are not the closes before, with a split, funding, and holes in the second symbol."""
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal((200, symbols)), axis=0))
    opens = close * np.exp(0.01 * rng.standard_normal(close.shape))
    factor = np.ones(close.shape)
    factor[100:, 0] = 2.0
    close[100:, 0] /= 2.0
    opens[100:, 0] /= 2.0
    rates = np.where(rng.random(close.shape) < 0.3, 5e-4, np.nan)
    for column in (close, opens, factor, rates):
        column[90:95, 1] = np.nan
    return bars_of(close, opens, extras={"adjustment": factor, "funding_rate": rates})


def history(bars: Bars, costs: Costs = COSTS) -> History:
    return MarketConfig(costs=costs).build().history(bars)


def earned(alone: np.ndarray, bars: Bars, symbol: int, latency: int) -> np.ndarray:
    """P&L of the bars [START, STOP) of a symbol, which has no hole, for one member's exposures at these bars."""
    factor = bars.extras["adjustment"][:, symbol] if "adjustment" in bars.extras else np.ones(len(bars))
    paid = np.nan_to_num(bars.extras["funding_rate"][:, symbol]) if "funding_rate" in bars.extras else 0 * factor
    held = np.concatenate([np.zeros(latency + 1), alone])
    result = np.zeros(STOP - START)
    for n, t in enumerate(range(START, STOP)):
        now, before = held[n + 1], held[n]
        if n == 0:
            continue
        gap = bars.open[t, symbol] * factor[t] / (bars.close[t - 1, symbol] * factor[t - 1]) - 1
        inside = bars.close[t, symbol] / bars.open[t, symbol] - 1
        cost = (COSTS.commission_bps + COSTS.half_spread_bps) * 1e-4
        result[n] = before * gap + now * inside - cost * abs(now - before) - before * paid[t]
    return result


def losses_of(pnl: np.ndarray, half_life: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the losses (round, member) and the bars that they are of."""
    fading, square = 1 - 0.5 ** (1 / half_life), 0.0
    rounds, rows = [], []
    for n, row in enumerate(pnl):
        if not row.any():
            continue
        if square > 0:
            rows.append(np.clip(0.5 - row / (2 * WIDTH * math.sqrt(square)), 0, 1))
            rounds.append(n)
        now = float(np.mean(row**2))
        square = square + fading * (now - square) if square > 0 else now
    return np.array(rows), np.array(rounds)


@pytest.mark.parametrize("latency", [1, 3])
def test_the_weights_are_those_of_the_losses_up_to_the_bar(latency: int) -> None:
    bars = holed()
    alone = [targets(each, history(bars), START, STOP)[:, 0] * 2 for each in members()]  # two symbols share
    mixture = Mixture(members(), HedgeConfig(scale_half_life=30), COSTS, latency)
    weights = mixture.weights(history(bars), START, STOP)[:, 0]
    pnl = np.stack([earned(each, bars, 0, latency) for each in alone], axis=1)
    losses, rounds = losses_of(pnl, 30)
    nothing = np.zeros((1, len(alone)))
    expected = hedge(np.concatenate([losses, nothing]))
    for n in range(STOP - START):
        np.testing.assert_allclose(weights[n], expected[int((rounds <= n).sum())], rtol=1e-9)
    mixed = mixture.exposures(history(bars), START, STOP)[:, 0]
    np.testing.assert_allclose(mixed, (weights * np.stack(alone, axis=1)).sum(axis=1), rtol=1e-9)
    assert np.ptp(weights[-1]) > 0.02


def test_a_drawn_member_trades_alone_until_the_next_draw() -> None:
    bars, every = holed(), 3
    mixture = Mixture(members(), ThompsonConfig(draw_every=every), COSTS, seed=5)
    weights = mixture.weights(history(bars), START, STOP)[:, 0]
    assert (weights.max(axis=1) == 1.0).all()
    assert (weights.sum(axis=1) == 1.0).all()
    chosen = weights.argmax(axis=1)
    assert (
        chosen[::every][: len(chosen) // every] == chosen[: len(chosen) // every * every].reshape(-1, every).T
    ).all()
    assert len(set(chosen.tolist())) == len(members())


def test_a_member_that_always_wins_is_found_by_each_way() -> None:
    bars = random_walk(2000, drift=0.02, sigma=0.001)
    best, worst = Constant(1.0), Constant(-1.0)
    for way in (HedgeConfig(), ThompsonConfig(), DiscountedThompsonConfig()):
        weights = Mixture([worst, best], way, COSTS).weights(history(bars), 0, 2000)[:, 0]
        assert weights[-200:, 1].mean() > 0.95, way


def test_turnover_counts_in_what_a_member_lost() -> None:
    """One member changes sides at each bar of a market that does not move: all that it earns is its costs."""

    class Restless:
        schema = ObservationSchema()

        def initial_state(self, symbols: int) -> np.ndarray:
            return np.full((symbols, 1), 1.0)

        def watch(self, moment: object, state: np.ndarray) -> np.ndarray:
            del moment
            return state

        def act(self, moment: object, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            del moment
            return state[:, 0], -state

    flat = bars_of(np.full(500, 100.0))
    dear, free = (
        Mixture([Restless(), Constant(1.0)], HedgeConfig(), costs).weights(history(flat, costs), 0, 500)[-1, 0]
        for costs in (COSTS, Costs(zero_costs=True))
    )
    assert dear[0] < 0.05
    assert free[0] == 0.5


@pytest.mark.parametrize("latency", [1, 2])
def test_the_counterfactual_is_what_an_account_marks(latency: int) -> None:
    """To the first order: an account lets its exposure drift within a bar, and pays its costs out of the equity."""
    bars = holed(2).select("S0")
    costs = Costs(commission_bps=3.0, half_spread_bps=2.0, funding=True)
    market = MarketConfig(costs=costs, latency_bars=latency, rebalance="every_bar").build()
    alone = np.full(bars.shape, np.nan)
    alone[START:STOP, 0] = np.sin(np.arange(STOP - START) / 3.0) * 0.1
    ledger = market.backtest(bars, alone, START, STOP)
    apart = ledger.returns[1:] - earned(alone[START:STOP, 0], bars, 0, latency)[1:]
    assert np.abs(apart).max() < 1e-4
    assert apart.std() < 0.02 * ledger.returns.std()
    assert ledger.returns.std() > 1e-3


@pytest.mark.parametrize("way", WAYS)
def test_bar_by_bar_equals_the_batch_bit_for_bit(way: CombineConfig) -> None:
    seen = history(holed())
    mixture = Mixture(members(), way, COSTS, latency=2, seed=9)
    expected = mixture.exposures(seen, START, STOP)
    state = mixture.initial_state(2)
    for t in range(START):
        state = mixture.watch(seen.at(t), state)
    rows = []
    for t in range(START, STOP):
        before = state.copy()
        row, following = mixture.act(seen.at(t), state)
        np.testing.assert_array_equal(state, before)
        state = following
        rows.append(row)
    np.testing.assert_array_equal(
        np.array(rows)[seen.bars.present[START:STOP]], expected[seen.bars.present[START:STOP]]
    )
    assert len(np.unique(expected)) > 2


def test_later_bars_change_no_earlier_weight() -> None:
    bars = holed()
    seen = history(bars)
    close, opens = bars.close.copy(), bars.open.copy()
    close[120:] *= 1.5
    other = history(bars_of(close, opens, extras=dict(bars.extras)))
    for way in WAYS:
        mixture = Mixture(members()[3:], way, COSTS)
        first, second = (mixture.weights(each, START, STOP) for each in (seen, other))
        np.testing.assert_array_equal(first[: 120 - START], second[: 120 - START])


def test_members_that_read_other_columns_are_refused() -> None:
    class Reads:
        def __init__(self, *names: str) -> None:
            self.schema = ObservationSchema(inputs=len(names), names=names)

        def initial_state(self, symbols: int) -> np.ndarray:
            return np.zeros((symbols, 0))

    with pytest.raises(ConfigError, match=r"model.members.2: must read the 2 columns that the other members read"):
        Mixture([Constant(1.0), Reads("a", "b"), Reads("a", "c")], MeanConfig(), COSTS)  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="must name at least one model"):
        Mixture([], MeanConfig(), COSTS)
