"""The command line as a person meets it: tables, JSON, one-line errors, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import CONFIG, called

from regimen.cli.app import main


@pytest.fixture
def config(tmp_path: Path, market: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(path=market))
    return path


def test_help_lists_every_command_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--help") == 0
    listed = capsys.readouterr().out
    for command in (
        "demo",
        "data",
        "features",
        "train",
        "resume",
        "backtest",
        "report",
        "reproduce",
        "leaks",
        "costs",
        "safeguards",
        "new",
        "doctor",
        "signal",
        "bench",
    ):
        assert f"  {command} " in listed
        if command != "data":
            assert called(command, "--help") == 0
            assert "Example: regimen" in capsys.readouterr().out, command


def test_the_whole_way_from_a_file_to_a_reproduced_verdict(
    tmp_path: Path, config: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("data", "check", market) == 0
    assert "Training accepts this data" in capsys.readouterr().out
    assert called("train", config, "--runs", tmp_path / "runs", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"]["level"]
    run = printed["run"]
    assert called("report", run) == 0
    shown = capsys.readouterr().out
    for words in (
        "Policy",
        "Flat",
        "Buy and hold",
        "Random timing",
        "Sharpe [95 %]",
        "DSR",
        "trials",
        "Verdict:",
    ):
        assert words in shown
    assert called("reproduce", run) == 0
    assert "Reproduced" in capsys.readouterr().out
    assert called("backtest", run, "market.costs.half_spread_bps=4") == 0
    capsys.readouterr()
    assert called("runs", "list", "--runs", tmp_path / "runs", "--json") == 0
    assert [row["status"] for row in json.loads(capsys.readouterr().out)] == ["finished"]
    assert called("runs", "trials", "--runs", tmp_path / "runs", "--json") == 0
    assert [row["kind"] for row in json.loads(capsys.readouterr().out)] == ["fit"] * 3 + ["evaluation"] * 2
    assert called("leaks", config) == 0
    assert "No leak" in capsys.readouterr().out


def test_leaks_warns_of_a_cumulative_column(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("leaks", config, "features.columns=[rsi_14, obv]") == 0
    assert "feature obv never forgets where the data begins" in capsys.readouterr().out


def test_a_feature_that_sees_the_future_is_caught_and_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step cannot look ahead, so the leak is planted behind it: a column that is moved one bar back."""
    import numpy as np

    from regimen.bars import Bars
    from regimen.features import FeatureFrame, FeatureSet

    honest = FeatureSet.compute

    def leaking(self: FeatureSet, bars: Bars) -> FeatureFrame:
        frame = honest(self, bars)
        values = np.array(frame.values)
        values[:-1, :, 1] = values[1:, :, 1]
        return replace(frame, values=values)

    monkeypatch.setattr(FeatureSet, "compute", leaking)
    assert called("leaks", config, "exposure.dead_band=0") == 1
    shown = capsys.readouterr().out
    assert "feature return_5d leaks" in shown
    assert "feature rsi_14 leaks" not in shown
    assert "policy exposure leaks" in shown


