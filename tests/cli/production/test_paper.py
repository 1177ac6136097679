"""A replay on paper, stopped and gone on with, and the audit of its journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bundles import exported
from typer.testing import CliRunner

from regimen.cli.app import app

RUNNER = CliRunner()
FREE = "{confidence: null, position: null, daily_loss: null, drawdown: null, drawdown_warning: null}\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    exported(folder, "exposure.dead_band=0.0", "exposure.scale=5.0")
    (folder / "free.yaml").write_text(FREE)
    return folder


def paper(place: Path, *words: str) -> dict[str, object]:
    """Replays the run's own bars and returns the record."""
    feed = f"replay:{place / 'coin.parquet'}"
    command = ["paper", str(place / "bundle"), "--feed", feed, "--safeguards", str(place / "free.yaml"), "--json"]
    result = RUNNER.invoke(app, [*command, *words])
    assert result.exit_code == 0, result.output
    values: dict[str, object] = json.loads(result.stdout)
    return values


def test_a_replay_trades_what_the_model_was_not_trained_on_and_is_audited(place: Path, in_memory: Path) -> None:
    journal = in_memory / "journal.sqlite"
    record = paper(place, "--journal", str(journal))
    orders, costs = record["orders"], record["costs"]
    assert isinstance(orders, int)
    assert isinstance(costs, dict)
    assert record["bars"] == 450
    assert orders > 20
    assert costs["commission"] > 0.0
    audit = ["audit", str(journal), "--bundle", str(place / "bundle"), "--json"]
    result = RUNNER.invoke(app, audit)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["bars"], shown["differs"], shown["backtest"], shown["broken"]) == (450, None, None, None)
    assert paper(place, "--journal", str(journal))["bars"] == 0  # all of it is there already


def test_an_account_that_cannot_trade_says_why(place: Path, tmp_path: Path) -> None:
    command = ["paper", str(place / "bundle"), "--feed", f"replay:{place / 'coin.parquet'}"]
    result = RUNNER.invoke(app, [*command, "--journal", str(tmp_path / "j.sqlite")])
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "Nothing was traded: the limit confidence acted most. `confidence: null` in --safeguards" in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--feed", "tape"), "--feed must be replay:FILE"),
        (("--feed", "replay:{place}/coin.parquet", "training.epochs=3"), "override must begin with data."),
        (("--feed", "replay:{place}/coin.parquet", "--since", "soon"), "--since must be a date"),
        (("--feed", "replay:{place}/coin.parquet", "--since", "2199-01-01"), "since must be before the last bar"),
        (("--feed", "replay:{place}/coin.parquet", "--cash", "-1"), "cash must be positive"),
    ],
)
def test_a_mistake_is_one_line(place: Path, words: tuple[str, ...], line: str, tmp_path: Path) -> None:
    given = [word.replace("{place}", str(place)) for word in words]
    result = RUNNER.invoke(app, ["paper", str(place / "bundle"), *given, "--journal", str(tmp_path / "j.sqlite")])
    text = " ".join(str(result.exception).split())
    assert result.exit_code != 0
    assert line.split(" must")[0] in text
    assert line.split(" must")[1] in text
