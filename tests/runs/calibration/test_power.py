"""The power in theory is that of the rules on normal Sharpe ratios, drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regimen.metrics import expected_max_sharpe
from regimen.runs.calibration import theoretical_power


def test_one_trial_needs_the_interval_above_zero() -> None:
    # without an edge 2.5 %; a Sharpe ratio of 1 over five years: Φ(√5 − 1.96)
    assert theoretical_power(0.0, 5.0, 1) == pytest.approx(0.025, abs=0.002)
    assert theoretical_power(1.0, 5.0, 1) == pytest.approx(0.609, abs=0.005)


@pytest.mark.parametrize("trials", [2, 10, 100])
@pytest.mark.parametrize(("sharpe", "years"), [(1.5, 5), (1.0, 20), (1.5, 20)])
def test_it_is_what_drawn_trials_show(sharpe: float, years: int, trials: int) -> None:
    random = np.random.default_rng([years, trials])
    z = random.standard_normal((20_000, trials))
    z[:, 0] += sharpe * math.sqrt(years)
    spread = np.sqrt(np.maximum(z.var(axis=1, ddof=1), 1.0))  # recorded, and never below that without skill
    need = 1.6449 + expected_max_sharpe(trials, 1.0) * spread
    drawn = np.mean((z[:, 0] >= need) & (z[:, 0] == z.max(axis=1)))
    assert theoretical_power(sharpe, years, trials) == pytest.approx(drawn, abs=0.012)
