"""Trackers write what each library reads back, go on after a stop without double points, and never end a run."""

from __future__ import annotations

import json
import logging
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.errors import ConfigError
from regimen.tracking import (
    About,
    MLflowConfig,
    TensorBoardConfig,
    Trackers,
    WandbConfig,
    exposure,
    open_trackers,
)
from regimen.tracking.tracker import flattened

ABOUT = About(
    "coin-1", {"seed": 3, "model": {"kind": "ppo", "hidden": [8, 8], "clip": None}}, {"fingerprint": "abc", "code": "1"}
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "coin-1"
    path.mkdir(parents=True)
    return path


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    found.Reload()
    return found


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(each.step, round(each.value, 6)) for each in events(folder).Scalars(tag)]


@contextmanager
def mlflow_client(file: Path) -> Iterator[Any]:
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from regimen.tracking.mlflow import MlflowClient, _quiet

    with _quiet():
        yield MlflowClient(f"sqlite:///{file}")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "exposure.png"
    exposure(np.arange(50), np.linspace(-1, 1, 50), np.linspace(100, 110, 50), path)
    return path


def test_tensorboard_reads_back_what_was_tracked(home: Path, picture: Path) -> None:
    with open_trackers((TensorBoardConfig(),), home, ABOUT) as trackers:
        for epoch in (1, 2, 3):
            trackers.numbers(epoch, {"loss": 1 / epoch, "nothing": math.nan}, "window-000")
        trackers.numbers(0, {"judgement/sharpe": 1.5})
        trackers.figure("window-000/exposure", picture)
        (home / "config.yaml").write_text("seed: 3\n")
        trackers.artefact(home / "config.yaml")
    folder = home / "tensorboard"
    assert points(folder / "window-000", "loss") == [(1, 1.0), (2, 0.5), (3, 0.333333)]
    assert events(folder / "window-000").Tags()["scalars"] == ["loss"]
    assert points(folder, "judgement/sharpe") == [(0, 1.5)]
    (image,) = events(folder / "window-000").Images("exposure")
    assert image.encoded_image_string == picture.read_bytes()
    assert (image.width, image.height) == (int(8.6 * 144), int(4.6 * 144))
    texts = {
        tag: events(folder).Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in ("facts", "config.yaml")
    }
    assert "| fingerprint | `abc` |" in texts["facts"]
    assert texts["config.yaml"] == "    seed: 3"


def test_tensorboard_shows_the_config_as_hyper_parameters(home: Path) -> None:
    from tensorboard.plugins.hparams import metadata

    with open_trackers((TensorBoardConfig(),), home, ABOUT):
        pass
    content = events(home / "tensorboard").summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(content)
    assert start.hparams["seed"].number_value == 3
    assert start.hparams["model.kind"].string_value == "ppo"
    assert start.hparams["model.hidden"].string_value == "[8, 8]"


def test_tensorboard_goes_on_without_double_points(home: Path) -> None:
    first = open_trackers((TensorBoardConfig(),), home, ABOUT)
    first.numbers(1, {"loss": 9.0}, "window-000")
    for epoch in (1, 2, 3):  # the process is killed after the third epoch, its last checkpoint is of the first
        first.numbers(epoch, {"loss": float(epoch)}, "window-001")
    with open_trackers((TensorBoardConfig(),), home, ABOUT) as again:
        for epoch in (2, 3, 4):
            again.numbers(epoch, {"loss": float(epoch)}, "window-001")
    folder = home / "tensorboard"
    assert points(folder / "window-001", "loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    assert points(folder / "window-000", "loss") == [(1, 9.0)]
    assert len(events(folder).Tensors("facts")) == 1


def test_tensorboard_in_a_folder_of_its_own(home: Path, tmp_path: Path) -> None:
    with open_trackers((TensorBoardConfig(folder=str(tmp_path / "boards")),), home, ABOUT) as trackers:
        trackers.numbers(1, {"loss": 1.0}, "window-000")
    assert points(tmp_path / "boards" / "coin-1" / "window-000", "loss") == [(1, 1.0)]
    assert list(home.iterdir()) == []


def test_mlflow_reads_back_what_was_tracked(home: Path, picture: Path) -> None:
    pytest.importorskip("mlflow")
    with open_trackers((MLflowConfig(),), home, ABOUT) as trackers:
        for epoch in (1, 2):
            trackers.numbers(epoch, {"loss": 1 / epoch}, "window-000")
        trackers.figure("window-000/exposure", picture)
        trackers.artefact(picture)
    identity = json.loads((home / "tracking.json").read_text())["mlflow"]["run"]
    with mlflow_client(home.parent / "mlflow.db") as client:
        run = client.get_run(identity)
        assert run.info.run_name == "coin-1"
        assert run.info.status == "FINISHED"
        assert run.data.params == {"seed": "3", "model.kind": "ppo", "model.hidden": "[8, 8]", "model.clip": "null"}
        assert run.data.tags["fingerprint"] == "abc"
        history = client.get_metric_history(identity, "window-000/loss")
        assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5)]
        assert client.get_experiment(run.info.experiment_id).name == "regimen"
    kept = home.parent / "mlflow-artifacts" / identity / "artifacts"
    assert (kept / "exposure.png").read_bytes() == picture.read_bytes()
    assert (kept / "figures" / "window-000" / "exposure.png").exists()


