"""What is destroyed is destroyed inside its slice alone, and all that was there still is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from regimen.labels import BUY, SELL
from regimen.records import RunConfig
from regimen.runs.controls.destroyed import reversed_features, shuffled_labels
from regimen.runs.prepare import Prepared, prepare


@pytest.fixture
def prepared(configured: Callable[..., RunConfig]) -> Prepared:
    return prepare(configured("augment=[{kind: block_bootstrap}]", "training.select=sharpe"))


def test_labels_change_places_within_their_slice(prepared: Prepared) -> None:
    window = prepared.windows[0]
    parts = window.train, window.validation
    now = shuffled_labels(prepared, parts, 3, exchanged=False)
    for part in parts:
        before, after = part.take(prepared.labels.y), part.take(now.labels.y)
        np.testing.assert_array_equal(np.sort(before), np.sort(after))
        assert (before != after).mean() > 0.4
        np.testing.assert_array_equal(part.take(now.labels.t_end), part.take(prepared.labels.t_end))
        runs = [int((np.diff(each) == 0).sum()) for each in (before, after)]
        assert runs[1] > 0.7 * runs[0]  # the classes still last
    outside = ~(window.train.mask | window.validation.mask)
    np.testing.assert_array_equal(now.labels.y[outside], prepared.labels.y[outside])
    np.testing.assert_array_equal(shuffled_labels(prepared, parts, 3, exchanged=False).labels.y, now.labels.y)
    assert (shuffled_labels(prepared, parts, 4, exchanged=False).labels.y != now.labels.y).any()
    assert now.config.augment == ()
    assert now.config.training.select == "loss"


def test_sell_and_buy_are_exchanged_and_so_is_what_they_paid(prepared: Prepared) -> None:
    part = prepared.windows[0].train
    one, other = (shuffled_labels(prepared, (part,), 3, exchanged=each).labels for each in (False, True))
    for first, second in ((SELL, BUY), (BUY, SELL)):
        np.testing.assert_array_equal(part.take(one.y) == first, part.take(other.y) == second)
    np.testing.assert_array_equal(part.take(one.forward_return), -part.take(other.forward_return))


def test_rows_of_features_stand_in_reverse_order(prepared: Prepared) -> None:
    window = prepared.windows[0]
    span = window.test.start, window.test.stop
    before = prepared.frame.values
    now = reversed_features(prepared, (span,), rotated=False)
    np.testing.assert_array_equal(now.frame.values[slice(*span)], before[slice(*span)][::-1])
    np.testing.assert_array_equal(now.frame.values[: span[0]], before[: span[0]])
    np.testing.assert_array_equal(now.frame.values[span[1] :], before[span[1] :])
    moved = reversed_features(prepared, (span,), rotated=True).frame.values[slice(*span)]
    half = (span[1] - span[0]) // 2
    np.testing.assert_array_equal(np.roll(moved, -half, axis=0), now.frame.values[slice(*span)])
    np.testing.assert_array_equal(now.known, prepared.known)
