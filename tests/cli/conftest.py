"""What the commands' tests share: a small market in a file, and a call of the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regimen.cli.app import main


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """700 hours of a random walk as CSV."""
    rng = np.random.default_rng(5)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 700)))
    lines = ["timestamp,open,high,low,close,volume"]
    stamps = np.datetime64("2022-03-01", "s") + np.arange(700) * np.timedelta64(3600, "s")
    for stamp, price in zip(stamps, close, strict=True):
        low, high = price * 0.99, price * 1.01
        lines.append(f"{stamp}Z,{price:.4f},{high:.4f},{low:.4f},{price:.4f},{rng.integers(1, 99)}")
    path = tmp_path / "coin.csv"
    path.write_text("\n".join(lines))
    return path


def called(*words: object) -> int:
    """Runs the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    code = stop.value.code
    return code if isinstance(code, int) else 0
