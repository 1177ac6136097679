"""`regimen data`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from regimen.bars import Bars
from regimen.cli.app import app as whole
from regimen.cli.data import app
from regimen.errors import ConfigError, DataError, RegimenError

RUN = CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    time = pd.date_range("2024-01-01", periods=50, freq="1h")
    close = [10 + row / 50 for row in range(50)]
    frame = pd.DataFrame({"date": time, "open": 10.5, "high": 11.5, "low": 9.5, "close": close, "volume": 1.0})
    frame.to_csv(tmp_path / "good.csv", index=False)
    frame.loc[7, "high"] = 9.0
    frame.to_csv(tmp_path / "bad.csv", index=False)
    return tmp_path / "good.csv"


def test_good_data_exits_with_0_and_one_closing_sentence(file: Path) -> None:
    done = RUN.invoke(app, ["check", str(file)])
    assert done.exit_code == 0
    sentence, following = done.output.strip().splitlines()[-2:]
    assert sentence == "Training accepts this data; the checks found nothing."
    assert following == f"Next:    regimen train {file}"
    assert "read as UTC" in done.output


def test_refused_data_exits_with_1_and_names_rows_and_option(file: Path) -> None:
    done = RUN.invoke(app, ["check", str(file.with_name("bad.csv"))])
    assert done.exit_code == 1
    assert "rows 7 (2024-01-01 07:00:00)" in done.output
    assert done.output.strip().splitlines()[-1].startswith("Training would refuse this data: ohlc")


def test_options_repair_and_are_listed(file: Path) -> None:
    bad = str(file.with_name("bad.csv"))
    done = RUN.invoke(app, ["check", bad, "data.repairs.ohlc=widen", "zone=-05:00"])
    assert done.exit_code == 0
    assert "repaired (ohlc=widen): 1 row(s)" in done.output
    assert "read as UTC" not in done.output
    assert "2024-01-01 05:00:00 to" in done.output


def test_json_is_for_machines(file: Path) -> None:
    done = RUN.invoke(app, ["check", str(file.with_name("bad.csv")), "--json"])
    report = json.loads(done.output)
    assert done.exit_code == 1
    assert report["refused"]
    assert report["findings"][0]["rows"] == [7]


def test_convert_writes_what_training_would_see(file: Path) -> None:
    target = file.with_name("out.parquet")
    done = RUN.invoke(app, ["convert", str(file), str(target), "resample=4h", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["fingerprint"] == Bars.read(target).fingerprint
    assert len(Bars.read(target)) == 13


def test_fingerprint_is_that_of_the_content(file: Path) -> None:
    done = RUN.invoke(app, ["fingerprint", str(file)])
    assert done.output.strip() == Bars.read(file).fingerprint


def test_mistakes_reach_the_one_place_that_prints_them(file: Path) -> None:
    assert isinstance(RUN.invoke(app, ["check", str(file) + "x"]).exception, DataError)
    assert isinstance(RUN.invoke(app, ["check", str(file), "zoen=UTC"]).exception, ConfigError)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["extras.funding_rate=/nowhere/f.parquet"], "data.extras.funding_rate.path: must be an existing file"),
        (["resample=7min"], "data.resample: must be a longer multiple of the bars' 1h"),
        (["adjust=/nowhere/factors.csv"], "data.adjust: must be adj_close or a readable factor file"),
    ],
)
def test_a_check_refuses_what_training_refuses_beside_the_bars(file: Path, options: list[str], line: str) -> None:
    done = RUN.invoke(app, ["check", str(file), *options])
    assert isinstance(done.exception, (ConfigError, DataError))
    assert str(done.exception).startswith(line)
    trained = RUN.invoke(whole, ["train", "--model", "logistic", f"data.path={file}", *_of_data(options)])
    assert str(trained.exception) == str(done.exception)


def _of_data(options: list[str]) -> list[str]:
    return [f"data.{option}" for option in options]


def test_a_check_of_a_run_sees_its_features_and_splits(file: Path) -> None:
    config = file.with_suffix(".yaml")
    config.write_text(
        f"name: t\ndata: {{path: {file}}}\nmodel: {{kind: logistic}}\nsplits: {{train: 300, test: 150}}\n"
    )
    done = RUN.invoke(app, ["check", str(config)])
    assert isinstance(done.exception, RegimenError)
    assert "it needs 61 bars (warm-up 60)" in str(done.exception)
    assert RUN.invoke(app, ["check", str(config), f"data.path={file.with_name('bad.csv')}"]).exit_code == 1


def test_files_that_a_shell_put_in_the_place_of_a_pattern(file: Path) -> None:
    done = RUN.invoke(app, ["check", str(file), str(file.with_name("bad.csv"))])
    assert isinstance(done.exception, ConfigError)
    assert "a pattern in quotes" in str(done.exception)


def test_findings_of_extras_are_shown(file: Path) -> None:
    days = pd.date_range("2024-01-01", periods=3, freq="1D")
    pd.DataFrame({"date": days, "mood": 0.5}).to_csv(file.with_name("mood.csv"), index=False)
    done = RUN.invoke(app, ["check", str(file), f"extras.mood={file.with_name('mood.csv')}"])
    assert done.exit_code == 0
    assert "accepted with data.extras.mood.delay=1d" in " ".join(done.output.split())
    assert done.output.strip().splitlines()[-2].endswith("with 1 warning(s): early_extra.")


@pytest.mark.parametrize("command", ["check", "convert", "fingerprint"])
def test_help_shows_an_example(command: str) -> None:
    assert f"regimen data {command} btc" in " ".join(RUN.invoke(app, [command, "--help"]).output.split())


def test_a_check_loads_neither_torch_nor_pandas(file: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from regimen.cli.data import app\n"
        f"target = {str(file.with_suffix('.parquet'))!r}\n"
        "done = CliRunner().invoke(app, ['check', target])\n"
        "print(done.exit_code, [name for name in ('torch', 'pandas', 'numba') if name in sys.modules])"
    )
    Bars.read(file).write(file.with_suffix(".parquet"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"
