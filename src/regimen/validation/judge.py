"""The one judge: every ledger beside its controls, deflated by all trials, with a verdict in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from regimen import metrics
from regimen.validation import controls, curves
from regimen.validation.alarms import Alarm
from regimen.validation.behaviour import Behaviour, behaviour
from regimen.validation.evidence import CONFIDENCE, Evidence
from regimen.validation.measures import Row, measure, with_interval
from regimen.validation.periods import PeriodRow, by_period, calendar_edges, stamp
from regimen.validation.random_timing import Draws, random_timing
from regimen.validation.trials import Trials
from regimen.validation.verdict import Verdict, decide

if TYPE_CHECKING:
    from regimen.execution import Ledger

Series = NDArray[np.float64]

_LEVEL = 0.95
_METHOD = "stationary bootstrap, percentile"


@dataclass(frozen=True)
class Judgement:
    """What the judge found; `to_dict` is its file format and what the report is made of.

    Attributes:
        verdict: level, sentence, rules, alarms.
        rows: policy, flat, buy_and_hold, random, reference (when given), one_bar_late, time_reversed.
        random: the random control.
        trials: what the DSR was deflated by; ``details["trials"]`` says with which variance.
        behaviour: the action histogram and what follows.
        periods: results by calendar year or month.
        curves: thinned equity and drawdown.
        details: sample, interval, trials, minimum_track_record, decay, zero_cost, ruined, seed.
    """

    verdict: Verdict
    rows: tuple[Row, ...]
    random: Draws
    trials: Trials
    behaviour: Behaviour
    periods: tuple[PeriodRow, ...]
    curves: Mapping[str, object]
    details: Mapping[str, object]

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What must be looked at before any number is believed."""
        return self.verdict.alarms

    def row(self, name: str) -> Row:
        """Returns the row of that name. Raises KeyError when there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_dict(self) -> dict[str, object]:
        """Returns the whole judgement for JSON; undefined and infinite numbers are None."""
        verdict = {
            "level": self.verdict.level,
            "sentence": self.verdict.sentence,
            "rules": [dict(vars(rule)) for rule in self.verdict.rules],
        }
        found = {
            "verdict": verdict,
            "alarms": [dict(vars(alarm)) for alarm in self.alarms],
            "rows": [row.to_dict() for row in self.rows],
            "random": self.random.to_dict(),
            "behaviour": self.behaviour.to_dict(),
            "periods": [period.to_dict() for period in self.periods],
            "curves": self.curves,
            **self.details,
        }
        plain = _plain(found)
        assert isinstance(plain, dict)
        return plain


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _deflate(row: Row, bars: int, trials: Trials) -> Row:
    value = metrics.dsr(row.sharpe_per_bar, bars, row.skew, row.kurtosis, trials.count, trials.variance_used(bars))
    return replace(row, dsr=value, trials=trials.count)


def _halves(returns: Series, periods_per_year: float) -> tuple[float, float]:
    middle = len(returns) // 2
    first, second = returns[:middle], returns[middle:]
    return metrics.annual_sharpe(first, periods_per_year), metrics.annual_sharpe(second, periods_per_year)


def _trial_details(policy: Row, bars: int, trials: Trials, periods_per_year: float) -> dict[str, object]:
    variance = trials.variance_used(bars)
    effective = math.nan
    if trials.effective is not None:
        effective = metrics.dsr(policy.sharpe_per_bar, bars, policy.skew, policy.kurtosis, trials.effective, variance)
    return {
        "count": trials.count,
        "effective": trials.effective,
        "measured": trials.measured,
        "sharpe_variance": trials.sharpe_variance,
        "sharpe_variance_used": variance,
        "expected_max_sharpe": metrics.expected_max_sharpe(trials.count, variance) * math.sqrt(periods_per_year),
        "dsr_effective": effective,
    }


def judge(
    ledger: Ledger,
    trials: Trials,
    *,
    reference: Series | None = None,
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
        draws: backtests of the random control; None makes 300, fewer in large samples (see
            `regimen.validation.controls.draws_for`).
        bootstrap_draws: resampled series behind each Sharpe interval.
        seed: of the shifts and the bootstrap; the same seed gives the same judgement, bit for bit.
        progress: called after each random draw with how many are done and how many there are.

    Returns:
        the judgement. A policy that never trades has a Sharpe ratio, PSR and DSR that are undefined, and no
        p-value.
    """
    bars, returns, periods_per_year = ledger.bars, ledger.returns, ledger.bars.periods_per_year
    count = len(returns)
    market = ledger.market.build()
    standing = controls.standing(ledger.targets)
    at = curves.positions(count)

    def measured(books: Ledger, name: str, label: str) -> Row:
        row = measure(books, name, label)
        found = metrics.sharpe_interval(books.returns, periods_per_year, level=_LEVEL, draws=bootstrap_draws, seed=seed)
        return with_interval(row, found)

    interval = metrics.sharpe_interval(returns, periods_per_year, level=_LEVEL, draws=bootstrap_draws, seed=seed)
    policy = _deflate(with_interval(measure(ledger, "policy", "Policy"), interval), count, trials)
    flat = market.backtest(bars, controls.flat(bars.shape))
    held = market.backtest(bars, controls.buy_and_hold(bars.present))
    late = market.backtest(bars, controls.late(standing))
    backwards = market.backtest(bars, controls.time_reversed(standing, bars.present))
    random, random_row = random_timing(ledger, standing, policy, draws, at, seed, progress)

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
    if reference is not None:
        optimum = market.backtest(bars, reference)
        rows.append(measured(optimum, "reference", "Known optimum"))
        equity["reference"] = curves.equity_at(optimum.returns, at)
    rows += [delayed, measured(backwards, "time_reversed", "Policy, time reversed")]

    acts = behaviour(standing, ledger.exposure, ledger.turnover, bars.open, bars.close, bars.present)
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
        )
    )
    record = metrics.minimum_track_record(policy.sharpe_per_bar, policy.skew, policy.kurtosis, level=CONFIDENCE)
    details: dict[str, object] = {
        "trials": _trial_details(policy, count, trials, periods_per_year),
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
