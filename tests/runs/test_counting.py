"""Nothing that is no new data sets the number of trials back, and what was tried is told from the runs themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from regimen.cli.app import app
from regimen.errors import RunError
from regimen.records import RunConfig, RunDirectory, list_runs, load_config, read_json, write_report
from regimen.records.checksums import SEAL
from regimen.records.compare import compare_runs
from regimen.records.documents import write_json
from regimen.records.manifest import write_manifest
from regimen.runs import backtest_run, rejudge_run, reproduce_run, resume_run, start

from .conftest import YAML, silent, simulated

Configured = Callable[..., RunConfig]
QUICK = ("model={kind: logistic}", "training.epochs=1", "splits.test=300", "market.costs={commission_bps: 1}")

OWN = """
from typing import NamedTuple
import numpy as np
from regimen.features import Bar, Feature
from regimen.jit import jit

class Last(NamedTuple):
    close: float = np.nan

@jit
def step(state: Last, bar: Bar):
    return Last(bar.close), {factor} * (bar.open / state.close - 1.0)

GAP = Feature(names=("gap",), group="mine", step=step, state=Last(), warmup=1, about="Opening gap, a fraction.")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that no test changes."""
    folder = tmp_path_factory.mktemp("finished")
    simulated().to_parquet(folder / "coin.parquet")
    (folder / "small.yaml").write_text(YAML.format(path=folder / "coin.parquet"))
    return start(load_config(folder / "small.yaml", QUICK), folder / "runs", silent)[0]


@pytest.fixture
def directory(finished: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of it, with its trials."""
    return RunDirectory.open(Path(shutil.copytree(finished.home, tmp_path / "runs")) / finished.id)


@pytest.fixture
def count(tmp_path: Path, configured: Configured) -> Callable[..., int]:
    """Trains under overrides and returns N."""

    def trained(*overrides: str) -> int:
        _, judgement = start(configured(*QUICK, *overrides), tmp_path / "runs", silent)
        return int(judgement["trials"]["count"])

    return trained


def test_another_file_of_the_same_market_goes_on_counting(tmp_path: Path, count: Callable[..., int]) -> None:
    frame, prices = simulated(), ["open", "high", "low", "close"]
    files = {
        "rescaled": frame.assign(**{name: frame[name] * 1000 for name in prices}),
        "shorter": frame.iloc[:-1],
        "renamed": frame.assign(symbol="NAME"),
        "later": frame.assign(timestamp=frame.timestamp + pd.Timedelta(hours=1)),
    }
    assert count() == 1
    for number, (name, changed) in enumerate(files.items(), start=2):
        changed.to_parquet(tmp_path / f"{name}.parquet")
        assert count(f"data.path={tmp_path / name}.parquet") == number, name
    simulated(seed=1).to_parquet(tmp_path / "another.parquet")
    assert count(f"data.path={tmp_path / 'another'}.parquet") == 1, "another market is counted by itself"


def test_symbols_of_a_panel_are_one_series(tmp_path: Path, count: Callable[..., int]) -> None:
    members = [simulated(seed=seed).assign(symbol=name) for seed, name in enumerate("XYZ")]
    pd.concat(members).sort_values(["timestamp", "symbol"]).to_parquet(tmp_path / "panel.parquet")
    assert [count(f"data.path={tmp_path / 'panel'}.parquet", f"data.symbols=[{name}]") for name in "XYZ"] == [1, 2, 3]


def test_a_refused_symbol_does_not_hide_the_panel(tmp_path: Path, count: Callable[..., int]) -> None:
    members = [simulated(seed=seed).assign(symbol=name) for seed, name in enumerate("XYZ")]
    members[2].loc[300:310, "low"] = members[2].high[300:310] * 2
    pd.concat(members).sort_values(["timestamp", "symbol"]).to_parquet(tmp_path / "panel.parquet")
    assert [count(f"data.path={tmp_path / 'panel'}.parquet", f"data.symbols=[{name}]") for name in "XY"] == [1, 2]


