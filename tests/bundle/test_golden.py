"""Golden observations: answered again, from the states that were kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.bundle import distance, recorded
from regimen.bundle.golden import replay
from regimen.errors import RunError

Floats = NDArray[np.float64]
RNG = np.random.default_rng(2)


class Sums:
    """A graph whose memory is the sum of what it saw; ``off`` is added to what it says."""

    name, width, memory, details = "sums.onnx", 2, 1, 2

    def __init__(self, off: float = 0.0) -> None:
        self.off = off

    def __call__(self, rows: Floats, state: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Returns sums, and NaN where the first column is negative."""
        after = state + rows.sum(axis=1, keepdims=True)
        answer = np.where(rows[:, 0] < 0.0, np.nan, after[:, 0] + self.off)
        return answer, answer, after, rows


@pytest.fixture
def arrays() -> dict[str, Floats]:
    return recorded(Sums(), RNG.normal(size=(6, 3, 2)), RNG.normal(size=(3, 1)))


def test_the_same_machine_gives_the_same_bits(arrays: dict[str, Floats]) -> None:
    golden = replay(Sums(), arrays, "sums.onnx")
    assert golden == (18, 0.0, True)


def test_another_machine_may_be_off_by_little(arrays: dict[str, Floats]) -> None:
    golden = replay(Sums(1e-8), arrays, "sums.onnx")
    assert not golden.same_bits
    assert golden.difference == pytest.approx(1e-8, rel=1e-3)


@pytest.mark.parametrize("off", [2e-5, np.nan, np.inf])
def test_another_answer_is_refused(arrays: dict[str, Floats], off: float) -> None:
    with pytest.raises(RunError, match=r"sums.onnx: golden observations: .* the exposure is off by"):
        replay(Sums(off), arrays, "sums.onnx")


def test_what_is_missing_or_of_another_shape_is_refused(arrays: dict[str, Floats]) -> None:
    with pytest.raises(RunError, match="must hold golden observations"):
        replay(Sums(), {name: part for name, part in arrays.items() if name != "state"}, "sums.onnx")
    with pytest.raises(RunError, match="must hold answers of the shape"):
        replay(Sums(), arrays | {"details": arrays["details"][:2]}, "sums.onnx")


def test_the_distance_of_what_is_not_known() -> None:
    known, unknown = np.array([1.0, np.inf]), np.array([np.nan, np.inf])
    assert distance(unknown, unknown) == 0.0
    assert distance(known, unknown) == np.inf
    assert distance(known, np.array([1.5, np.inf])) == 0.5
    assert distance(np.empty(0), np.empty(0)) == 0.0
