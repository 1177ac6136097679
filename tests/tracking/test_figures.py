"""Figures: a readable PNG of the right size from every shape, equal bytes, no global state; wrong input is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimen.tracking import attention_heatmap, calibration, coverage, exposure
from regimen.tracking.figures import _hold_last


def rows(*shape: int) -> np.ndarray[Any, Any]:
    raw = np.random.default_rng(0).random(shape)
    return np.asarray(raw / raw.sum(axis=-1, keepdims=True))


HOURS = np.datetime64("2021-01-01T00") + np.arange(200) * np.timedelta64(1, "h")
DRAWN: dict[str, Callable[[Path], None]] = {
    "heads": lambda path: attention_heatmap(rows(4, 12, 12), path),
    "many_heads": lambda path: attention_heatmap(rows(12, 5, 5), path),
    "one_map": lambda path: attention_heatmap(rows(12, 12), path),
    "pooled": lambda path: attention_heatmap(rows(30), path),
    "pooled_heads": lambda path: attention_heatmap(rows(4, 30), path),
    "calibration": lambda path: calibration(rows(500, 3), np.random.default_rng(1).integers(-1, 3, 500), path),
    "five_classes": lambda path: calibration(rows(500, 5), np.random.default_rng(1).integers(0, 5, 500), path),
    "three_rows": lambda path: calibration(rows(3, 3), np.array([0, 0, 0]), path),
    "coverage": lambda path: coverage(np.random.default_rng(2).random(400), path),
    "exposure": lambda path: exposure(HOURS, np.sin(np.arange(200)), np.arange(200) + 1.0, path),
    "panel": lambda path: exposure(HOURS, rows(200, 4) - 0.2, None, path),
    "flat": lambda path: exposure(HOURS, np.full(200, np.nan), None, path),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_a_png_with_something_on_it(name: str, tmp_path: Path) -> None:
    from matplotlib.image import imread

    path = tmp_path / "figures" / "a.png"
    DRAWN[name](path)
    pixels = imread(path)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 400
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20


def test_equal_arrays_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        DRAWN["heads"](tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_no_global_state_is_touched(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from regimen.tracking import coverage; "
        f"coverage(np.linspace(0, 1, 50), Path({str(tmp_path / 'a.png')!r})); print('matplotlib.pyplot' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("draw", "rule"),
    [
        (lambda path: attention_heatmap(np.ones((2, 3, 4)), path), "head, time, time"),
        (lambda path: attention_heatmap(np.full((3, 3), np.nan), path), "finite"),
        (lambda path: calibration(np.ones((3, 3)), np.zeros(4), path), r"\(n, class\)"),
        (lambda path: calibration(rows(3, 3), np.full(3, -1), path), "at least one class"),
        (lambda path: coverage(np.array([0.5, 1.5]), path), "between 0 and 1"),
        (lambda path: coverage(np.array([np.nan]), path), "between 0 and 1"),
        (lambda path: exposure(HOURS, np.zeros(199), None, path), "one length"),
    ],
)
def test_wrong_arrays_are_refused(draw: Callable[[Path], None], rule: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rule):
        draw(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_target_keeps_the_last_one() -> None:
    nan = np.nan
    targets = np.array([[nan, 1.0], [0.5, nan], [nan, nan], [-1.0, 0.0]])
    np.testing.assert_array_equal(_hold_last(targets), [[0.0, 1.0], [0.5, 1.0], [0.5, 1.0], [-1.0, 0.0]])
