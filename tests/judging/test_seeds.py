"""Seeds: rows from ledgers, their distribution, the alarm, and the section of the report."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.markets import random_walk

from regimen import metrics
from regimen.bars import Bars
from regimen.charts.strips import _lanes
from regimen.errors import ConfigError
from regimen.execution import Costs, Ledger, Market
from regimen.judging import Fan, SeedRow, Seeds, Trials, judge, judge_seeds, plain, seed_summary
from regimen.judging.measures import measure
from regimen.reporting.report import ReportDocument, render


def row(seed: int, sharpe: float, total: float | None = None) -> SeedRow:
    earned = sharpe / 10.0 if total is None else total
    return SeedRow(seed, earned, earned / 2.0, 0.1, sharpe, 0.2, 3.0, 0.5, 0.001)


@pytest.fixture(scope="module")
def ledgers() -> dict[int, Ledger]:
    bars = Bars.sample("sp500").window(0, 800)
    market = Market(costs=Costs(commission_bps=1.0))
    random = np.random.default_rng(0)
    return {seed: market.backtest(bars, random.choice([0.0, 1.0], 800)) for seed in (3, 5, 8, 9)}


def test_rows_say_what_the_judge_says(ledgers: dict[int, Ledger]) -> None:
    for seed, ledger in ledgers.items():
        found, whole = SeedRow.of(seed, ledger), measure(ledger, "policy", "Policy")
        assert {**found.to_dict(), "seed": None} == {key: getattr(whole, key, None) for key in found.to_dict()}


def test_a_seed_that_never_moved_counts_as_nothing(ledgers: dict[int, Ledger]) -> None:
    bars = ledgers[3].bars
    still = SeedRow.of(1, Market().backtest(bars, np.zeros(len(bars))))
    assert (still.sharpe, still.total_return) == (0.0, 0.0)


def test_the_summary_is_that_of_the_scores() -> None:
    scores = [0.5, -0.2, 0.9, 0.4, 1.4, 0.1, 0.2, 0.3]
    found = seed_summary([row(seed, score) for seed, score in enumerate(scores)], seed=2)
    assert found.n == 8
    assert found.sharpe.iqm == pytest.approx(stats.trim_mean(scores, 0.25))
    interval = metrics.iqm_interval(np.array(scores), seed=2)
    assert (found.sharpe.low, found.sharpe.high) == (interval.low, interval.high)
    assert (found.sharpe.median, found.sharpe.worst, found.sharpe.best) == (pytest.approx(0.35), -0.2, 1.4)
    assert found.total_return.best == pytest.approx(0.14)
    assert json.loads(json.dumps(found.to_dict()))["sharpe"]["worst"] == -0.2


@pytest.mark.parametrize(
    ("scores", "headline", "alarm"),
    [
        ([0.9, 0.8, 1.0, 0.7, 0.9], 0, False),  # all earn
        ([0.9, -0.1, 1.0, 0.7, 0.9], 0, True),  # one lost
        ([0.9, -0.1, 1.0, 0.7, 0.9], 1, False),  # the judged one lost: it claims nothing
        ([0.9, 0.0, 0.0, 0.0, 0.0], 0, True),  # the interval reaches 0
        ([0.9], 0, False),  # a single seed says nothing about seeds
    ],
)
def test_seeds_that_disagree_are_named(scores: list[float], headline: int, alarm: bool) -> None:
    rows = [row(seed, score) for seed, score in enumerate(scores)]
    _, alarms = judge_seeds(rows, headline)
    assert [found.name for found in alarms] == (["seeds disagree"] if alarm else [])


def test_the_alarm_says_how_much() -> None:
    rows = [row(7, 0.62), row(8, -0.31), row(9, 0.8), row(10, 0.05, total=-0.01)]
    found, alarms = judge_seeds(rows, 7)
    sharpe = found.summary.sharpe
    assert alarms[0].sentence == (
        "The result hangs on the seed: the Sharpe ratio is 0.62 for seed 7, and from -0.31 to 0.80 over 4 seeds (IQM "
        f"{sharpe.iqm:.2f}, 95 % interval {sharpe.low:.2f} to {sharpe.high:.2f}; 2 of 4 seeds lost money)."
    )
    assert found.headline == 7
    assert [kept.seed for kept in found.rows] == [7, 8, 9, 10]


def test_it_is_json_without_nan() -> None:
    ruined = SeedRow(1, -1.0, -1.0, 0.3, -0.5, 1.0, math.nan, 0.5, 0.0)
    found, _ = judge_seeds([row(0, 0.5), ruined], 0)
    assert json.loads(json.dumps(plain(found.to_dict()), allow_nan=False))["rows"][1]["turnover"] is None


def test_impossible_seeds_are_refused() -> None:
    with pytest.raises(ConfigError, match="seeds: must have at least one row"):
        seed_summary([])
    with pytest.raises(ConfigError, match="seeds: must be distinct"):
        seed_summary([row(1, 0.1), row(1, 0.2)])
    with pytest.raises(ConfigError, match="headline: must be one of the seeds; got 4"):
        judge_seeds([row(1, 0.1), row(2, 0.2)], 4)


# the report


def page(ledgers: dict[int, Ledger], **changes: Any) -> str:
    judgement = replace(judge(ledgers[3], Trials(2), draws=5, bootstrap_draws=20), **changes)
    return render(ReportDocument.of(ledgers[3], judgement, title="x", run="r", created="2026-01-02T03:04:05Z"))


def test_the_report_shows_seeds_where_there_are_several(ledgers: dict[int, Ledger]) -> None:
    rows = [SeedRow.of(seed, ledger) for seed, ledger in ledgers.items()]
    several = page(ledgers, seeds=judge_seeds(rows, 3)[0])
    assert '<h2 id="h-seeds">Seeds</h2>' in several
    assert 'href="#h-seeds"' in several
    assert "3 (judged)" in several
    assert several.count('class="dot other"') == 2 * 3 * 3 + 2  # two strips at three widths, and two legends
    assert "<dt>IQM</dt>" in several
    for without in (page(ledgers), page(ledgers, seeds=judge_seeds(rows[:1], 3)[0])):
        assert "h-seeds" not in without
        assert "<dt>IQM</dt>" not in without


def test_the_report_shows_whether_anything_is_decided(ledgers: dict[int, Ledger]) -> None:
    text = page(ledgers)
    for words in (
        "Does it decide anything?",
        "Mutual information I(S;A)",
        "Best constant exposure",
        "Advantage a year",
    ):
        assert words in text
    # A judgement of an earlier version lacks them.
    assert "Does it decide anything?" not in page(ledgers, information=None, constant=None, modes=None)


def test_a_score_that_is_not_known_draws_no_strip(ledgers: dict[int, Ledger]) -> None:
    found, _ = judge_seeds([row(0, 0.5), row(1, 0.6)], 0)
    unknown = replace(found.rows[1], sharpe=math.nan)
    text = page(ledgers, seeds=replace(found, rows=(found.rows[0], unknown)))
    assert "Sharpe ratio by seed" not in text
    assert "Net return by seed" in text


def test_dots_that_would_touch_take_another_lane() -> None:
    assert _lanes([10.0, 100.0, 12.0, 50.0]) == [0, 0, -1, 0]
    assert len(set(_lanes([1.0, 1.0, 1.0, 1.0, 1.0]))) == 5
    assert len(_lanes([1.0] * 40)) == 40


def test_the_fan_holds_the_equity_of_all_seeds_and_their_windows() -> None:
    market = Market(costs=Costs(commission_bps=1.0))
    bars = random_walk(400)
    random = np.random.default_rng(0)
    ledgers = [market.backtest(bars, random.choice([-1.0, 1.0], (400, 1))) for _ in range(5)]
    fan = Fan.of(ledgers, [0, 150, 300, 400])
    assert len(fan.time) == 400
    ends = sorted(ledger.equity[-1] / ledger.start_equity for ledger in ledgers)
    assert [row[-1] for row in fan.equity] == pytest.approx(ends, rel=1e-9)  # five seeds, five quantiles
    assert fan.starts == (str(bars.time[0])[:19] + "Z", str(bars.time[150])[:19] + "Z", str(bars.time[300])[:19] + "Z")
    for ledger, windows in zip(ledgers, fan.windows, strict=True):
        assert np.prod(1.0 + np.array(windows)) == pytest.approx(ledger.equity[-1] / ledger.start_equity, rel=1e-9)
    seeds, _ = judge_seeds([SeedRow.of(seed, ledger) for seed, ledger in enumerate(ledgers)], 0, draws=20)
    kept = replace(seeds, fan=fan)
    assert Seeds.from_dict(json.loads(json.dumps(plain(kept.to_dict()))), "seeds") == kept
    assert "fan" not in seeds.to_dict()
    assert Seeds.from_dict(seeds.to_dict(), "seeds").fan is None
