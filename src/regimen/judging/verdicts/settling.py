"""What would settle a verdict: how many bars at the same result per bar, or how few trials on these bars."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from regimen import metrics
from regimen.judging.trials import at_least_null
from regimen.judging.verdicts.evidence import (
    CONFIDENCE,
    DEFLATED,
    FEWEST_POSITIONS,
    INTERVAL,
    LUCK,
    POSITIONS,
    PROFIT,
    TIMING,
    Evidence,
)

_NORMAL = NormalDist()
_MOST = 10**9
"""Numbers of trials above this are not told apart."""


def deflated_record(
    sharpe: float, skew: float, kurtosis: float, trials: int, variance: float | None, level: float = CONFIDENCE
) -> float:
    """Returns how many bars it takes until the DSR reaches ``level`` at this Sharpe ratio and number of trials.

    The minimum track record against the benchmark that the DSR itself has at that length: E[max of N]·√V, V the
    recorded variance, and never below 1/(T − 1), which falls as the record grows. So it is the longer of two: that of
    `regimen.metrics.minimum_track_record` with the recorded V, and 1 + ((E[max of N] + Φ⁻¹(level)·√k) / SR)²,
    k = 1 − γ₃·SR + (γ₄ − 1)/4·SR².

    Args:
        sharpe: of the timing's returns, of one bar; ``skew`` and ``kurtosis`` (raw) are theirs.
        trials: N.
        variance: recorded, of the trials' per-bar Sharpe ratios; None where it is unknown.
        level: what the DSR must reach.

    Returns:
        infinite where it never does, NaN where the Sharpe ratio is undefined.
    """
    luck = metrics.expected_max_sharpe(trials, 1.0)
    spread = math.sqrt(variance) if variance is not None and math.isfinite(variance) else 0.0
    recorded = metrics.minimum_track_record(sharpe, skew, kurtosis, luck * spread, level)
    if not math.isfinite(recorded):
        return recorded
    inner = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    ratio = (luck + _NORMAL.inv_cdf(level) * math.sqrt(inner)) / sharpe
    return max(recorded, 1.0 + ratio * ratio)


def bars_needed(evidence: Evidence) -> dict[str, float]:
    """Returns by rule after how many bars it is passed, if each bar goes on bringing what it brought on average.

    At most the bars that there are where the rule is passed; infinite where more of the same never passes it. For the
    interval and the random timing the errors shrink with the root of the bars, as in a normal approximation.
    """
    e = evidence
    timing = e.timing
    deflated = math.inf
    if timing is not None:
        deflated = deflated_record(timing.sharpe_per_bar, timing.skew, timing.kurtosis, e.trials, e.trials_variance)
    reach = (e.sharpe - e.sharpe_low) / e.sharpe if e.sharpe > 0 else math.inf
    chance = math.inf
    if 0.0 < e.p_random < 0.5:
        wanted = _NORMAL.inv_cdf((1.0 - LUCK) ** (1.0 / e.trials))
        chance = e.bars * (wanted / -_NORMAL.inv_cdf(e.p_random)) ** 2
    needed = {
        PROFIT: 0.0 if e.total_return > 0 else math.inf,
        DEFLATED: deflated,
        INTERVAL: e.bars * reach * reach,
        TIMING: chance,
        POSITIONS: e.bars * FEWEST_POSITIONS / e.positions if e.positions > 0 else math.inf,
    }
    return {name: math.inf if math.isnan(value) else value for name, value in needed.items()}


def most_trials(evidence: Evidence) -> int:
    """Returns the largest number of trials at which the two rules that know of them are passed on these bars.

    0 where they are not even at a single one; a billion stands for all larger ones.
    """
    e = evidence
    timing = e.timing
    if timing is None or not (e.p_random <= LUCK):
        return 0
    by_chance = math.log1p(-LUCK) / math.log1p(-e.p_random) + 1e-9 if e.p_random > 0.0 else math.inf
    of = (timing.sharpe_per_bar, timing.bars, timing.skew, timing.kurtosis)
    variance = at_least_null(e.trials_variance, timing.bars)

    def passes(trials: int) -> bool:
        return metrics.dsr(*of, trials, variance) >= CONFIDENCE

    return int(min(by_chance, _largest(passes)))


def _largest(passes: Callable[[int], bool]) -> int:
    """The largest whole number up to a billion that passes, where all smaller ones do too; 0 where 1 does not."""
    low, high = 0, _MOST + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low
