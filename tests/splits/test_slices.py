"""Smaller slices: never a row that the slice did not have, of the same role and span."""

from __future__ import annotations

import numpy as np
import pytest
from tests.markets import random_walk

from regimen.errors import SplitError
from regimen.labels import FixedHorizonConfig, label
from regimen.splits import Slice, WalkForwardConfig, walk_forward


def training_slice() -> Slice:
    bars = random_walk(400, symbols=2)
    config = WalkForwardConfig(train=200, test=100, embargo=5)
    return walk_forward(config, bars, label(FixedHorizonConfig(horizon=3), bars))[1].train


def test_the_rows_among_others_are_those_of_both() -> None:
    part = training_slice()
    marked = np.random.default_rng(0).random((400, 2)) < 0.5
    found = part.among(marked)
    np.testing.assert_array_equal(found.mask, part.mask & marked)
    assert (found.role, found.start, found.stop) == (part.role, part.start, part.stop)
    assert 0 < found.rows < part.rows
    assert part.among(~part.mask).rows == 0


def test_the_rows_until_a_position_are_those_before_it() -> None:
    part = training_slice()
    stop = part.start + 40
    found = part.until(stop)
    np.testing.assert_array_equal(found.mask, part.mask & (np.arange(400)[:, None] < stop))
    assert (found.role, found.start, found.stop) == (part.role, part.start, stop)
    for wrong in (part.start, part.stop + 1):
        with pytest.raises(SplitError, match=r"^slice\.until: must be a position within bars \d+ to \d+; got"):
            part.until(wrong)