def test_each_variant_of_an_own_feature_is_a_trial(tmp_path: Path, count: Callable[..., int]) -> None:
    place = tmp_path / "mine.py"
    for number in (1, 2, 3):
        place.write_text(OWN.format(factor=float(number)))
        assert count(f"features.features=['{place}:GAP']", "features.columns=[rsi_14,gap]") == number
    assert count(f"features.features=['{place}:GAP']", "features.columns=[rsi_14,gap]") == 3, (
        "the same once more is no new trial"
    )


@pytest.mark.parametrize(
    ("overrides", "n"),
    [
        (["market.costs.commission_bps=5"], 1),
        (["market.costs.commission_bps=5", "market.costs.half_spread_bps=2"], 1),
        (["market.costs.commission_bps=0.5"], 2),
        (["market.costs.commission_bps=5", "market.costs.half_spread_bps=0.01"], 2),
        (["market.costs.commission_bps=5", "market.latency_bars=2"], 2),
        ([], 1),
    ],
    ids=["dearer", "dearer twice", "cheaper", "mixed", "dearer and later", "the same"],
)
def test_only_dearer_costs_are_a_stress_test(directory: RunDirectory, overrides: list[str], n: int) -> None:
    lines = len(directory.trials.rows())
    _, judgement = backtest_run(directory, None, overrides, silent)
    assert judgement["trials"]["count"] == n
    rows = directory.trials.rows()
    assert len(rows) == lines + 1, "it is recorded in any case"
    assert rows[-1]["stress"] == int(n == 1 and bool(overrides))


def test_the_successor_of_a_deleted_backtest_is_counted(directory: RunDirectory) -> None:
    for number in (2, 3, 4):
        folder, judgement = backtest_run(directory, None, [f"market.costs.commission_bps={1 / number}"], silent)
        assert judgement["trials"]["count"] == number
        shutil.rmtree(folder)


def test_a_lost_ledger_is_made_again_by_the_next_run(tmp_path: Path, configured: Configured) -> None:
    root = tmp_path / "runs"
    for seed in range(3):
        directory, _ = start(configured(*QUICK, f"seed={seed}"), root, silent)
    backtest_run(directory, None, ["market.costs.commission_bps=0.1"], silent)
    directory.trials.path.unlink()
    shown = CliRunner().invoke(app, ["runs", "trials", "--runs", str(root)])
    assert "The trial ledger was missing" in shown.stderr
    assert not directory.trials.path.exists(), "looking makes no file"
    _, judgement = start(configured(*QUICK, "seed=3"), root, silent)
    assert judgement["trials"]["count"] == 5
    _, path = write_report(directory)
    assert "The trial ledger was missing" in path.read_text()


def test_a_verdict_whose_trials_have_grown_is_marked_and_judged_again(tmp_path: Path, configured: Configured) -> None:
    root = tmp_path / "runs"
    first, _ = start(configured(*QUICK), root, silent)
    for seed in (1, 2):
        start(configured(*QUICK, f"seed={seed}"), root, silent)
    assert [(row["trials"], row["trials_now"]) for row in list_runs(root)] == [(1, 3), (2, 3), (3, None)]
    shown = CliRunner().invoke(app, ["runs", "list", "--runs", str(root)], env={"COLUMNS": "200"}).stdout
    level = list_runs(root)[0]["verdict"]
    assert f"* {first.id}: {level} by 1 of now 3 trials; by all of them {level}, and the DSR is" in shown
    then, now = (list_runs(root)[0][name] for name in ("dsr", "dsr_now"))
    assert now < then
    assert f"{then:.3f} *" in shown
    shown = CliRunner().invoke(app, ["runs", "show", str(first.path)], env={"COLUMNS": "200"}).stdout
    assert "Judged by 1 trial, while 3 are recorded now" in shown
    judgement, path = write_report(first)
    assert judgement["trials"]["now"] == 3
    assert judgement["trials"]["dsr_now"] == now
    assert f"Its DSR of {then:.2f} is stale: by all of them it is {now:.2f}" in path.read_text()
    assert "Judged by 1 trial, while 3 are recorded now" in path.read_text()
    lines = first.trials.rows()
    again = rejudge_run(first, silent)
    assert again["trials"]["count"] == 3
    assert again["rows"][0]["dsr"] == now, "judged again, it is what was said of it"
    assert first.trials.rows() == lines, "it is no new trial"
    assert "recorded now" not in first.path.joinpath("report.html").read_text().split("h-trials")[-1].split("Value")[0]
    assert read_json(first.path / "judgement.json")["rows"][0]["trials"] == 3


