"""Samplers, objectives and the checks on rows, by themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regimen.errors import DataError
from regimen.nets import MLP
from regimen.seams import RowTable
from regimen.training import (
    Batch,
    TrainingData,
    balanced,
    classification,
    cross_entropy,
    shuffled,
    weighted_mean,
)


@given(rows=st.integers(1, 300), size=st.integers(1, 400), seed=st.integers(0, 5))
def test_shuffled_gives_each_row_once_in_batches(rows: int, size: int, seed: int) -> None:
    batches = shuffled(rows, size)((), np.random.default_rng(seed))
    assert sorted(np.concatenate(batches)) == list(range(rows))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= size


def test_shuffled_really_shuffles() -> None:
    order = np.concatenate(shuffled(1_000, 100)((), np.random.default_rng(0)))
    assert abs(np.corrcoef(order, np.arange(1_000))[0, 1]) < 0.1


def test_balanced_draws_classes_equally_and_every_row_of_a_class() -> None:
    y = np.repeat([0, 1, 2], [9_000, 900, 100])
    np.random.default_rng(1).shuffle(y)
    drawn = np.concatenate(balanced(y, 512)((), np.random.default_rng(0)))
    assert len(drawn) == 10_000
    # A class has expectation 10,000/3 and standard deviation 47; five of those are 236.
    assert np.abs(np.bincount(y[drawn]) - 10_000 / 3).max() < 236
    assert set(drawn[y[drawn] == 2]) == set(np.flatnonzero(y == 2))


def test_balanced_leaves_out_a_class_that_never_occurs() -> None:
    drawn = np.concatenate(balanced(np.array([0, 2, 2, 2]), 2)((), np.random.default_rng(0)))
    assert set(drawn) <= {0, 1, 2, 3}


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(2.0), 0.0]])  # p = 1/4, 1/2, 1/4
    assert float(cross_entropy(logits, torch.tensor([1]))) == pytest.approx(math.log(2))
    # q = (0.1, 0.8, 0.1) for ε = 0.3
    smooth = 0.2 * math.log(4) + 0.8 * math.log(2)
    assert float(cross_entropy(logits, torch.tensor([1]), 0.3)) == pytest.approx(smooth)


def test_weights_of_rows_and_classes_by_hand() -> None:
    module = MLP(2, 3, hidden=())
    x, y = torch.randn(4, 2), torch.tensor([0, 1, 2, 2])
    weights = torch.tensor([1.0, 2.0, 0.0, 1.0])
    classes = torch.tensor([3.0, 1.0, 0.5])
    losses = -torch.log_softmax(module(x), dim=1)[torch.arange(4), y]
    expected = (losses * weights * classes[y]).sum() / weights.sum()
    assert torch.allclose(classification(classes)(module, Batch(x, y, weights)), expected)
    assert float(weighted_mean(torch.ones(4), torch.zeros(4))) == 0.0


def test_losses_reject_unequal_shapes() -> None:
    with pytest.raises(ValueError, match="vectors alike"):
        weighted_mean(torch.ones(4, 1), torch.ones(4))
    with pytest.raises(ValueError, match="vectors alike"):
        weighted_mean(torch.ones(4), torch.ones(5))
    for logits, y in (((4, 3), (5,)), ((4, 3), (4, 1)), ((4,), (4,)), ((4, 2, 3), (4,))):
        with pytest.raises(ValueError, match=r"must be \(n, classes\) and \(n,\)"):
            cross_entropy(torch.zeros(logits), torch.zeros(y, dtype=torch.int64))


X, Y = np.zeros((6, 4), dtype=np.float32), np.array([0, 1, 2, 0, 1, 2])


def _with(array: np.ndarray, position: object, value: float) -> np.ndarray:
    changed = array.copy()
    changed[position] = value
    return changed


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (TrainingData(X[:, :3], Y), r"x_train: must be rows of 4 columns; got (6, 3)"),
        (TrainingData(X[:0], Y[:0]), r"x_train: must have at least one row; got (0, 4)"),
        (TrainingData(X, Y[:5]), r"y_train: must have one label for each of the 6 rows of x_train; got (5,)"),
        (TrainingData(X, Y * 1.0), r"y_train: must hold whole numbers; got 'float64'"),
        (TrainingData(X, _with(Y, 3, -1)), r"y_train: must hold classes 0 to 2 (row 3); got -1"),
        (TrainingData(X, _with(Y, 4, 3)), r"y_train: must hold classes 0 to 2 (row 4); got 3"),
        (
            TrainingData(_with(X, (2, 1), np.nan), Y),
            r"x_train: must be finite (row 2): drop the rows that are not warm",
        ),
        (TrainingData(X, Y, X, None), r"x_val, y_val: must be given together"),
        (TrainingData(X, Y, _with(X, (5, 0), np.inf), Y), r"x_val: must be finite (row 5)"),
        (TrainingData(X, Y, X, _with(Y, 0, 7)), r"y_val: must hold classes 0 to 2 (row 0); got 7"),
        (
            TrainingData(X, Y, weights=np.ones(5)),
            r"weights: must have one value for each of the 6 training rows",
        ),
        (
            TrainingData(X, Y, weights=_with(np.ones(6), 1, -2.0)),
            r"weights: must be finite and not negative (row 1)",
        ),
        (TrainingData(X, Y, targets_train={"return": np.ones(5)}), r"targets_train: return: must have one value"),
        (
            TrainingData(X, Y, targets_train={"return": _with(np.ones(6), 2, np.nan)}),
            r"targets_train: return: must be finite (row 2)",
        ),
        (
            TrainingData(X, Y, X, Y, targets_train={"return": np.ones(6)}),
            r"targets_val: must hold return, learned besides the class; got []",
        ),
        (
            TrainingData(X, Y, rows=RowTable(*(np.arange(5),) * 4)),
            r"rows: time: must have one value for each of the 6 rows; got (5,)",
        ),
        (TrainingData(X, Y, weights=np.zeros(6)), r"weights: must not all be zero"),
        (
            TrainingData(X, np.zeros(6, dtype=int)),
            r"y_train: must contain every class, but class 1 (HOLD) never",
        ),
    ],
)
def test_rows_that_cannot_be_trained_on_are_one_line(data: TrainingData, line: str) -> None:
    with pytest.raises(DataError) as caught:
        data.check(4, 3, allow_missing_classes=False)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_the_fingerprint_sees_every_array() -> None:
    weights = np.ones(6, dtype=np.float32)
    full = TrainingData(X, Y, X, Y, weights)
    others = [
        TrainingData(_with(X, (0, 0), 1.0), Y, X, Y, weights),
        TrainingData(X, _with(Y, 0, 1), X, Y, weights),
        TrainingData(X, Y, _with(X, (0, 0), 1.0), Y, weights),
        TrainingData(X, Y, X, _with(Y, 0, 1), weights),
        TrainingData(X, Y, X, Y, _with(weights, 0, 2.0)),
        TrainingData(X, Y, X, Y),
        TrainingData(X, Y),
    ]
    prints = {full.fingerprint(), *(other.fingerprint() for other in others)}
    assert len(prints) == 8
    named = {"return": X[:, 0] + 1.0, "volatility": X[:, 0]}
    swapped = {"return": named["volatility"], "volatility": named["return"]}
    learned = [TrainingData(X, Y, targets_train=columns).fingerprint() for columns in (named, swapped)]
    assert learned[0] != learned[1]
    assert learned[0] == TrainingData(X, Y, targets_train=dict(reversed(named.items()))).fingerprint()
    first = TrainingData(X, Y, targets_train=named)
    assert first.fingerprint(("return",)) != first.fingerprint(("volatility",))
    table = RowTable(np.arange(6), np.zeros(6, np.int64), np.arange(6) + 3, np.ones(6))
    where = TrainingData(X, Y, rows=table)
    assert where.fingerprint() == TrainingData(X, Y).fingerprint() != where.fingerprint(with_rows=True)
    assert full.fingerprint() == TrainingData(X.copy(), Y.copy(), X.copy(), Y.copy(), weights.copy()).fingerprint()