def test_features_are_summarised_and_written(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "features.parquet"
    assert called("features", market, "features.kind=indicators", "-o", out, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["columns"]) == 27
    import pyarrow.parquet as pq

    assert pq.read_table(out).num_rows == 700


def test_a_function_of_a_frame_is_branded_and_refused_where_it_looks_ahead(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        "def past(frame):\n    return frame['close'].pct_change()\n\n"
        "def ahead(frame):\n    return frame['close'].pct_change(-1)\n"
    )
    assert called("features", market, "features.kind=custom", f"features.features=[{mine}:past]") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "not causal by construction" in shown
    assert "Beware: past is a function of a whole frame" in shown
    assert called("features", market, "features.kind=custom", f"features.features=[{mine}:ahead]") == 2
    assert "error: features.ahead: looks ahead: at bar" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["train", "absent.yaml"], "error: config: cannot be read"),
        (["train", "{config}", "training.epoch=1"], "error: training.epoch: is not a known key"),
        (["train", "{config}", "market.costs.commission_bps=-1"], "commission_bps"),
        (
            ["train", "{config}", "data.path=absent.csv"],
            "error: data.path: must be an existing file; got 'absent.csv'",
        ),
        (["train", "{config}", "labels.horizon=5000"], "error: labels.horizon"),
        (["report", "absent"], "error: run: must be the folder of a run"),
        (["backtest", "{config}"], "error: run: must be the folder of a run"),
        (["bench", "nothing"], "error: bench: must be one of"),
        (["nothing"], "error: command line: No such command 'nothing' (see regimen --help)"),
        (["train"], "error: config: is required"),
        (["report", "x", "--nothing"], "error: command line: No such option: --nothing (see regimen report --help)"),
        (["backtest", "x", "--bars"], "error: command line: Option '--bars' requires an argument"),
        (["train", "{config}", "seed=18446744073709551616"], "error: seed: must be less than 9223372036854775808"),
        (["runs", "trials", "--runs", "{config}-absent"], "error: runs: must be a folder of runs"),
        (["leaks", "{config}", "data.end=2022-03-01T10:00"], "never warms up"),
        (["features", "{config}", "training.epochs=1"], "error: override: must begin with data. or features."),
    ],
)
def test_each_mistake_is_one_line_on_standard_error_and_exit_2(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert called(*(word.format(config=config) for word in words)) == 2
    captured = capsys.readouterr()
    complaint = [text for text in captured.err.splitlines() if not text.startswith("[")]  # but for the progress lines
    assert len(complaint) == 1
    assert line in complaint[0]
    assert "Traceback" not in captured.err


def test_debug_shows_the_traceback_and_keeps_the_exit_code(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("train", config, "training.epoch=1", "--debug") == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.splitlines()[-1].startswith("error: training.epoch: is not a known key")


def test_a_full_disk_is_one_line_and_leaves_no_run(tmp_path: Path, config: Path) -> None:
    """A limit on the size of files stands in for the full disk: every larger write fails in the same way."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "from regimen.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    runs = tmp_path / "runs"
    words = [sys.executable, "-B", "-c", code, "train", str(config), "--runs", str(runs)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    complaint = [text for text in done.stderr.splitlines() if text.startswith("error:")]
    assert (done.returncode, len(complaint)) == (2, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in runs.glob("*") if path.is_dir()]


def test_import_is_quick_and_loads_no_heavy_library() -> None:
    code = (
        "import sys, regimen, regimen.cli.app\n"
        "print([name for name in ('torch', 'pandas', 'numba', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_looking_at_trials_makes_no_folder(tmp_path: Path) -> None:
    assert called("runs", "trials", "--runs", tmp_path / "absent") == 2
    assert not (tmp_path / "absent").exists()


def test_features_that_cannot_be_written_leave_nothing(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    assert called("features", market, "features.kind=indicators", "-o", taken) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: --output: must be a writable file")
    assert sorted(path.name for path in tmp_path.iterdir()) == [market.name, "taken"]


def test_a_column_that_is_never_known_is_null_in_json(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    from regimen.features import FeatureSet

    honest = FeatureSet.compute
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            FeatureSet, "compute", lambda self, bars: replace(found := honest(self, bars), values=found.values * np.nan)
        )
        assert called("features", market, "features.columns=[return_1]", "--json") == 0
        (column,) = json.loads(capsys.readouterr().out)["columns"]
        assert (column["known"], column["mean"], column["median"]) == (0, None, None)
        assert called("features", market, "features.columns=[return_1]") == 0


def test_ctrl_c_says_how_to_go_on_and_the_run_does(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from regimen.runs import traded, walk_forward

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(traded, "write_exposures", pressed)
        assert called("train", config, "--runs", tmp_path / "runs") == 130
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert capsys.readouterr().err.splitlines()[-1] == f"interrupted; `regimen resume {run}` continues it"
    assert called("runs", "show", run) == 2
    assert f"must be finished, but was interrupted; `regimen resume {run}` continues it" in capsys.readouterr().err
    assert called("runs", "list", "--runs", tmp_path / "runs") == 0
    assert "interrupted" in capsys.readouterr().out
    assert called("resume", run) == 0
    with monkeypatch.context() as patch:
        patch.setattr(walk_forward, "describe", pressed)
        assert called("train", config, "--runs", tmp_path / "others") == 130
    assert list((tmp_path / "others").iterdir()) == []


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_verdict_table_cuts_no_number_off(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    from regimen.cli.screen.verdict import verdict_table

    ruined = {
        "name": "policy",
        "label": "Policy",
        "total_return": -1.0,
        "sharpe": -78.49,
        "sharpe_interval": [-86.35, -71.34],
        "max_drawdown": 1.0,
        "turnover": 15949.0,
        "break_even_bps": -1841.3,
        "psr": 0.0,
        "dsr": 0.0,
        "trials": 1234,
    }
    rows = [ruined, ruined | {"name": "flat", "label": "Flat", "sharpe": None, "sharpe_interval": None}]
    rows += [ruined | {"name": "buy_and_hold", "label": "Buy and hold"}]
    rows += [ruined | {"name": "random", "label": "Random timing (median)"}]
    screen = Console(file=StringIO(), width=width)
    screen.print(verdict_table({"rows": rows}, width))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    for number in ("-78.49", "[-86.35, -71.34]", "15,949.0", "-1,841.3 bp", "1234"):
        assert number in shown, number


def test_a_backtest_says_how_many_bars_were_not_traded(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("train", config, "--runs", tmp_path / "runs", "--json") == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert called("backtest", run) == 0
    assert "Not traded: the first 3" in capsys.readouterr().out


def test_bench_hands_options_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "nothing", "--runs", "5"])
    assert ended.value.code == 2
    assert "must be one of" in capsys.readouterr().err
