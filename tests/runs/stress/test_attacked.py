"""Attacks on a run's rows against a linear model, whose distance from its border is known; black boxes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from regimen.policies import CalibratedClassifier
from regimen.policies.calibration import TemperatureConfig
from regimen.predictors import BaselineConfig, HybridConfig, LogisticConfig, SnapshotPredictor
from regimen.runs.stress.attacked import WITH_GRADIENT, withstanding
from regimen.runs.stress.rows import LabelledRows, said_by

EPSILONS = (0.05, 0.1, 0.2, 0.4)
COLUMNS = 6


def _linear(gradient: bool = True) -> LabelledRows:
    """Three classes: 0 and 2 by the sign of w·x, and 1 never."""
    random = torch.Generator().manual_seed(0)
    w, x = torch.randn(COLUMNS, generator=random), torch.randn(300, COLUMNS, generator=random)
    module = nn.Linear(COLUMNS, 3)
    with torch.no_grad():
        module.weight.copy_(torch.stack([-w, torch.zeros(COLUMNS), w]))
        module.bias.copy_(torch.tensor([0.0, -100.0, 0.0]))
    y = torch.where(x @ w + 0.3 * torch.randn(300, generator=random) > 0, 2, 0)
    return LabelledRows(x, y, module, nn.ModuleList([module] if gradient else []))


def test_a_row_falls_where_its_distance_from_the_border_is_below_epsilon() -> None:
    """The nearest wrong place is |w·x| / |w|₁ away in the infinity norm."""
    rows = _linear()
    module = rows.modules[0]
    assert isinstance(module, nn.Linear)
    w = module.weight[2].detach()
    distance = ((rows.x @ w) / w.abs().sum()).numpy() * np.where(rows.y.numpy() == 2, 1.0, -1.0)  # below 0: wrong
    ladders = withstanding(rows, [1.0] * COLUMNS, EPSILONS, (0, "test"))
    assert set(ladders) == {"FGSM", "PGD", "APGD-CE", "APGD-DLR", "Square"}
    for name, standing in ladders.items():
        for epsilon, row in zip(EPSILONS, standing, strict=True):
            clear = np.abs(distance - epsilon) > 1e-3
            if name == "Square":  # may miss some, and never finds what is not there
                assert (row[clear] >= (distance > epsilon)[clear]).all()
                assert row.mean() <= (distance > epsilon).mean() + 0.03
            else:
                np.testing.assert_array_equal(row[clear], (distance > epsilon)[clear], err_msg=name)


def test_what_fell_within_a_smaller_epsilon_does_not_rise_again() -> None:
    module = BaselineConfig(hidden=(8,)).build(COLUMNS, seed=3).module
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(4.0)
    x = torch.randn(200, COLUMNS, generator=torch.Generator().manual_seed(1))
    rows = LabelledRows(x, module.eval()(x).argmax(1), module, nn.ModuleList([module]))
    for name, standing in withstanding(rows, [1.0] * COLUMNS, EPSILONS, (0, "test")).items():
        assert (np.diff(standing.astype(int), axis=0) <= 0).all(), name
        assert standing[0].mean() > standing[-1].mean()
    again = withstanding(rows, [1.0] * COLUMNS, EPSILONS, (0, "test"))
    first = withstanding(rows, [1.0] * COLUMNS, EPSILONS, (0, "test"))
    assert all(np.array_equal(again[name], first[name]) for name in WITH_GRADIENT)


def test_a_share_of_epsilon_0_keeps_a_feature_where_it_is() -> None:
    rows = _linear()
    module = rows.modules[0]
    assert isinstance(module, nn.Linear)
    share = [1.0, 0.0, 1.0, 0.0, 0.5, 1.0]
    w = module.weight[2].detach() * torch.tensor(share)
    distance = ((rows.x @ module.weight[2].detach()) / w.abs().sum()).numpy() * np.where(rows.y.numpy() == 2, 1.0, -1.0)
    standing = withstanding(rows, share, EPSILONS, (0, "test"))["APGD-CE"]
    for epsilon, row in zip(EPSILONS, standing, strict=True):
        clear = np.abs(distance - epsilon) > 1e-3
        np.testing.assert_array_equal(row[clear], (distance > epsilon)[clear])


def test_without_a_gradient_only_the_random_search_is_tried() -> None:
    with torch.no_grad():
        assert set(withstanding(_linear(gradient=False), [1.0] * COLUMNS, (0.1,), (0, "test"))) == {"Square"}


def test_logits_are_those_of_the_probabilities_that_are_said() -> None:
    random = np.random.default_rng(0)
    small = {"context": 4, "width": 4, "kernels": (3,), "dilations": (1,), "heads": 1}
    flat, windows = random.normal(size=(40, 3)).astype(np.float32), random.normal(size=(40, 4, 3)).astype(np.float32)
    plain = BaselineConfig(hidden=(4,)).build(3, seed=1)
    snapshots = SnapshotPredictor([BaselineConfig(hidden=(4,)).build(3, seed=k) for k in range(3)])
    ensemble = HybridConfig(**small, members=2).build(3, seed=1)  # type: ignore[arg-type]
    for model, x in ((plain, flat), (snapshots, flat), (ensemble, windows)):
        for module in said_by(model)[1]:
            module.eval()
        logits, modules = said_by(model)
        assert len(modules) == (3 if model is snapshots else 1)
        said = torch.softmax(logits(torch.from_numpy(x)), -1).detach().numpy()
        np.testing.assert_allclose(said, model.predict_proba(x), atol=1e-6)
    y = random.integers(0, 3, 40)
    calibrated = CalibratedClassifier(plain, TemperatureConfig().fit(plain.predict_proba(flat), y))
    torch.testing.assert_close(said_by(calibrated)[0](torch.from_numpy(flat)), plain.module(torch.from_numpy(flat)))


def test_a_model_of_another_library_is_a_black_box() -> None:
    class Sign:
        inputs, schema, context = 2, "", 1

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            assert isinstance(x, np.ndarray)
            up = (x[:, 0] > 0).astype(float)
            return np.stack([1.0 - up, np.zeros(len(x)), up], axis=1)

    logits, modules = said_by(Sign())
    assert not len(modules)
    x = torch.tensor([[0.3, 0.0], [-0.1, 0.0]])
    assert logits(x).argmax(1).tolist() == [2, 0]
    rows = LabelledRows(x, torch.tensor([2, 0]), logits, modules)
    standing = withstanding(rows, [1.0, 1.0], (0.2, 0.5), (0, "test"))["Square"]
    assert standing.tolist() == [[True, False], [False, False]]


def test_every_place_that_was_looked_at_counts() -> None:
    """Near 0.2 a row is wrong, but its cross-entropy is below that of elsewhere, where an attack ends."""

    def logits(x: Tensor) -> Tensor:
        bump = torch.relu(1.0 - 20.0 * (x[:, 0] - 0.2).abs())
        return torch.stack([0.0 * bump, 0.25 * bump - 0.05, -5.0 * bump - 0.05], dim=1)

    entropy = torch.nn.functional.cross_entropy(
        logits(torch.tensor([[0.2], [0.4]])), torch.zeros(2).long(), reduction="none"
    )
    assert entropy[0] < entropy[1]
    assert logits(torch.tensor([[0.2], [0.4]])).argmax(1).tolist() == [1, 0]
    net = nn.ModuleList([LogisticConfig().build(1).module])
    rows = LabelledRows(torch.full((50, 1), 0.14), torch.zeros(50, dtype=torch.int64), logits, net)
    standing = withstanding(rows, [1.0], (0.5,), (0, "test"))
    assert not standing["PGD"].all()  # some of its places were near 0.2, and none of its last ones
    assert standing["FGSM"].all()  # the slope is 0 where it begins
