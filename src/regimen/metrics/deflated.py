"""Is the Sharpe ratio more than luck and selection: PSR, minimum track record, DSR, effective trials.

Sharpe ratios here are per bar, never annual, and kurtosis is raw (normal = 3). Sources: Bailey & López de
Prado, "The Sharpe ratio efficient frontier" (2012) and "The deflated Sharpe ratio" (2014).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from regimen.metrics.performance import sharpe_standard_error

_NORMAL = NormalDist()
_EULER = 0.577_215_664_901_532_9


def normal_cdf(value: float) -> float:
    """Returns Φ(value), accurate in both tails; NaN for NaN."""
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def psr(sharpe: float, bars: int, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0) -> float:
    """Returns the Probabilistic Sharpe Ratio, Φ((SR − SR*)·√(T − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²)).

    The probability that the true Sharpe ratio exceeds ``benchmark``, for independent returns. NaN when the
    Sharpe ratio is (no variance) or with fewer than two bars.

    Args:
        sharpe: of one bar.
        bars: number of returns, T.
        skew: γ₃ of the returns.
        kurtosis: γ₄, raw.
        benchmark: SR*, of one bar.
    """
    error = sharpe_standard_error(sharpe, bars, skew, kurtosis)
    return normal_cdf((sharpe - benchmark) / error) if error > 0 else math.nan


def minimum_track_record(
    sharpe: float, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0, level: float = 0.95
) -> float:
    """Returns how many bars it takes until `psr` reaches ``level`` at this Sharpe ratio.

    1 + (1 − γ₃·SR + (γ₄ − 1)/4·SR²)·(Φ⁻¹(level) / (SR − SR*))². Infinite when the Sharpe ratio does not
    exceed the benchmark, NaN when it is NaN.
    """
    if math.isnan(sharpe) or math.isnan(skew) or math.isnan(kurtosis):
        return math.nan
    if sharpe <= benchmark:
        return math.inf
    inner = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    ratio = _NORMAL.inv_cdf(level) / (sharpe - benchmark)
    return 1.0 + inner * ratio * ratio  # a power would raise where a product is infinite


def expected_max_sharpe(trials: float, variance: float) -> float:
    """Returns SR₀, the Sharpe ratio that the best of N trials without skill is expected to show.

    SR₀ = √V·((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e))), γ = 0.5772…; 0 for one trial.

    Args:
        trials: N >= 1; every fit and evaluation counts.
        variance: V, of the trials' per-bar Sharpe ratios.
    """
    if trials <= 1.0:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    # Below about 1.3 trials the approximation turns negative; luck never lowers the bar.
    return math.sqrt(variance) * max(0.0, (1.0 - _EULER) * first + _EULER * second)


def dsr(sharpe: float, bars: int, skew: float, kurtosis: float, trials: float, variance: float) -> float:
    """Returns the Deflated Sharpe Ratio: `psr` against `expected_max_sharpe` of all trials.

    Args:
        sharpe: of one bar, of the trial that was selected.
        bars: T.
        skew: γ₃.
        kurtosis: γ₄, raw.
        trials: N, selected and rejected ones.
        variance: of the N trials' per-bar Sharpe ratios.
    """
    return psr(sharpe, bars, skew, kurtosis, expected_max_sharpe(trials, variance))


def effective_trials(correlation: NDArray[np.float64], threshold: float = 0.5) -> int:
    """Returns the number of clusters of correlated trials: how many different things were really tried.

    Average-linkage clustering of the trials' return correlations, cut where the mean correlation between two
    clusters falls below ``threshold``. Seeds of one model make one cluster, unrelated strategies one each. It
    is reported beside the raw count and never replaces it.

    Args:
        correlation: (trial, trial) of the trials' returns; NaN (a trial that never traded) counts as
            uncorrelated.
        threshold: mean correlation above which two clusters are one.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    distances = 1.0 - np.nan_to_num(np.asarray(correlation, dtype=np.float64), nan=0.0)
    if len(distances) < 2:
        return len(distances)
    pairs = distances[np.triu_indices(len(distances), 1)]
    return int(fcluster(linkage(pairs, method="average"), 1.0 - threshold, criterion="distance").max())


def best_of(p_value: float, trials: float) -> float:
    """Returns 1 − (1 − p)^N, the probability that the best of N independent trials has such a p-value (Šidák)."""
    return -math.expm1(trials * math.log1p(-p_value)) if p_value < 1.0 else 1.0
