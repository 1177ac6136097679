"""Whether a number stands out: p-values of draws, their correction when there are many, and intervals of a mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError

Series = NDArray[np.float64]


def exceedance_p(observed: float, draws: Series) -> float:
    """Returns ``(1 + #{draws <= observed}) / (draws + 1)``: how often chance is as low as what was observed.

    Never 0: what was observed is one of the draws that chance could have made. Where observed and draws are
    exchangeable, P(p <= a) <= a for every a.

    Args:
        observed: a statistic that is low where there is an effect.
        draws: (draw,) the statistic where there is none.

    Source: Phipson and Smyth, Permutation p-values should never be zero (Statistical Applications in Genetics and
    Molecular Biology 9, 2010), equation 2.
    """
    return (1.0 + float((draws <= observed).sum())) / (len(draws) + 1.0)


def sequential_p(observed: float, draws: Series, enough: int) -> float:
    """Returns ``enough / l``, l the first draws of which so many are <= observed; with fewer, `exceedance_p`.

    Where chance is often as good as what was observed, few draws say so, and the others need not be made: no draw
    behind the l-th counts. Where observed and draws are exchangeable, P(p <= a) <= a for every a, with equality at
    every value that p can take.

    Args:
        observed: a statistic that is low where there is an effect.
        draws: (draw,) the statistic where there is none, in the order in which they were made.
        enough: at least 1.

    Source: Besag and Clifford, Sequential Monte Carlo p-values (Biometrika 78, 1991), section 2.
    """
    reached = np.flatnonzero(draws <= observed)
    return exceedance_p(observed, draws) if len(reached) < enough else enough / (reached[enough - 1] + 1.0)


def benjamini_hochberg(p: Series) -> Series:
    """Returns ``q_(i) = min over j >= i of min(1, m p_(j) / j)``, the p-values corrected for their number m.

    Of those with q <= a, a share of at most a is expected to be chance: for independent p-values, and for those that
    depend positively on each other.

    Args:
        p: (test,) in any order.

    Returns:
        (test,) in the order of ``p``.

    Raises:
        ConfigError: a value outside of 0 to 1, or NaN.

    Source: Benjamini and Hochberg, Controlling the false discovery rate (Journal of the Royal Statistical Society B 57,
    1995).
    """
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ConfigError("p", "must lie between 0 and 1", values.tolist())
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    q = np.empty(len(values))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def t_interval(values: Series, level: float = 0.95) -> tuple[float, float]:
    """Returns ``mean ± t_{(1 + level) / 2, n - 1} s / sqrt(n)``; NaN for fewer than two values.

    Exact for independent normal values.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return math.nan, math.nan
    half = float(stdtrit(len(values) - 1, (1.0 + level) / 2.0)) * standard_error(values)
    mean = float(np.mean(values))
    return mean - half, mean + half


def standard_error(values: Series) -> float:
    """Returns ``s / sqrt(n)``, the standard error of a mean of independent values; NaN for fewer than two."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
