"""What a command does not need it does not wait for: the libraries that listing, reading and helping import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.records import load_config
from regimen.runs import start

COUNTED = """
import json, resource, sys
from regimen.cli import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    names = [name for name in sys.argv[1].split(",") if name in sys.modules]
    print(json.dumps([names, used.ru_utime + used.ru_stime]), file=sys.stderr)
"""
TRAINING = ("torch", "pandas", "matplotlib", "tensorboard", "gymnasium")
"""What only training, drawing or reading bars needs."""
FILES = (*TRAINING, "pyarrow", "jinja2")
NUMBERS = (*FILES, "numba", "scipy")
YAML = """
name: light
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d]}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 200}}
model: {{kind: logistic}}
training: {{epochs: 1, batch_size: 256, patience: null}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one finished run."""
    folder = tmp_path_factory.mktemp("light")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 700)))
    time = pd.date_range("2021-01-01", periods=len(close), freq="h", tz="UTC")
    prices = {"open": close, "high": close * 1.001, "low": close * 0.999, "close": close, "volume": 1.0}
    pd.DataFrame({"timestamp": time, **prices}).to_parquet(folder / "market.parquet")
    (folder / "light.yaml").write_text(YAML.format(path=folder / "market.parquet"))
    start(load_config(folder / "light.yaml"), folder / "runs", lambda *_: None)
    return folder / "runs"


COUNTED_ONE_BY_ONE = """
import json, sys
from regimen.cli.app import main
for words in json.loads(sys.argv[2]):
    try:
        main([*words.split(), "--help"])
    except SystemExit as stop:
        assert not stop.code, words
    print(json.dumps([words, [name for name in sys.argv[1].split(",") if name in sys.modules]]), file=sys.stderr)
"""


def imported(command: str, libraries: tuple[str, ...], folder: Path) -> list[str]:
    """Which of the libraries a command imported; what it took is on standard output (``pytest -s``)."""
    code = COUNTED.replace("sys.argv[1]", repr(",".join(libraries)))
    words = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    names, seconds = json.loads(done.stderr.splitlines()[-1])
    print(f"regimen {command}: {seconds:.2f} s of CPU")
    return [str(name) for name in names]


@pytest.mark.parametrize("command", ["runs list", "runs list --json", "runs show latest", "runs trials"])
def test_what_reads_records_imports_nothing_that_trains_or_compiles(command: str, runs: Path) -> None:
    assert imported(command, NUMBERS, runs.parent) == []


def test_a_report_imports_nothing_that_trains_or_compiles(runs: Path) -> None:
    """Of pyarrow it needs what reads a table; what casts and computes takes as long again."""
    assert imported("report latest", (*TRAINING, "numba", "scipy", "pyarrow.compute"), runs.parent) == []


def test_a_comparison_imports_nothing_that_trains(runs: Path) -> None:
    """Its intervals are drawn by compiled loops."""
    assert imported("runs compare latest", (*TRAINING, "pyarrow"), runs.parent) == []


HELPED = (
    *("", "demo", "features", "train", "resume", "backtest", "report", "reproduce", "leaks", "prove", "bench"),
    *("costs", "safeguards", "importance", "signal", "new", "doctor", "audit"),
    *("data", "data check", "data convert", "data fingerprint", "runs", "runs list", "runs show", "runs trials"),
    "runs compare",
)


def test_help_imports_no_library_of_training_or_compiling(tmp_path: Path) -> None:
    """One process for all: what one of them imports is there after it."""
    words = [sys.executable, "-c", COUNTED_ONE_BY_ONE, ",".join(NUMBERS), json.dumps(HELPED)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stderr.splitlines()] == [[words, []] for words in HELPED]
    assert done.stdout.count("Usage: ") == len(HELPED)
