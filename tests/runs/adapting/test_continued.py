"""A run's bars and those that came after, where both are adjusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.runs.adapting.continued import continued
from regimen.runs.retraining.following import FedBars

DAYS = np.datetime64("2024-01-01") + np.arange(300) * np.timedelta64(1, "D")
CLOSE = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, (300, 2)), axis=0))
DIVIDENDS = np.where(np.isin(np.arange(300), [60, 150, 260]), 0.98, 1.0)[:, None] * np.ones(2)


def part(first: int, stop: int, symbols: tuple[str, ...] = ("A", "B"), **extras: Any) -> Bars:
    close = CLOSE[first:stop, ["AB".index(symbol) for symbol in symbols]]
    return Bars.from_arrays(
        DAYS[first:stop], open=close, high=close, low=close, close=close, symbols=symbols, extras=extras
    )


def factors(first: int, stop: int) -> np.ndarray:
    """Factors of adjusted closes as a vendor gives them on the last day: relative to that day."""
    after = np.cumprod(DIVIDENDS[:stop][::-1], axis=0)[::-1]
    return np.asarray(np.concatenate([after[1:], np.ones((1, 2))])[first:stop])


def test_factors_of_a_newer_file_come_to_the_runs_scale_by_the_bars_that_both_have() -> None:
    own, new = part(0, 200, adjustment=factors(0, 200)), part(180, 300, adjustment=factors(180, 300))
    whole = part(0, 300, adjustment=factors(0, 300))
    joined = continued(own, new)
    np.testing.assert_allclose(joined.adjusted().close, whole.adjusted().close, rtol=1e-12)
    np.testing.assert_array_equal(joined.extras["adjustment"][:200], own.extras["adjustment"])
    turned = part(180, 300, ("B", "A"), adjustment=factors(180, 300)[:, ::-1] * [1.0, 7.0])
    np.testing.assert_allclose(continued(own, turned).adjusted().close, whole.adjusted().close, rtol=1e-12)


def test_bars_that_are_not_adjusted_or_otherwise_or_share_none_are_refused_with_what_cures() -> None:
    own = part(0, 200, adjustment=factors(0, 200))
    with pytest.raises(DataError, match=r"bars: must be adjusted as the run's own are: give data\.adjust=\.\.\. or "):
        continued(own, part(180, 300))
    with pytest.raises(DataError, match="must begin with bars that the run has as well, up to 2024-07-18 00:00: "):
        continued(own, part(200, 300, adjustment=factors(200, 300)))
    other = factors(100, 300)
    other[:50] *= 0.9
    with pytest.raises(DataError, match="at bars that both have the factors are not in one proportion; got 'A'"):
        continued(own, part(100, 300, adjustment=other))
    with pytest.raises(DataError, match="--feed: cannot bring bars to a run whose own are adjusted by a factor: give "):
        FedBars(own)