def test_mlflow_goes_on_in_the_same_run_without_double_points(home: Path) -> None:
    pytest.importorskip("mlflow")
    first = open_trackers((MLflowConfig(),), home, ABOUT)
    for epoch in (1, 2, 3):
        first.numbers(epoch, {"loss": float(epoch)}, "window-000")
    first.close(finished=False)
    identity = json.loads((home / "tracking.json").read_text())["mlflow"]["run"]
    with mlflow_client(home.parent / "mlflow.db") as client:
        assert client.get_run(identity).info.status == "KILLED"
    with open_trackers((MLflowConfig(),), home, ABOUT) as again:
        for epoch in (2, 3, 4):
            again.numbers(epoch, {"loss": float(epoch)}, "window-000")
    with mlflow_client(home.parent / "mlflow.db") as client:
        history = client.get_metric_history(identity, "window-000/loss")
        assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
        assert client.get_run(identity).info.status == "FINISHED"
        (experiment,) = [each for each in client.search_experiments() if each.name == "regimen"]
        assert len(client.search_runs([experiment.experiment_id])) == 1


def test_wandb_keeps_its_id_offline(home: Path) -> None:
    pytest.importorskip("wandb")
    for step in (1, 2):
        with open_trackers((WandbConfig(),), home, ABOUT) as trackers:
            trackers.numbers(step, {"loss": 1.0}, "window-000")
    identity = json.loads((home / "tracking.json").read_text())["wandb"]["run"]
    files = list((home / "wandb").glob(f"offline-run-*-{identity}/run-{identity}.wandb"))
    assert files
    assert all(file.stat().st_size > 0 for file in files)


class Counted:
    """Counts its calls, and fails from the one of that number on."""

    def __init__(self, fails: int | None = None, error: type[BaseException] = OSError) -> None:
        self.calls, self.fails, self.error = 0, fails, error

    def _called(self, *_: object) -> None:
        self.calls += 1
        if self.calls == self.fails:
            raise self.error(28, "No space left on device")

    numbers = figure = artefact = close = _called


def test_a_tracker_that_fails_is_switched_off_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    broken, kept = Counted(fails=3), Counted()
    trackers = Trackers({"mlflow": broken, "tensorboard": kept})
    with caplog.at_level(logging.WARNING, logger="regimen.tracking"):
        for step in range(6):
            trackers.numbers(step, {"loss": 1.0}, "window-000")
    assert [record.getMessage() for record in caplog.records] == [
        "tracking: mlflow is switched off, the run goes on (OSError: [Errno 28] No space left on device)"
    ]
    assert (broken.calls, kept.calls) == (3, 6)
    assert trackers.kinds == ("tensorboard",)


def test_an_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        Trackers({"wandb": Counted(1, KeyboardInterrupt)}).numbers(0, {"a": 1.0})


