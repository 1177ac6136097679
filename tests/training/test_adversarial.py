"""Adversarial recipes: the saddle points of a linear model by its closed form, and what holds of every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from regimen.errors import ConfigError
from regimen.ops.attacks import pgd
from regimen.predictors import BaselineConfig, HybridConfig, LogisticConfig, LSTMConfig, MultiTaskConfig
from regimen.seams import Batch, Objective
from regimen.training import TrainingConfig, TrainingData, classification, cross_entropy, fit, joint, weighted_mean
from regimen.training.adversarial import _each
from regimen.training.recipes import FGSMConfig, JitterConfig, LabelSmoothingConfig, PGDConfig, Task, TRADESConfig

COLUMNS = 4
GROUPS = {"price": (0, 1), "volume": (2,), "regime": (3,)}
RECIPES = (FGSMConfig, PGDConfig, TRADESConfig)


def _data(rows: int = 400) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
    y = (x[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    return TrainingData(x[100:], y[100:], x[:100], y[:100], groups=GROUPS)


TASK = Task(_data(), 64, 3)


def _batch(rows: int = 40, dtype: torch.dtype = torch.float32) -> Batch:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(rows, COLUMNS, generator=random, dtype=dtype)
    return Batch(x, torch.arange(rows) % 3, torch.rand(rows, generator=random, dtype=dtype) + 0.1)


def _binary(w: Tensor) -> nn.Module:
    """Logits (0, w·x) of two classes: the margin loss of a linear model."""
    module = nn.Linear(COLUMNS, 2, bias=False).to(w.dtype)
    with torch.no_grad():
        module.weight.copy_(torch.stack([torch.zeros_like(w), w]))
    return module


@pytest.mark.parametrize(
    ("recipe", "worst"),
    [
        (FGSMConfig(epsilon=0.2), lambda w: 0.2 * w.abs().sum()),
        (PGDConfig(epsilon=0.2), lambda w: 0.2 * w.abs().sum()),
        (PGDConfig(epsilon=0.2, restarts=3), lambda w: 0.2 * w.abs().sum()),
        (PGDConfig(epsilon=0.2, norm="2", steps=20), lambda w: 0.2 * torch.linalg.vector_norm(w)),
        (
            FGSMConfig(epsilon=0.2, groups={"price": 0.5, "volume": 0.0}),
            lambda w: w.abs() @ w.new_tensor([5, 5, 0, 2]) / 10,
        ),
    ],
)
def test_the_loss_of_a_linear_model_is_that_of_its_margin_less_the_dual_norm(recipe: Any, worst: Any) -> None:
    """max over the ball of log(1 + e^(−s w·x)) is log(1 + e^(−(s w·x − ε|w|₁))); in the 2 norm with |w|₂."""
    w, batch = torch.tensor([1.5, -0.5, 2.0, -1.0], dtype=torch.float64), _batch(dtype=torch.float64)
    batch = batch._replace(y=batch.y % 2)
    sign = 2.0 * batch.y - 1.0
    rows = functional.softplus(-(sign * (batch.x @ w) - worst(w)))
    loss = recipe.objective(classification(), TASK)(_binary(w), batch)
    torch.testing.assert_close(loss, weighted_mean(rows, batch.weights), rtol=1e-3, atol=0)
    assert loss > classification()(_binary(w), batch) * 1.1


def test_a_ratio_mixes_attacked_and_clean_rows() -> None:
    module, batch = _binary(torch.tensor([1.5, -0.5, 2.0, -1.0])), _batch()
    batch = batch._replace(y=batch.y % 2)
    clean = classification()(module, batch)
    all_of_it, some = (FGSMConfig(ratio=ratio).objective(classification(), TASK)(module, batch) for ratio in (1.0, 0.3))
    torch.testing.assert_close(some, 0.3 * all_of_it + 0.7 * clean)


def test_trades_is_the_clean_loss_and_beta_times_the_largest_divergence() -> None:
    torch.manual_seed(0)
    module, batch = nn.Linear(COLUMNS, 3), _batch()
    clean, log_p = classification()(module, batch), torch.log_softmax(module(batch.x), 1)

    def divergence(x: Tensor) -> Tensor:
        q = torch.log_softmax(module(x), 1)
        return functional.kl_div(q, log_p, reduction="none", log_target=True).sum(1)

    # a softmax of linear logits is log-convex, so the divergence is largest in a corner of the cube: try all 16
    corners = torch.cartesian_prod(*[torch.tensor([-0.3, 0.3])] * COLUMNS)
    with torch.no_grad():
        largest = torch.stack([divergence(batch.x + corner) for corner in corners]).max(0).values
    objective = TRADESConfig(epsilon=0.3, beta=2.0, steps=20).objective(classification(), TASK)
    reached = (objective(module, batch) - clean).detach()
    assert float(reached) <= 2.0 * float(weighted_mean(largest, batch.weights)) * (1 + 1e-5)
    # from one random place not every row ends in its best corner
    assert float(reached) >= 0.9 * 2.0 * float(weighted_mean(largest, batch.weights))
    # an attack on the cross-entropy, the common mistake, reaches less of it
    worst = pgd(
        lambda x: cross_entropy(module(x), batch.y), batch.x, 0.3, steps=20, random=torch.Generator().manual_seed(0)
    )
    assert 2.0 * float(weighted_mean(divergence(worst).detach(), batch.weights)) < 0.9 * float(reached)


def _models() -> Mapping[str, tuple[nn.Module, Objective, Batch]]:
    torch.manual_seed(0)
    flat, y, weights = _batch(12), torch.arange(12) % 3, torch.rand(12) + 0.1
    windows = torch.randn(12, 8, COLUMNS)
    small: dict[str, Any] = {"context": 8, "width": 8, "kernels": (3,), "dilations": (1,), "heads": 2}
    hybrid = HybridConfig(**small)
    multitask = {
        weighting: MultiTaskConfig(
            context=8,
            encoder={"kind": "cnn", "width": 8, "kernels": (3,), "dilations": (1,)},  # type: ignore[arg-type]
            heads=2,
            hidden=8,
            weighting=weighting,  # type: ignore[arg-type]
        )
        for weighting in ("kendall", "pcgrad")
    }
    more = {"volatility": torch.rand(12) + 0.5, "regime": torch.arange(12) % 3.0, "magnitude": torch.rand(12)}
    return {
        "logistic": (LogisticConfig().build(COLUMNS).module, classification(torch.tensor([0.5, 1.0, 2.0])), flat),
        "baseline": (BaselineConfig().build(COLUMNS).module, classification(), flat),
        "lstm": (LSTMConfig(context=8, width=8).build(COLUMNS).module, classification(), Batch(windows, y, weights)),
        "hybrid": (
            hybrid.build(COLUMNS).module,
            joint(hybrid),
            Batch(windows, y, weights, {"return": torch.randn(12)}),
        ),
        **{
            f"multitask, {name}": (config.build(COLUMNS).module, joint(config), Batch(windows, y, weights, more))
            for name, config in multitask.items()
        },
        "own": (nn.Sequential(nn.Linear(COLUMNS, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)), classification(), flat),
    }


@pytest.mark.parametrize(
    "name", ["logistic", "baseline", "lstm", "hybrid", "multitask, kendall", "multitask, pcgrad", "own"]
)
@pytest.mark.parametrize("recipe", [FGSMConfig(), PGDConfig(steps=2, restarts=2), TRADESConfig(steps=2)])
def test_every_net_learns_under_every_attack(name: str, recipe: Any) -> None:
    module, below, batch = _models()[name]
    module.train()
    x = batch.x.clone()
    torch.manual_seed(1)
    objective = recipe.objective(below, TASK)
    loss = objective(module, batch)
    assert all(parameter.grad is None for parameter in module.parameters())  # the attack leaves none behind
    loss.backward()
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    assert learning
    assert all(parameter.grad is not None and bool(torch.isfinite(parameter.grad).all()) for parameter in learning)
    assert module.training
    assert torch.equal(batch.x, x)


@pytest.mark.parametrize("name", ["logistic", "hybrid", "multitask, kendall"])
def test_the_loss_of_each_row_is_read_from_the_objective(name: str) -> None:
    """Against the objective of each row alone; what is common to all rows, as learned weights are, is in each."""
    module, below, batch = _models()[name]
    module.eval()
    x = batch.x.clone().requires_grad_()
    rows = _each(below, module, batch, x)
    alone = torch.stack([below(module, batch.part(slice(k, k + 1))) for k in range(len(x))])
    torch.testing.assert_close(rows, alone, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(rows.sum(), x)
    (expected,) = torch.autograd.grad(below(module, batch._replace(x=x)), x)
    torch.testing.assert_close(gradient, len(x) * expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("recipe", [each() for each in RECIPES])
def test_validation_rows_are_attacked_only_where_the_config_says_so(recipe: Any) -> None:
    module, batch = BaselineConfig(hidden=(8,)).build(COLUMNS).module.eval(), _batch()
    attacked = recipe.model_copy(update={"validation": "attacked"})
    with torch.no_grad():
        clean = classification()(module, batch)
        assert recipe.objective(classification(), TASK)(module, batch) == clean
        first, second = (attacked.objective(classification(), TASK)(module, batch) for _ in range(2))
    assert first > clean
    assert first == second  # from the same places in every epoch


def _bytes(recipes: tuple[Any, ...], data: TrainingData, **options: Any) -> bytes:
    config = TrainingConfig(epochs=2, batch_size=64, recipes=recipes)
    state = fit(BaselineConfig(hidden=(8,)).build(COLUMNS, 3), data, config, **options).predictor.state()
    return b"".join(values.tobytes() for values in state.values())


CHANGES: dict[str, Any] = {
    "epsilon": 0.2,
    "groups": {"volume": 0.0},
    "ratio": 0.5,
    "norm": "2",
    "steps": 3,
    "restarts": 2,
    "beta": 1.0,
}


@pytest.mark.parametrize("member", RECIPES)
def test_every_field_changes_what_is_learned(member: Any) -> None:
    fields = set(member.model_fields) - {"kind", "validation"}  # the last is tested above
    plain = _bytes((member(),), _data())
    for field in fields:
        assert _bytes((member(**{field: CHANGES[field]}),), _data()) != plain, field


def test_no_feature_of_a_group_of_epsilon_0_is_moved() -> None:
    """The loss is that of a model which never sees what it may not move, moved."""
    seen: list[Tensor] = []

    def below(module: nn.Module, batch: Batch) -> Tensor:
        seen.append(batch.x.detach())
        return classification()(module, batch)

    batch = _batch()
    recipe = PGDConfig(epsilon=0.1, groups={"price": 0.3, "regime": 0.0})
    recipe.objective(below, TASK)(BaselineConfig(hidden=(8,)).build(COLUMNS).module, batch)
    moves = (seen[-1] - batch.x).abs().max(0).values
    assert moves[3] == 0.0
    assert float(moves[0]) == pytest.approx(0.3, abs=1e-3)
    assert float(moves[2]) == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize(
    ("recipe", "data", "words"),
    [
        (
            PGDConfig(groups={"prices": 0.1}),
            _data(),
            r"^training.recipes: pgd.groups: must be among price, volume, regime; got",
        ),
        (
            TRADESConfig(groups={"price": 0.1}),
            replace(_data(), groups={}),
            r"^training.recipes: trades.groups: needs features whose groups are known; got 'price'$",
        ),
        (FGSMConfig(groups=dict.fromkeys(GROUPS, 0.0)), _data(), "fgsm.groups: must leave a feature that is moved"),
    ],
)
def test_groups_that_cannot_be_are_refused(recipe: Any, data: TrainingData, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fit(BaselineConfig().build(COLUMNS, 3), data, TrainingConfig(epochs=1, recipes=(recipe,)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "pgd", "epsilon": 0.0}, "greater than 0"),
        ({"kind": "fgsm", "epsilon": -0.1}, "greater than 0"),
        ({"kind": "trades", "groups": {"price": -0.1}}, "greater than or equal to 0"),
        ({"kind": "trades", "beta": 0.0}, "greater than 0"),
        ({"kind": "pgd", "steps": 0}, "greater than or equal to 1"),
    ],
)
def test_numbers_that_are_no_attack_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TrainingConfig(recipes=(settings,))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["pgd", "trades"])
def test_the_norm_2_is_a_number_in_yaml(kind: str) -> None:
    number, text = (TrainingConfig(recipes=({"kind": kind, "norm": norm},)) for norm in (2, "2"))  # type: ignore[arg-type]
    assert number == text
    with pytest.raises(ValidationError, match="'inf' or '2'"):
        TrainingConfig(recipes=({"kind": kind, "norm": 1},))  # type: ignore[arg-type]


def test_one_attack_does_not_stand_inside_another() -> None:
    with pytest.raises(ValidationError, match="must hold one attack, and not one inside another: pgd, trades"):
        TrainingConfig(recipes=(PGDConfig(), TRADESConfig()))


@pytest.mark.parametrize("recipe", [PGDConfig(steps=2, restarts=2), TRADESConfig(steps=2)])
def test_a_training_under_attack_that_was_interrupted_ends_with_the_same_bytes(recipe: Any, tmp_path: Any) -> None:
    recipes = (LabelSmoothingConfig(), JitterConfig(), recipe)
    config = TrainingConfig(epochs=4, batch_size=64, recipes=recipes, class_weights="balanced", accumulation=2)

    def train(stop: int | None = None, folder: Any = None) -> bytes:
        def on_epoch(epoch: Any) -> None:
            if epoch.epoch == stop:
                raise KeyboardInterrupt

        predictor = BaselineConfig(hidden=(8,), dropout=0.3).build(COLUMNS, 3)
        state = fit(predictor, _data(), config, checkpoint=folder, on_epoch=on_epoch).predictor.state()
        return b"".join(values.tobytes() for values in state.values())

    whole = train()
    with pytest.raises(KeyboardInterrupt):
        train(2, tmp_path)
    assert train(None, tmp_path) == whole


def test_what_was_learned_under_attack_withstands_it_better() -> None:
    """A large column is right of 90 % of rows, small ones of all, until they are moved: Tsipras et al. (2019)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    sign = 2.0 * y - 1.0
    large = sign * np.where(rng.random(3000) < 0.9, 1.0, -1.0)
    small = 0.2 * sign[:, None] + 0.03 * rng.normal(size=(3000, 3))
    x = np.column_stack([large, small]).astype(np.float32)
    data = TrainingData(x[:2000], y[:2000])
    config = TrainingConfig(epochs=25, batch_size=256, patience=None, learning_rate=5e-2, weight_decay=0.0)

    def accuracies(*recipes: Any) -> tuple[float, float]:
        trained = fit(
            LogisticConfig().build(COLUMNS, 2), data, config.model_copy(update={"recipes": recipes})
        ).predictor.module.eval()
        rows, classes = torch.from_numpy(x[2000:]), torch.from_numpy(y[2000:])
        worst = pgd(
            lambda z: cross_entropy(trained(z), classes), rows, 0.3, steps=20, random=torch.Generator().manual_seed(0)
        )
        clean, hard = (float((trained(z).argmax(1) == classes).double().mean()) for z in (rows, worst))
        return clean, hard

    clean, hard = accuracies()
    assert clean > 0.99
    assert hard < 0.01
    for recipe in (FGSMConfig(epsilon=0.3), PGDConfig(epsilon=0.3), TRADESConfig(epsilon=0.3)):
        robust = accuracies(recipe)
        assert robust[1] > 0.9, recipe  # the large column alone: right of 90 % however it is moved
        assert robust[0] < 0.95, recipe  # which is the price
