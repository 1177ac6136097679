"""The vault from training to its one look: nothing reads it before, and nobody looks twice without a brand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.errors import ConfigError, DataError, RunError
from regimen.records import RunDirectory, load_config
from regimen.runs import backtest_run, lock_vault, open_vault, signal_of, start

YAML = """
name: locked
data: {{path: {path}, vault: 10d}}
features: {{kind: indicators, columns: [rsi_14, return_5d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 120}}
model: {{kind: logistic}}
training: {{epochs: 1, batch_size: 256, patience: null}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""
CUT = 900 - 240


def quiet(*_: Any) -> None:
    """No progress."""


def hourly(bars: int = 900, seed: int = 0) -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, bars)))
    time = pd.date_range("2021-01-01", periods=bars, freq="h", tz="UTC")
    prices = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close, "volume": 1.0}
    return pd.DataFrame({"timestamp": time, **prices})


def trained(folder: Path, frame: pd.DataFrame, *overrides: str) -> RunDirectory:
    folder.mkdir(exist_ok=True)
    frame.to_parquet(folder / "coin.parquet")
    (folder / "run.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    directory, _ = start(load_config(folder / "run.yaml", overrides), folder / "runs", quiet)
    return directory


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return trained(tmp_path_factory.mktemp("vault"), hourly())


@pytest.fixture
def run(original: RunDirectory, tmp_path: Path) -> RunDirectory:
    """The trained run in a folder of runs of its own."""
    shutil.copytree(original.path.parent, tmp_path / "runs")
    return RunDirectory(tmp_path / "runs" / original.id)


def test_what_is_in_the_vault_changes_no_byte_of_the_run(original: RunDirectory, tmp_path: Path) -> None:
    poisoned = hourly()
    poisoned.loc[CUT:, ["open", "high", "low", "close"]] = np.repeat(
        1e6 * np.random.default_rng(9).uniform(1, 2, (240, 1)), 4, axis=1
    )
    other = trained(tmp_path / "poisoned", poisoned)
    files = ["judgement.json", "windows/*/exposures.npy", "windows/*/model/*", "ledger/*", "windows/*/history.json"]
    compared = [path.relative_to(original.path) for each in files for path in original.path.glob(each)]
    assert len(compared) > 8
    for path in compared:
        ours, theirs = (home.path / path for home in (original, other))
        if path.name == "judgement.json":  # the name of the file stands in it, and nothing else differs
            values = [json.loads(each.read_text()) for each in (ours, theirs)]
            for each in values:
                each["sample"].pop("source")
                each["trials"] = None
            assert values[0] == values[1]
        elif path.name != "ledger.json":
            assert ours.read_bytes() == theirs.read_bytes(), path
    assert original.manifest()["fingerprint"] == other.manifest()["fingerprint"]
    assert original.manifest()["vault"] == ["2021-01-28T12:00:00", "2021-02-07T11:00:00"]


def test_one_look_is_one_trial_on_the_bars_behind(run: RunDirectory) -> None:
    before = len(run.trials.rows())
    folder, judgement = open_vault(run, quiet)
    assert folder == run.path / "vault"
    assert judgement["sample"]["start"] == "2021-01-28T12:00:00Z"
    assert judgement["sample"]["bars"] == 240
    assert judgement["trials"]["count"] == 1
    assert len(run.trials.rows()) == before + 1
    assert [record.act for record in run.trials.vaults(run.trials.rows()[0]["source"])] == ["open"]
    assert "was opened" not in (folder / "report.html").read_text()


def test_a_second_look_is_refused_or_branded(run: RunDirectory) -> None:
    open_vault(run, quiet)
    with pytest.raises(RunError, match=r"was opened on .* second look proves nothing; --again") as error:
        open_vault(run, quiet)
    assert "\n" not in str(error.value)
    folder, judgement = open_vault(run, quiet, again=True)
    assert folder.name == "vault-2"
    assert judgement["trials"]["count"] == 2
    source = str(run.trials.rows()[0]["source"])
    assert [record.act for record in run.trials.vaults(source)] == ["open", "again"]
    later, _ = backtest_run(run, None, [], quiet)
    for page in (folder / "report.html", later / "report.html"):
        assert "opened 2 times" in page.read_text()


def test_whoever_traded_in_the_span_has_spent_the_look(run: RunDirectory) -> None:
    config = run.located_config()
    whole = config.model_copy(update={"data": config.data.model_copy(update={"vault": None})})
    start(whole, run.home, quiet)
    with pytest.raises(RunError, match="1 trial of its market traded in it"):
        open_vault(run, quiet)
    _, judgement = open_vault(run, quiet, again=True)
    assert judgement["trials"]["count"] == 2


def test_a_locked_vault_keeps_the_whole_market_out(run: RunDirectory) -> None:
    record = lock_vault(run)
    assert (record.act, record.first) == ("lock", "2021-01-28T12:00:00")
    with pytest.raises(RunError, match="was locked already"):
        lock_vault(run)
    config = run.located_config()
    whole = config.model_copy(update={"data": config.data.model_copy(update={"vault": None}), "seed": 5})
    with pytest.raises(RunError, match=f"locked by run {run.id}"):
        start(whole, run.home, quiet)
    assert len(list(run.home.glob("*/manifest.json"))) == 1
    start(config.model_copy(update={"seed": 6}), run.home, quiet)  # what stays out of it is trained
    open_vault(run, quiet)
    start(whole, run.home, quiet)  # the look is spent: the span is history like any other


def test_no_other_command_looks_first(run: RunDirectory, tmp_path: Path) -> None:
    hourly(1000).to_parquet(tmp_path / "newer.parquet")
    with pytest.raises(RunError, match=r"vault.*locked"):
        backtest_run(run, str(tmp_path / "newer.parquet"), [], quiet)
    with pytest.raises(RunError, match=r"vault.*locked"):
        backtest_run(run, None, ["data.vault=null"], quiet)
    assert signal_of(run, None, [], quiet).bar.startswith("2021-02-07 11:00")  # nothing is judged by it


def test_a_look_that_was_killed_is_taken_once(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("regimen.runs.vault.opening.evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            open_vault(run, quiet)
    _, judgement = open_vault(run, quiet)
    assert judgement["trials"]["count"] == 1
    assert len(run.trials.vaults(str(run.trials.rows()[0]["source"]))) == 1


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.vault: must leave bars"):
        trained(tmp_path / "long", hourly(), "data.vault=1y")
    with pytest.raises(ConfigError, match=r"data\.vault"):
        trained(tmp_path / "no", hourly(), "data.vault=soon")
    without = trained(tmp_path / "without", hourly(), "data.vault=null")
    with pytest.raises(RunError, match="must be in the config"):
        open_vault(without, quiet)
    with pytest.raises(RunError, match="must be in the config"):
        lock_vault(without)
