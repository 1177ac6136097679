"""A run on its trackers: what is told of it before, while and after it trains, and its figures."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.metrics import normal_cdf
from regimen.policies.classifier import Scaler
from regimen.predictors import Predictor
from regimen.runs.config import RunConfig
from regimen.runs.directory import RunDirectory, code_version
from regimen.runs.families.classifier import load_classifier
from regimen.runs.prepare import Prepared
from regimen.splits import Window
from regimen.tracking import (
    About,
    Trackers,
    attention_heatmap,
    calibration,
    coverage,
    exposure,
    open_trackers,
    placed,
)
from regimen.windows import Lanes

_log = logging.getLogger("regimen.tracking")
_FIGURES = "figures"
_ARTEFACTS = ("config.yaml", "judgement.json", "report.html")
_MEASURES = (
    *("sharpe", "psr", "dsr", "sortino", "calmar", "total_return", "annual_return", "volatility", "max_drawdown"),
    *("turnover", "exposure", "cost_drag", "hit_rate"),
)
_CALIBRATION_ROWS, _ATTENTION_ROWS = 20_000, 256
"""Rows behind those two figures, evenly spaced over the test spans."""

Floats = NDArray[np.float64]


def trackers_of(prepared: Prepared, directory: RunDirectory) -> Trackers:
    """Opens the trackers that a run's config names, or goes on with those of an earlier process.

    Raises:
        ConfigError: one that cannot be opened.
    """
    config, bars = prepared.config, prepared.bars
    facts = {
        "model": config.model.kind,
        "data": bars.source,
        "fingerprint": bars.fingerprint,
        "config_hash": config.hash,
        "features_hash": prepared.features.hash,
        "bars": f"{len(bars)}",
        "windows": f"{len(prepared.windows)}",
        "code": code_version(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }
    where = placed(config.tracking, directory.working_folder)
    return open_trackers(where, directory.path, About(directory.id, config.as_dict(), facts))


def group(config: RunConfig, seed: int, window: Window) -> str:
    """Returns whose curves those of one fit are: ``window-000``, or ``seed-1/window-000`` where there are several."""
    name = f"window-{window.number:03d}"
    return name if len(config.all_seeds) == 1 else f"seed-{seed}/{name}"


def track_end(
    trackers: Trackers, prepared: Prepared, directory: RunDirectory, targets: Floats, judgement: Mapping[str, Any]
) -> None:
    """Tells the trackers what the judge found, draws the figures, hands over config, judgement and report.

    Nothing is drawn without a tracker. A figure that cannot be drawn is one line on the log ``regimen.tracking``.

    Args:
        trackers: of the run.
        prepared: bars, features, labels, windows.
        directory: of the run, with its report.
        targets: (time, symbol) what the judged policy decided.
        judgement: as written to ``judgement.json``.
    """
    if not trackers.kinds:
        return
    trackers.numbers(0, {f"judgement/{name}": value for name, value in judged_numbers(judgement).items()})
    for draw in (_draw_exposure, _draw_calibration, _draw_attention):
        try:
            draw(trackers, prepared, directory, targets)
        except Exception as error:  # noqa: BLE001 - the run is judged already; a picture must not lose it
            _log.warning("tracking: %s failed (%s)", draw.__name__[1:].replace("_", " "), " ".join(str(error).split()))
    for name in _ARTEFACTS:
        trackers.artefact(directory.path / name)


def judged_numbers(judgement: Mapping[str, Any]) -> dict[str, float]:
    """Returns the policy's own numbers, the verdict as 1 (evidence) or 0, and how many of its rules were passed."""
    rows = {row["name"]: row for row in judgement["rows"]}
    policy, rules = rows["policy"], judgement["verdict"]["rules"]
    low, high = policy["sharpe_interval"]
    found = {
        **{name: policy[name] for name in _MEASURES},
        "sharpe_low": low,
        "sharpe_high": high,
        "sharpe_buy_and_hold": rows["buy_and_hold"]["sharpe"],
        "trials": judgement["trials"]["count"],
        "evidence": judgement["verdict"]["level"] == "evidence",
        "rules_passed": sum(bool(rule["passed"]) for rule in rules),
        "rules": len(rules),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _draw_exposure(trackers: Trackers, prepared: Prepared, directory: RunDirectory, targets: Floats) -> None:
    (begin, end), bars = prepared.span, prepared.bars
    path = directory.path / _FIGURES / "exposure.png"
    price = bars.close[begin:end, 0] if len(bars.symbols) == 1 else None
    exposure(bars.time[begin:end], targets[begin:end], price, path, f"{prepared.config.model.kind}: exposure")
    trackers.figure("exposure", path)


def _draw_calibration(trackers: Trackers, prepared: Prepared, directory: RunDirectory, targets: Floats) -> None:
    """Draws the probabilities of all test spans, each by the model of its own window; and forecasts of the return."""
    del targets
    if prepared.config.agent is not None:
        return
    given, came, pits = [], [], []
    for window in prepared.windows:
        model, scaler = _classifier(prepared, directory, window)
        x, times, symbols = _test_rows(model, scaler, prepared, window, _CALIBRATION_ROWS // len(prepared.windows) + 1)
        if not len(times):
            continue
        said = model.predict(x)
        given.append(said["probabilities"])
        came.append(prepared.labels.y[times, symbols])
        if "mean" in said and "deviation" in said:
            outcome = prepared.targets(model.targets)[times, symbols, 0]
            pits.append(_normal((outcome - said["mean"]) / said["deviation"]))
    kind = prepared.config.model.kind
    if came:
        path = directory.path / _FIGURES / "calibration.png"
        calibration(np.concatenate(given), np.concatenate(came), path, f"{kind}: calibration out of sample")
        trackers.figure("calibration", path)
    if pits:
        path = directory.path / _FIGURES / "coverage.png"
        coverage(np.concatenate(pits), path, f"{kind}: coverage out of sample")
        trackers.figure("coverage", path)


def _draw_attention(trackers: Trackers, prepared: Prepared, directory: RunDirectory, targets: Floats) -> None:
    """Draws where the last window's model looked, as the mean over rows of its test span."""
    del targets
    if prepared.config.agent is not None:
        return
    window = prepared.windows[-1]
    model, scaler = _classifier(prepared, directory, window)
    x, _, _ = _test_rows(model, scaler, prepared, window, _ATTENTION_ROWS)
    try:
        found = model.attention(x) if len(x) else {}
    except RunError:  # a model without attention
        return
    for name, weights in found.items():
        title = name if name == "attention" else f"attention {name}"
        path = directory.path / _FIGURES / f"{title.replace(' ', '_')}.png"
        attention_heatmap(weights.mean(axis=0), path, f"{prepared.config.model.kind}: {title}")
        trackers.figure(path.stem, path)


def _classifier(prepared: Prepared, directory: RunDirectory, window: Window) -> tuple[Predictor, Scaler]:
    """Loads a window's model and its scaler."""
    folder = directory.window(window.number)
    policy = load_classifier(folder, prepared.config, prepared.features.hash).policy
    assert isinstance(policy.classifier, Predictor)
    assert policy.scaler is not None
    return policy.classifier, policy.scaler


def _test_rows(
    model: Predictor, scaler: Scaler, prepared: Prepared, window: Window, most: int
) -> tuple[Any, NDArray[np.intp], NDArray[np.intp]]:
    """Returns at most so many labelled rows of a test span, as the model sees them, and their times and symbols."""
    length, stop = model.window, window.test.stop
    scaled = scaler.transform(prepared.frame.values[:stop], prepared.frame.names)
    lanes = Lanes.of(scaled, prepared.known[:stop])
    usable = lanes.whole(length) & (prepared.labels.y[:stop] >= 0)
    usable[: window.test.start] = False
    times, symbols = np.nonzero(usable)
    keep = np.unique(np.linspace(0, len(times) - 1, min(len(times), most)).astype(np.int64))
    times, symbols = times[keep], symbols[keep]
    rows = lanes.series[lanes.place[times, symbols]] if length == 1 else lanes.windows(times, symbols, length)
    return rows, times, symbols


def _normal(values: Floats) -> Floats:
    """Returns Φ of each value; NaN stays."""
    return np.array([normal_cdf(value) if np.isfinite(value) else np.nan for value in values.tolist()])
