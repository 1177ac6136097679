"""Pictures of a model of probabilities out of sample: calibration, coverage of its forecasts, where it looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.metrics import normal_cdf
from regimen.predictors import SnapshotPredictor, TorchPredictor
from regimen.records import RunDirectory, model_title
from regimen.runs.families.family import FIGURES
from regimen.runs.families.quantiles import rows_of_test, saved_classifier
from regimen.runs.prepare import Prepared
from regimen.tracking import attention_heatmap, calibration, coverage

_CALIBRATION_ROWS, _ATTENTION_ROWS = 20_000, 256
"""Rows behind those two figures, evenly spaced over the test spans."""

Floats = NDArray[np.float64]


def draw_calibration(prepared: Prepared, directory: RunDirectory) -> Iterator[tuple[str, Path]]:
    """Draws the probabilities of all test spans, each by the model of its own window; and forecasts of the return.

    Where they are calibrated they are drawn twice: as the exposure rule is given them, and as the model says them.
    """
    given, raw, came, pits = [], [], [], []
    for window in prepared.windows:
        model, calibrate, scaler, seen = saved_classifier(prepared, directory, window)
        x, times, symbols = rows_of_test(model, scaler, seen, window, _CALIBRATION_ROWS // len(prepared.windows) + 1)
        if not len(times):
            continue
        outputs = model.predict(x) if isinstance(model, TorchPredictor) else {"probabilities": model.predict_proba(x)}
        raw.append(outputs["probabilities"])
        given.append(raw[-1] if calibrate is None else calibrate(raw[-1]))
        came.append(prepared.labels.y[times, symbols])
        if isinstance(model, TorchPredictor) and "mean" in outputs and "deviation" in outputs:
            outcome = prepared.targets(model.targets)[times, symbols, 0]
            pits.append(_normal((outcome - outputs["mean"]) / outputs["deviation"]))
    kind = model_title(prepared.config.model)
    if came:
        drawings = {"calibration": (given, "calibration out of sample")}
        if prepared.config.calibration is not None:
            drawings["calibration_raw"] = (raw, "out of sample, not calibrated")
        for name, (probabilities, title) in drawings.items():
            path = directory.path / FIGURES / f"{name}.png"
            calibration(np.concatenate(probabilities), np.concatenate(came), path, f"{kind}: {title}")
            yield name, path
    if pits:
        path = directory.path / FIGURES / "coverage.png"
        coverage(np.concatenate(pits), path, f"{kind}: coverage out of sample")
        yield "coverage", path


def draw_attention(prepared: Prepared, directory: RunDirectory) -> Iterator[tuple[str, Path]]:
    """Draws where the last window's model looked, as the mean over rows of its test span."""
    window = prepared.windows[-1]
    model, _, scaler, seen = saved_classifier(prepared, directory, window)
    model = model.predictors[-1] if isinstance(model, SnapshotPredictor) else model
    assert isinstance(model, TorchPredictor)
    x, _, _ = rows_of_test(model, scaler, seen, window, _ATTENTION_ROWS)
    try:
        looks = model.attention(x) if len(x) else {}
    except RunError:  # a model without attention
        return
    for name, weights in looks.items():
        title = name if name == "attention" else f"attention {name}"
        path = directory.path / FIGURES / f"{title.replace(' ', '_')}.png"
        attention_heatmap(weights.mean(axis=0), path, f"{model_title(prepared.config.model)}: {title}")
        yield path.stem, path


def _normal(values: Floats) -> Floats:
    """Returns Φ of each value; NaN stays."""
    return np.array([normal_cdf(value) if np.isfinite(value) else np.nan for value in values.tolist()])
