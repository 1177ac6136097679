"""`regimen prove --agent FILE.py:NAME`: an agent of the user's own on the known markets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import called

BINS = Path(__file__).parents[1] / "agents" / "own_bins.py"


def test_it_is_proved_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--fast", "--market", "tomorrow", "--seeds", "1", "--steps", "64000", "--json")
    assert called("prove", "--agent", f"{BINS}:Bins", *words) == 0
    result = json.loads(capsys.readouterr().out)["results"][0]
    assert (result["agent"], result["market"]) == ("Bins", "tomorrow")
    assert result["runs"][0]["deterministic"]["score"] > 0.97
    assert result["agent_config"]["source"] == f"{BINS}:Bins"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--agent", "nowhere.py:Mine"], "agent: must name a file that exists; got 'nowhere.py:Mine'"),
        (["--agent", f"{BINS}:Bins", "--market", "moon"], "market: must be one of martingale, "),
        (["--agent", f"{BINS}"], "agent: must be 'path/to/file.py:NAME' or 'package.module:NAME'"),
        (["--agent", "ppo", "--steps", "5"], "--steps: is read with --agent FILE.py:NAME only"),
        (["--agent", f"{BINS}:Bins", "--steps", "0"], "steps: must be at least 1; got 0"),
    ],
)
def test_what_is_mistyped(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("prove", *words) == 2
    assert f"error: {line}" in capsys.readouterr().err


def test_a_market_whose_actions_an_agent_does_not_take_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chooser = "    def __init__(self, spec, seed):\n        self.table = [0.0] * spec.choices\n"
    verbs = "".join(f"    def {verb}(self, *given): ...\n" for verb in ("learn", "predict", "save", "load"))
    (tmp_path / "mine.py").write_text(f"class Mine:\n{chooser}{verbs}")
    assert called("prove", "--agent", f"{tmp_path / 'mine.py'}:Mine", "--market", "kelly", "--steps", "64") == 2
    shown = capsys.readouterr().err
    assert "on kelly actions are numbers: spec.choices is None; --market chooses others; got {}" in shown
