"""`regimen signal`: what a person and a machine are told of the bar that has just closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import called, written


def test_a_signal_is_a_table_and_sentences(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "today.csv")
    assert called("signal", finished, "--bars", tmp_path / "today.csv") == 0
    shown = capsys.readouterr().out
    heading = next(line for line in shown.splitlines() if line.lstrip().startswith("symbol"))
    assert heading.split() == ["symbol", "target", "change", "SELL", "HOLD", "BUY", "volatility/yr", "features"]
    assert len(heading) <= 80
    for words in (
        "Decided: at the close of the bar of 2022-03-30 03:00 UTC, to be filled at the next open.",
        "Model:   logistic of window 3, trained on bars before",
        "furthest from their mean in training",
        "less that with a group at its mean: indicators",
        "Verdict: of this run's backtest: ",
        f"Next:    regimen backtest {finished} --bars FILE",
    ):
        assert words in shown
    assert called("signal", finished, "--bars", tmp_path / "today.csv", "--json") == 0
    signal = json.loads(capsys.readouterr().out)
    assert (signal["run"], signal["close"]) == (str(finished), "2022-03-30 04:00")
    holding = signal["holdings"][0]
    assert holding["symbol"] == "asset"
    assert sum(holding["probabilities"]) == pytest.approx(1.0)
    assert holding["change"] == pytest.approx(holding["target"] - holding["before"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--symbol", "BTC"], "error: --symbol: must be one of asset; got 'BTC'"),
        (["--bars", "absent.csv"], "error: data.path: must be an existing file; got 'absent.csv'"),
        (["model.kind=sac"], "error: override: must begin with data.; the policy is trained already"),
    ],
)
def test_each_mistake_is_one_line(
    finished: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("signal", finished, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)
