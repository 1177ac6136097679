"""A network that is fine-tuned as labels fall due: to the same bits however they come, and without forgetting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from regimen.errors import RunError
from regimen.predictors import OnlineNetConfig

NET = OnlineNetConfig(net={"hidden": (16,)}, every=8, steps=2, learning_rate=0.01, remembered=300)


def regime(rows: int, second: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows of one of two markets, which the third column tells apart; the second turns the rule round."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(rows, 2)), np.full(rows, 1.0 if second else -1.0)])
    side = -1.0 if second else 1.0
    return x, np.digitize(side * x[:, 0] + rng.normal(0.0, 0.3, rows), (-0.4, 0.4))


def loss(model: object, x: np.ndarray, y: np.ndarray) -> float:
    p = model.predict_proba(x)  # type: ignore[attr-defined]
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-9)).mean())


def test_one_by_one_it_ends_as_in_blocks_and_from_a_file_as_without(tmp_path: Path) -> None:
    x, y = regime(500, False, 0)
    whole, single = NET.build(3, seed=3, schema="abc"), NET.build(3, seed=3, schema="abc")
    whole.learn(x, y)
    for k in range(203):
        single.learn(x[k : k + 1], y[k : k + 1])
    single.save(tmp_path)
    again, other = NET.read(tmp_path, "abc"), single.copy()
    for model in (single, again, other):
        for at in range(203, 500, 11):
            model.learn(x[at : min(at + 11, 500)], y[at : min(at + 11, 500)])
        np.testing.assert_array_equal(model.predict_proba(x), whole.predict_proba(x))
    assert whole.learned == 500
    assert (NET.build(3, seed=4).predict_proba(x) != NET.build(3, seed=3).predict_proba(x)).any()


def test_weights_count_and_a_row_that_counts_nothing_teaches_nothing() -> None:
    x, y = regime(80, False, 1)
    config = NET.model_copy(update={"replay": 0.0})
    counted, poisoned = config.build(3), config.build(3)
    weights = np.tile([1.0, 0.0], 40)
    other = np.where(weights == 0.0, (y + 1) % 3, y)
    counted.learn(x, y, weights)
    poisoned.learn(x, other, weights)
    np.testing.assert_array_equal(counted.predict_proba(x), poisoned.predict_proba(x))


def test_what_is_remembered_is_a_uniform_sample_of_all_rows() -> None:
    config = OnlineNetConfig(net="logistic", every=50, steps=1, remembered=500)
    model = config.build(1)
    rows = np.arange(10_000.0)[:, None]
    model.learn(rows / 1e4, np.zeros(10_000, np.int64))
    kept = np.sort(model.remembered[:, 0].astype(np.float64) * 1e4)
    assert len(np.unique(kept.round())) == 500
    share = np.histogram(kept, bins=5, range=(0.0, 1e4))[0]
    assert (np.abs(share - 100) < 4 * np.sqrt(80)).all()  # four standard deviations of a binomial


def test_the_market_that_was_is_not_forgotten_while_the_next_one_is_learned() -> None:
    first, then = regime(2000, False, 0), regime(2000, True, 1)
    old, new = regime(1000, False, 2), regime(1000, True, 3)
    losses = {}
    for name, replay in (("replay", 3.0), ("plain", 0.0)):
        model = NET.model_copy(update={"replay": replay, "remembered": 1000}).build(3)
        model.learn(*first)
        before = loss(model, *old)
        model.learn(*then)
        losses[name] = (before, loss(model, *old), loss(model, *new))
    before, after, learned = losses["replay"]
    assert after < before + 0.1  # the old market, after two thousand rows of another
    assert learned < before + 0.1  # which is learned as well
    assert losses["plain"][1] > losses["plain"][0] + 0.2  # without replay it is forgotten


def test_it_adapts_as_a_meta_learner_does_and_from_the_same_weights_each_time(tmp_path: Path) -> None:
    import torch

    from regimen.seams import Batch
    from regimen.training import classification
    from regimen.training.recipes.maml import adapt

    x, y = regime(300, False, 0)
    config = NET.model_copy(update={"mode": "adapt", "start": "training", "shots": 40, "steps": 3, "every": 10})
    base = config.net.build(inputs=3, seed=9)
    model = config.build(3, schema="abc")
    model.begin(base.state(), x[:95], y[:95])  # the last 90 of them
    assert model.learned == 90
    model.learn(x[95:128], y[95:128])  # three updates, and three rows that wait
    latest = slice(125 - 40, 125)
    batch = Batch(torch.from_numpy(x[latest].astype(np.float32)), torch.from_numpy(y[latest]), torch.ones(40), {})
    adapt(base.module, classification(), batch, rate=config.learning_rate, steps=3)
    expected = base.predict_proba(x)
    np.testing.assert_allclose(model.predict_proba(x), expected, rtol=1e-5, atol=1e-7)
    model.save(tmp_path)
    again = config.read(tmp_path, "abc")
    for each in (model, again):
        each.learn(x[128:200], y[128:200])
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    assert np.abs(model.predict_proba(x) - expected).max() > 1e-4
    with pytest.raises(ValidationError, match="start must be training with mode adapt"):
        OnlineNetConfig(mode="adapt")


def test_what_it_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"net\.dropout must be 0"):
        OnlineNetConfig(net={"dropout": 0.1})
    model = NET.build(3, schema="abc")
    with pytest.raises(RunError, match="features: must be rows of 3 columns"):
        model.learn(np.zeros((2, 4)), np.zeros(2, np.int64))
    with pytest.raises(RunError, match="rows: must have one class each"):
        model.learn(np.zeros((2, 3)), np.zeros(3, np.int64))
    model.save(tmp_path)
    with pytest.raises(RunError, match="features: must have the schema abc"):
        NET.read(tmp_path, "abd")
    (tmp_path / "net.json").unlink()
    with pytest.raises(RunError, match=r"run: holds a damaged or missing net\.json"):
        NET.read(tmp_path, "abc")
