"""Collapse diagnostics: the best constant by brute force, information by hand, and alarms that name the cause."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.signal import lfilter
from tests.markets import bars_of, random_walk

from regimen import metrics
from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution import Costs, Ledger, Market
from regimen.judging import COLLAPSE, Acting, Judgement, Trials, judge
from regimen.judging.acting import differ
from regimen.judging.controls.constants import levels
from regimen.judging.growth import Difference, annual_growth, difference

MARKET = Market(costs=Costs(commission_bps=1.0, half_spread_bps=0.5))


def ahead(bars: Bars) -> np.ndarray:
    """The sign of tomorrow's return: what a policy does that is given it as a feature."""
    return np.append(np.sign(np.diff(bars.close[:, 0])), 0.0)


def judged(ledger: Ledger, acting: Acting | None = None, reference: np.ndarray | None = None) -> Judgement:
    return judge(ledger, Trials(1), draws=20, bootstrap_draws=50, acting=acting, reference=reference)


def collapses(found: Judgement) -> dict[str, str]:
    return {alarm.name: alarm.sentence for alarm in found.alarms if alarm.name in COLLAPSE}


def choices(bars: Bars, values: tuple[float, ...], seed: int = 1) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).choice(values, len(bars) // 5 + 1), 5)[: len(bars)]


# growth


def test_growth_is_the_sum_of_log_returns() -> None:
    books = MARKET.backtest(random_walk(730), choices(random_walk(730), (-1.0, 1.0)))
    assert annual_growth(books) == pytest.approx(float(np.log1p(books.returns).sum()) / 2.0, rel=1e-10)


def test_what_one_bar_did_is_one_standard_error() -> None:
    returns = np.zeros(1000)
    returns[317] = 0.1
    found = difference(returns, np.zeros(1000), 365.0)
    assert found.annual == pytest.approx(math.log(1.1) * 0.365)
    assert found.error == pytest.approx(found.annual, rel=1e-9)
    assert not found.beyond_noise


def test_the_error_holds_under_dependence() -> None:
    # Overlapping positions make the gaps between two policies dependent; independent bars would alarm four in ten.
    random = np.random.default_rng(5)
    alarms = naive = 0
    for _ in range(400):
        gaps = lfilter([1.0], [1.0, -0.8], random.standard_normal(2000)) * 1e-3
        alarms += difference(np.expm1(gaps), np.zeros(2000), 1.0).beyond_noise
        naive += abs(gaps.mean()) > 2.0 * gaps.std() / math.sqrt(2000)
    assert alarms <= 34  # two-sided 5 % of 400 is 20; 99.9 % binomial bound
    assert naive > 100


def test_a_ruin_is_no_noise() -> None:
    lost = np.array([0.0, -1.0, 0.0, 0.0])
    assert difference(np.zeros(4), lost, 365.0).annual == math.inf
    assert difference(np.zeros(4), lost, 365.0).beyond_noise
    assert math.isnan(difference(lost, lost, 365.0).annual)
    assert not difference(lost, lost, 365.0).beyond_noise


# the best constant


def test_levels_are_those_of_the_policy() -> None:
    assert levels(np.array([0.0, 0.0])) == (0.0,)
    assert levels(np.array([0.5, 0.5, -0.25])) == (-0.25, 0.0, 0.5)
    assert levels(np.array([1.0, 0.3, 0.3])) == (0.0, 0.3, 1.0)
    assert levels(np.array([-2.0, 2.0])) == (-2.0, -1.0, 0.0, 1.0, 2.0)
    many = levels(np.linspace(-1.0, 1.0, 5000))
    assert len(many) <= 12
    assert (many[0], many[-1]) == (-1.0, 1.0)


@pytest.mark.parametrize(("drift", "seed"), [(0.001, 0), (-0.001, 1), (0.0003, 2)])
@pytest.mark.parametrize("every_bar", [False, True])
def test_the_best_constant_is_the_best_of_a_loop(drift: float, seed: int, every_bar: bool) -> None:
    bars = random_walk(800, seed=seed, drift=drift)
    market = Market(MARKET.config, rebalance="every_bar") if every_bar else MARKET
    ledger = market.backtest(bars, choices(bars, (-1.0, -0.5, 0.0, 0.5, 1.0)))
    books = {x: market.backtest(bars, np.full(800, x)) for x in (-1.0, -0.5, 0.0, 0.5, 1.0)}
    growth = {x: float(np.log1p(b.returns).sum()) * 365.0 / 800 for x, b in books.items()}
    best = max(growth, key=growth.__getitem__)
    found = judged(ledger).constant
    assert found.exposure == best
    assert found.tried == 5
    assert found.growth == pytest.approx(growth[best], rel=1e-9)
    assert found.total_return == pytest.approx(metrics.total_return(books[best].returns), rel=1e-12)
    own = float(np.log1p(ledger.returns).sum()) * 365.0 / 800
    assert found.advantage.annual == pytest.approx(own - growth[best], rel=1e-9)
    if best:
        assert found.sharpe == pytest.approx(metrics.annual_sharpe(books[best].returns, 365.0), rel=1e-12)


def test_a_constant_has_no_advantage_over_itself() -> None:
    bars = random_walk(500, drift=0.002)
    found = judged(MARKET.backtest(bars, np.ones(500)))
    assert found.constant.exposure == 1.0
    assert found.constant.advantage.annual == 0.0
    assert found.information.nats == 0.0


def test_in_a_panel_each_symbol_may_keep_its_own() -> None:
    # One symbol rises, one falls: no equal constant earns what long and short together do.
    steps = np.random.default_rng(0).normal([0.002, -0.002, 0.0], 0.005, (600, 3))
    close = 100.0 * np.cumprod(1.0 + steps, axis=0)
    bars = bars_of(close, close)
    found = judged(MARKET.backtest(bars, np.tile([0.4, -0.4, 0.0], (600, 1))))
    assert found.constant.spread == "own"
    assert found.constant.advantage.annual == pytest.approx(0.0, abs=1e-12)
    assert collapses(found) == {
        "collapse": "Each symbol keeps one exposure in 100.0 % of the time (I(S;A) = 0.00 nats); a constant policy "
        "earns the same."
    }


# information


def test_information_of_a_deterministic_policy_is_the_entropy_of_its_targets() -> None:
    bars = random_walk(1000)
    thirds = np.resize([-1.0, 0.0, 1.0, 1.0], 1000)
    found = judged(MARKET.backtest(bars, thirds))
    assert found.information.nats == pytest.approx(0.25 * math.log(4) * 2 + 0.5 * math.log(2), rel=1e-12)
    assert found.information.source == "targets"


def test_symbols_that_differ_but_never_change_carry_no_information() -> None:
    bars = random_walk(400, 2)
    found = judged(MARKET.backtest(bars, np.tile([0.2, 0.5], (400, 1))))
    assert found.information.nats == 0.0


def test_information_of_drawn_actions_is_what_was_measured() -> None:
    bars = random_walk(400)
    books = MARKET.backtest(bars, choices(bars, (-1.0, 1.0)))
    found = judged(books, Acting(None, 1.0, 0.4, "discrete"))
    assert found.information.nats == pytest.approx(0.6)
    assert found.modes is None
    assert judged(books, Acting(None, -1.0, -0.999, "continuous")).information.nats == pytest.approx(
        -1.0 + 0.999, abs=0.01
    )
    assert judged(books, Acting(None, 0.69, 0.70, "discrete")).information.nats == 0.0


# alarms that name the cause


def test_a_policy_that_holds_is_named() -> None:
    bars = random_walk(1000, drift=0.001)
    targets = np.ones(1000)
    targets[[300, 600, 900]] = 0.0
    words = collapses(judged(MARKET.backtest(bars, targets)))
    assert words == {
        "collapse": "The policy holds +1.00 in 99.7 % of the time (I(S;A) = 0.02 nats); "
        "a constant policy earns the same."
    }
    idle = np.zeros(1000)
    idle[[300, 600, 900]] = 1.0
    assert collapses(judged(MARKET.backtest(bars, idle)))["collapse"].startswith("The policy holds nothing in 99.7 %")


def test_a_rare_trader_that_knows_why_has_not_collapsed() -> None:
    bars = random_walk(4000, seed=3)
    best = np.argsort(np.append(np.diff(np.log(bars.close[:, 0])), -1.0))[-30:]
    rare = np.zeros(4000)
    rare[best] = 1.0
    found = judged(MARKET.backtest(bars, rare))
    assert found.behaviour.modal_share > 0.99
    assert collapses(found) == {}
    # The same number of trades at no particular time is a collapse.
    blind = np.zeros(4000)
    blind[np.random.default_rng(0).choice(4000, 30, replace=False)] = 1.0
    assert set(collapses(judged(MARKET.backtest(bars, blind)))) == {"collapse"}


def test_a_constant_that_earns_more_is_named() -> None:
    bars = random_walk(1500, drift=0.001, seed=4)
    books = MARKET.backtest(bars, choices(bars, (0.0, 1.0)))
    found, own = judged(books), 100.0 * annual_growth(books)
    growth, sharpe = 100.0 * found.constant.growth, found.constant.sharpe
    assert growth > own
    assert collapses(found) == {
        "a constant earns more": f"A constant exposure of +1.00 earns more than the policy: an annual log growth of "
        f"{growth:.1f} % against {own:.1f} %, at a Sharpe ratio of {sharpe:.2f} against "
        f"{found.row('policy').sharpe:.2f}."
    }


def test_losing_money_is_for_the_verdict_to_say() -> None:
    # On a falling market a long or flat policy loses, and doing nothing does not.
    bars = random_walk(1000, drift=-0.001)
    found = judged(MARKET.backtest(bars, choices(bars, (0.0, 1.0))))
    assert found.constant.exposure == 0.0
    assert collapses(found) == {}


@pytest.mark.parametrize("seed", range(5))
def test_knowing_tomorrow_is_no_collapse_in_either_mode(seed: int) -> None:
    # The positive control: a policy that is given tomorrow's return exploits it, best action or drawn.
    bars = random_walk(1000, seed=seed)
    known = ahead(bars)
    judged_books = MARKET.backtest(bars, known)
    drawn = MARKET.backtest(bars, np.where(np.random.default_rng(seed).random(1000) < 0.99, known, -known))
    measured = Acting(drawn, math.log(2), -0.99 * math.log(0.99) - 0.01 * math.log(0.01), "discrete")
    for acting in (None, measured):
        found = judged(judged_books, acting, reference=known)
        assert collapses(found) == {}
        assert found.information.nats > 0.6
        assert found.constant.advantage.annual > 1.0
        assert found.constant.advantage.beyond_noise
    assert found.row("drawn").sharpe > 10.0


# drawn actions


@pytest.fixture(scope="module")
def bars() -> Bars:
    return random_walk(1500, seed=11)


def test_drawn_actions_that_undo_the_policy_are_named(bars: Bars) -> None:
    known = ahead(bars)
    # Somebody who is right six times in ten, and whose draws are coins.
    random = np.random.default_rng(0)
    good = np.where(random.random(1500) < 0.6, known, -known)
    coins = random.choice([-1.0, 1.0], 1500)
    acting = Acting(MARKET.backtest(bars, coins), math.log(2), math.log(2) - 1e-3, "discrete")
    found = judged(MARKET.backtest(bars, good), acting)
    words = collapses(found)
    assert set(words) == {"ignores what it sees", "drawn actions differ"}
    assert "(I(S;A) = 0.00 nats)" in words["ignores what it sees"]
    assert found.modes is not None
    assert words["drawn actions differ"].startswith(
        f"Deterministic and drawn actions differ: an annual log growth of {100 * found.modes.judged:.1f} % against "
        f"{100 * found.modes.drawn:.1f} %;"
    )
    names = [row.name for row in found.rows]
    assert names == ["policy", "flat", "buy_and_hold", "random", "drawn", "one_bar_late", "time_reversed"]
    assert found.row("drawn").trials == 1
    assert found.row("drawn").total_return == pytest.approx(metrics.total_return(acting.drawn.returns))  # type: ignore[union-attr]
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["behaviour"]["modes"]["measured_by"] == "larger of the two"
    assert values["behaviour"]["information"]["kind"] == "discrete"


def test_the_known_optimum_is_the_yardstick(bars: Bars) -> None:
    known = ahead(bars)
    half = np.where(np.random.default_rng(1).random(1500) < 0.5, known, 0.0)
    nearly = np.where(np.random.default_rng(2).random(1500) < 0.9, half, 0.0)
    acting = Acting(MARKET.backtest(bars, nearly), 1.0, 0.3, "discrete")
    books = MARKET.backtest(bars, half)
    alone, beside = judged(books, acting), judged(books, acting, reference=known)
    assert alone.modes is not None
    assert beside.modes is not None
    # The gap is a tenth of the policy, and a twentieth of the optimum.
    assert beside.modes.yardstick == pytest.approx(annual_growth(MARKET.backtest(bars, known)), rel=1e-12)
    assert beside.modes.measured_by == "known optimum"
    assert not beside.modes.differ
    gap = alone.modes.gap
    assert not differ(gap, gap.annual / 0.09)
    assert differ(gap, gap.annual / 0.11)


def test_where_the_optimum_is_not_to_trade_it_is_no_yardstick(bars: Bars) -> None:
    books = MARKET.backtest(bars, choices(bars, (-1.0, 1.0)))
    acting = Acting(MARKET.backtest(bars, choices(bars, (-1.0, 1.0), 2)), 0.69, 0.5, "discrete")
    found = judged(books, acting, reference=np.zeros(1500))
    assert found.modes is not None
    assert found.modes.measured_by == "larger of the two"


def test_noise_and_trifles_are_no_difference(bars: Bars) -> None:
    # Two coin flippers differ by a lot, but not by more than their noise.
    books = MARKET.backtest(bars, choices(bars, (-1.0, 1.0), 5))
    other = MARKET.backtest(bars, choices(bars, (-1.0, 1.0), 6))
    found = judged(books, Acting(other, 0.69, 0.5, "discrete")).modes
    assert found is not None
    assert abs(found.gap.annual) > 0.1 * found.yardstick
    assert not found.differ
    assert not differ(Difference(0.0009, 1e-9), 0.001)
    assert differ(Difference(0.0011, 1e-9), 0.001)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((None, math.nan, 0.1, "discrete"), "acting.action_entropy: must be a finite number of nats; got nan"),
        ((None, 0.5, -0.1, "discrete"), "acting.conditional_entropy: must not be negative"),
        ((None, 0.5, 0.1, "both"), "acting.kind: must be discrete or continuous; got 'both'"),
    ],
)
def test_impossible_measurements_are_refused(values: tuple[None, float, float, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Acting(*values)  # type: ignore[arg-type]


def test_drawn_actions_of_another_market_are_refused(bars: Bars) -> None:
    books = MARKET.backtest(bars, choices(bars, (-1.0, 1.0)))
    short = MARKET.backtest(bars, choices(bars, (-1.0, 1.0)), 0, 1000)
    with pytest.raises(ConfigError, match=r"acting.drawn: must cover the 1500 judged bars; got 1000"):
        judged(books, Acting(short, 0.6, 0.1, "discrete"))
    free = Market(costs=Costs.none()).backtest(bars, choices(bars, (-1.0, 1.0)))
    with pytest.raises(ConfigError, match=r"acting.drawn: must be traded in the market"):
        judged(books, Acting(free, 0.6, 0.1, "discrete"))
