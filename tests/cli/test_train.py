"""`regimen train --model`: one file for all models, names from the unions, every mistake in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import called

from regimen.agents import agent_configs
from regimen.errors import ConfigError
from regimen.predictors import BaselineConfig, LogisticConfig
from regimen.records.choice import choose_model
from regimen.records.config import load_config, unread_by
from regimen.records.models import model_config, model_configs, model_names

BOTH = """
name: study
seeds: 2
data: {path: coin.csv}
splits: {train: 300, test: 150}
model: {kind: ppo, gamma: 0.8}
training: {epochs: 2}
exposure: {dead_band: 0.0}
scaler: {clip: 3.0}
environment: {steps: 512}
"""


NEEDED = {"sb3": ["model.algorithm=dqn"]}
"""Fields without a default."""


@pytest.fixture
def both(tmp_path: Path) -> Path:
    path = tmp_path / "both.yaml"
    path.write_text(BOTH)
    return path


def resolved(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[dict[str, Any], str]:
    assert called("train", "--dry-run", *words) == 0
    said = capsys.readouterr()
    return yaml.safe_load(said.out), said.err


def test_names_are_those_of_the_unions() -> None:
    kinds = [member.model_fields["kind"].default for member in agent_configs()]
    assert set(model_configs()) >= {"baseline", "logistic", *(kind.replace("_", "-") for kind in kinds)}
    for name in model_names():
        assert model_config(name).model_fields["kind"].default
    assert model_config("ppo-lstm") is model_config("recurrent_ppo") is model_config("Recurrent-PPO")
    assert (model_config("baseline"), model_config("logistic")) == (BaselineConfig, LogisticConfig)


@pytest.mark.parametrize("name", model_configs())
def test_one_file_serves_every_model(both: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    kind = model_config(name).model_fields["kind"].default
    needed = NEEDED.get(name, [])
    values, said = resolved(capsys, "--model", name, "--config", both, *needed)
    assert values["model"]["kind"] == kind
    assert values["name"] == f"study-{name}"
    assert (values["seeds"], values["splits"]["train"]) == (2, 300)
    reads = model_config(name).reads
    assert (values["environment"]["steps"] == 512) is ("environment" in reads)
    assert (values["training"]["epochs"] == 2) is ("training" in reads)
    unread = [each for each in unread_by(model_config(name)) if f"\n{each}:" in BOTH]
    assert said.splitlines() == [f"{both}: left out what {kind} does not read: {', '.join(unread)}"]


def test_without_a_model_such_a_file_is_refused(both: Path) -> None:
    with pytest.raises(ConfigError, match="is not read by a model of kind ppo"):
        load_config(both)


def test_fields_of_the_same_kind_stay_and_may_be_set(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert resolved(capsys, "-m", "ppo", both)[0]["model"]["gamma"] == 0.8
    assert resolved(capsys, "-m", "ppo", both, "model.gamma=0.7")[0]["model"]["gamma"] == 0.7
    assert "gamma" not in resolved(capsys, "-m", "baseline", both, "model.hidden=[5]")[0]["model"]
    assert resolved(capsys, "-m", "sac", both, "name=mine")[0]["name"] == "mine"


def test_data_alone_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    values, said = resolved(capsys, "--model", "ppo-lstm", "data.path=some where/BTC 1h.parquet")
    assert values["name"] == "recurrent-ppo-BTC-1h"
    assert (values["splits"]["train"], values["splits"]["test"]) == ("50%", "10%")
    assert said == ""
    assert resolved(capsys, "--model", "logistic", "data.sample=sp500")[0]["name"] == "logistic-sp500"


def test_an_agent_that_needs_one_kind_of_actions_has_it_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def actions(*words: str) -> str:
        return str(resolved(capsys, "--model", *words, "data.sample=sp500")[0]["environment"]["actions"]["kind"])

    assert actions("analytic") == "continuous"
    assert actions("analytic", "environment.steps=5") == "continuous"
    assert actions("analytic", "environment.actions.kind=verbs") == "verbs"
    assert actions("ppo") == "levels"


def test_a_dry_run_reads_no_data_and_its_yaml_is_the_config(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("train", "-m", "sac", both, "--dry-run", "--runs", tmp_path / "runs") == 0
    again = tmp_path / "again.yaml"
    again.write_text(capsys.readouterr().out)
    assert load_config(again) == choose_model("sac", both).config
    assert called("train", "-m", "sac", both, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["model"]["kind"] == "sac"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model", "transformer"], "error: --model: must be one of logistic, baseline, "),
        (["--model", "sca", "data.path=x"], "(did you mean 'sac'?); got 'sca'"),
        (["--model"], "error: --model: must be one of logistic, baseline, "),
        (["--model", ""], "error: --model: must be one of logistic, baseline, "),
        (["--model", "sac"], "error: data: is required: data.path=FILE, or data.sample=sp500"),
        ([], "error: config: is required: a YAML file, or a file of bars such as btc-1h.csv"),
        (["data.path=x"], "error: config: is required: a YAML file"),
        (["aapl.csv"], "error: data.path: must be an existing file; got 'aapl.csv'"),
        (["prices/*.csv"], "error: data.path: must match at least one file; got 'prices/*.csv'"),
        (["aapl.csv", "data.path=b.csv"], "error: data: must be given once; the command line already names 'aapl.csv'"),
        (
            ["FILE", "--model", "sac", "--compute", "cluster"],
            "error: compute: must be local, processes:N with N from 1",
        ),
        (["aapl.csv", "FILE"], "error: command line: takes one file, a folder, or a pattern in quotes"),
        (["aapl.csv", "model=cnn"], "error: model: must be left out"),
        (["aapl.csv", "model.kind=lstmm"], "(did you mean 'lstm'?); got 'lstmm'"),
        (["--model", "sac", "absent.yaml"], "error: config: cannot be read"),
        (["--model", "transformer", "absent.yaml"], "error: --model: must be one of"),
        (
            ["--model", "sac", "FILE", "training.epochs=20"],
            "error: training.epochs: is not read by a model of kind sac",
        ),
        (["--model", "logistic", "FILE", "environment.steps=9"], "error: environment.steps: is not read by"),
        (["--model", "sb3", "FILE"], "error: model.algorithm: is required"),
        (["--model", "sac", "FILE", "model.gama=1"], "error: model.gama: is not a known key (did you mean 'gamma'?)"),
        (["--model", "sac", "FILE", "model.kind=ppo"], "error: model.kind: must be left out with --model"),
        (["--model", "sac", "FILE", "--config", "FILE"], "error: config: must be given once"),
        (["--model", "sac", "FILE", "data.path=absent.csv"], "absent.csv"),
    ],
)
def test_each_mistake_is_one_line(
    both: Path, words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(both) if word == "FILE" else word for word in words]
    assert called("train", "--runs", tmp_path / "runs", *given) == 2
    said = capsys.readouterr()
    errors = [text for text in said.err.splitlines() if text.startswith("error:")]
    assert said.out == ""
    assert len(errors) == 1
    assert line in errors[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "model", "path"),
    [
        (["coin.csv"], "logistic", "coin.csv"),
        (["prices/*.csv"], "logistic", "prices/*.csv"),
        (["[1] my coin.parquet"], "logistic", "[1] my coin.parquet"),
        (["coin.csv", "-m", "ppo"], "ppo", "coin.csv"),
        (["coin.csv", "model.kind=recurrent_ppo", "model.gamma=0.8"], "recurrent_ppo", "coin.csv"),
        (["coin.csv", "--config", "FILE"], "ppo", "coin.csv"),
    ],
)
def test_bars_in_the_place_of_the_config_are_a_run(
    both: Path, words: list[str], model: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    both.write_text(BOTH.replace("training: {epochs: 2}\nexposure: {dead_band: 0.0}\nscaler: {clip: 3.0}\n", ""))
    values, said = resolved(capsys, *[str(both) if word == "FILE" else word for word in words])
    assert (values["model"]["kind"], values["data"]["path"]) == (model, path)
    assert (said != "") is (len(words) == 1)  # who names no model is told which one it is, and why
    assert said.startswith("Model: logistic, ") or not said


def test_help_names_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("train", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Models: {', '.join(model_names())}." in shown.replace("- ", "-")  # lines are broken at hyphens too
    assert "Example: regimen train --model sac --config examples/btc-1h.yaml" in shown
    assert "Usage: regimen train [OPTIONS] [FILE] [KEY=VALUE]..." in shown
