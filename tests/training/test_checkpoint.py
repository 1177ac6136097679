"""Kill -9 in any epoch, go on, and end with the same bytes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, RunError
from regimen.predictors import BaselineConfig, LogisticConfig, TorchPredictor
from regimen.seams import RowTable
from regimen.training import Epoch, FitResult, TrainingConfig, TrainingData, fit
from regimen.training.checkpoint import FILE
from regimen.training.recipes import CurriculumConfig, JitterConfig, LabelSmoothingConfig

CONFIG = TrainingConfig(epochs=12, batch_size=32, schedule="cosine", warmup_epochs=1.5, patience=6)
MODEL = BaselineConfig(hidden=(16, 8), dropout=0.2)  # dropout: the torch stream of each epoch matters


def _data() -> TrainingData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6)).astype(np.float32)
    y = (x[:, :3] + rng.gumbel(size=(600, 3))).argmax(axis=1)
    return TrainingData(x[:400], y[:400], x[400:], y[400:])


def _data_with_rows() -> TrainingData:
    position = np.arange(400)
    volatility = np.random.default_rng(1).gamma(2.0, size=400)
    return replace(_data(), rows=RowTable(position, np.zeros(400, np.int64), position + 1, volatility))


def _fit(
    folder: Path | None, config: TrainingConfig = CONFIG, data: TrainingData | None = None, **options: object
) -> FitResult:
    return fit(MODEL.build(6, 3, seed=1), data or _data(), config, checkpoint=folder, **options)  # type: ignore[arg-type]


_CHILD = """
import sys, time
from pathlib import Path
import importlib.util
spec = importlib.util.spec_from_file_location("resume", sys.argv[1])
resume = importlib.util.module_from_spec(spec)
sys.modules["resume"] = resume
spec.loader.exec_module(resume)

def report(epoch):
    print(epoch.epoch, flush=True)
    time.sleep(0.03)  # so that the parent's signal finds an epoch at work, not a finished run

