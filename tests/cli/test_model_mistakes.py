"""What a user can get wrong about a model: each mistake is one line with the field, the rule and the value."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.cli import conftest as command_line

CONFIG = """
name: tiny
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 150}}
exposure: {{dead_band: 0.0}}
environment: {{steps: 64, n_envs: 2, episode_length: 32}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""
SMALL = ["model.context=8", "model.width=8", "model.heads=2", "training.epochs=1", "training.batch_size=64"]

Called = Callable[..., tuple[int, str]]


@pytest.fixture
def config(tmp_path: Path, market: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(path=market))
    return path


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Called:
    """Runs the command line in this process; gives its exit code and its error lines."""

    def run(*words: object) -> tuple[int, str]:
        code = command_line.called(*words)
        said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("[", "/"))]
        return code, "\n".join(said)

    return run


MISTAKES: list[tuple[str, list[str], str]] = [
    (
        "lstm",
        ["model.context=300"],
        "model.context: must be shorter than the 212 bars of window 1's training slice; got 300",
    ),
    ("lstm", ["model.context=1"], "model.context: must be greater than or equal to 2; got 1"),
    (
        "hybrid",
        ["model.context=10"],
        "model: context must be longer than the farthest tap, 24 rows back (kernels x dilations); got 10",
    ),
    ("cnn", ["model.heads=5"], "model: heads must divide the width 32; got 5"),
    ("multitask", ["model.heads=5"], "model: heads must divide the encoder's width 32; got 5"),
    ("tft", ["model.heads=3"], "model: heads must divide the width 16; got 3"),
    ("tft", ["model.quantiles=[0.1, 1.0]"], "model: quantiles must lie inside (0, 1); got [0.1, 1.0]"),
    (
        "tft",
        ["model.horizons=[1, 99999]", "features.calendar=[0, 1, 99999]"],
        "model.horizons: must be shorter than the data of ",
    ),
    (
        "tft",
        ["model.horizons=[1, 12]"],
        "features.calendar: must be [0, 1, 12], 0 and the horizons of the model, as the last columns; got [0, 1, 4",
    ),
    ("multitask", ["model.encoder.width=16"], "model.encoder: must have a kind; got {'width': 16}"),
    ("multitask", ["model.encoder.kind=gru"], "model.encoder.kind: must be one of 'cnn', 'lstm'; got 'gru'"),
    (
        "lstm",
        ["labels.dead_band=0"],
        "y_train: must contain every class, but class 1 (HOLD) never occurs (training.allow_missing_classes=true",
    ),
    (
        "lstm",
        ["labels.dead_band=50"],
        "must hold at least two of the classes SELL, HOLD, BUY; see labels.dead_band; got",
    ),
    (
        "cgdt",
        ["model.context=33", "model.width=16", "model.heads=2", "model.layers=1"],
        "model.context: must be at most 32, the longest trajectory; got 33",
    ),
    ("cgdt", ["model.heads=3"], "model: heads must divide width; got 3 and 256"),
    ("flag-trader", ["model.rank=0"], "model.rank: must be greater than or equal to 1; got 0"),
    ("flag-trader", ["model.rank=769"], "model: rank must be at most 768, the blocks' width; got 769"),
    ("sb3", ["model.algorithm=ars"], "model.algorithm: must be one of a2c, "),
    ("lstm", ["model.width=65536"], "model: needs about 1,310,756 MiB of memory, and "),
    ("multitask", ["model.hidden=65536", "model.encoder={kind: lstm, width: 65536}"], "model: needs about "),
    ("cgdt", ["model.width=65536"], "model: needs about "),
    ("flag-trader", ["model.width=61440", "model.hidden=65536"], "model: needs about "),
    ("transformer", [], "--model: must be one of logistic, baseline, cnn, lstm, hybrid, multitask, tft, "),
    ("lstm", ["splits.validation=0"], "splits.validation: must be greater than 0; got 0"),
    ("lstm", ["training.warmup_epochs=60"], "training.warmup_epochs: must be less than training.epochs=50; got 60"),
    ("lstm", ["training.precision=half"], "training.precision: must be 'float32', 'bfloat16' or 'float16'; got 'half'"),
    ("lstm", ["training.accumulation=0"], "training.accumulation: must be greater than or equal to 1; got 0"),
    (
        "lstm",
        ["tracking=neptune"],
        "tracking: must be tensorboard, mlflow, wandb, none, or a list of the first three; got 'neptune'",
    ),
    ("lstm", ["tracking=3"], "tracking: must be tensorboard, mlflow, wandb, none, or a list of the first three; got 3"),
    (
        "lstm",
        ["tracking=[mlflow, 3]"],
        "tracking: must be tensorboard, mlflow, wandb, none, or a list of the first three; got ['mlflow', 3]",
    ),
    ("lstm", ["tracking={kind: tensorboard, dir: x}"], "tracking.dir: is not a known key; got 'x'"),
    ("lstm", ["tracking={kind: mlflow, uri: runs}"], "tracking.uri: must be sqlite:///FILE or http(s)://SERVER: "),
    ("lstm", ["tracking={kind: wandb, mode: cloud}"], "tracking.mode: must be 'offline' or 'online'; got 'cloud'"),
    ("lstm", ["tracking={kind: wandb, project: 3}"], "tracking.project: must be a valid string; got 3"),
]


