"""The judge on the real market: controls, break-even cost, JSON, policies that do nothing or lose all."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.markets import bars_of, random_walk

from regimen import metrics
from regimen.errors import SplitError
from regimen.execution import Costs, Ledger, Market
from regimen.judging import Judgement, Timing, Trials, by_period, calendar_edges, judge
from regimen.judging.controls import targets as controls

COSTS = Costs(commission_bps=2.0, half_spread_bps=1.0)


def coin(bars: int, symbols: int = 1, seed: int = 1) -> np.ndarray:
    """Random exposures that last five bars each."""
    random = np.random.default_rng(seed)
    return np.repeat(random.choice([-1.0, 0.0, 1.0], (bars // 5 + 1, symbols)), 5, axis=0)[:bars] / symbols


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Market(costs=COSTS).backtest(random_walk(900), coin(900))


@pytest.fixture(scope="module")
def judgement(ledger: Ledger) -> Judgement:
    return judge(ledger, Trials(14, 0.003, effective=5), draws=40)


def test_rows_stand_in_their_order(judgement: Judgement) -> None:
    names = [row.name for row in judgement.rows]
    assert names == ["policy", "flat", "buy_and_hold", "random", "one_bar_late", "time_reversed"]
    with pytest.raises(KeyError):
        judgement.row("reference")


def test_it_is_json_without_nan(judgement: Judgement) -> None:
    text = json.dumps(judgement.to_dict(), allow_nan=False)
    found = json.loads(text)
    assert found["verdict"]["level"] == judgement.verdict.level
    assert found["rows"][1]["sharpe"] is None
    assert found["trials"]["count"] == 14
    assert len(found["curves"]["time"]) == len(found["curves"]["equity"]["policy"]) == 900
    assert found["sample"]["start"] == "2001-01-01T00:00:00Z"
    for row in found["rows"]:
        assert set(row) == set(found["rows"][0])


def test_the_same_seed_gives_the_same_judgement(ledger: Ledger, judgement: Judgement) -> None:
    again = judge(ledger, Trials(14, 0.003, effective=5), draws=40)
    assert json.dumps(again.to_dict()) == json.dumps(judgement.to_dict())
    other = judge(ledger, Trials(14, 0.003, effective=5), draws=40, seed=1)
    assert other.row("policy").sharpe == judgement.row("policy").sharpe
    assert other.row("policy").sharpe_interval != judgement.row("policy").sharpe_interval


def test_progress_counts_the_draws(ledger: Ledger) -> None:
    seen: list[tuple[int, int]] = []
    judge(
        ledger,
        Trials(1),
        draws=3,
        bootstrap_draws=10,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_policy_row_is_what_the_metrics_say(ledger: Ledger, judgement: Judgement) -> None:
    row, returns = judgement.row("policy"), ledger.returns
    sharpe = metrics.sharpe(returns)
    assert row.total_return == pytest.approx(ledger.equity[-1] / ledger.start_equity - 1.0, rel=1e-9)
    assert row.sharpe == pytest.approx(sharpe * math.sqrt(365.0), rel=1e-12)
    shape = metrics.skewness(returns), metrics.kurtosis(returns)
    assert row.psr == metrics.psr(sharpe, 900, *shape)
    timing = Timing.of(ledger).returns
    shape = metrics.skewness(timing), metrics.kurtosis(timing)
    assert row.dsr == pytest.approx(metrics.dsr(metrics.sharpe(timing), 900, *shape, 14, 0.003), rel=1e-9)
    assert row.trials == 14
    assert row.sharpe_interval[0] < row.sharpe < row.sharpe_interval[1]
    # Commission 2 bps and half spread 1 bp of everything traded.
    assert row.cost_drag == pytest.approx(3e-4 * row.turnover, rel=1e-3)
    assert row.costs["commission"] == pytest.approx(2.0 * row.costs["spread"], rel=1e-9)
    assert row.cost_paid_bps == pytest.approx(3.0, rel=1e-3)


def test_effective_trials_are_reported_and_not_judged_by(judgement: Judgement) -> None:
    details = judgement.to_dict()["trials"]
    assert isinstance(details, dict)
    assert details["dsr_effective"] > judgement.row("policy").dsr
    assert (
        next(rule.value for rule in judgement.verdict.rules if rule.name.startswith("deflated"))
        == judgement.row("policy").dsr
    )


def test_flat_is_nothing(judgement: Judgement) -> None:
    flat = judgement.row("flat")
    assert (flat.total_return, flat.turnover, flat.max_drawdown, flat.exposure) == (0.0, 0.0, 0.0, 0.0)
    assert math.isnan(flat.sharpe)
    assert flat.trials is None


@pytest.mark.parametrize("symbols", [1, 4])
def test_buy_and_hold_without_costs_is_the_price(symbols: int) -> None:
    bars = random_walk(300, symbols, drift=0.001)
    found = judge(Market(costs=Costs.none()).backtest(bars, coin(300, symbols)), Trials(1), draws=5)
    # Decided with the first bar, bought at the second bar's open with equal weights.
    expected = float(np.mean(bars.close[-1] / bars.open[1])) - 1.0
    assert found.row("buy_and_hold").total_return == pytest.approx(expected, rel=1e-9)
    assert found.to_dict()["zero_cost"] is True
    assert found.verdict.sentence.startswith("Without costs: ")


def test_random_timing_pays_the_same_turnover(ledger: Ledger, judgement: Judgement) -> None:
    policy, random = judgement.row("policy"), judgement.row("random")
    assert random.turnover == pytest.approx(policy.turnover, rel=0.1)
    assert random.exposure == pytest.approx(policy.exposure, rel=0.05)
    assert judgement.random.count == 40
    assert judgement.random.capped is False
    assert judgement.random.p_value == Timing.of(ledger).p_value(14, 0)[0]
    assert judgement.random.p_trials == pytest.approx(1.0 - (1.0 - judgement.random.p_value) ** 14)
    assert judgement.random.sharpe.low <= judgement.random.sharpe.median <= judgement.random.sharpe.high


def test_random_timing_pays_the_same_turnover_where_symbols_come_and_go() -> None:
    close = random_walk(900, 6).close.copy()
    close[:300, 0] = close[:450, 1] = close[:600, 2] = close[400:, 3] = np.nan
    bars = bars_of(close, start="2001-01-01")
    share = np.where(bars.present, 6.0 * coin(900, 6) / bars.present.sum(axis=1, keepdims=True), np.nan)
    found = judge(Market(costs=COSTS).backtest(bars, share), Trials(1), draws=40)
    policy, random = found.row("policy"), found.row("random")
    assert random.turnover == pytest.approx(policy.turnover, rel=0.07)
    assert random.exposure == pytest.approx(policy.exposure, rel=0.05)


def test_the_rank_counts_the_shifts_that_do_worse(ledger: Ledger, judgement: Judgement) -> None:
    standing, market = controls.standing(ledger.targets), ledger.market.build()
    sharpes = [
        metrics.sharpe(market.backtest(ledger.bars, controls.shifted(standing, int(shift))).returns)
        for shift in controls.shifts(900, 40, 0)
    ]
    as_good = sum(value >= metrics.sharpe(ledger.returns) for value in sharpes)
    assert judgement.random.rank == pytest.approx(1 - as_good / 40)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_the_break_even_cost_nothing_is_left(seed: int) -> None:
    # The same targets, traded again with the break-even cost as the whole commission, earn nothing.
    bars, targets = random_walk(600, seed=seed, drift=0.003), np.abs(coin(600, seed=seed))
    before = Market(costs=COSTS).backtest(bars, targets)
    row = judge(before, Trials(1), draws=5).row("policy")
    assert row.break_even_bps == pytest.approx(row.cost_paid_bps + row.break_even_extra_bps, rel=1e-12)
    assert row.total_return > 0.1
    after = Market(costs=Costs(commission_bps=row.break_even_bps, half_spread_bps=0.0)).backtest(bars, targets)
    assert metrics.total_return(after.returns) == pytest.approx(0.0, abs=0.01 * row.total_return)


def test_a_policy_that_never_trades() -> None:
    bars = random_walk(300)
    found = judge(Market(costs=COSTS).backtest(bars, np.zeros(300)), Trials(3))
    assert found.verdict.level == "does nothing"
    assert found.random.count == 0
    assert math.isnan(found.random.p_value)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["random"]["p_value"] is None


def test_buying_and_holding_is_not_trading() -> None:
    bars = random_walk(400, drift=0.002)
    found = judge(Market(costs=COSTS).backtest(bars, np.ones(400)), Trials(1), draws=30)
    assert found.verdict.level == "does nothing"
    assert found.row("policy").total_return == found.row("buy_and_hold").total_return
    # Every shift but the seam is the same position: the policy beats none of them, and has no timing.
    assert found.random.rank == 0.0
    assert found.random.p_value == 1.0


def test_ruin_is_not_tradable() -> None:
    close = np.full(200, 100.0)
    close[100:] = 310.0
    bars = bars_of(close, start="2001-01-01")
    found = judge(Market(costs=COSTS).backtest(bars, np.full(200, -1.0)), Trials(1), draws=5)
    assert found.verdict.level == "not tradable"
    assert "wiped out on 2001-04-11" in found.verdict.sentence
    assert found.row("policy").total_return == -1.0
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("bars", [1, 2, 5, 30])
def test_too_short_is_said_and_never_crashes(bars: int) -> None:
    books = Market(costs=COSTS).backtest(random_walk(40).window(0, bars), coin(bars))
    found = judge(books, Trials(2))
    assert found.verdict.level == "too short"
    json.dumps(found.to_dict(), allow_nan=False)


def test_knowing_tomorrow_is_suspicious_and_not_applauded() -> None:
    bars = random_walk(800, seed=4)
    moves = np.sign(np.diff(bars.close[:, 0]))
    # Decided at t, filled at the open of t + 1, earns the move from close t to close t + 1.
    ahead = np.append(moves, 0.0)
    found = judge(Market(costs=COSTS).backtest(bars, ahead), Trials(1), draws=30)
    assert found.verdict.level == "suspicious"
    names = [alarm.name for alarm in found.alarms]
    assert "Sharpe ratio above 3" in names
    assert "directional accuracy above 60 %" in names
    assert found.row("one_bar_late").sharpe < 1.0


def test_the_known_optimum_has_a_row_and_a_curve() -> None:
    bars = random_walk(300, seed=2)
    best = np.append(np.sign(np.diff(bars.close[:, 0])), 0.0)[:, None]
    found = judge(Market(costs=COSTS).backtest(bars, coin(300)), Trials(1), draws=5, reference=best)
    assert found.row("reference").sharpe > found.row("policy").sharpe
    curves = found.to_dict()["curves"]
    assert isinstance(curves, dict)
    assert set(curves["equity"]) == {
        "policy", "flat", "buy_and_hold", "random_low", "random_median", "random_high", "reference",
    }  # fmt: skip


def test_a_panel_with_late_listings_is_judged() -> None:
    bars = random_walk(400, 3)
    close = bars.close.copy()
    close[:150, 2] = np.nan
    opens = bars.open.copy()
    opens[:151, 2] = np.nan
    late = bars_of(close, opens, start="2001-01-01")
    found = judge(Market(costs=COSTS).backtest(late, coin(400, 3)), Trials(2), draws=10)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.row("buy_and_hold").turnover > 0


def test_thinned_curves_keep_the_ends_and_the_deepest_trough() -> None:
    bars = random_walk(3500)
    books = Market(costs=COSTS).backtest(bars, coin(3500))
    found = judge(books, Trials(1), draws=5)
    curves = found.to_dict()["curves"]
    assert isinstance(curves, dict)
    assert len(curves["time"]) <= 1000
    assert curves["equity"]["policy"][-1] == pytest.approx(1.0 + found.row("policy").total_return)
    assert max(curves["drawdown"]["policy"]) == pytest.approx(found.row("policy").max_drawdown)


def test_periods_tile_the_ledger_and_compound_to_the_whole(ledger: Ledger, judgement: Judgement) -> None:
    edges = calendar_edges(ledger.bars.time)
    # 900 days from 2001-01-01 reach into 2003.
    assert edges == [0, 365, 730, 900]
    rows = by_period(ledger, edges)
    growth = math.prod(1.0 + row.total_return for row in rows)
    assert growth - 1.0 == pytest.approx(judgement.row("policy").total_return, rel=1e-9)
    assert [row.bars for row in rows] == [365, 365, 170]
    assert (rows[1].start, rows[1].end) == ("2002-01-01T00:00:00Z", "2002-12-31T00:00:00Z")
    part = ledger.returns[365:730]
    assert rows[1].sharpe == pytest.approx(metrics.annual_sharpe(part, 365.0), rel=1e-12)
    assert "buy_and_hold_return" not in rows[0].to_dict()
    assert judgement.periods[0].buy_and_hold_return is not None


@pytest.mark.parametrize("edges", [[0], [0, 0, 5], [5, 2], [-1, 4], [0, 901]])
def test_impossible_edges_are_refused(ledger: Ledger, edges: list[int]) -> None:
    with pytest.raises(SplitError, match="edges: must be at least two increasing positions from 0 to 900"):
        by_period(ledger, edges)


def test_short_samples_are_cut_by_month() -> None:
    assert calendar_edges(random_walk(70).time) == [0, 31, 59, 70]


def test_minutes_of_one_afternoon_have_no_annual_return_and_no_verdict() -> None:
    close = 100 * np.cumprod(1.0023 + 0.002 * np.random.default_rng(0).standard_normal(300))
    bars = bars_of(close, np.append(100.0, close[:-1]), start="2024-01-01T12", step="1m")
    targets = (np.random.default_rng(1).random(300) < 0.7).astype(float)
    found = judge(Market(costs=Costs()).backtest(bars, targets), Trials(count=1), draws=20, bootstrap_draws=20)
    assert found.verdict.level == "too short"
    assert "300 bars in 0.2 days" in found.verdict.sentence
    row = found.to_dict()["rows"][0]  # type: ignore[index]
    assert row["annual_return"] is None
    assert row["calmar"] is None
    json.loads(json.dumps(found.to_dict()), parse_constant=pytest.fail)
