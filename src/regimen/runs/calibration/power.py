"""What the verdict can find in theory: the power of its rules where every Sharpe ratio is normal."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from regimen.judging import CONFIDENCE, LUCK
from regimen.metrics import expected_max_sharpe
from regimen.runs.calibration.kinds import YEAR
from regimen.seeding import generator

_NORMAL = NormalDist()
_TWO_SIDED = 0.975
"""One-sided level of the lower end of a 95 % interval, which must lie above 0."""
_DRAWS = 100_000
"""Drawn Sharpe ratios; the power is known to .3 points."""


def theoretical_power(sharpe: float, years: float, trials: int) -> float:
    """Returns the chance of "evidence" for a strategy of this annual Sharpe ratio, one of N trials.

    Its measured Sharpe ratio in standard errors, z + ε with z = SR·√(T − 1) / √(1 + SR²/2) (SR that of one of T daily
    bars), must reach three thresholds, each that of a rule of `regimen.judging.decide`:

    - the interval above 0: Φ⁻¹(.975);
    - chance in at most 5 % of the best of N timings: Φ⁻¹(.95^{1/N});
    - DSR >= .95: Φ⁻¹(.95) + E[max of N]·√max(1, V), V the variance of the N Sharpe ratios: N − 1 of trials without
      skill, and this one, which widens the spread that it is held against. (N − 1)·V = χ²(N − 2) +
      (z + ε − m)²·(N − 1)/N with m, the mean of the others, N(0, 1 / (N − 1)).

    Args:
        sharpe: annual, after costs.
        years: of daily bars.
        trials: N.
    """
    daily = sharpe / math.sqrt(YEAR)
    z = daily * math.sqrt(years * YEAR - 1.0) / math.sqrt(1.0 + 0.5 * daily * daily)
    random = generator(0, "calibration", "power")
    measured = z + random.standard_normal(_DRAWS)
    variance = np.zeros(_DRAWS)
    if trials > 1:
        others = random.chisquare(trials - 2, _DRAWS) if trials > 2 else 0.0
        apart = measured - random.standard_normal(_DRAWS) / math.sqrt(trials - 1)
        variance = others / (trials - 1) + apart * apart / trials
    deflated = _NORMAL.inv_cdf(CONFIDENCE) + expected_max_sharpe(trials, 1.0) * np.sqrt(np.maximum(variance, 1.0))
    least = max(_NORMAL.inv_cdf(_TWO_SIDED), _NORMAL.inv_cdf((1.0 - LUCK) ** (1.0 / trials)))
    return float(np.mean(measured >= np.maximum(deflated, least)))
