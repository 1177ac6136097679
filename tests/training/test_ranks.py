"""One training in several processes: the same result but for rounding, one error when a process dies, and a resume."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regimen.errors import ConfigError, RunError
from regimen.predictors import BaselineConfig, LSTMConfig, ModuleConfig, MultiTaskConfig
from regimen.training import Epoch, FitResult, TrainingConfig, TrainingData, classification, fit
from regimen.training.ranks import _dismiss, check_processes
from regimen.windows import SeriesWindows

MODEL = BaselineConfig(hidden=(16,), dropout=0.3)

DOUBLE = """
import torch
from torch import Tensor, nn
class Net(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(inputs, 24), nn.LayerNorm(24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, classes)
        ).double()
        self.unused = nn.Parameter(torch.ones(3))
    def forward(self, x):
        return self.body(x.double())
"""


def _data(rows: int = 600, weights: bool = True) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    y = (x[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    cut = rows * 2 // 3
    given = rng.random(cut).astype(np.float32) if weights else None
    return TrainingData(x[:cut], y[:cut], x[cut:], y[cut:], given)


def _windows(length: int = 8, rows: int = 300) -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows + length - 1, 6)).astype(np.float32)
    newest, ends = x[length - 1 :], np.arange(length - 1, len(x))
    y = (newest[:, :3] + rng.gumbel(size=(rows, 3))).argmax(axis=1)
    cut = rows * 2 // 3
    parts = [(SeriesWindows(x, ends[part], length), y[part]) for part in (slice(0, cut), slice(cut, rows))]
    return TrainingData(*parts[0], *parts[1])


def _fitted(
    model: Any, data: TrainingData, processes: int, checkpoint: Path | None = None, **settings: Any
) -> FitResult:
    given: dict[str, Any] = {"epochs": 3, "batch_size": 64, "patience": None, "processes": processes} | settings
    predictor = model.build(6, 3, seed=1)
    return fit(predictor, data, TrainingConfig.model_validate(given), checkpoint=checkpoint)


def _numbers(one: Any, other: Any) -> tuple[Any, Any]:
    return np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_300_updates_in_float64_are_those_of_one_process_to_1e_12(processes: int, tmp_path: Path) -> None:
    # batches of 37 and one of 30, so that shares are unequal; weights, dropout, a clip, a parameter without a gradient
    (tmp_path / "net.py").write_text(DOUBLE)
    model = ModuleConfig(source=f"{tmp_path / 'net.py'}:Net")
    settings: dict[str, Any] = {"epochs": 28, "batch_size": 37, "gradient_clip": 0.5, "class_weights": "balanced"}
    alone, shared = (_fitted(model, _data(), n, **settings) for n in (1, processes))
    assert 28 * -(-400 // 37) >= 300
    for name, values in alone.last.items():
        np.testing.assert_allclose(*_numbers(shared.last[name], values), rtol=0.0, atol=1e-12, err_msg=name)
    losses = [[epoch.train_loss for epoch in result.history] for result in (alone, shared)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-12)
    assert shared.best_epoch == alone.best_epoch


def test_two_processes_are_two_parts_of_a_batch_bit_for_bit() -> None:
    plain = BaselineConfig(hidden=(16,))
    parts, shared = _fitted(plain, _data(), 1, accumulation=2), _fitted(plain, _data(), 2)
    assert parts.history == shared.history
    for name, values in parts.last.items():
        np.testing.assert_array_equal(shared.last[name], values)


def test_windows_attention_recipes_and_a_batch_in_parts() -> None:
    model = LSTMConfig(context=8, width=8, layers=2, heads=2, dropout=0.2)
    recipes = [{"kind": "jitter"}, {"kind": "mixup"}, {"kind": "block_shift"}]
    settings: dict[str, Any] = {"recipes": recipes, "label_smoothing": 0.1, "accumulation": 2, "sampler": "balanced"}
    alone, shared = (_fitted(model, _windows(), n, **settings) for n in (1, 2))
    for name, values in alone.last.items():
        np.testing.assert_allclose(*_numbers(shared.last[name], values), rtol=2e-3, atol=2e-5, err_msg=name)
    again = _fitted(model, _windows(), 2, **settings)
    assert all(np.array_equal(values, again.last[name]) for name, values in shared.last.items())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_a_killed_process_is_one_error_and_the_training_goes_on(processes: int, tmp_path: Path) -> None:
    _dismiss()  # so that there are no others
    config = TrainingConfig(epochs=5, batch_size=64, patience=None, processes=processes)
    whole = fit(MODEL.build(6, 3, seed=1), _data(), config)

    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)  # one that only waits is no error

    def kill(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(RunError, match="must let its processes live: one was killed"):
        fit(MODEL.build(6, 3, seed=1), _data(), config, checkpoint=tmp_path, on_epoch=kill)
    resumed = fit(MODEL.build(6, 3, seed=1), _data(), config, checkpoint=tmp_path)
    assert resumed.history == whole.history
    assert all(np.array_equal(values, resumed.last[name]) for name, values in whole.last.items())


class Odd(nn.Module):
    """Has what cannot be shared out, by its name."""

    def __init__(self, inputs: int, classes: int, what: str) -> None:
        super().__init__()
        self.head = nn.Linear(inputs, classes)
        self.norm = nn.BatchNorm1d(inputs) if what == "norm" else nn.Identity()
        self.seen = nn.LSTM(inputs, inputs, 2, dropout=0.1, batch_first=True) if what == "lstm" else None

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(x))
        return logits


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("norm", "with BatchNorm1d, which looks at the whole batch"),
        ("lstm", "with the dropout inside LSTM"),
    ],
)
def test_a_model_that_cannot_be_shared_out_is_refused(what: str, words: str) -> None:
    model = ModuleConfig(source=f"{__file__}:Odd", settings={"what": what})
    with pytest.raises(ConfigError, match=re.escape(f"training.processes: must be 1 {words}")):
        _fitted(model, _data(), 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipes": [{"kind": "pgd"}]}, "with pgd: where its attack begins is drawn for the whole batch"),
        ({"recipes": [{"kind": "self_paced"}]}, "with self_paced: which rows are the easiest is asked of the whole"),
    ],
)
def test_what_looks_at_the_whole_batch_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"training.processes: must be 1 {words}"):
        _fitted(MODEL, _data(), 2, **settings)


def test_a_bare_objective_and_a_model_with_gradients_of_its_own_are_refused() -> None:
    config = TrainingConfig(epochs=1, processes=2, patience=None)
    with pytest.raises(ConfigError, match="with a bare objective, which no other process knows"):
        fit(MODEL.build(6, 3), _data(), config, objective=classification())
    model = MultiTaskConfig(context=32, weighting="pcgrad")
    with pytest.raises(ConfigError, match="must be 1 with pcgrad"):
        check_processes(config, model.build(6, 3), torch.device("cpu"), [])
    with pytest.raises(ConfigError, match="must be 1 on a GPU"):
        check_processes(config, MODEL.build(6, 3), torch.device("cuda"), [])


@pytest.mark.slow
def test_the_processes_of_torchrun_are_those_of_this_machine_bit_for_bit(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "import numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_ranks import MODEL, _data, _fitted\n"
        "from regimen.training import followed_by_the_others\n"
        "if __name__ == '__main__':\n"
        "    with followed_by_the_others() as leads:\n"
        "        if leads:\n"
        "            for seed in range(2):\n"
        "                last = _fitted(MODEL, _data(), 2).last\n"
        "            np.savez(sys.argv[1], **last)\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    subprocess.run([*command, str(tmp_path / "last.npz")], check=True, capture_output=True, timeout=300)
    here = _fitted(MODEL, _data(), 2).last
    with np.load(tmp_path / "last.npz") as there:
        assert all(np.array_equal(there[name], values) for name, values in here.items())
