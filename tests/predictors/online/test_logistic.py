"""Online logistic regression beside its formula written out, and beside scikit-learn's of all rows at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.predictors import OnlineLogisticConfig


def sample(rows: int, inputs: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns rows, classes drawn from a softmax of them, and its weights (3, inputs + 1)."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.0, 0.5, (3, inputs + 1))
    x = rng.normal(size=(rows, inputs))
    y = (np.hstack([x, np.ones((rows, 1))]) @ truth.T + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    return x, y, truth


def written_out(
    config: OnlineLogisticConfig, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the weights after the rows, each from the sums that define it."""
    rows = np.hstack([x, np.ones((len(x), 1))])
    theta = np.zeros((3, rows.shape[1]))
    gradients: list[np.ndarray] = []
    thetas: list[np.ndarray] = []
    spreads: list[np.ndarray] = [np.zeros_like(theta)]
    for t, row in enumerate(rows):
        p = np.exp(theta @ row - (theta @ row).max())
        p /= p.sum()
        missed = p - np.eye(3)[y[t]]
        gradients.append((1.0 if weights is None else weights[t]) * missed[:, None] * row)
        thetas.append(theta)
        ages = config.keep ** np.arange(len(gradients) - 1, -1, -1.0)
        squares = sum(age * g * g for age, g in zip(ages, gradients, strict=True))
        spreads.append(np.sqrt(squares) / config.learning_rate)
        pull = sum(
            age * (g - (now - config.keep * before) * then)
            for age, g, then, before, now in zip(ages, gradients, thetas, spreads[:-1], spreads[1:], strict=True)
        )
        bent = np.sign(pull) * np.maximum(np.abs(pull) - config.l1, 0.0)
        theta = -bent / (spreads[-1] + config.beta / config.learning_rate + config.l2)
    return theta


@pytest.mark.parametrize(
    "config",
    [
        OnlineLogisticConfig(learning_rate=0.1),
        OnlineLogisticConfig(learning_rate=0.3, beta=0.5, l1=4.0, l2=3.0),
        OnlineLogisticConfig(learning_rate=0.2, half_life=20.0),
    ],
    ids=["plain", "l1", "forgets"],
)
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_the_weights_are_those_of_the_sums_that_define_them(config: OnlineLogisticConfig, weighted: bool) -> None:
    x, y, _ = sample(120)
    weights = np.random.default_rng(1).uniform(0.2, 2.0, len(x)) if weighted else None
    model = config.build(6)
    model.learn(x, y, weights)
    np.testing.assert_allclose(model.weights, written_out(config, x, y, weights), rtol=1e-9, atol=1e-12)
    assert (np.abs(model.weights) > 0.0).any()
    assert (model.weights == 0.0).any() == (config.l1 > 0.0)


def test_one_row_after_the_other_is_all_rows_at_once_to_the_bit() -> None:
    x, y, _ = sample(500)
    whole = OnlineLogisticConfig().build(6)
    whole.learn(x, y)
    for size in (1, 7, 64):
        model = OnlineLogisticConfig().build(6)
        for at in range(0, len(x), size):
            model.learn(x[at : at + size], y[at : at + size])
        np.testing.assert_array_equal(model.numbers, whole.numbers)
    rows = np.concatenate([whole.predict_proba(x[i : i + 1]) for i in range(100)])
    np.testing.assert_array_equal(rows, whole.predict_proba(x[:100]))


def test_on_a_source_that_does_not_change_it_says_what_a_fit_of_all_rows_says() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, y, truth = sample(40_000)
    train, test = slice(0, 30_000), slice(30_000, None)
    model = OnlineLogisticConfig(learning_rate=0.1).build(6)
    model.learn(x[train], y[train])
    whole = linear.LogisticRegression(C=1e6).fit(x[train], y[train])

    def loss(p: np.ndarray) -> float:
        return float(-np.log(p[np.arange(len(y[test])), y[test]]).mean())

    logits = np.hstack([x[test], np.ones((len(y[test]), 1))]) @ truth.T
    best = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss(model.predict_proba(x[test])) < loss(whole.predict_proba(x[test])) + 0.001
    assert np.abs(model.predict_proba(x[test]) - best).mean() < 0.02


def test_one_that_forgets_follows_a_change_and_one_that_does_not_lags() -> None:
    x, y, _ = sample(30_000)
    x2, y2, _ = sample(3500, seed=1)
    loss = {}
    for half_life in (None, 300.0):
        model = OnlineLogisticConfig(learning_rate=0.1, half_life=half_life).build(6)
        model.learn(np.vstack([x, x2[:500]]), np.concatenate([y, y2[:500]]))
        p = model.predict_proba(x2[500:])
        loss[half_life] = float(-np.log(p[np.arange(3000), y2[500:]]).mean())
    assert loss[300.0] < loss[None] - 0.02


def test_it_is_kept_to_the_bit_and_only_for_its_own_columns(tmp_path: Path) -> None:
    x, y, _ = sample(300)
    config = OnlineLogisticConfig()
    model = config.build(6, schema="abc")
    model.learn(x, y)
    model.save(tmp_path)
    again = config.read(tmp_path, "abc")
    np.testing.assert_array_equal(again.numbers, model.numbers)
    other = model.copy()
    other.learn(x, y)
    np.testing.assert_array_equal(again.numbers, model.numbers)  # a copy learns by itself
    again.learn(x, y)
    np.testing.assert_array_equal(again.numbers, other.numbers)
    with pytest.raises(RunError, match="features: must have the schema abc"):
        config.read(tmp_path, "abd")
    (tmp_path / "logistic.json").write_text('{"inputs": 6, "schema": "abc", "numbers": [1.0]}')
    with pytest.raises(RunError, match=r"run: holds a damaged or missing logistic\.json"):
        config.read(tmp_path, "abc")


def test_rows_that_do_not_fit_are_refused() -> None:
    model = OnlineLogisticConfig().build(3)
    with pytest.raises(RunError, match="features: must be rows of 3 columns"):
        model.learn(np.zeros((2, 4)), np.zeros(2, np.int64))
    with pytest.raises(RunError, match="rows: must have one class each"):
        model.learn(np.zeros((2, 3)), np.zeros(3, np.int64))
    with pytest.raises(ConfigError, match="inputs: must be at least 1"):
        OnlineLogisticConfig().build(0)
    assert np.isnan(model.predict_proba(np.full((1, 3), np.nan))).all()
