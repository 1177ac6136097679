"""Runs of bars in memory: the same numbers as those of their file, kept beside the runs, resumed and reproduced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import ConfigError, DataError, RunError
from regimen.readers import load, read_back
from regimen.records import RunConfig, RunDirectory, load_config, read_json
from regimen.records.trial import identity
from regimen.runs import backtest_run, reproduce_run, resume_run, start
from regimen.runs.data_file import on_file

from .conftest import silent, simulated

Configured = Callable[..., RunConfig]


@pytest.fixture(scope="module")
def bars() -> Bars:
    return Bars.from_frame(simulated())


def of(bars: Bars, configured: Configured) -> RunConfig:
    return configured("training.epochs=1", "splits.test=300", "tracking=none").model_copy(
        update={"data": RunConfig(data=bars).data}
    )


def test_bars_in_the_place_of_data_are_their_config(bars: Bars, market_file: Path) -> None:
    config = RunConfig(data=bars)
    assert config.data.bars is bars
    assert config.data == DataConfig.of_bars(bars)
    assert config.hash == RunConfig(data=DataConfig(path=str(market_file))).hash
    assert load(config.data).fingerprint == bars.fingerprint
    assert load(DataConfig.of_bars(bars, end="2021-01-05")).fingerprint == bars.between(end="2021-01-05").fingerprint


def test_a_run_of_bars_in_memory_is_that_of_their_file(
    tmp_path: Path, bars: Bars, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    by_file = configured("training.epochs=1", "splits.test=300", "tracking=none")
    _, expected = start(by_file, Path("filed"), silent)
    directory, judgement = start(of(bars, configured), Path("runs"), silent)
    for found in (judgement, expected):
        del found["sample"]["source"]  # the name of the file
    assert judgement == expected
    ours, theirs = (
        [identity(row) for row in RunDirectory(path).trials.rows()] for path in (directory.path, _run("filed"))
    )
    assert ours == theirs

    kept = Path("runs/data") / f"{bars.fingerprint[:16]}.parquet"
    assert directory.config().data == DataConfig(path=str(kept))
    assert read_back(str(kept)).fingerprint == bars.fingerprint
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    there = RunDirectory(tmp_path / directory.path)
    assert reproduce_run(there, silent).differing == ()
    folder, _ = backtest_run(there, None, ["market.costs.commission_bps=1"], silent)
    assert read_json(folder / "judgement.json")["sample"]["source"] == kept.name


def _run(root: str) -> Path:
    return next(path for path in Path(root).iterdir() if path.is_dir())


def test_an_interrupted_run_of_bars_in_memory_goes_on(tmp_path: Path, bars: Bars, configured: Configured) -> None:
    def interrupted(done: int, total: int, _message: str) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        start(of(bars, configured), tmp_path / "runs", interrupted)
    again = resume_run(RunDirectory(Path(str(stopped.value))), silent)
    _, expected = start(of(bars, configured), tmp_path / "others", silent)
    assert again["rows"] == expected["rows"]


@pytest.mark.parametrize("part", ["whole", "window", "panel"])
def test_what_is_kept_reads_back_equal(part: str, tmp_path: Path, bars: Bars) -> None:
    other = Bars.from_frame(simulated(seed=1).iloc[100:])
    both = np.column_stack([bars.close[100:, 0], other.close[:, 0]])
    panel = Bars.from_arrays(other.time, open=both, high=both, low=both, close=both, symbols=("B", "A"))
    given = {"whole": bars, "window": bars.window(100, 130), "panel": panel}[part]
    config = on_file(DataConfig.of_bars(given), tmp_path)
    assert load(config).fingerprint == given.fingerprint
    before = Path(str(config.path)).stat().st_mtime_ns
    assert on_file(DataConfig.of_bars(given), tmp_path) == config
    assert Path(str(config.path)).stat().st_mtime_ns == before  # not written again


def test_options_stay_with_the_file(tmp_path: Path, bars: Bars) -> None:
    config = on_file(DataConfig.of_bars(bars, resample="4h"), tmp_path)
    assert config.resample == "4h"
    assert load(config).fingerprint == bars.resample("4h").fingerprint
    by_file = DataConfig(path="a.csv")
    assert on_file(by_file, tmp_path) is by_file


def test_a_file_that_is_not_those_bars_is_refused(tmp_path: Path, bars: Bars) -> None:
    path = Path(str(on_file(DataConfig.of_bars(bars), tmp_path).path))
    for damage in (path.read_bytes()[:-9], b""):
        path.write_bytes(damage)
        with pytest.raises(RunError, match="data: must hold the bars of its name, and is damaged; remove it"):
            on_file(DataConfig.of_bars(bars), tmp_path)
    bars.window(0, 90).write(path)
    with pytest.raises(RunError, match="must hold the bars of its name"):
        on_file(DataConfig.of_bars(bars), tmp_path)
    simulated().to_parquet(path)
    with pytest.raises(DataError, match=r"must be a file that Bars\.write wrote"):
        read_back(str(path))


def test_a_folder_that_cannot_be_written(tmp_path: Path, bars: Bars) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="runs: must be a writable folder"):
        on_file(DataConfig.of_bars(bars), tmp_path / "runs")


def test_bars_that_their_file_would_refuse_are_refused_and_leave_nothing(
    tmp_path: Path, bars: Bars, configured: Configured
) -> None:
    flat = np.full(len(bars), 10.0)
    still = Bars.from_arrays(bars.time, open=flat, high=flat, low=flat, close=flat, checked=False)
    with pytest.raises(DataError, match="constant_price"):
        start(of(still, configured), tmp_path / "runs", silent)
    assert not (tmp_path / "runs").exists()


def test_a_config_of_bars_in_memory_that_was_written_down_says_what_is_missing(tmp_path: Path, bars: Bars) -> None:
    (tmp_path / "a.yaml").write_text(RunConfig(data=bars).to_yaml())
    with pytest.raises(DataError, match=r"data\.path: stood for bars in memory; name a file that Bars\.write wrote"):
        load(load_config(tmp_path / "a.yaml").data)
    with pytest.raises(ConfigError, match=r"data\.path: is an option of files"):
        DataConfig.of_bars(bars, path="a.csv")