def pressed(*_: object, **__: object) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def test_a_resumed_run_leaves_no_hole_in_the_ids(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regimen.runs import walk_forward

    with monkeypatch.context() as context:
        context.setattr(walk_forward, "evaluate", pressed)
        with pytest.raises(KeyboardInterrupt) as stopped:
            start(configured(*QUICK), tmp_path / "runs", silent)
    directory = RunDirectory.open(Path(str(stopped.value)))
    resume_run(directory, silent)
    start(configured(*QUICK, "seed=1"), tmp_path / "runs", silent)
    ids = [row["id"] for row in directory.trials.rows()]
    assert ids == list(range(1, len(ids) + 1))
    assert np.unique([row["run"] for row in directory.trials.rows()]).size == 2


def test_features_edited_since_are_refused_by_resume_and_leave_a_verdict_alone(
    tmp_path: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regimen.runs import walk_forward

    place = tmp_path / "mine.py"
    place.write_text(OWN.format(factor=1.0))
    config = configured(*QUICK, f"features.features=['{place}:GAP']", "features.columns=[rsi_14,gap]")
    with monkeypatch.context() as context:
        context.setattr(walk_forward, "evaluate", pressed)
        with pytest.raises(KeyboardInterrupt) as stopped:
            start(config, tmp_path / "runs", silent)
    directory = RunDirectory.open(Path(str(stopped.value)))
    place.write_text(OWN.format(factor=2.0))
    with pytest.raises(RunError, match="features: must be those of the run"):
        resume_run(directory, silent)
    place.write_text(OWN.format(factor=1.0))
    resume_run(directory, silent)

    lines, manifest = directory.trials.rows(), directory.manifest()
    place.write_text(OWN.format(factor=2.0))
    rejudge_run(directory, silent)
    assert directory.trials.rows() == lines, "what was judged again was made by the features of then"
    assert directory.manifest()["features_hash"] == manifest["features_hash"]


def test_a_verdict_of_an_earlier_version_is_shown_reproduced_and_judged_again(
    tmp_path: Path, configured: Configured
) -> None:
    root = tmp_path / "runs"
    first, _ = start(configured(*QUICK), root, silent)
    judgement = {key: value for key, value in read_json(first.path / "judgement.json").items() if key != "timing"}
    del judgement["trials"]["timing_variance"]
    write_json(first.path / "judgement.json", judgement)
    write_manifest(first.path, {key: value for key, value in first.manifest().items() if key not in (SEAL, "files")})
    start(configured(*QUICK, "seed=1"), root, silent)

    assert [(row["status"], row["verdict_now"]) for row in list_runs(root)] == [
        ("finished", "unknown"),
        ("finished", None),
    ]
    write_report(first)
    assert reproduce_run(first, silent).differing == ("judgement.json",)
    with pytest.raises(RunError, match=r"was judged by an earlier version; .* --rejudge"):
        compare_runs([first])
    rejudge_run(first, silent)
    assert compare_runs([first]).trials == 2


@pytest.mark.parametrize("name", ["judgement.json", "ledger/account.parquet"])
def test_judging_that_was_killed_is_told_with_its_cure(directory: RunDirectory, name: str) -> None:
    judgement = read_json(directory.path / "judgement.json")
    (directory.path / name).write_bytes(b"{}")  # what judging again writes before its manifest
    with pytest.raises(RunError, match=rf"holds a damaged {name}.*; `regimen report .* --rejudge` writes it again"):
        write_report(directory)
    assert rejudge_run(directory, silent)["verdict"] == judgement["verdict"]
    write_report(directory)
    assert reproduce_run(directory, silent).differing == ()
