"""Trees as arrays: what they say when columns change is what the library says of the changed rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.predictors.test_trees import FEW, INPUTS, fitted

from regimen.errors import DataError
from regimen.predictors import TreePredictor

KINDS = tuple(FEW)


def on_a_grid(count: int, seed: int, step: float) -> NDArray[np.float32]:
    """Rows whose values are multiples of a step: many of them are the very thresholds that trees split at."""
    rows = np.random.default_rng(seed).normal(size=(count, INPUTS))
    return np.asarray(np.round(rows / step) * step, dtype=np.float32)


def grown_on_a_grid(kind: str) -> TreePredictor:
    x = on_a_grid(1_500, 0, 0.25)
    y = (x[:, :3] + np.random.default_rng(1).gumbel(size=(len(x), 3))).argmax(axis=1)
    predictor = FEW[kind].build(INPUTS, seed=3, schema="s")
    predictor.fit(x, y)
    return predictor


@pytest.mark.parametrize("kind", KINDS)
def test_changed_columns_are_answered_as_the_library_answers(kind: str) -> None:
    tolerance = 2e-6 if kind == "xgboost" else 1e-12  # it answers in float32
    for predictor in (fitted(FEW[kind]), grown_on_a_grid(kind)):
        x, others = on_a_grid(700, 2, 0.125), on_a_grid(1_400, 3, 0.125)
        changing = predictor.changing(x)
        for columns in ([], [0], [1], [7], [0, 2, 5], list(range(INPUTS))):
            changed = np.tile(x, (2, 1))
            changed[:, columns] = others[:, columns]
            answers = changing.probabilities(columns, changed)
            np.testing.assert_allclose(answers, predictor.predict_proba(changed), rtol=0, atol=tolerance)
            np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_no_tree_looks_at_changes_not_a_bit(kind: str) -> None:
    """So every shift of it reaches the loss, and its p is 1."""
    x, y = on_a_grid(1_500, 0, 0.25), np.arange(1_500) % 3
    x[:, 6] = 0.0  # nothing to split at
    y = (x[:, :3] + np.random.default_rng(1).gumbel(size=(len(x), 3))).argmax(axis=1)
    predictor = FEW[kind].build(INPUTS, seed=3, schema="s")
    predictor.fit(x, y)
    changing, changed = predictor.changing(x), x.copy()
    changed[:, 6] = on_a_grid(1_500, 9, 0.25)[:, 6]
    np.testing.assert_array_equal(changing.probabilities([6], changed), changing.probabilities([], x))
    assert np.abs(changing.probabilities([0], on_a_grid(1_500, 9, 0.25)) - changing.probabilities([], x)).max() > 0.01


def test_rows_that_are_not_known_are_refused() -> None:
    x = on_a_grid(10, 0, 0.25)
    x[3, 2] = np.nan
    with pytest.raises(DataError, match=r"x: must be finite \(row 3\)"):
        fitted(FEW["lightgbm"]).changing(x)