resume._fit(Path(sys.argv[2]) / "checkpoint", on_epoch=report)
"""


def _killed(folder: Path, kill_after: int, pause: float) -> list[int]:
    """Trains in a process of its own; kills it ``pause`` seconds after its ``kill_after``-th epoch.

    Returns the numbers of the epochs that it reported.
    """
    command = [sys.executable, "-c", _CHILD, __file__, str(folder)]
    epochs: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            epochs.append(int(line))
            if len(epochs) == kill_after:
                time.sleep(pause)
                process.kill()
        assert process.wait() == -9
    return epochs


def test_killed_runs_end_with_the_bytes_of_a_run_that_was_never_killed(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _fit(whole / "checkpoint").predictor.save(whole / "model")
    moment = random.Random(time.time_ns())
    done = 0
    for _ in range(2):
        after, pause = moment.randint(1, 4), moment.uniform(0.0, 0.05)
        print(f"killed {pause:.3f} s after {after} epochs")  # shown when the test fails
        epochs = _killed(killed, after, pause)
        assert epochs[0] > done  # no epoch that was reported is done again
        done = epochs[-1]
    again: list[int] = []
    result = _fit(killed / "checkpoint", on_epoch=lambda epoch: again.append(epoch.epoch))
    assert done < again[0] < again[-1] == 12
    result.predictor.save(killed / "model")
    for file in ("weights.safetensors", "predictor.json"):
        assert (killed / "model" / file).read_bytes() == (whole / "model" / file).read_bytes()


@pytest.mark.parametrize("stop_after", [1, 5, 11])
def test_a_resume_gives_the_same_result_and_history(tmp_path: Path, stop_after: int) -> None:
    whole = _fit(None)

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, on_epoch=stop)
    resumed = _fit(tmp_path)
    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
    for name, values in whole.predictor.state().items():
        assert values.tobytes() == resumed.predictor.state()[name].tobytes()


def test_early_stopping_survives_a_resume(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"patience": 3, "epochs": 60, "learning_rate": 0.05})
    whole = _fit(None, config)
    assert whole.stopped_early

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == len(whole.history) - 1:  # in the middle of the stale epochs
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, config, on_epoch=stop)
    resumed = _fit(tmp_path, config)
    assert (resumed.history, resumed.best_epoch, resumed.stopped_early) == (
        whole.history,
        whole.best_epoch,
        True,
    )


def test_a_finished_checkpoint_is_returned_at_once(tmp_path: Path) -> None:
    first = _fit(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    called: list[Epoch] = []
    second = _fit(tmp_path, on_epoch=called.append)
    assert called == []
    assert second.history == first.history
    assert (tmp_path / FILE).read_bytes() == before
    x = _data().x_train
    assert np.array_equal(first.predictor.predict_proba(x), second.predictor.predict_proba(x))


def test_the_checkpoint_is_one_file(tmp_path: Path) -> None:
    _fit(tmp_path / "deep" / "folder")
    assert [path.name for path in (tmp_path / "deep" / "folder").iterdir()] == [FILE]


def test_sgd_and_logistic_resume_too(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"optimizer": "sgd"})

    def run(folder: Path | None, **options: object) -> TorchPredictor:
        model = LogisticConfig().build(6, 3)
        return fit(model, _data(), config, checkpoint=folder, **options).predictor  # type: ignore[arg-type]

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_epoch=stop)
    for name, values in run(None).state().items():
        assert values.tobytes() == run(tmp_path).state()[name].tobytes()


def _one_line(folder: Path, *parts: str, **options: object) -> None:
    with pytest.raises(RunError) as caught:
        _fit(folder, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    for part in (FILE, *parts):
        assert part in str(caught.value)


def test_a_checkpoint_of_another_run_is_refused_by_name(tmp_path: Path) -> None:
    _fit(tmp_path)
    changed = CONFIG.model_copy(update={"learning_rate": 0.5})
    _one_line(tmp_path, "training.learning_rate", "was 0.001", "got 0.5", config=changed)
    _one_line(tmp_path, "its seed was 0", "got 9", seed=9)
    _one_line(tmp_path, "its window was 0", "got 2", window=2)
    jitter = CONFIG.model_copy(update={"recipes": (JitterConfig(sigma=0.1),)})
    _one_line(tmp_path, "its training.recipes was None", "got [{'kind': 'jitter', 'sigma': 0.1}]", config=jitter)
    data = _data()
    data.x_train[0, 0] += 1.0
    with pytest.raises(RunError, match="its data was"):
        fit(MODEL.build(6, 3, seed=1), data, CONFIG, checkpoint=tmp_path)
    with pytest.raises(RunError, match="its initial weights was"):
        fit(MODEL.build(6, 3, seed=2), _data(), CONFIG, checkpoint=tmp_path)
    with pytest.raises(RunError, match="its schema was ''"):
        fit(MODEL.build(6, 3, seed=1, schema="x"), _data(), CONFIG, checkpoint=tmp_path)


def test_a_recipe_resumes_and_another_number_of_it_is_refused(tmp_path: Path) -> None:
    recipes = (CurriculumConfig(epochs=9), JitterConfig(sigma=0.1), LabelSmoothingConfig(epsilon=0.1))
    config = CONFIG.model_copy(update={"recipes": recipes})
    whole = _fit(None, config, data=_data_with_rows())

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, config, data=_data_with_rows(), on_epoch=stop)
    for changed in (CurriculumConfig(epochs=8), JitterConfig(sigma=0.2), LabelSmoothingConfig(epsilon=0.2)):
        others = tuple(changed if type(changed) is type(recipe) else recipe for recipe in recipes)
        other = config.model_copy(update={"recipes": others})
        _one_line(tmp_path, "its training.recipes was", config=other, data=_data_with_rows())
    calm = _data_with_rows()
    assert calm.rows is not None
    calm.rows.volatility[3] = 9.0
    _one_line(tmp_path, "its data was", config=config, data=calm)
    resumed = _fit(tmp_path, config, data=_data_with_rows())
    assert resumed.history == whole.history
    for name, values in whole.predictor.state().items():
        assert values.tobytes() == resumed.predictor.state()[name].tobytes()


def test_a_bare_callable_is_refused_beside_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^checkpoint: must be left out with a bare callable.*; got 'transform'$"):
        _fit(tmp_path, transform=lambda batch, _: batch)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    _fit(tmp_path)
    path = tmp_path / FILE
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 64
    for content in (b"", whole[: len(whole) // 2], bytes(flipped), json.dumps({"epoch": 3}).encode()):
        path.write_bytes(content)
        _one_line(tmp_path)


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    _one_line(tmp_path / "file", "must be writable")


def test_a_full_disk_is_one_line_and_keeps_the_last_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, on_epoch=stop)
    with monkeypatch.context() as patch:

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        _one_line(tmp_path, "No space left on device")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / FILE, copy / FILE)
    assert _fit(copy).history == _fit(None).history


@pytest.mark.parametrize("pauses", [(3,), (1, 2, 7)])
def test_a_training_that_pauses_goes_on_with_the_same_bits(tmp_path: Path, pauses: tuple[int, ...]) -> None:
    whole = _fit(None)
    for pause in pauses:
        paused = _fit(tmp_path, CONFIG.model_copy(update={"pause": pause}))
        assert len(paused.history) == pause
        assert not paused.stopped_early
        assert paused.best_epoch == max(epoch.epoch for epoch in whole.history[:pause] if epoch.best)
    resumed = _fit(tmp_path)
    assert [epoch.val_loss for epoch in resumed.history] == [epoch.val_loss for epoch in whole.history]
    assert resumed.best_epoch == whole.best_epoch
    for name, tensor in whole.predictor.state().items():
        assert resumed.predictor.state()[name].tobytes() == tensor.tobytes()
        assert resumed.last[name].tobytes() == whole.last[name].tobytes()
    again = _fit(tmp_path, CONFIG.model_copy(update={"pause": 2}))  # what is done is not undone
    assert len(again.history) == len(whole.history)
