"""`regimen new`: a short config, each line explained, that resolves to what was chosen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from tests.cli.conftest import called

from regimen import EnsembleConfig, NoTradeConfig
from regimen.cli.recommended import recommended
from regimen.records import choose_model, load_config, model_names

NEEDED = {"sb3": ["model.algorithm=dqn"]}
"""Fields without a default."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("model", model_names())
def test_the_file_is_the_config_that_was_chosen(model: str, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed = NEEDED.get(model, [])
    assert called("new", "mine", "--data", market.name, "--model", model, *needed, "--yes") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "coin.csv: 700 rows of 1h, asset, 2022-03-01 to 2022-03-30, calendar 24/7"
    assert shown[-1] == "Next:    regimen train mine.yaml"
    words = ["name=mine", f"data.path={market.name}", "market.costs=binance-spot", *recommended(model, needed), *needed]
    assert load_config(Path("mine.yaml")) == choose_model(model, None, words).config
    lines = Path("mine.yaml").read_text().splitlines()
    assert len(lines) <= 40
    assert all(line.startswith("# ") or " # " in line for line in lines)
    assert "'s id" not in Path("mine.yaml").read_text()  # a run's id is drawn, whatever its name


def test_a_model_of_ones_own_is_named_by_its_place(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text("def build(depth=2):\n    return None\n")
    words = ["--data", market.name, "-m", "mine.py:build", "model.settings.depth=3", "--yes"]
    assert called("new", "own", *words) == 0
    assert "source: mine.py:build" in Path("own.yaml").read_text()
    said = ["name=own", f"data.path={market.name}", "market.costs=binance-spot", "model.settings.depth=3"]
    said += ["band={kind: no_trade, width: optimal}"]
    assert load_config(Path("own.yaml")) == choose_model("mine.py:build", None, said).config
    assert capsys.readouterr().out.splitlines()[-1] == "Next:    regimen train own.yaml"


def test_a_rule_of_ones_own_is_told_nothing_that_it_does_not_read(market: Path) -> None:
    Path("mine.py").write_text("def decide(observation):\n    return 0.0\n")
    assert called("new", "rule", "--data", market.name, "-m", "mine.py:decide", "--yes") == 0
    text = Path("rule.yaml").read_text()
    assert "source: mine.py:decide" in text
    assert "volatility_target" in text
    assert "dead_band" not in text
    said = ["name=rule", f"data.path={market.name}", "market.costs=binance-spot"]
    assert load_config(Path("rule.yaml")) == choose_model("mine.py:decide", None, said).config


def test_what_was_said_besides_is_in_the_file(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = [
        *("data.start=2022-03-02", "data.repairs.sort=true", "data.repairs.ohlc=widen", "training.batch_size=64"),
        *("market.costs.commission_bps=3", "preprocess=[{kind: running}]", "labels.kind=triple_barrier", "band=none"),
    ]
    venue_and_model = ("--venue", "kraken", "-m", "logistic")
    assert called("new", "deep/own.yaml", "--data", market.name, *venue_and_model, *said, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["path"], printed["next"]) == ("deep/own.yaml", "regimen train deep/own.yaml")
    assert printed["data"]["rows"] == 676
    assert Path("deep/own.yaml").read_text() == printed["yaml"]
    words = ["name=own", f"data.path={market.name}", "market.costs.venue=kraken", *said]
    assert load_config(Path("deep/own.yaml")) == choose_model("logistic", None, words).config
    assert "costs: {venue: kraken, commission_bps: 3.0}" in printed["yaml"]


def test_what_is_left_open_is_as_recommended(market: Path) -> None:
    assert called("new", "mine", "--data", market.name, "--yes") == 0
    config = load_config(Path("mine.yaml"))
    assert isinstance(config.model, EnsembleConfig)
    assert [member.kind for member in config.model.members] == ["baseline"]
    assert (config.model.seeds, config.model.combine.kind) == (5, "mean")
    assert config.calibration is not None
    assert (config.calibration.kind, config.band) == ("temperature", NoTradeConfig(width="optimal"))
    text = Path("mine.yaml").read_text()
    assert "members: [{kind: baseline}] " in text
    assert "kind: temperature" in text


def test_what_is_asked_for_stands_before_what_is_recommended(market: Path) -> None:
    words = ["model.members=[{kind: momentum, lookback: 20}]", "band.width=0.2"]
    assert called("new", "mine", "--data", market.name, *words, "--yes") == 0
    config = load_config(Path("mine.yaml"))
    assert isinstance(config.model, EnsembleConfig)
    assert [member.kind for member in config.model.members] == ["momentum"]
    assert config.model.seeds == 1
    assert config.band == NoTradeConfig(width=0.2)
    assert called("new", "other", "--data", market.name, "-m", "ppo", "--yes") == 0
    assert load_config(Path("other.yaml")).band is None


def test_it_runs(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("new", "rule", "--data", market.name, "-m", "momentum", "model.lookback=20", "--yes") == 0
    assert called("train", "rule.yaml", "judge.bootstrap_draws=100", "judge.random_controls=20", "--json") == 0
    assert json.loads(capsys.readouterr().out.split("rule.yaml\n")[-1])["verdict"]["level"]


def test_a_person_is_asked_and_may_mend_an_answer(
    market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions: list[tuple[str, str | None]] = []
    answers: Iterator[str] = iter(["absent.csv", market.name, "binance", "coinbase", "lsmt", "lstm"])

    def prompt(question: str, default: str | None, err: bool) -> str:
        assert err
        questions.append((question, default))
        return next(answers)

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert called("new", "mine") == 0
    assert [default for _, default in questions] == [None, None, *["binance-spot"] * 2, *["ensemble"] * 2]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[1] for line in lines] == [" data.path", " --venue", " --model"]
    config = load_config(Path("mine.yaml"))
    assert (config.model.kind, config.market.costs.venue) == ("lstm", "coinbase")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["mine"], "error: --data: is required where nobody can be asked"),
        (["mine", "--data", "absent.csv"], "error: data.path: must be an existing file; got 'absent.csv'"),
        (["mine", "--data", "coin.csv", "--venue", "binance"], "error: --venue: must be one of binance-spot, "),
        (["mine", "--data", "coin.csv", "--model", "lsmt"], "error: --model: must be one of "),
        (["mine", "--data", "coin.csv", "--model", "sb3"], "error: model.algorithm: is required"),
        (["mine", "--data", "coin.csv", "training.epoch=3"], "error: training.epoch: is not a known key"),
        (["mine", "--data", "bad.csv"], "data.repairs.sort=true accepts it"),
        (
            ["old", "--data", "coin.csv"],
            "error: NAME: must be that of a new file; this one exists",
        ),
        (["my own", "--data", "coin.csv"], "error: name: must match pattern"),
    ],
)
def test_each_mistake_is_one_line_and_writes_nothing(
    words: list[str], line: str, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = market.read_text().splitlines()
    Path("bad.csv").write_text("\n".join([*rows[:5], rows[7], rows[6], *rows[8:]]))
    Path("old.yaml").write_text("kept")
    assert called("new", *words) == 2
    errors = [said for said in capsys.readouterr().err.splitlines() if said.startswith("error:")]
    assert len(errors) == 1
    assert line in errors[0]
    assert [path.name for path in Path().glob("*.yaml")] == ["old.yaml"]
    assert Path("old.yaml").read_text() == "kept"
