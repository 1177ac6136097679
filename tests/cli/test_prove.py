"""`regimen prove`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from regimen.agents import PPOConfig
from regimen.cli.app import main
from regimen.errors import ConfigError
from regimen.proving import Arena, Demand, Experiment
from regimen.simulators import OrnsteinUhlenbeckConfig

TINY = PPOConfig(rollout_steps=4, minibatch_size=64, epochs=1, hidden=(4,))
SIZES: dict[str, Any] = {"lanes": 16, "bars": 500, "episode_length": 50, "walks": 4, "walk_bars": 60}


def quick(low: float) -> Experiment:
    arena = Arena("ou", OrnsteinUhlenbeckConfig(), (Demand("score", "worst", low),))
    return Experiment(arena, TINY, 128, **SIZES)


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["prove", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.proving.experiments.EXPERIMENTS", (quick(-10.0),))


@pytest.fixture
def hard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimen.proving.experiments.EXPERIMENTS", (quick(2.0),))


@pytest.mark.usefixtures("easy")
def test_met_demands_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "2", "--agent", "ppo", "--market", "ou") == 0
    printed = capsys.readouterr()
    assert printed.out.strip().splitlines()[-1] == "Every demand is met."
    assert "deterministic" in printed.out
    assert "lag law" in printed.out
    assert "ppo on ou, seed 0" in printed.err


class AbsentConfig(PPOConfig):
    @staticmethod
    def agent() -> Any:
        raise ConfigError("agents.kind", "needs what is not installed", "absent")


def test_an_agent_that_is_not_installed_is_skipped_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = replace(quick(2.0), agent=AbsentConfig(), name="absent")
    monkeypatch.setattr("regimen.proving.experiments.EXPERIMENTS", (quick(-10.0), absent))
    assert called("--seeds", "1") == 0
    printed = capsys.readouterr()
    assert "skipped: absent: needs what is not installed" in printed.err
    assert "absent" not in printed.out
    assert called("--seeds", "1", "--agent", "absent") == 2
    assert capsys.readouterr().err.strip() == "error: agents.kind: needs what is not installed; got 'absent'"


@pytest.mark.usefixtures("hard")
def test_missed_demands_exit_with_1_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "1") == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("Missed:  ppo on ou, drawn: score (worst of 1) must be at least 2; got ")


@pytest.mark.usefixtures("easy")
def test_machines_get_json_and_pages_get_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--seeds", "2", "--json") == 0
    read = json.loads(capsys.readouterr().out)
    assert read["met"] is True
    assert len(read["results"][0]["runs"]) == 2
    assert called("--seeds", "1", "--markdown") == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line[0] + line[-1] for line in lines] == ["||"] * 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--seeds", "0"), "error: seeds: must be at least 1; got 0"),
        (
            ("--compute", "processes:0"),
            "error: compute: must be local, processes:N with N from 1, ray, or ray://HOST:PORT; got 'processes:0'",
        ),
        (("--agent", "pop"), "error: agent: must be one of ppo; got 'pop'"),
        (("--market", "moon"), "error: market: must be one of ou; got 'moon'"),
    ],
)
@pytest.mark.usefixtures("easy")
def test_mistakes_are_one_line(arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(*arguments) == 2
    assert capsys.readouterr().err.strip() == line


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--help") == 0
    assert "regimen prove --agent ppo" in " ".join(capsys.readouterr().out.split())
