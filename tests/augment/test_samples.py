"""What a generator of rows looks at: the training slice's rows, each once, and nothing that no window shows."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.augment.samples import LearnedRows, moments, require_training_rows
from regimen.errors import DataError, SplitError
from regimen.splits.slices import Role, make_slice
from regimen.windows import SeriesWindows


def test_moments_are_rows_that_some_window_shows_each_once() -> None:
    series = np.arange(20, dtype=np.float32)[:, None]
    windows = SeriesWindows(series, np.array([4, 5, 12]), 3)
    np.testing.assert_array_equal(moments(windows)[:, 0], [2, 3, 4, 5, 10, 11, 12])
    np.testing.assert_array_equal(moments(windows[:])[:, 0], [2, 3, 4, 3, 4, 5, 10, 11, 12])


@pytest.mark.parametrize("role", ["validation", "test", "held_out"])
def test_any_other_slice_is_refused(role: Role) -> None:
    part = make_slice(role, 0, np.ones((5, 1), dtype=np.bool_), 5)
    with pytest.raises(SplitError, match=rf"^augment\.fit: must see the training slice only; got '{role}'$"):
        require_training_rows(LearnedRows(np.ones((5, 2)), np.zeros(5, dtype=np.int64)), part, 2)


@pytest.mark.parametrize(
    ("x", "targets", "line"),
    [
        (np.ones((1, 2)), {}, "augment.fit: needs at least two rows; got 1"),
        (np.ones((3, 4, 2)), {}, r"augment.fit: must see \(n, feature\), and a class for each; got \(3, 4, 2\)"),
        (np.array([[1.0], [np.nan]]), {}, "augment.fit: x: must be finite"),
        (np.ones((2, 1)), {"return": np.array([0.0, np.inf])}, "augment.fit: return: must be finite"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_one_line(
    x: np.ndarray, targets: dict[str, np.ndarray], line: str
) -> None:
    part = make_slice("train", 0, np.ones((5, 1), dtype=np.bool_), 5)
    with pytest.raises(DataError, match=f"^{line}"):
        require_training_rows(LearnedRows(x, np.zeros(len(x), dtype=np.int64), targets), part, 2)
