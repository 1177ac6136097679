"""A run from Python is the run of the command line: trained, stopped, resumed, opened, shown."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from tests.face.conftest import SMALL
from typer.testing import CliRunner

import regimen as rg
from regimen.cli.app import app
from regimen.errors import ConfigError, RunError
from regimen.records import read_json
from regimen.runs import start

SECTIONS = {name: value for name, value in SMALL.items() if name != "costs"}


def test_the_run_is_that_of_a_config_file(run: rg.Run, market: Path, tmp_path: Path) -> None:
    values: dict[str, Any] = SECTIONS | {
        "name": "logistic-coin",
        "data": {"path": str(market)},
        "model": {"kind": "logistic"},
        "features": {"kind": "indicators", "columns": SMALL["features"]},
        "splits": {"train": 300, "test": 200},
        "market": {"costs": "binance-spot"},
    }
    directory, judgement = start(rg.RunConfig.model_validate(values), tmp_path, lambda *_: None)
    assert directory.config().hash == run.config.hash
    assert run.config.name == "logistic-coin"
    assert judgement == read_json(run.path / "judgement.json")


def test_a_frame_is_trained_on_as_its_file_is(run: rg.Run, market: Path, tmp_path: Path) -> None:
    again = rg.train(pd.read_parquet(market), **SMALL, runs=tmp_path)
    assert again.judgement.to_frame().equals(run.judgement.to_frame())
    assert Path(str(again.config.data.path)).parent == tmp_path / "data"


def test_a_run_is_opened_by_whatever_names_it(run: rg.Run) -> None:
    root = run.path.parent
    names: list[Any] = ["latest", run.id, run.id[:3], run.path, str(run.path), run]
    assert {rg.Run(name, runs=root).id for name in names} == {run.id}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nosuchrun", "run: must be the folder of a run, the id of one in .*; got 'nosuchrun'"),
        (5, "run: must be a path or a name; got 'int'"),
        (Path("there/is/none"), "run: must be the folder of a run"),
    ],
)
def test_what_names_no_run_is_one_line(name: Any, line: str, run: rg.Run) -> None:
    with pytest.raises((RunError, ConfigError), match=line):
        rg.Run(name, runs=run.path.parent)


def test_a_run_has_its_verdict_its_judgement_and_its_books(run: rg.Run) -> None:
    assert str(run.verdict) == run.judgement.verdict.sentence
    assert run.status == "finished"
    assert run.judgement.to_dict() == read_json(run.path / "judgement.json")
    assert len(run.ledger) == run.judgement.sample.bars
    np.testing.assert_array_equal(run.to_frame()["equity"], run.ledger.equity)
    assert run.trials.count == run.judgement.trials.count == 1
    assert run.plot().figures[0].title == "Equity"
    assert [figure.title for figure in run.plot().figures] == ["Equity", "Drawdown", "Exposure"]


def test_the_policy_of_a_window_decides_as_it_did(run: rg.Run) -> None:
    history, policy = run.history(), run.policy()
    at = int(np.searchsorted(history.bars.time, run.ledger.time[-1]))
    exposures, _ = policy.act(history.at(at), policy.initial_state(1))
    np.testing.assert_array_equal(exposures, run.ledger.targets[-1])
    assert type(run.policy(0)) is type(policy)
    with pytest.raises(ConfigError, match="window: must be from -3 to 2; got 3"):
        run.policy(3)


def test_what_the_policy_holds_now_and_what_its_costs_leave_are_no_trials(run: rg.Run) -> None:
    before = run.trials.count
    signal = run.signal(progress=False)
    assert signal.holdings[0].target == run.ledger.targets[-1, 0]
    assert repr(signal).startswith(f"Signal({signal.bar}: {run.ledger.symbols[0]} ")
    ladder = run.costs(at=(0, 1, 3), progress=False)
    assert list(ladder.to_frame().index) == [0.0, 1.0, 3.0]
    assert ladder.to_frame().loc[1.0, "total_return"] == run.judgement.policy.total_return
    assert repr(ladder).startswith("CostLadder(")
    found = run.importance(folds=2, shifts=19, alone=False, progress=False)
    assert len(found.to_frame()) == len(found.groups) + len(found.features)
    assert run.trials.count == before


def test_the_report_is_written_and_shown(run: rg.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run.report() == run.path / "report.html"
    assert not opened
    assert opened == [run.report(open=True).resolve().as_uri()]


def test_a_run_shows_itself(run: rg.Run) -> None:
    assert repr(run).startswith(f"Run({run.id}, logistic: ")
    assert len(repr(run)) <= 200
    assert run.verdict.sentence in run._repr_html_()


def test_a_run_that_is_stopped_says_how_it_is_resumed_and_ends_as_if_it_never_was(
    run: rg.Run, market: Path, tmp_path: Path
) -> None:
    def stop(_done: int, _total: int, message: str) -> None:
        if message.startswith("window 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"the run is kept: rg\.resume\('.*'\) continues it"):
        rg.train(market, **SMALL, runs=tmp_path, progress=stop)
    stopped = rg.Run("latest", runs=tmp_path)
    assert repr(stopped) == f"Run({stopped.id}, logistic: interrupted)"
    ElementTree.fromstring(stopped._repr_html_())
    assert "rg.resume(" in stopped._repr_html_()
    with pytest.raises(RunError, match="run: must be finished, but was interrupted"):
        _ = stopped.verdict
    resumed = rg.resume("latest", runs=tmp_path)
    assert resumed.judgement.to_dict() == run.judgement.to_dict()
    with pytest.raises(RunError, match="is finished already"):
        rg.resume(resumed)


def test_ctrl_c_before_there_is_anything_to_keep_leaves_nothing(market: Path, tmp_path: Path) -> None:
    def stop(_done: int, _total: int, _message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        rg.train(market, **SMALL, runs=tmp_path, progress=stop)
    assert "resume" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_of_a_run_is_not_believed(run: rg.Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / run.id)
    copy = rg.Run(tmp_path / run.id)
    judgement = copy.path / "judgement.json"
    judgement.write_text(judgement.read_text() + " ")
    with pytest.raises(RunError, match="judgement"):
        _ = copy.judgement


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(rg.DataError, match=r"data\.path: must be an existing file; got 'nowhere\.csv'"):
        rg.train("nowhere.csv", runs=tmp_path)
    with pytest.raises(ConfigError, match="runs: must be a path or a name; got 'int'"):
        rg.train("nowhere.csv", runs=5)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_its_daily_returns_are_what_other_tools_read(run: rg.Run, tmp_path: Path) -> None:
    """A series as quantstats takes it, and the same from either file."""
    returns = run.returns()
    assert returns.name == run.id
    assert isinstance(returns.index, pd.DatetimeIndex)
    assert returns.index.tz is None
    assert returns.index.is_unique
    assert (1.0 + returns).prod() == pytest.approx(run.ledger.equity[-1] / run.ledger.start_equity, rel=1e-12)
    for name in ("daily.csv", "daily.parquet"):
        shown = CliRunner().invoke(
            app, ["report", str(run.path), "--returns", str(tmp_path / name), "-o", str(tmp_path / "r.html")]
        )
        assert shown.exit_code == 0, shown.output
    text = pd.read_csv(tmp_path / "daily.csv", index_col="date", parse_dates=True)["return"]
    table = pd.read_parquet(tmp_path / "daily.parquet").set_index("date")["return"]
    for read in (text, table):
        pd.testing.assert_series_equal(read, returns, check_names=False, check_freq=False, check_index_type=False)
    shown = CliRunner().invoke(app, ["report", str(run.path), "--returns", str(tmp_path / "daily.xlsx")])
    assert isinstance(shown.exception, ConfigError)
    assert str(shown.exception).startswith("returns: must be a .csv or a .parquet file")
