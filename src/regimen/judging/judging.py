"""The one judge: every ledger beside its controls, deflated by all trials, with a verdict in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.judging import controls, curves
from regimen.judging.acting import Acting, Information, compare
from regimen.judging.behaviour import behaviour
from regimen.judging.constants import best_constant
from regimen.judging.evidence import CONFIDENCE, Evidence
from regimen.judging.holding import holding_market, not_held, stale_share
from regimen.judging.judgement import Judgement
from regimen.judging.measures import Row, measure, with_interval
from regimen.judging.periods import by_period, calendar_edges, stamp
from regimen.judging.random_timing import random_timing
from regimen.judging.seeds import SeedSummary
from regimen.judging.timing import Timing
from regimen.judging.trials import Trials
from regimen.judging.verdict import decide

if TYPE_CHECKING:
    from regimen.execution import Ledger

Series = NDArray[np.float64]

_LEVEL = 0.95
_METHOD = "stationary bootstrap, percentile"


def _deflate(row: Row, timing: Timing, trials: Trials) -> Row:
    value = timing.dsr(trials.count, trials.variance_used(len(timing.returns)))
    return replace(row, dsr=value, trials=None if math.isnan(value) else trials.count)


def _halves(returns: Series, periods_per_year: float) -> tuple[float, float]:
    middle = len(returns) // 2
    first, second = returns[:middle], returns[middle:]
    return metrics.annual_sharpe(first, periods_per_year), metrics.annual_sharpe(second, periods_per_year)


def _trial_details(timing: Timing, trials: Trials, periods_per_year: float) -> dict[str, object]:
    variance = trials.variance_used(len(timing.returns))
    effective = math.nan if trials.effective is None else timing.dsr(trials.effective, variance)
    return {
        "count": trials.count,
        "effective": trials.effective,
        "measured": trials.measured,
        "sharpe_variance": trials.sharpe_variance,
        "timing_variance": trials.timing_variance,
        "sharpe_variance_used": variance,
        "expected_max_sharpe": metrics.expected_max_sharpe(trials.count, variance) * math.sqrt(periods_per_year),
        "dsr_effective": effective,
    }


def judge(
    ledger: Ledger,
    trials: Trials,
    *,
    reference: Series | None = None,
    acting: Acting | None = None,
    seeds: SeedSummary | None = None,
    draws: int | None = None,
    bootstrap_draws: int = 2000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
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
        draws: backtests of the random control; None makes 300, fewer in large samples (see
            `regimen.judging.controls.draws_for`).
        bootstrap_draws: resampled series behind each Sharpe interval.
        seed: of the shifts and the bootstrap; the same seed gives the same judgement, bit for bit.
        progress: called after each random draw with how many are done and how many there are.

    Returns:
        the judgement. A policy that never trades has a Sharpe ratio, PSR and DSR that are undefined, and no
        p-value.

    Raises:
        ConfigError: drawn actions on other bars or in another market.
    """
    bars, returns, periods_per_year = ledger.bars, ledger.returns, ledger.bars.periods_per_year
    count = len(returns)
    market = ledger.market.build()
    tape = market.tape(bars)
    standing = controls.standing(ledger.targets)
    at = curves.positions(count)

    def measured(books: Ledger, name: str, label: str) -> Row:
        row = measure(books, name, label)
        found = metrics.sharpe_interval(books.returns, periods_per_year, level=_LEVEL, draws=bootstrap_draws, seed=seed)
        return with_interval(row, found)

    interval = metrics.sharpe_interval(returns, periods_per_year, level=_LEVEL, draws=bootstrap_draws, seed=seed)
    timing = Timing.of(ledger, tape)
    policy = _deflate(with_interval(measure(ledger, "policy", "Policy"), interval), timing, trials)
    flat = market.backtest(bars, controls.flat(bars.shape), tape=tape)
    held = holding_market(ledger.market).build().backtest(bars, controls.buy_and_hold(bars.listed), tape=tape)
    late = market.backtest(bars, controls.late(standing), tape=tape)
    backwards = market.backtest(bars, controls.time_reversed(standing, bars.listed), tape=tape)
    random, random_row = random_timing(ledger, standing, policy, timing, trials.count, draws, at, seed, progress)

    holding = measured(held, "buy_and_hold", "Buy and hold")
    delayed = measured(late, "one_bar_late", "Policy, one bar late")
    rows = [policy, measured(flat, "flat", "Flat"), holding]
    rows.append(random_row or measured(flat, "random", "Random timing (median)"))
    equity: dict[str, object] = {
        "policy": curves.equity_at(returns, at),
        "flat": curves.equity_at(flat.returns, at),
        "buy_and_hold": curves.equity_at(held.returns, at),
        "random_low": random.equity[0],
        "random_median": random.equity[1],
        "random_high": random.equity[2],
    }
    optimum = None
    if reference is not None:
        optimum = market.backtest(bars, reference, tape=tape)
        rows.append(measured(optimum, "reference", "Known optimum"))
        equity["reference"] = curves.equity_at(optimum.returns, at)
    modes = None
    if acting is not None and acting.drawn is not None:
        modes = compare(ledger, acting.drawn, optimum)
        rows.append(_deflate(measured(acting.drawn, "drawn", "Policy, drawn actions"), Timing.of(acting.drawn), trials))
    rows += [delayed, measured(backwards, "time_reversed", "Policy, time reversed")]

    acts = behaviour(standing, ledger.exposure, ledger.turnover, bars.open, bars.close, bars.present)
    information = acting.information if acting else Information(acts.action_entropy, 0.0, "discrete", "targets")
    constant, modal = best_constant(ledger, standing, np.array(acts.modal_targets), tape, {0.0: flat, 1.0: held})
    first_half, second_half = _halves(returns, periods_per_year)
    zero_cost = ledger.market.costs.is_free
    ruined_at = (
        stamp(bars.time[int(np.argmax(ledger.equity <= 0))]) if ledger.ruined and (ledger.equity <= 0).any() else ""
    )
    verdict = decide(
        Evidence(
            bars=count,
            total_return=policy.total_return,
            sharpe=policy.sharpe,
            sharpe_low=policy.sharpe_interval[0],
            sharpe_high=policy.sharpe_interval[1],
            psr=policy.psr,
            dsr=policy.dsr,
            trials=trials.count,
            p_random=random.p_value,
            p_trials=random.p_trials,
            random_draws=random.count,
            trades=acts.trades,
            positions=acts.positions,
            changes=acts.changes,
            modal_exposure=acts.modal_exposure,
            modal_share=acts.modal_share,
            directional_accuracy=acts.directional_accuracy,
            chance_accuracy=acts.chance_accuracy,
            directional_bars=acts.directional_bars,
            buy_and_hold_return=holding.total_return,
            late_sharpe=delayed.sharpe,
            break_even_extra_bps=policy.break_even_extra_bps,
            cost_paid_bps=policy.cost_paid_bps,
            first_half_sharpe=first_half,
            second_half_sharpe=second_half,
            zero_cost=zero_cost,
            ruined=ledger.ruined,
            ruined_at=ruined_at,
            liquidations=ledger.liquidations,
            symbols=len(bars.symbols),
            constant=constant,
            modal=modal,
            information=information,
            modes=modes,
            seeds=seeds,
            days=(bars.time[-1] - bars.time[0] + np.timedelta64(bars.bar_length, "ns")) / np.timedelta64(1, "D"),
            not_held=not_held(held),
            stale_share=stale_share(ledger),
        )
    )
    record = metrics.minimum_track_record(policy.sharpe_per_bar, policy.skew, policy.kurtosis, level=CONFIDENCE)
    details: dict[str, object] = {
        "trials": _trial_details(timing, trials, periods_per_year),
        "timing": timing.to_dict(),
        "interval": {
            "level": _LEVEL,
            "draws": interval.draws,
            "block_length": interval.block_length,
            "method": _METHOD,
        },
        "minimum_track_record": {"bars": record, "years": record / periods_per_year},
        "sample": {
            "start": stamp(bars.time[0]),
            "end": stamp(bars.time[-1]),
            "bars": count,
            "years": count / periods_per_year,
            "symbols": len(bars.symbols),
            "periods_per_year": periods_per_year,
            "calendar": bars.calendar.name,
            "fingerprint": bars.fingerprint,
            "source": bars.source,
        },
        "charged": {"sentence": ledger.market.costs.sentence, **ledger.market.costs.model_dump(mode="json")},
        "zero_cost": zero_cost,
        "ruined": ledger.ruined,
        "decay": {"first_half_sharpe": first_half, "second_half_sharpe": second_half},
        "seed": seed,
    }
    return Judgement(
        verdict=verdict,
        rows=tuple(rows),
        random=random,
        trials=trials,
        behaviour=acts,
        information=information,
        constant=constant,
        modes=modes,
        periods=tuple(by_period(ledger, calendar_edges(bars.time), held)),
        curves={
            "time": [stamp(bars.time[position]) for position in at],
            "equity": equity,
            "drawdown": {
                "policy": curves.drawdown_at(returns, at),
                "buy_and_hold": curves.drawdown_at(held.returns, at),
            },
            "note": "multiples of the starting equity; drawdown: the deepest since the point before",
        },
        details=details,
    )
