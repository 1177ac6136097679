"""A run from config to report: what is on disk, reproduction, other bars, and nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from regimen.errors import ConfigError, DataError, RegimenError, RunError
from regimen.records import RunConfig, RunDirectory, list_runs, load_config, read_json, write_manifest, write_report
from regimen.runs import backtest_run, reproduce_run, resume_run, start
from regimen.runs.prepare import prepare

from .conftest import YAML, silent, simulated

Configured = Callable[..., RunConfig]


@pytest.fixture
def finished(tmp_path: Path, configured: Configured) -> RunDirectory:
    directory, _ = start(configured(), tmp_path / "runs", silent)
    return directory


def test_a_run_keeps_everything_that_it_depends_on(finished: RunDirectory, configured: Configured) -> None:
    manifest = finished.manifest()
    assert manifest["status"] == "finished"
    assert finished.config() == configured()
    assert manifest["config_hash"] == configured().hash
    assert len(manifest["fingerprint"]) == 64
    tests = [window["test"] for window in manifest["windows"]]
    assert tests[0][0] == 300
    assert tests[-1][1] == 900
    assert all(left[1] == right[0] for left, right in pairwise(tests))
    for window in range(len(tests)):
        folder = finished.window(window)
        assert {path.name for path in folder.iterdir()} == {
            "scaler.json",
            "calibration.json",
            "model",
            "last",
            "history.json",
            "fit.json",
            "exposures.npy",
        }
    judgement = read_json(finished.path / "judgement.json")
    assert judgement["trials"]["count"] == 1
    assert len(judgement["windows"]) == len(tests)
    assert "<html" in (finished.path / "report.html").read_text()


def test_every_fit_and_every_evaluation_is_a_trial(
    finished: RunDirectory, tmp_path: Path, configured: Configured
) -> None:
    rows = finished.trials.rows()
    assert [row["kind"] for row in rows] == ["fit"] * 5 + ["evaluation"]
    _, judgement = start(configured("seed=1"), tmp_path / "runs", silent)
    assert judgement["trials"]["count"] == 2
    _, judgement = start(configured("data.start=2021-01-03"), tmp_path / "runs", silent)
    assert judgement["trials"]["count"] == 3, "another slice of the same series is another trial on it"
    assert [row["status"] for row in list_runs(tmp_path / "runs")] == ["finished"] * 3


def test_reproduce_gives_the_same_bytes_and_is_no_trial(finished: RunDirectory) -> None:
    before = finished.trials.rows()
    comparison = reproduce_run(finished, silent)
    assert comparison.differing == ()
    assert comparison.files >= 5 * 4 + 3
    assert finished.trials.rows() == before


def test_reproduce_sees_a_changed_number(finished: RunDirectory) -> None:
    path = finished.window(2) / "exposures.npy"
    rows = np.load(path)
    rows[5] += 1e-12
    np.save(path, rows)
    with pytest.raises(RunError, match=r"holds a damaged windows/002/exposures\.npy"):
        reproduce_run(finished, silent)
    finished.record(finished.window(2))  # as if it had been written so
    assert reproduce_run(finished, silent).differing == ("windows/002/exposures.npy",)


def test_reproduce_refuses_other_bars(finished: RunDirectory, market_file: Path) -> None:
    simulated(seed=1).to_parquet(market_file)
    with pytest.raises(RunError, match="must be the bars of the run"):
        reproduce_run(finished, silent)


def test_other_bars_are_decided_by_models_of_their_past(finished: RunDirectory, tmp_path: Path) -> None:
    longer = tmp_path / "longer.parquet"
    simulated(1200).to_parquet(longer)
    folder, judgement = backtest_run(finished, str(longer), [], silent)
    assert judgement["skipped_bars"] == 300
    assert judgement["sample"]["bars"] == 900
    assert (folder / "report.html").exists()
    own, _ = backtest_run(finished, None, [], silent)
    left = read_json(finished.path / "judgement.json")["rows"][0]
    right = read_json(own / "judgement.json")["rows"][0]
    assert left["total_return"] == right["total_return"], "on its own bars the policy earns what it earned"
    _, dear = backtest_run(finished, None, ["market.costs.commission_bps=50"], silent)
    assert dear["rows"][0]["total_return"] < left["total_return"]


def test_bars_from_before_the_first_model_are_refused(finished: RunDirectory, tmp_path: Path) -> None:
    early = simulated(250)
    early.to_parquet(tmp_path / "early.parquet")
    with pytest.raises(DataError, match="must reach beyond 2021-01-13"):
        backtest_run(finished, str(tmp_path / "early.parquet"), [], silent)
    assert not (finished.path / "backtests").exists()


@pytest.mark.parametrize(
    "mistake",
    [
        "data.path=absent.parquet",
        "labels.horizon=2000",
        "splits.train=5000",
        "features.columns=[rsi_14, rsi_15]",
        "training.device=cuda",
        "training.learning_rate=1e30",
    ],
)
def test_a_mistake_leaves_no_run(tmp_path: Path, configured: Configured, mistake: str) -> None:
    if mistake.endswith("cuda"):
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
    with pytest.raises(RegimenError) as caught:
        start(configured(mistake), tmp_path / "runs", silent)
    assert "\n" not in str(caught.value)
    assert not [path for path in (tmp_path / "runs").glob("*") if path.is_dir()]


def test_what_cannot_be_traded_is_refused_before_anything_is_fitted(configured: Configured) -> None:
    with pytest.raises(ConfigError, match=r"market.delisting: must be a number or an extra of the bars .*'nothing'"):
        prepare(configured("market.delisting=nothing"))


def test_a_runs_folder_that_is_a_file_is_refused(tmp_path: Path, configured: Configured) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="must be"):
        start(configured(), tmp_path / "runs", silent)


def test_only_unfinished_runs_are_resumed(finished: RunDirectory) -> None:
    with pytest.raises(RunError, match="is finished already"):
        resume_run(finished, silent)


def test_report_can_be_written_elsewhere(finished: RunDirectory, tmp_path: Path) -> None:
    judgement, path = write_report(finished, tmp_path / "out.html")
    assert path == tmp_path / "out.html"
    assert json.dumps(judgement["verdict"]["sentence"])[1:20] in path.read_text()


def test_a_report_names_the_columns_that_the_run_recorded(finished: RunDirectory, tmp_path: Path) -> None:
    """A run of a version that recorded none shows those of its config: the same page."""
    manifest = finished.manifest()
    assert manifest["features"] == {name: list(of) for name, of in finished.config().features.build().groups.items()}
    _, recorded = write_report(finished, tmp_path / "recorded.html")
    older = {name: value for name, value in manifest.items() if name not in ("features", "checksum")}
    write_manifest(finished.path, older)
    assert "features" not in finished.manifest()
    _, built = write_report(finished, tmp_path / "built.html")
    assert built.read_bytes() == recorded.read_bytes()
    write_manifest(finished.path, {**manifest, "features": {"own": ["a_column_of_its_own"]}})
    _, other = write_report(finished, tmp_path / "other.html")
    assert "a_column_of_its_own" in other.read_text()


def test_a_link_or_a_dot_leads_to_the_same_run_and_the_same_trials(
    finished: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = len(finished.trials.rows())
    link = tmp_path / "elsewhere" / "newest"
    link.parent.mkdir()
    link.symlink_to(finished.path)
    monkeypatch.chdir(finished.path)
    for path in (Path(), link):
        again = RunDirectory.open(path)
        assert again.id == finished.id
        assert len(again.trials.rows()) == trials
        backtest_run(again, None, [], silent)
        trials += 1
    assert not list(finished.path.glob("**/trials.sqlite"))
    assert not (link.parent / "trials.sqlite").exists()


def test_a_relative_data_path_counts_from_where_the_run_was_started(
    tmp_path: Path, market_file: Path, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(market_file.parent)
    directory, _ = start(configured(f"data.path={market_file.name}"), tmp_path / "runs", silent)
    assert directory.config().data.path == market_file.name
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    simulated(seed=9).to_parquet(elsewhere / market_file.name)  # another file of that name lies there
    monkeypatch.chdir(elsewhere)
    assert reproduce_run(directory, silent).differing == ()
    folder, _ = backtest_run(directory, None, ["market.costs.commission_bps=2"], silent)
    used, own = (read_json(path / "data.json")["source_fingerprint"] for path in (folder, directory.path))
    assert used == own


def test_an_interrupted_backtest_leaves_nothing(finished: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    from regimen.runs import backtests

    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backtests, "write_report", pressed)
    with pytest.raises(KeyboardInterrupt):
        backtest_run(finished, None, [], silent)
    assert list((finished.path / "backtests").iterdir()) == []


def test_the_report_counts_the_fits_of_the_ledger(finished: RunDirectory) -> None:
    fits = sum(row["kind"] == "fit" for row in finished.trials.rows())
    assert fits > 1
    _, path = write_report(finished)
    assert f"{fits} fits and 1 evaluation by 1 run, recorded on this market until now." in path.read_text()


def test_a_full_disk_leaves_no_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from regimen.files import write_text

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write_text(tmp_path / "report.html", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_split_is_no_move_to_a_policy(tmp_path: Path) -> None:
    """Raw prices with a 2:1 split and their adjusted close give the models and the money of the unsplit series."""
    plain = simulated()
    half = np.where(np.arange(len(plain)) >= 500, 0.5, 1.0)
    split = plain.assign(**{name: plain[name] * half for name in ("open", "high", "low", "close")})
    split = split.assign(volume=plain["volume"] / half, adj_close=plain["close"])
    found = []
    for name, table, adjust in (("plain", plain, ""), ("split", split, ", adjust: adj_close")):
        path = tmp_path / f"{name}.parquet"
        table.to_parquet(path)
        (tmp_path / "run.yaml").write_text(
            YAML.format(path=f"{path}{adjust}").replace("dead_band: 0.0", "dead_band: 0.0, volatility_target: 0.5")
        )
        directory, judgement = start(load_config(tmp_path / "run.yaml"), tmp_path / name, silent)
        exposures = np.concatenate([np.load(path) for path in sorted(directory.path.glob("windows/*/exposures.npy"))])
        found.append((exposures, judgement["rows"][0]["total_return"]))
    assert np.abs(found[0][0]).sum() > 0
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-9)
