"""The columns of drift: those of every symbol beside each other, and a file that gives the reference again."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.bundle import actions_of, drift_names, drift_rows, reference_of, written_reference
from regimen.bundle.reference import read_actions, read_reference
from regimen.errors import RunError

RNG = np.random.default_rng(5)


def _slice(bars: int, symbols: int = 2) -> tuple[np.ndarray, list[np.ndarray]]:
    close = 100.0 * np.exp(np.cumsum(RNG.normal(0.0, 0.01, (bars, symbols)), axis=0))
    before = np.concatenate([np.full((1, symbols), np.nan), close[:-1]])
    return RNG.normal(size=(bars, symbols, 3)), [before, close * 1.01, close * 0.99, close]


def test_the_columns_of_one_bar_are_those_of_the_slice() -> None:
    features, prices = _slice(50)
    rows = drift_rows(features, *prices)
    names = drift_names(("a", "b", "c"), ("X", "Y"))
    assert names == (
        "X a",
        "X b",
        "X c",
        "X absolute_return",
        "X range",
        "Y a",
        "Y b",
        "Y c",
        "Y absolute_return",
        "Y range",
    )
    assert rows.shape == (50, 10)
    np.testing.assert_array_equal(drift_rows(features[7], *(column[7] for column in prices)), rows[7])
    np.testing.assert_array_equal(rows[:, 6], features[:, 1, 1])
    np.testing.assert_allclose(rows[1:, 9], np.log(1.01 / 0.99))
    assert drift_names(("a",), ("X",)) == ("a", "absolute_return", "range")


def test_a_reference_is_read_as_it_was_written() -> None:
    features, prices = _slice(300)
    reference = reference_of(features, prices, ("a", "b", "c"), ("X", "Y"), 365.0)
    assert reference is not None
    again = read_reference(written_reference(reference), "reference.json")
    assert again.threshold == reference.threshold
    assert again.names == drift_names(("a", "b", "c"), ("X", "Y"))


def test_a_slice_that_is_too_short_has_none() -> None:
    features, prices = _slice(100)
    assert reference_of(features, prices, ("a", "b", "c"), ("X", "Y"), 365.0) is None
    assert actions_of(np.zeros((100, 2)), 365.0) is None


def test_the_reference_of_actions_is_read_as_it_was_written() -> None:
    reference = actions_of(RNG.choice([-0.5, 0.0, 0.5], (300, 2)), 365.0)
    assert reference is not None
    again = read_actions(written_reference(reference), "actions.json")
    assert (again.config, again.window, again.threshold) == (reference.config, reference.window, reference.threshold)
    assert reference.threshold < 1.0


@pytest.mark.parametrize("content", [b"", b"{}", b"[]"])
def test_what_is_no_reference(content: bytes) -> None:
    with pytest.raises(RunError):
        read_reference(content, "reference.json")
    with pytest.raises(RunError):
        read_actions(content, "actions.json")
