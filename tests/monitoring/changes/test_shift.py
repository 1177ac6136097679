"""The mean of a window beside those of a reference: its slow twin, and how often it rings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from regimen.errors import DataError
from regimen.monitoring import MeanShift

WINDOW, CHECKS, PERIOD = 72, 6, 730


def test_checks_look_at_the_windows_that_end_with_them() -> None:
    values = np.random.default_rng(0).standard_normal(WINDOW * 40)
    shift = MeanShift.of(values, WINDOW, CHECKS, 0.01, PERIOD, "both")
    live = np.random.default_rng(1).standard_normal(300)
    means = shift.means(live)
    places = shift.places(len(means))
    for mean, place in zip(means, places, strict=True):
        assert mean == pytest.approx(live[place - WINDOW + 1 : place + 1].mean())
    assert places.tolist() == list(range(71, 300, 12))
    assert shift.usual == pytest.approx(values.mean())
    assert shift.low < shift.usual < shift.high
    assert (shift.rings(live) == ((means > shift.high) | (means < shift.low))).all()
    later = live.copy()
    later[200:] += 50.0
    assert (shift.rings(later)[places < 200] == shift.rings(live)[places < 200]).all()
    assert shift.rings(later)[places >= 272].all()


def test_one_side_and_sizes() -> None:
    values = np.exp(0.2 * np.random.default_rng(2).standard_normal(WINDOW * 40))
    up = MeanShift.of(values, WINDOW, CHECKS, 0.01, PERIOD, "up", logs=True)
    assert up.low == 0.0
    assert up.rings(2.0 * values).all()
    assert not up.rings(0.5 * values).any()
    both = MeanShift.of(values, WINDOW, CHECKS, 0.01, PERIOD, "both", logs=True)
    assert both.rings(0.5 * values).all()
    assert both.high > up.high  # the sides share the level


def test_too_short_a_reference_is_refused() -> None:
    with pytest.raises(DataError, match="needs a reference of 20 windows of 72 values"):
        MeanShift.of(np.zeros(72 * 19), WINDOW, CHECKS, 0.01, PERIOD)


def leaning(random: np.random.Generator, streams: int) -> np.ndarray:
    """Values that lean on those before, autocorrelation .8."""
    noise = random.standard_normal((streams, 2 * 8760))
    values = noise.copy()
    for t in range(1, values.shape[1]):
        values[:, t] = 0.8 * values[:, t - 1] + 0.6 * noise[:, t]
    return values


def overlapping(random: np.random.Generator, streams: int) -> np.ndarray:
    """Means of 12 neighbouring exponential values: skewed losses of labels that overlap."""
    total = random.standard_exponential((streams, 2 * 8760 + 12)).cumsum(axis=1)
    return (total[:, 12:] - total[:, :-12]) / 12.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [leaning, overlapping])
def test_it_rings_as_often_as_was_asked_for_where_nothing_changes(kind: Callable[..., np.ndarray]) -> None:
    """500 streams of a year behind a reference of a year."""
    streams, level = 500, 0.05
    values = kind(np.random.default_rng(3), streams)
    rung = 0
    for row in values:
        shift = MeanShift.of(row[:8760], WINDOW, CHECKS, level, PERIOD)
        bells = np.zeros(8760, np.bool_)
        live = shift.rings(row[8760:])
        bells[shift.places(len(live))] = live
        rung += int(bells.reshape(12, 730).any(axis=1).sum())
    months = 12 * streams
    print(f"{kind.__name__}: {rung / months:.2%} of months ring")
    # months of one stream share its reference, whose threshold is too high or too low: half of their errors are its own
    assert rung <= months * level + 5.0 * np.sqrt(months * level)
    assert rung >= months * level / 2.0


def test_what_values_have_in_common_is_in_the_threshold() -> None:
    random = np.random.default_rng(4)
    lean, alone = leaning(random, 1)[0, :8760], random.standard_normal(8760)
    thresholds = [MeanShift.of(each, WINDOW, CHECKS, 0.01, PERIOD) for each in (lean, alone)]
    assert thresholds[1].above < thresholds[0].above / 1.5
    assert math.isinf(thresholds[0].below)