def test_a_full_disk_switches_tensorboard_off(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    trackers = open_trackers((TensorBoardConfig(),), home, ABOUT)
    (home / "tensorboard" / "window-000").write_text("a file where a folder should be")
    trackers.numbers(1, {"loss": 1.0}, "window-000")
    trackers.numbers(2, {"loss": 1.0}, "window-000")
    assert trackers.kinds == ()
    assert len(caplog.records) == 1
    assert "tensorboard is switched off" in caplog.text


def test_what_cannot_be_opened_is_refused_before_training(home: Path) -> None:
    (home / "taken").write_text("")
    with pytest.raises(ConfigError, match=r"^tracking: tensorboard cannot be opened \(\w+Error: .*taken"):
        open_trackers((TensorBoardConfig(folder=str(home / "taken")),), home, ABOUT)


def test_an_mlflow_file_in_no_folder_is_refused(home: Path) -> None:
    pytest.importorskip("mlflow")
    uri = f"sqlite:///{home / 'absent' / 'mlflow.db'}"
    with pytest.raises(ConfigError, match=r"^tracking.uri: must be a file in a folder that exists; got 'sqlite:"):
        open_trackers((MLflowConfig(uri=uri),), home, ABOUT)


def test_none_writes_nothing(home: Path) -> None:
    with open_trackers((), home, ABOUT) as trackers:
        trackers.numbers(1, {"loss": 1.0}, "window-000")
        trackers.artefact(home / "config.yaml")
    assert list(home.iterdir()) == []


def test_a_damaged_memory_begins_anew(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    from regimen.tracking.tracker import TrackerIds

    (home / "tracking.json").write_text("{")
    assert TrackerIds(home).recall("mlflow") == {}
    assert "cannot be read" in caplog.text


def test_nested_configs_become_dotted_names() -> None:
    assert flattened({"a": {"b": 1, "c": None}, "d": [1, {"e": 2}], "f": True}) == {
        "a.b": 1,
        "a.c": "null",
        "d": '[1, {"e": 2}]',
        "f": True,
    }


NO_LOOK_UP = """
import socket, sys, threading
from pathlib import Path
asked = []
socket.getaddrinfo = lambda host, *_, **__: asked.append(host) or []
from regimen.tracking import About, WandbConfig, open_trackers
home = Path(sys.argv[1])
with open_trackers((WandbConfig(),), home, About("coin-1", {}, {})) as trackers:
    trackers.numbers(1, {"loss": 1.0}, "window-000")
    assert trackers.kinds == ("wandb",)
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(5)
assert asked == [], asked
"""


def test_wandb_offline_looks_nothing_up(home: Path) -> None:
    pytest.importorskip("wandb")
    done = subprocess.run([sys.executable, "-c", NO_LOOK_UP, home], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


MLFLOW = """
import sys
from pathlib import Path
from regimen.tracking import About, MLflowConfig, open_trackers
home = Path(sys.argv[1])
home.mkdir(parents=True)
with open_trackers((MLflowConfig(),), home, About(home.name, {"seed": 1}, {})) as trackers:
    trackers.numbers(1, {"loss": 1.0}, "window-000")
    assert trackers.kinds == ("mlflow",)
"""
KILLED = """
import os, signal
from pathlib import Path
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_the_database_of_mlflow_is_made_once_and_whole(tmp_path: Path) -> None:
    """One process is killed while it makes it; then four begin at once in the folder that it leaves."""
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    runs = tmp_path / "runs"
    code = [sys.executable, "-c", KILLED + MLFLOW, runs / "killed"]
    assert subprocess.run(code, check=False, capture_output=True).returncode == -signal.SIGKILL
    assert not (runs / "mlflow.db").exists()
    four = [subprocess.Popen([sys.executable, "-c", MLFLOW, runs / name]) for name in "abcd"]
    assert [each.wait() for each in four] == [0] * 4
    with mlflow_client(runs / "mlflow.db") as client:
        (experiment,) = (each for each in client.search_experiments() if each.name == "regimen")
        found = {each.info.run_name for each in client.search_runs([experiment.experiment_id])}
    assert found == set("abcd")
    assert sorted(path.name for path in runs.iterdir()) == ["a", "b", "c", "d", "killed", "mlflow.db"]


def test_a_password_reaches_no_error_and_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from regimen.tracking.config import expanded

    monkeypatch.setenv("MLFLOW_LOGIN", "ann:hunter2")
    config = MLflowConfig(uri="http://${MLFLOW_LOGIN}@127.0.0.1:1/store")
    assert expanded(str(config.uri)) == "http://ann:hunter2@127.0.0.1:1/store"
    for needed in ("mlflow", "sqlalchemy"):
        pytest.importorskip(needed)
    monkeypatch.setattr("regimen.tracking.mlflow.MlflowClient", _unreachable)
    with pytest.raises(ConfigError, match=r"mlflow cannot be opened .*http://\*\*\*@127") as caught:
        open_trackers((config,), home, ABOUT)
    assert "hunter2" not in str(caught.value)

    class Lost:
        def numbers(self, *_: object) -> None:
            _unreachable("http://ann:hunter2@127.0.0.1:1/?token=hunter2")

    Trackers({"mlflow": Lost()}).numbers(1, {"loss": 1.0})  # type: ignore[dict-item]
    assert "switched off" in caplog.text
    assert "hunter2" not in caplog.text
    assert not any(b"hunter2" in path.read_bytes() for path in home.rglob("*") if path.is_file())
    monkeypatch.delenv("MLFLOW_LOGIN")
    with pytest.raises(ConfigError, match=r"tracking\.uri: must name variables .*'MLFLOW_LOGIN'"):
        open_trackers((config,), home, ABOUT)


def _unreachable(uri: str) -> None:
    raise OSError(f"nobody answers at {uri}")


@pytest.mark.parametrize("text", ["[]", '{"mlflow": 3}', '{"wandb": {"run": null}}', "[" * 100_000])
def test_what_is_not_a_tracker_s_memory_begins_anew(home: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (home / "tracking.json").write_text(text)
    with open_trackers((TensorBoardConfig(),), home, ABOUT) as trackers:
        trackers.numbers(1, {"loss": 1.0}, "window-000")
    assert "cannot be read; the curves start again here" in caplog.text
