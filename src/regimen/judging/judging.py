"""The one judge: every ledger beside its controls, deflated by all trials, with a verdict in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging import curves
from regimen.judging.acting import Acting, Information, compare
from regimen.judging.behaviour import Conduct, behaviour
from regimen.judging.controls import targets as controls
from regimen.judging.controls.constants import best_constant
from regimen.judging.controls.experiment import ControlExperiment
from regimen.judging.controls.holding import holding_market, not_held, stale_share
from regimen.judging.controls.random_timing import Draws, random_timing
from regimen.judging.judgement import Bootstrap, Charged, Halves, Judgement, Sample, TrackRecord
from regimen.judging.measures import Row, measure, with_interval
from regimen.judging.periods import by_period, calendar_edges, stamp
from regimen.judging.regimes.rows import regimes_of
from regimen.judging.regimes.states import MarketStates
from regimen.judging.seeds import SeedSummary
from regimen.judging.timing import Timing
from regimen.judging.trials import Deflation, Trials
from regimen.judging.verdicts.evidence import CONFIDENCE, Evidence
from regimen.judging.verdicts.verdict import Verdict, decide
from regimen.processors import beside, in_threads

if TYPE_CHECKING:
    from regimen.execution import Ledger, Market, Tape

Series = NDArray[np.float64]

_Named = tuple["Ledger", str, str]
"""A ledger, and the name and the label of its row."""

_LEVEL = 0.95
_LONG = 50_000
"""Bars × symbols from which the work is shared out among processors."""
_ORDER = ("policy", "flat", "buy_and_hold", "random", "reference", "drawn", "one_bar_late", "time_reversed")
_METHOD = "stationary bootstrap, percentile"


def _deflate(row: Row, timing: Timing, trials: Trials) -> Row:
    value = timing.dsr(trials.count, trials.variance_used(len(timing.returns)))
    return replace(row, dsr=value, trials=None if math.isnan(value) else trials.count)


def _halves(returns: Series, periods_per_year: float) -> tuple[float, float]:
    middle = len(returns) // 2
    first, second = returns[:middle], returns[middle:]
    return metrics.annual_sharpe(first, periods_per_year), metrics.annual_sharpe(second, periods_per_year)


def _deflation(timing: Timing, trials: Trials, periods_per_year: float) -> Deflation:
    variance = trials.variance_used(len(timing.returns))
    return Deflation(
        count=trials.count,
        effective=trials.effective,
        measured=trials.measured,
        sharpe_variance=trials.sharpe_variance,
        timing_variance=trials.timing_variance,
        sharpe_variance_used=variance,
        expected_max_sharpe=metrics.expected_max_sharpe(trials.count, variance) * math.sqrt(periods_per_year),
        dsr_effective=math.nan if trials.effective is None else timing.dsr(trials.effective, variance),
    )


@dataclass(frozen=True)
class _Scale:
    """How the Sharpe ratio of every ledger is measured, the judged one and the controls alike."""

    periods_per_year: float
    draws: int
    seed: int

    def intervals(self, books: Sequence[_Named]) -> list[metrics.Interval]:
        """Those of the Sharpe ratios of several ledgers, drawn together."""
        returns = [ledger.returns for ledger, _, _ in books]
        return metrics.sharpe_intervals(returns, self.periods_per_year, level=_LEVEL, draws=self.draws, seed=self.seed)


class _Books(NamedTuple):
    """What the controls earned on the bars of the judged ledger."""

    flat: Ledger
    buy_and_hold: Ledger
    late: Ledger
    backwards: Ledger
    optimum: Ledger | None = None


def _trade_controls(
    ledger: Ledger, standing: NDArray[np.float64], reference: Series | None, market: Market, tape: Tape
) -> _Books:
    bars = ledger.bars
    holding = holding_market(ledger.market).build()
    wanted = [
        (market, controls.flat(bars.shape)),
        (holding, controls.buy_and_hold(bars.listed)),
        (market, controls.late(standing)),
        (market, controls.time_reversed(standing, bars.listed)),
        *([] if reference is None else [(market, reference)]),
    ]
    traded = in_threads(lambda each: each[0].backtest(bars, each[1], tape=tape), wanted, worth=standing.size >= _LONG)
    return _Books(*traded)


def _named(books: _Books) -> list[_Named]:
    known = [] if books.optimum is None else [(books.optimum, "reference", "Known optimum")]
    return [
        (books.flat, "flat", "Flat"),
        (books.buy_and_hold, "buy_and_hold", "Buy and hold"),
        *known,
        (books.late, "one_bar_late", "Policy, one bar late"),
        (books.backwards, "time_reversed", "Policy, time reversed"),
    ]


def _evidence(
    ledger: Ledger,
    policy: Row,
    rows: Mapping[str, Row],
    random: Draws,
    conduct: Conduct,
    trials: int,
    buy_and_hold: Ledger,
) -> Evidence:
    """What the ledger and its controls show; what its constant, its drawn actions and its seeds show comes beside."""
    bars = ledger.bars
    first_half, second_half = _halves(ledger.returns, bars.periods_per_year)
    wiped_out = ledger.ruined and (ledger.equity <= 0).any()
    ruined_at = stamp(bars.time[int(np.argmax(ledger.equity <= 0))]) if wiped_out else ""
    return Evidence(
        bars=len(ledger.returns),
        total_return=policy.total_return,
        sharpe=policy.sharpe,
        sharpe_low=policy.sharpe_interval[0],
        sharpe_high=policy.sharpe_interval[1],
        psr=policy.psr,
        dsr=policy.dsr,
        trials=trials,
        p_random=random.p_value,
        p_trials=random.p_trials,
        random_draws=random.count,
        trades=conduct.trades,
        positions=conduct.positions,
        changes=conduct.changes,
        modal_exposure=conduct.modal_exposure,
        modal_share=conduct.modal_share,
        directional_accuracy=conduct.directional_accuracy,
        chance_accuracy=conduct.chance_accuracy,
        directional_bars=conduct.directional_bars,
        buy_and_hold_return=rows["buy_and_hold"].total_return,
        late_sharpe=rows["one_bar_late"].sharpe,
        break_even_extra_bps=policy.break_even_extra_bps,
        cost_paid_bps=policy.cost_paid_bps,
        first_half_sharpe=first_half,
        second_half_sharpe=second_half,
        zero_cost=ledger.market.costs.is_free,
        ruined=ledger.ruined,
        ruined_at=ruined_at,
        liquidations=ledger.liquidations,
        symbols=len(bars.symbols),
        days=(bars.time[-1] - bars.time[0] + np.timedelta64(bars.bar_length, "ns")) / np.timedelta64(1, "D"),
        not_held=not_held(buy_and_hold),
        stale_share=stale_share(ledger),
        bars_a_year=bars.periods_per_year,
    )


def _curves(ledger: Ledger, books: _Books, random_equity: Series, at: NDArray[np.int64]) -> curves.Curves:
    equity = {
        "policy": curves.equity_at(ledger.returns, at),
        "flat": curves.equity_at(books.flat.returns, at),
        "buy_and_hold": curves.equity_at(books.buy_and_hold.returns, at),
        "random_low": random_equity[0],
        "random_median": random_equity[1],
        "random_high": random_equity[2],
    }
    if books.optimum is not None:
        equity["reference"] = curves.equity_at(books.optimum.returns, at)
    drawdown = {
        "policy": curves.drawdown_at(ledger.returns, at),
        "buy_and_hold": curves.drawdown_at(books.buy_and_hold.returns, at),
    }
    return curves.Curves(
        time=tuple(stamp(ledger.bars.time[position]) for position in at),
        equity={name: tuple(values.tolist()) for name, values in equity.items()},
        drawdown={name: tuple(values.tolist()) for name, values in drawdown.items()},
        note="multiples of the starting equity; drawdown: the deepest since the point before",
    )


def _track_record(policy: Row, periods_per_year: float) -> TrackRecord:
    record = metrics.minimum_track_record(policy.sharpe_per_bar, policy.skew, policy.kurtosis, level=CONFIDENCE)
    return TrackRecord(record, record / periods_per_year)


def _sample(ledger: Ledger) -> Sample:
    bars, count = ledger.bars, len(ledger.returns)
    return Sample(
        start=stamp(bars.time[0]),
        end=stamp(bars.time[-1]),
        bars=count,
        years=count / bars.periods_per_year,
        symbols=len(bars.symbols),
        periods_per_year=bars.periods_per_year,
        calendar=bars.calendar.name,
        fingerprint=bars.fingerprint,
        source=bars.source,
    )


def judge(
    ledger: Ledger,
    trials: Trials,
    *,
    reference: Series | None = None,
    acting: Acting | None = None,
    seeds: SeedSummary | None = None,
    states: Sequence[MarketStates] = (),
    draws: int | None = None,
    bootstrap_draws: int = 2000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    experiments: Callable[[Verdict], Sequence[ControlExperiment] | None] | None = None,
) -> Judgement:
    """Judges one ledger: metrics with intervals, controls with all costs on, deflation, a verdict.

    Timing: everything is measured on the ledger's own bars, out of sample when the ledger is. Every control
        goes through
    ``ledger.market.build().backtest(ledger.bars, targets)``, the same market under the same rules.

    Args:
        ledger: of the policy; `regimen.execution.Market.backtest` makes it.
        trials: every trial behind it, from the trial ledger.
        reference: (time, symbol) targets of the known optimum, where the market is simulated.
        acting: what was measured of a policy that can draw its actions; without it the policy counts as
            deterministic.
        seeds: all seeds of the training, this ledger's included, where there were several; a policy whose seeds do
            not agree is no evidence.
        states: of the ledger's bars, see `regimen.judging.market_states`: what was earned in them is told apart.
        draws: backtests of the random control; None makes 300, fewer in large samples (see
            `regimen.judging.controls.targets.draws_for`).
        bootstrap_draws: resampled series behind each Sharpe interval.
        seed: of the shifts and the bootstrap; the same seed gives the same judgement, bit for bit.
        progress: called after each random draw with how many are done and how many there are.
        experiments: makes the control experiments of a result with this verdict, or None where it needs none; the
            verdict is then decided again.

    Returns:
        the judgement. A policy that never trades has a Sharpe ratio, PSR and DSR that are undefined, and no
        p-value.

    Raises:
        ConfigError: drawn actions on other bars or in another market.
    """
    scale = _Scale(ledger.bars.periods_per_year, bootstrap_draws, seed)
    market = ledger.market.build()
    tape = market.tape(ledger.bars)
    standing = controls.standing(ledger.targets)
    at = curves.positions(len(ledger.returns))

    timing = Timing.of(ledger, tape)
    books = _trade_controls(ledger, standing, reference, market, tape)
    named = [(ledger, "policy", "Policy"), *_named(books)]
    if acting is not None and acting.drawn is not None:
        named.append((acting.drawn, "drawn", "Policy, drawn actions"))
    long = standing.size >= _LONG
    drawn = beside(lambda: scale.intervals(named), worth=long)
    rows = {row.name: row for row in in_threads(lambda each: measure(*each), named, worth=long)}
    random, random_row, random_equity = random_timing(
        ledger, standing, rows["policy"], timing, trials.count, draws, at, seed, progress, long=long
    )
    intervals = drawn()
    rows = {row.name: with_interval(row, own) for row, own in zip(rows.values(), intervals, strict=True)}
    policy = rows["policy"] = _deflate(rows["policy"], timing, trials)
    rows["random"] = random_row or replace(rows["flat"], name="random", label="Random timing (median)")
    modes = None
    if acting is not None and acting.drawn is not None:
        modes = compare(ledger, acting.drawn, books.optimum)
        rows["drawn"] = _deflate(rows["drawn"], Timing.of(acting.drawn), trials)

    conduct, modal_targets = behaviour(
        standing, ledger.exposure, ledger.turnover, ledger.bars.open, ledger.bars.close, ledger.bars.present
    )
    constant, modal = best_constant(ledger, standing, modal_targets, tape, {0.0: books.flat, 1.0: books.buy_and_hold})
    information = acting.information if acting else Information(conduct.action_entropy, 0.0, "discrete", "targets")
    evidence = _evidence(ledger, policy, rows, random, conduct, trials.count, books.buy_and_hold)
    evidence = replace(evidence, constant=constant, modal=modal, information=information, modes=modes, seeds=seeds)
    evidence = replace(evidence, timing=timing.kept, trials_variance=trials.recorded_variance)
    verdict = decide(evidence)
    outcomes = None if experiments is None else experiments(verdict)
    if outcomes is not None:
        verdict = decide(replace(evidence, controls=tuple(outcomes)))
    return Judgement(
        verdict=verdict,
        rows=tuple(rows[name] for name in _ORDER if name in rows),
        random=random,
        behaviour=conduct,
        information=information,
        constant=constant,
        modes=modes,
        periods=tuple(by_period(ledger, calendar_edges(ledger.bars.time), books.buy_and_hold)),
        curves=_curves(ledger, books, random_equity, at),
        trials=_deflation(timing, trials, scale.periods_per_year),
        timing=timing.kept,
        interval=Bootstrap(_LEVEL, intervals[0].draws, intervals[0].block_length, _METHOD),
        minimum_track_record=_track_record(policy, scale.periods_per_year),
        sample=_sample(ledger),
        charged=Charged(ledger.market.costs.sentence, ledger.market.costs.model_dump(mode="json")),
        zero_cost=evidence.zero_cost,
        ruined=ledger.ruined,
        decay=Halves(evidence.first_half_sharpe, evidence.second_half_sharpe),
        seed=seed,
        regimes=regimes_of(ledger, states, draws=bootstrap_draws, seed=seed) or None,
        controls=None if outcomes is None else tuple(outcomes),
    )
