"""End to end: bars from a window's test span on are replaced, and nothing that was fitted before changes by a bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from regimen.leakage import Poison, poison
from regimen.policies import targets
from regimen.readers import load_with_report
from regimen.records.config import RunConfig
from regimen.runs.families import classifier
from regimen.runs.families.agent import AgentFit
from regimen.runs.families.classifier import ClassifierFit
from regimen.runs.fit import Fit
from regimen.runs.prepare import history_of, prepare_bars
from regimen.runs.window import fit_model

HYBRID = {"kind": "hybrid", "context": 12, "width": 8, "kernels": (3,), "dilations": (1, 2), "heads": 2}
MULTITASK = {"kind": "multitask", "context": 12, "encoder": {"kind": "lstm", "width": 8}, "heads": 2, "hidden": 8}

TFT = {"kind": "tft", "context": 12, "width": 8, "heads": 2, "horizons": (1, 30)}


def fingerprint(fit: Fit) -> list[bytes]:
    if isinstance(fit, AgentFit):
        agent: Any = fit.model
        weights = [tensor.numpy().tobytes() for tensor in agent.network.state_dict().values()]
        moments = [array.tobytes() for array in agent.observations.state().values()]
        return [
            *weights,
            *moments,
            repr(fit.evaluations).encode(),
            repr([each.reward for each in fit.history]).encode(),
        ]
    assert isinstance(fit, ClassifierFit)
    weights = [array.tobytes() for array in fit.result.predictor.state().values()]
    losses = np.array([(e.train_loss, e.val_loss, e.score or 0.0) for e in fit.result.history])
    return [*weights, losses.tobytes(), fit.scaler.mean.tobytes(), fit.scaler.scale.tobytes()]


@pytest.mark.parametrize("how", ["noise", "nothing"])
@pytest.mark.parametrize(
    "changes",
    [
        {"splits": {"train": "5y", "test": "2y"}, "training": {"epochs": 2}},
        {
            "splits": {"train": "5y", "test": "2y"},
            "model": {"kind": "ppo", "rollout_steps": 8, "minibatch_size": 128, "hidden": (8,)},
            "environment": {"steps": 1024, "n_envs": 32, "episode_length": 32, "evaluations": 2},
        },
        {
            "training": {"epochs": 2},
            "splits": {"train": 1200, "test": 400, "expanding": True, "embargo": 0},
            "labels": {"kind": "triple_barrier", "horizon": 20},
            "exposure": {"volatility_target": 0.2},
        },
        # Without an embargo the last target's span ends right before the test span.
        {"splits": {"train": "5y", "test": "2y", "embargo": 0}, "training": {"epochs": 2}, "model": MULTITASK},
        # The furthest horizon reaches behind the label's span: it is purged by what reaches furthest.
        {
            "splits": {"train": "5y", "test": "2y", "embargo": 0},
            "training": {"epochs": 2},
            "model": TFT,
            "features": {"kind": "indicators", "columns": ("return_5d", "volatility_20d"), "calendar": (0, 1, 30)},
        },
        {
            "training": {"epochs": 2, "select": "sharpe"},
            "splits": {"train": 1200, "test": 400, "expanding": True, "embargo": 0},
            "labels": {"kind": "triple_barrier", "horizon": 20},
            "exposure": {"volatility_target": 0.2},
            "model": HYBRID,
        },
    ],
)
def test_training_sees_no_test_bar(changes: dict[str, Any], how: Poison) -> None:
    config = RunConfig(data={"sample": "sp500"}, **({"model": {"kind": "logistic"}} | changes))
    loaded, features = load_with_report(config.data), config.features.build()
    whole = prepare_bars(config, loaded, features)
    window = whole.windows[2]
    first = window.test.start
    before = fit_model(whole, window, 0)
    decided = targets(before.policy, whole.history, first, first + 1)

    # No bar of the test span is known to the fit; the decision of its first bar knows that bar and no later one.
    for cut in (first, first + 1):
        bars = poison(loaded.bars, cut, how, seed=5)
        poisoned = prepare_bars(config, replace(loaded, bars=bars), features, until=first + 1)
        again = fit_model(poisoned, poisoned.windows[2], 0)
        assert fingerprint(again) == fingerprint(before)
    np.testing.assert_array_equal(targets(again.policy, poisoned.history, first, first + 1), decided)

    # The oracle is not blind: bars of the training span do change it.
    bars = poison(loaded.bars, window.validation.start - 200, "noise", seed=5)
    seen = prepare_bars(config, replace(loaded, bars=bars), features, until=first + 1)
    assert fingerprint(fit_model(seen, seen.windows[2], 0)) != fingerprint(before)


def test_validation_rows_choose_the_epoch_and_move_no_weight() -> None:
    config = RunConfig(
        data={"sample": "sp500"},
        splits={"train": "5y", "test": "2y"},
        training={"epochs": 3, "patience": None},
        model={"kind": "logistic"},
    )
    loaded, features = load_with_report(config.data), config.features.build()
    whole = prepare_bars(config, loaded, features)
    window = whole.windows[1]
    bars = poison(loaded.bars, window.validation.start, "noise", seed=5)
    other = prepare_bars(config, replace(loaded, bars=bars), features, until=window.test.start + 1)
    np.testing.assert_array_equal(other.windows[1].train.mask, window.train.mask)
    fits = [classifier.fit(each, each.windows[1], 0) for each in (whole, other)]
    losses = [[(e.train_loss, e.val_loss) for e in fit.result.history] for fit in fits]
    assert [train for train, _ in losses[0]] == [train for train, _ in losses[1]]
    assert [val for _, val in losses[0]] != [val for _, val in losses[1]]
    np.testing.assert_array_equal(fits[0].scaler.mean, fits[1].scaler.mean)


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        (HYBRID, {"dead_band": 0.0}),
        (MULTITASK, {"dead_band": 0.0, "volatility_target": 0.2}),
    ],
    ids=["hybrid", "multitask"],
)
def test_a_decision_of_windows_knows_no_later_bar(model: dict[str, Any], rule: dict[str, Any]) -> None:
    config = RunConfig(
        data={"sample": "sp500"},
        splits={"train": "5y", "test": "2y"},
        training={"epochs": 1},
        model=model,
        exposure=rule,
    )
    loaded, features = load_with_report(config.data), config.features.build()
    whole = prepare_bars(config, loaded, features)
    window = whole.windows[0]
    first, stop = window.test.start, window.test.stop
    policy = fit_model(whole, window, 0).policy
    decided = targets(policy, whole.history, first, stop)
    assert np.count_nonzero(decided) > 0.9 * len(decided)
    for cut in (first + 1, first + 5, first + model["context"], stop - 1):  # windows that reach back, and that do not
        bars = poison(loaded.bars, cut, "noise", seed=cut)
        again = targets(policy, history_of(whole.config, bars, features.compute(bars)), first, stop)
        np.testing.assert_array_equal(again[: cut - first], decided[: cut - first])
        assert (again[cut - first :] != decided[cut - first :]).any()
        gone = poison(loaded.bars, cut, "nothing", seed=cut)
        alone = targets(policy, history_of(whole.config, gone, features.compute(gone)), first, cut)
        np.testing.assert_array_equal(alone, targets(policy, whole.history, first, cut))
        # The rows of one batch may add in another order when there are fewer of them.
        np.testing.assert_allclose(alone, decided[: cut - first], rtol=0.0, atol=1e-6)
