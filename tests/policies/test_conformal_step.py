"""The interval step against a loop over lists, the paper's guarantee against an adversary, and what it may not know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.markets import bars_of

from regimen import Bars, Market
from regimen.execution import Tape
from regimen.metrics import monthly_coverage
from regimen.policies.conformal_step import ConformalStep

Floats = NDArray[np.float64]
STEP = ConformalStep(horizon=3, scores=60, alpha=1.0 - 0.8, rate=0.03, volatility_bars=10)


def tape_of(bars: Bars) -> Tape:
    return Market().history(bars, None).tape


def market(count: int = 500, holes: bool = True, split: int | None = None) -> Bars:
    """Two symbols with days between close and open; the first has holes, the second splits three for one."""
    rng = np.random.default_rng(7)
    closes = 100.0 * np.exp(np.cumsum(rng.standard_t(4, (count, 2)) * 0.01, axis=0))
    opens = np.concatenate([closes[:1], closes[:-1]]) * np.exp(rng.normal(0.0, 0.004, (count, 2)))
    if holes:
        for prices in (opens, closes):
            prices[[5, 60, 61, 62, 200, 333], 0] = np.nan
            prices[:20, 1] = np.nan
    if split is None:
        return bars_of(closes, opens)
    factor = np.ones((count, 2))
    factor[split:, 1] = 3.0
    extras = {"adjustment": np.where(np.isnan(closes), np.nan, factor)}
    return bars_of(closes / factor, opens / factor, extras=extras)


@dataclass
class Twin:
    """One symbol in plain Python: every list is sorted anew, and nothing is overwritten."""

    step: ConformalStep
    last: float = math.nan
    squares: float = 0.0
    weights: float = 0.0
    returns: int = 0
    scores: list[float] = field(default_factory=list)
    level: float = 0.0
    entries: list[float] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    misses: list[float] = field(default_factory=list)

    def push(self, opened: float, close: float, ratio: float) -> float:
        h, keep = self.step.horizon, 1.0 - 2.0 / (self.step.volatility_bars + 1.0)
        if ratio != 1.0:
            self.last /= ratio
            self.entries = [entry / ratio for entry in self.entries]
        if self.scales:
            self.entries.append(opened)  # of what was said a bar ago
        self.misses.append(math.nan)
        due = len(self.scales) - (h + 1)
        if due >= 0:
            score = abs(opened / self.entries[due] - 1.0) / self.scales[due]
            if not math.isnan(score):
                if not math.isnan(self.limits[due]):
                    self.misses[due] = float(score > self.limits[due])
                    self.level += self.step.rate * (self.step.alpha - self.misses[due])
                self.scores.append(score)
        sigma = math.nan
        if not math.isnan(close):
            if not math.isnan(self.last):
                change = close / self.last - 1.0
                self.squares = keep * self.squares + change * change
                self.weights = keep * self.weights + 1.0
                self.returns += 1
            self.last = close
            if self.returns >= self.step.volatility_bars:
                sigma = math.sqrt(self.squares / self.weights)
        scale = sigma * math.sqrt(h)
        window = sorted(self.scores[-self.step.scores :])
        limit = math.nan
        if scale > 0.0 and math.ceil((1.0 - self.step.alpha) * (len(window) + 1.0)) <= len(window):
            rank = math.ceil((1.0 - self.level) * (len(window) + 1.0))
            limit = -math.inf if rank < 1 else math.inf if rank > len(window) else window[rank - 1]
        self.scales.append(scale if scale > 0.0 else math.nan)
        self.limits.append(limit)
        return max(limit, 0.0) * scale


@pytest.mark.parametrize("split", [None, 150])
@pytest.mark.parametrize(("horizon", "scores"), [(1, 60), (3, 60), (2, 5)])
def test_it_is_the_plain_loop_to_the_bit(horizon: int, scores: int, split: int | None) -> None:
    tape, step = tape_of(market(split=split)), STEP._replace(horizon=horizon, scores=scores)
    state = step.initial_state(2)
    said = step.scan(tape, state)
    for s in range(2):
        twin = Twin(step, level=step.alpha)
        ratios = tape.ratios[:, s] if split else np.ones(len(tape.closes))
        bars = np.stack([tape.opens[:, s], tape.closes[:, s], ratios], axis=1).tolist()
        widths = [twin.push(*bar) for bar in bars]
        np.testing.assert_array_equal(said.widths[:, s], widths)
        np.testing.assert_array_equal(said.misses[:, s], twin.misses)
        assert step.levels(state)[s] == twin.level
    assert np.isnan(said.misses[-horizon - 1 :]).all()
    assert not np.isnan(said.widths[-100:]).any()


def test_one_bar_at_a_time_and_any_cut_give_the_same_bits() -> None:
    tape = tape_of(market(split=150))
    whole, parts, single = (STEP.initial_state(2) for _ in range(3))
    said = STEP.scan(tape, whole)
    for t in range(len(tape.closes)):
        np.testing.assert_array_equal(STEP.push(tape.at(t), single), said.widths[t])
    rows = [
        STEP.scan(tape._replace(opens=tape.opens[a:b], closes=tape.closes[a:b], ratios=tape.ratios[a:b]), parts)
        for a, b in ((0, 1), (1, 130), (130, 500))
    ]
    np.testing.assert_array_equal(np.concatenate([row.widths for row in rows]), said.widths)
    np.testing.assert_array_equal(single, whole)
    np.testing.assert_array_equal(parts, whole)


def test_a_stock_split_is_no_move() -> None:
    plain, split = (STEP.scan(tape_of(market(split=at)), STEP.initial_state(2)) for at in (None, 150))
    np.testing.assert_allclose(split.widths, plain.widths, rtol=1e-11)
    np.testing.assert_array_equal(split.misses, plain.misses)


@pytest.mark.parametrize("at", [100, 250, 401])
def test_what_is_said_knows_nothing_of_later_bars_and_no_score_before_it_is_due(at: int) -> None:
    tape = tape_of(market(holes=False))
    said = STEP.scan(tape, STEP.initial_state(2))
    poisoned = {name: getattr(tape, name).copy() for name in ("opens", "closes")}
    for column in poisoned.values():
        column[at + 1 :] *= np.random.default_rng(at).uniform(0.2, 5.0, column[at + 1 :].shape)
    later = STEP.scan(tape._replace(**poisoned), STEP.initial_state(2))
    np.testing.assert_array_equal(later.widths[: at + 1], said.widths[: at + 1])
    np.testing.assert_array_equal(later.misses[: at - STEP.horizon], said.misses[: at - STEP.horizon])

    # One open decides the score of what was said h + 1 bars before it, and that one is heard of at once.
    opens = tape.opens.copy()
    opens[at] *= 3.0
    moved = STEP.scan(tape._replace(opens=opens), STEP.initial_state(2))
    changed = np.flatnonzero(((moved.widths != said.widths) & np.isfinite(said.widths)).any(axis=1))
    assert changed[0] == at
    assert moved.misses[at - STEP.horizon - 1].tolist() == [1.0, 1.0]


def test_too_few_scores_say_nothing() -> None:
    # At a coverage of .8 the conformal quantile of n scores is one of them from n = 4 on.
    said = STEP.scan(tape_of(market(holes=False)), STEP.initial_state(2))
    first = STEP.volatility_bars + STEP.horizon + 1 + 3  # the first volatility, the first score, and three more
    assert np.isnan(said.widths[:first]).all()
    assert np.isfinite(said.widths[first]).all()


@pytest.mark.parametrize("horizon", [1, 6])
@pytest.mark.parametrize("adversary", ["always beyond", "never beyond", "in stretches", "ever wilder"])
def test_the_share_of_misses_obeys_the_bound_of_the_paper(adversary: str, horizon: int) -> None:
    """Proposition 4.1: |mean miss − α| <= (max(α₁, 1 − α₁) + rate) / (T rate), whatever comes.

    There a miss is known before the next interval is said. Known d bars late the level stays within d · rate beyond
    0 and 1 instead of 1 · rate (while it is beyond, nothing more is missed, and d misses are on their way), so d · rate
    takes the place of rate. The closes stand nearly still, so that the adversary, who sets the opens, sets the scores.
    """
    step = ConformalStep(horizon, scores=50, alpha=0.1, rate=0.05, volatility_bars=5)
    delay, rng = horizon + 1, np.random.default_rng(0)
    tape, state = tape_of(bars_of(np.full(2, 100.0))), step.initial_state(1)
    opens, closes, widths = [100.0], 100.0 + 0.1 * (np.arange(3000.0) % 2), []
    for t in range(3000):
        bar = tape._replace(opens=np.array([[opens[t]]]), closes=closes[t : t + 1, None])
        widths.append(float(step.push(bar, state)[0]))
        beyond = {
            "always beyond": True,
            "never beyond": False,
            "in stretches": t // 200 % 2 == 0,
            "ever wilder": rng.random() < t / 3000,
        }[adversary]
        opens.append(100.0)  # where what was said h bars ago ends
        if t >= horizon and beyond and math.isfinite(widths[t - horizon]):
            opens[-1] = opens[t + 1 - horizon] * (1.001 + 1.05 * widths[t - horizon])
    whole = tape._replace(opens=np.array(opens[:-1])[:, None], closes=closes[:, None])
    said = step.scan(whole, step.initial_state(1))
    np.testing.assert_array_equal(said.widths[:, 0], widths)
    misses = said.misses[np.isfinite(said.misses)]
    count = np.arange(1, len(misses) + 1)
    gap = np.abs(np.cumsum(misses) / count - step.alpha)
    assert (gap <= (0.9 + delay * step.rate) / (count * step.rate) + 1e-12).all()
    assert -delay * step.rate <= step.levels(state)[0] <= 1.0 + delay * step.rate
    # What it is worth: with a level that never moves the adversary has his way.
    still = step._replace(rate=0.0)
    if adversary == "in stretches":
        assert abs(np.nanmean(still.scan(whole, still.initial_state(1)).misses) - step.alpha) > 3.0 * gap[-1]


def garch(count: int, seed: int) -> Bars:
    """Hourly bars of a GARCH(1, 1) with Student's t innovations and a tripled variance for a month now and then."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(4, count) / math.sqrt(2.0)
    wild = np.repeat(rng.random(count // 720 + 1) < 0.2, 720)[:count]
    returns, variance = np.empty(count), 1e-4
    for t in range(count):
        returns[t] = math.sqrt(variance * (3.0 if wild[t] else 1.0)) * shocks[t]
        variance = 2e-6 + 0.08 * min(returns[t] ** 2, 0.01) + 0.9 * variance
    return bars_of(100.0 * np.exp(np.cumsum(returns)), step="1h")


@pytest.mark.parametrize(("horizon", "least"), [(1, 0.88), (5, 0.87)])
def test_the_coverage_is_what_was_said_in_every_month(horizon: int, least: float) -> None:
    bars = garch(30_000, 3)
    step = ConformalStep(horizon, scores=2000, alpha=1.0 - 0.9, rate=0.02, volatility_bars=50)
    said = step.scan(tape_of(bars), step.initial_state(1))
    found = monthly_coverage(bars.time[4000:], said.misses[4000:])
    assert found.overall == pytest.approx(0.9, abs=0.005)
    assert found.covered[found.worst] >= least
    still = step._replace(rate=0.0)
    fixed = monthly_coverage(bars.time[4000:], still.scan(tape_of(bars), still.initial_state(1)).misses[4000:])
    assert fixed.covered[fixed.worst] < found.covered[found.worst]


def test_the_scores_by_size_are_the_scores_by_age() -> None:
    step, tape = STEP._replace(scores=25), tape_of(market(holes=False))
    state = step.initial_state(2)
    for t in range(300):
        step.push(tape.at(t), state)
        known = max(0, min(t - step.volatility_bars - step.horizon, 25))
        np.testing.assert_array_equal(np.sort(state[:, -50 : known - 50], axis=1), state[:, -25 : known - 25 or None])
