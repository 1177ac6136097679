"""Runs on their trackers: what TensorBoard, MLflow and Weights & Biases read back, and that no number moves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regimen.errors import ConfigError
from regimen.records import RunConfig, RunDirectory, load_config, read_json
from regimen.runs import reproduce_run, resume_run, start
from regimen.runs.tracked import judged_numbers
from regimen.tracking.tensorboard import TensorBoardTracker

from .conftest import silent
from .test_agent import YAML as AGENT

Configured = Callable[..., RunConfig]

SHOWN = ("tracking=tensorboard", "splits.test=600", "environment.steps=1024")
SHORT = ("splits.train=300", "splits.test=300", "training.epochs=3")


@pytest.fixture
def configured(config_file: Path) -> Configured:
    """Loads the small config, with nothing said of tracking, with overrides."""
    config_file.write_text(config_file.read_text().replace("tracking: none\n", ""))
    return lambda *overrides: load_config(config_file, overrides)


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return [(each.step, each.value) for each in events.Scalars(tag)]


def written(directory: RunDirectory) -> dict[str, bytes]:
    kept = ("windows/*/*", "windows/*/model/*", "ledger/*", "judgement.json")
    found = {path for form in kept for path in directory.path.glob(form) if path.is_file() and path.name != "fit.json"}
    return {str(path.relative_to(directory.path)): path.read_bytes() for path in found}


def test_tensorboard_is_the_default_and_holds_the_course_and_the_judgement(
    tmp_path: Path, configured: Configured
) -> None:
    directory, judgement = start(configured(*SHORT), tmp_path / "runs", silent)
    folder = directory.path / "tensorboard"
    for window in (0, 1):
        history = read_json(directory.window(window) / "history.json")["epochs"]
        for name in ("train_loss", "val_loss"):
            found = curve(folder / f"window-{window:03d}", name)
            assert [step for step, _ in found] == [1, 2, 3]
            assert [value for _, value in found] == pytest.approx([each[name] for each in history], rel=1e-6)
    assert [value for _, value in curve(folder / "window-000", "learning_rate")] == pytest.approx([1e-3] * 3)
    policy = next(row for row in judgement["rows"] if row["name"] == "policy")
    assert curve(folder, "judgement/sharpe") == [(0, pytest.approx(policy["sharpe"], rel=1e-6))]
    assert curve(folder, "judgement/sharpe_low") == [(0, pytest.approx(policy["sharpe_interval"][0], rel=1e-6))]
    drawn = {"exposure.png", "calibration.png", "calibration_raw.png"}
    assert {path.name for path in (directory.path / "figures").iterdir()} == drawn


def test_tracking_moves_no_number_and_none_writes_nothing(tmp_path: Path, configured: Configured) -> None:
    quiet, left = start(configured(*SHORT, "tracking=none"), tmp_path / "a", silent)
    shown, right = start(configured(*SHORT, "tracking=tensorboard"), tmp_path / "b", silent)
    assert left == right
    assert written(quiet) == written(shown)
    assert len(written(quiet)) > 10
    own = {path.name for path in shown.path.iterdir()} - {path.name for path in quiet.path.iterdir()}
    assert own == {"tensorboard", "figures"}
    assert configured("tracking=none").hash == configured("tracking=mlflow").hash == configured().hash


def test_an_agent_tells_every_iteration_of_every_seed(tmp_path: Path, market_file: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(AGENT.format(path=market_file))
    directory, _ = start(load_config(path, SHOWN), tmp_path / "runs", silent)
    for seed in (0, 1):
        home = directory if seed == 0 else directory.seed(seed)
        history = read_json(home.window(0) / "history.json")
        folder = directory.path / "tensorboard" / f"seed-{seed}" / "window-000"
        for name in ("reward", "entropy"):
            found = [(step, value) for step, value in zip(history["steps"], history[name], strict=True) if value]
            assert curve(folder, name) == [(step, pytest.approx(value, rel=1e-6)) for step, value in found]
        sharpe = history["evaluations"]
        expected = zip(sharpe["steps"], sharpe["sharpe"], strict=True)
        assert curve(folder, "validation_sharpe") == [(s, pytest.approx(v, rel=1e-6)) for s, v in expected]


def test_a_stopped_run_goes_on_with_one_curve(tmp_path: Path, configured: Configured) -> None:
    def stop(_done: int, _total: int, message: str) -> None:
        if message.startswith("window 2/2 · "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        start(configured(*SHORT), tmp_path / "runs", stop)
    directory = RunDirectory.open(Path(str(caught.value)))
    resume_run(directory, silent)
    for window in (0, 1):
        steps = [step for step, _ in curve(directory.path / "tensorboard" / f"window-{window:03d}", "train_loss")]
        assert steps == [1, 2, 3]


def test_a_tracker_that_fails_does_not_end_the_run(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoardTracker, "numbers", full)
    with caplog.at_level(logging.WARNING, logger="regimen.tracking"):
        directory, _ = start(configured(*SHORT), tmp_path / "runs", silent)
    assert directory.manifest()["status"] == "finished"
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        "tracking: tensorboard is switched off, the run goes on"
    ]


def test_a_figure_that_fails_does_not_end_the_run(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(*_: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr("regimen.runs.families.classifier_figures.calibration", wrong)
    directory, _ = start(configured(*SHORT), tmp_path / "runs", silent)
    assert directory.manifest()["status"] == "finished"
    assert "tracking: draw calibration failed (no ink)" in caplog.text


def test_what_cannot_be_tracked_is_refused_before_there_is_a_run(tmp_path: Path, configured: Configured) -> None:
    (tmp_path / "taken").write_text("")
    for override in (f"tracking={{kind: tensorboard, folder: {tmp_path / 'taken'}}}", "tracking=tensorbord"):
        with pytest.raises(ConfigError, match=r"^tracking: "):
            start(configured(*SHORT, override), tmp_path / "runs", silent)
    assert not [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]


@pytest.mark.slow
def test_mlflow_holds_parameters_curves_judgement_and_files(tmp_path: Path, configured: Configured) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    directory, judgement = start(configured(*SHORT, "tracking=mlflow"), tmp_path / "runs", silent)
    from regimen.tracking.mlflow import MlflowClient, _quiet

    identity = json.loads((directory.path / "tracking.json").read_text())["mlflow"]["run"]
    with _quiet():
        client = MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
        run = client.get_run(identity)
        history = client.get_metric_history(identity, "window-001/train_loss")
        files = {each.path for each in client.list_artifacts(identity)}
    assert (run.info.run_name, run.info.status) == (directory.id, "FINISHED")
    assert run.data.params["training.epochs"] == "3"
    assert run.data.tags["fingerprint"] == directory.manifest()["fingerprint"]
    assert run.data.metrics["judgement/sharpe"] == pytest.approx(judged_numbers(judgement)["sharpe"])
    epochs = read_json(directory.window(1) / "history.json")["epochs"]
    assert [(point.step, point.value) for point in history] == [(each["epoch"], each["train_loss"]) for each in epochs]
    assert files == {"config.yaml", "judgement.json", "report.html", "figures"}


@pytest.mark.slow
def test_wandb_offline_stays_in_the_folder_and_out_of_reproduction(tmp_path: Path, configured: Configured) -> None:
    pytest.importorskip("wandb")
    directory, _ = start(configured(*SHORT, "tracking=wandb"), tmp_path / "runs", silent)
    (file,) = (directory.path / "wandb").glob("offline-run-*/run-*.wandb")
    expected = (b"window-000/train_loss", b"judgement/sharpe", b"fingerprint")
    deadline = time.monotonic() + 20
    while not all(name in file.read_bytes() for name in expected):  # another process writes it
        assert time.monotonic() < deadline, "the file must hold all names"
        time.sleep(0.05)
    assert {path.name for path in (file.parent / "files").glob("*.html")} == {"report.html"}
    assert reproduce_run(directory, silent).differing == ()


def test_relative_places_count_from_where_the_run_was_started(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_done: int, _total: int, message: str) -> None:
        if message.startswith("window 2/2 · "):
            raise KeyboardInterrupt

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt) as caught:
        start(configured(*SHORT, "tracking={kind: tensorboard, folder: boards}"), tmp_path / "runs", stop)
    monkeypatch.chdir(tmp_path / "elsewhere")
    directory = RunDirectory.open(Path(str(caught.value)))
    resume_run(directory, silent)
    found: Any = curve(tmp_path / "boards" / directory.id / "window-001", "train_loss")
    assert [step for step, _ in found] == [1, 2, 3]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_model_of_windows_shows_its_attention_and_its_coverage(tmp_path: Path, configured: Configured) -> None:
    model = (
        "model={kind: hybrid, context: 12, width: 4, heads: 2, kernels: [3], dilations: [1]}",
        "training.epochs=1",
        "splits.test=600",
    )
    directory, _ = start(configured(*model), tmp_path / "runs", silent)
    found = {path.name for path in (directory.path / "figures").iterdir()}
    usual = {"exposure.png", "calibration.png", "calibration_raw.png", "coverage.png"}
    assert found >= usual
    assert {name.split("_")[0] for name in found - usual} == {"attention"}
    assert len(found) > 3