@pytest.mark.parametrize(("model", "words", "line"), MISTAKES)
def test_a_mistake_about_a_model_is_one_line(
    config: Path, called: Called, tmp_path: Path, model: str, words: list[str], line: str
) -> None:
    if model == "sb3":
        pytest.importorskip("stable_baselines3")
    code, said = called("train", "--model", model, config, *words, "--runs", tmp_path / "runs")
    said = said.removeprefix(said.partition("error: ")[0])  # what --model left out of the file is said before
    assert code == 2
    assert said.startswith("error: ")
    assert "\n" not in said
    assert line in said
    assert said.count("; got ") <= 1
    assert not list((tmp_path / "runs").glob("tiny*"))  # nothing is left behind


def test_a_batch_that_does_not_fit_says_how_much_it_needs(
    config: Path, called: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regimen.nets.footprint.available_bytes", lambda _: 16 * 2**20)
    code, said = called("train", "--model", "lstm", config, "training.batch_size=200", "--runs", tmp_path / "runs")
    assert code == 2
    assert "error: training.batch_size=200: needs about " in said
    assert said.endswith(" MiB of memory, and 16 MiB are free")


def test_a_model_of_other_features_is_not_served(config: Path, called: Called, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert called("train", "--model", "lstm", config, *SMALL, "--runs", runs)[0] == 0
    (mine,) = (path.parent for path in runs.glob("*/manifest.json"))
    other = tmp_path / "other"
    fewer = "features.columns=[rsi_14, return_5d, volume_sma_ratio]"
    assert called("train", "--model", "lstm", config, *SMALL, fewer, "--runs", other)[0] == 0
    (theirs,) = (path.parent for path in other.glob("*/manifest.json"))

    shutil.copytree(theirs / "windows" / "000" / "model", mine / "windows" / "000" / "model", dirs_exist_ok=True)
    code, said = called("backtest", mine)
    assert code == 2
    assert said.startswith("error: run: holds a damaged windows/000/model/")
    assert "\n" not in said
    assert not list(mine.glob("backtests/*"))


def test_a_warm_up_longer_than_a_leak_search_trains_is_no_mistake(config: Path, called: Called) -> None:
    words = ["leaks", config, "model.kind=logistic", "training.epochs=9", "training.batch_size=64"]
    without = config.read_text().replace("environment: {steps: 64, n_envs: 2, episode_length: 32}\n", "")
    config.write_text(without)
    assert called(*words, "training.warmup_epochs=3")[0] == 0
    code, said = called(*words, "training.warmup_epochs=9")
    assert code == 2
    assert "training.warmup_epochs: must be less than training.epochs=9; got 9" in said
