"""Half precision, batches in parts, plateaus, scores and memory: what every model is trained with."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from regimen.errors import ConfigError, DataError
from regimen.nets import activation_bytes, training_bytes
from regimen.predictors import BaselineConfig, HybridConfig, LogisticConfig, LSTMConfig
from regimen.seams import Batch
from regimen.training import FitResult, TrainingConfig, TrainingData, fit, learning_rate, loop, precision
from regimen.training.defaults import default_objective
from regimen.training.loop import _require_memory
from regimen.training.recipes import MamlConfig, PGDConfig, Task, TRADESConfig
from regimen.training.resident import Resident
from regimen.windows import SeriesWindows

MODEL = BaselineConfig(hidden=(16,))


def _data(rows: int = 600, weights: bool = False) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    y = (x[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    cut = rows * 2 // 3
    given = rng.random(cut).astype(np.float32) if weights else None
    return TrainingData(x[:cut], y[:cut], x[cut:], y[cut:], given)


def _windows(length: int = 8, rows: int = 300, targets: bool = False) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows + length - 1, 6)).astype(np.float32)
    newest, ends = x[length - 1 :], np.arange(length - 1, len(x))
    y = (newest[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    more = newest[:, 0] if targets else None
    cut = rows * 2 // 3
    parts = [(SeriesWindows(x, ends[part], length), y[part]) for part in (slice(0, cut), slice(cut, rows))]
    return TrainingData(
        *parts[0],
        *parts[1],
        targets_train={} if more is None else {"return": more[:cut]},
        targets_val={} if more is None else {"return": more[cut:]},
    )


def _fitted(config: TrainingConfig, data: TrainingData | None = None, **options: Any) -> FitResult:
    return fit(MODEL.build(6, 3, seed=1), data or _data(weights=True), config, **options)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_a_batch_in_parts_is_the_batch(parts: int) -> None:
    # The weighted mean of a batch is that of its parts by their weights: equal up to the order of additions.
    plain = TrainingConfig(epochs=3, batch_size=64, patience=None)
    whole, split = (_fitted(plain.model_copy(update={"accumulation": n})) for n in (1, parts))
    for name, values in whole.predictor.state().items():
        np.testing.assert_allclose(split.predictor.state()[name], values, rtol=2e-4, atol=2e-5)
    for one, other in zip(whole.history, split.history, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=1e-5)


def test_a_batch_in_parts_never_sees_more_than_a_part() -> None:
    seen: list[int] = []
    predictor = MODEL.build(6, 3)
    predictor.module.register_forward_hook(lambda _module, given, _out: seen.append(len(given[0])))
    fit(predictor, _data(), TrainingConfig(epochs=1, batch_size=100, accumulation=4, patience=None))
    assert max(seen[: 4 * 4]) == 25


@pytest.mark.parametrize("config", [MODEL, LSTMConfig(context=8, width=8, layers=1, heads=2)])
def test_bfloat16_products_and_float32_everything_else(config: Any) -> None:
    types: list[tuple[torch.dtype, torch.dtype]] = []
    predictor = config.build(6, 3, seed=1)
    linear = next(module for module in predictor.module.modules() if isinstance(module, nn.Linear))
    linear.register_forward_hook(lambda _module, _given, out: types.append((out.dtype, linear.weight.dtype)))
    data = _windows() if hasattr(config, "context") else _data()
    half = fit(predictor, data, TrainingConfig(epochs=4, precision="bfloat16", patience=None))
    assert set(types) == {(torch.bfloat16, torch.float32)}
    assert "forward" not in vars(predictor.module)  # as it was
    full = fit(config.build(6, 3, seed=1), data, TrainingConfig(epochs=4, patience=None))
    assert half.history[-1].train_loss == pytest.approx(full.history[-1].train_loss, abs=0.02)


def test_float16_scales_its_gradients_and_resumes_its_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"training.precision: must be float32 or bfloat16 on a CPU"):
        _fitted(TrainingConfig(precision="float16"))
    # A CPU computes in float16 too, only slowly: enough to see the scaler at work.
    monkeypatch.setattr(loop, "pick_precision", lambda _name, _device: torch.float16)
    # Plain steps, unlike Adam's, would show gradients that were cut while they are scaled.
    config = TrainingConfig(
        epochs=4, precision="float16", patience=None, gradient_clip=0.1, optimizer="sgd", learning_rate=1.0
    )
    half = _fitted(config, _data())
    full = _fitted(config.model_copy(update={"precision": "float32"}), _data())
    assert full.history[-1].train_loss < full.history[0].train_loss - 0.1
    assert half.history[-1].train_loss == pytest.approx(full.history[-1].train_loss, abs=0.02)

    class Stop(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        _fitted(config, _data(), checkpoint=tmp_path, on_epoch=stop)
    again = _fitted(config, _data(), checkpoint=tmp_path)
    for name, values in half.predictor.state().items():
        assert again.predictor.state()[name].tobytes() == values.tobytes()


def test_precision_of_a_cuda_device_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert precision.pick_precision("float16", cuda) is torch.float16
    with pytest.raises(ConfigError, match="must be float32 or float16 on this CUDA device"):
        precision.pick_precision("bfloat16", cuda)


def test_a_plateau_lowers_the_rate_by_hand() -> None:
    config = TrainingConfig(learning_rate=1.0, schedule="plateau", plateau_patience=2, plateau_factor=0.5)
    better = [True, False, False, False, True, False, False, False, False]
    rates = [learning_rate(config, done + 1.0, better[:done]) for done in range(len(better) + 1)]
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
    warm = config.model_copy(update={"warmup_epochs": 3.0})  # stale epochs of the warm-up do not count
    assert learning_rate(warm, 5.0, [True, False, False, False]) == 1.0
    assert learning_rate(warm, 6.0, [True, False, False, False, False]) == 0.5


def test_an_epoch_says_its_rate() -> None:
    config = TrainingConfig(epochs=4, schedule="cosine", patience=None, learning_rate=1e-2)
    rates = [epoch.learning_rate for epoch in _fitted(config).history]
    assert rates == [learning_rate(config, float(epoch)) for epoch in (1, 2, 3, 4)]


def test_the_score_chooses_the_epoch_and_the_patience() -> None:
    scores = iter([0.1, 0.9, 0.3, math.pi, 0.2, 0.2, 0.2, 0.2])
    seen: list[str] = []

    def score(predictor: Any) -> float:
        seen.append(predictor.state()["head.weight"].tobytes())
        return next(scores)

    config = TrainingConfig(epochs=8, patience=3, select="sharpe")
    result = _fitted(config, score=score)
    assert [epoch.score for epoch in result.history] == [0.1, 0.9, 0.3, math.pi, 0.2, 0.2, 0.2]
    assert (result.best_epoch, result.stopped_early) == (4, True)
    assert result.predictor.state()["head.weight"].tobytes() == seen[3]
    assert result.last["head.weight"].tobytes() == seen[6]


def test_the_score_is_not_asked_where_the_loss_chooses() -> None:
    def score(_predictor: Any) -> float:
        raise AssertionError

    assert _fitted(TrainingConfig(epochs=2), score=score).history[0].score is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"select": "sharpe"}, "training.select"),
        ({"schedule": "plateau", "patience": None}, "training.schedule"),
        ({"plateau_patience": 5, "patience": None}, "training.plateau_patience"),
        ({"plateau_factor": 0.2, "patience": None}, "training.plateau_factor"),
        ({"accumulation": 65, "batch_size": 64, "patience": None}, "training.accumulation"),
    ],
)
def test_settings_that_could_not_act_are_refused(settings: dict[str, Any], field: str) -> None:
    data = _data()
    with pytest.raises(ConfigError, match=f"^{field}"):
        _fitted(TrainingConfig(**settings), TrainingData(data.x_train, data.y_train))


def test_memory_is_asked_for_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.nets.footprint.available_bytes", lambda _device: 2**20)
    config = LSTMConfig(context=8).build(6, 3)
    before = config.state()
    with pytest.raises(ConfigError) as caught:
        fit(config, _windows(), TrainingConfig(batch_size=128))
    text = str(caught.value)
    assert text.startswith("training.batch_size=128: needs about ")
    assert text.endswith("MiB of memory, and 1 MiB are free")
    assert all(np.array_equal(before[name], values) for name, values in config.state().items())
    fit(LogisticConfig().build(6, 3), _data(), TrainingConfig(epochs=1))  # a small one fits


def test_activations_are_counted_by_row() -> None:
    # A linear layer keeps its input, a tanh its output, which the next layer keeps too: counted once.
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 16), nn.Tanh())
    assert activation_bytes(module, torch.zeros(2, 4)) == 4 * (4 + 8 + 16)


def test_a_row_of_an_lstm_is_counted_in_the_blocks_that_it_is_kept_in() -> None:
    module = LSTMConfig(context=8, width=8, layers=1, heads=2).build(6, 3).module
    few, many = (activation_bytes(module, torch.zeros(rows, 8, 6)) for rows in (64, 256))
    assert few == pytest.approx(many, rel=0.05)


class _Kept:
    """A tensor that autograd holds, and the sum over all that it holds now."""

    now, peak = 0, 0
    held: ClassVar[dict[tuple[int, int], int]] = {}

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.key = tensor, (tensor.untyped_storage().data_ptr(), tensor.numel())
        self.count(1)

    def __del__(self) -> None:
        self.count(-1)

    def count(self, more: int) -> None:
        held, size = self.held.get(self.key, 0), self.tensor.numel() * self.tensor.element_size()
        self.held[self.key] = held + more
        _Kept.now += size * ((held + more > 0) - (held > 0))
        _Kept.peak = max(_Kept.peak, _Kept.now)


_META = MamlConfig(shots=20, queries=20, inner_steps=3)


@pytest.mark.parametrize(
    ("recipes", "measured"),
    [
        ((), 1.1),
        ((PGDConfig(steps=2),), 1.1),
        ((PGDConfig(steps=2, ratio=0.5),), 1.1),
        ((TRADESConfig(steps=2),), 1.1),
        ((_META.model_copy(update={"first_order": True}),), 1.2),
        pytest.param((_META,), 1.5, marks=pytest.mark.slow),
        pytest.param(
            (TRADESConfig(steps=2), _META.model_copy(update={"first_order": True})), 1.2, marks=pytest.mark.slow
        ),
    ],
)
def test_what_the_passes_of_a_recipe_hold_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, recipes: tuple[Any, ...], measured: float
) -> None:
    """Against the most that autograd holds at any time of a step."""
    rows, asked = 160, []
    data = _windows(8)
    predictor = LSTMConfig(context=8, width=8, layers=1, heads=2, dropout=0.0).build(6, 3)
    module, config = predictor.module.train(), TrainingConfig(batch_size=rows, recipes=recipes)
    objective = default_objective(config, Task(data, rows), predictor, torch.device("cpu"))
    x, y = torch.from_numpy(np.ascontiguousarray(data.x_train[:rows])), torch.from_numpy(data.y_train[:rows])
    _Kept.now = _Kept.peak = 0
    with torch.autograd.graph.saved_tensors_hooks(_Kept, lambda kept: kept.tensor):
        objective(module, Batch(x, y, torch.ones(rows))).backward()
    monkeypatch.setattr("regimen.training.loop.require_memory", lambda needed, *_: asked.append(needed))
    train = Resident.of(data.x_train, data.y_train, None, {}, torch.device("cpu"))
    _require_memory(module, train, config, torch.device("cpu"), rows)
    needed = asked[0] - training_bytes(lambda: module)
    assert _Kept.peak / 1.1 <= needed <= _Kept.peak * measured


def test_memory_names_the_recipes_that_need_more_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.nets.footprint.available_bytes", lambda _device: 2**20)
    config = TrainingConfig(batch_size=128, recipes=(TRADESConfig(),))
    with pytest.raises(ConfigError, match=r"^training\.batch_size=128 with trades: needs about "):
        fit(LSTMConfig(context=8).build(6, 3), _windows(), config)


def test_windows_of_another_length_and_missing_targets_are_one_line() -> None:
    cases: list[tuple[Any, TrainingData, str]] = [
        (LSTMConfig(context=16), _windows(8), "x_train: must be windows of 16 rows of 6 columns"),
        (LSTMConfig(context=8), _data(), "x_train: must be windows of 8 rows of 6 columns"),
        (HybridConfig(context=32), _windows(32), "targets_val: must hold return, learned besides the class"),
        (MODEL, _with_a_short_target(_data()), "targets_train: return: must have one value for each of the 400 rows"),
    ]
    for config, data, words in cases:
        with pytest.raises(DataError) as caught:
            fit(config.build(6, 3), data, TrainingConfig(patience=None))
        assert str(caught.value).startswith(words)
        assert "\n" not in str(caught.value)


def _with_a_short_target(data: TrainingData) -> TrainingData:
    return TrainingData(data.x_train, data.y_train, targets_train={"return": np.zeros(7)})


def test_a_deterministic_scope_waits_for_no_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from regimen.training.reproducible import reproducible\n"
        "with reproducible(1, torch.device('cpu')):\n"
        "    assert torch.are_deterministic_algorithms_enabled()\n"
        "    assert not torch.is_deterministic_algorithms_warn_only_enabled()\n"
        "assert not torch.are_deterministic_algorithms_enabled()\n"
        "assert 'torch._inductor' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
