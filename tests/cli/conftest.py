"""What the commands' tests share: a small market in a file, and a call of the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen.cli.app import main
from regimen.records import load_config
from regimen.runs import start

CONFIG = """
name: tiny
data: {{path: {path}}}
features: {{kind: indicators, columns: [rsi_14, return_5d, volatility_20d]}}
labels: {{horizon: 4, volatility_bars: 20}}
splits: {{train: 300, test: 150}}
model: {{kind: logistic}}
training: {{epochs: 2, batch_size: 64}}
exposure: {{dead_band: 0.0}}
judge: {{bootstrap_draws: 200, random_controls: 20}}
tracking: none
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """700 hours of a random walk as CSV."""
    return written(tmp_path / "coin.csv")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is finished, of such a market; who writes into it takes a copy."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(CONFIG.format(path=written(folder / "coin.csv")))
    return start(load_config(folder / "tiny.yaml"), folder / "runs", lambda *_: None)[0].path


def written(path: Path) -> Path:
    """Writes 700 hours of a random walk as CSV."""
    rng = np.random.default_rng(5)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 700)))
    lines = ["timestamp,open,high,low,close,volume"]
    stamps = np.datetime64("2022-03-01", "s") + np.arange(700) * np.timedelta64(3600, "s")
    for stamp, price in zip(stamps, close, strict=True):
        low, high = price * 0.99, price * 1.01
        lines.append(f"{stamp}Z,{price:.4f},{high:.4f},{low:.4f},{price:.4f},{rng.integers(1, 99)}")
    path.write_text("\n".join(lines))
    return path


def called(*words: object) -> int:
    """Runs the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    code = stop.value.code
    return code if isinstance(code, int) else 0
