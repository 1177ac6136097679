"""A run on its trackers: what is told of it before, while and after it trains, and its figures."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.records import RunConfig, RunDirectory, code_version, model_title
from regimen.runs.families import family_of
from regimen.runs.families.family import FIGURES, Draw
from regimen.runs.prepare import Prepared
from regimen.splits import Window
from regimen.tracking import About, Trackers, exposure, open_trackers, placed

_log = logging.getLogger("regimen.tracking")
_ARTEFACTS = ("config.yaml", "judgement.json", "report.html")
_MEASURES = (
    *("sharpe", "psr", "dsr", "sortino", "calmar", "total_return", "annual_return", "volatility", "max_drawdown"),
    *("turnover", "exposure", "cost_drag", "hit_rate"),
)

Floats = NDArray[np.float64]


def trackers_of(prepared: Prepared, directory: RunDirectory) -> Trackers:
    """Opens the trackers that a run's config names, or goes on with those of an earlier process.

    Raises:
        ConfigError: one that cannot be opened.
    """
    config, bars = prepared.config, prepared.bars
    facts = {
        "model": model_title(config.model),
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

    def draw_exposure(prepared: Prepared, directory: RunDirectory) -> Iterator[tuple[str, Path]]:
        (begin, end), bars = prepared.span, prepared.bars
        path = directory.path / FIGURES / "exposure.png"
        price = bars.close[begin:end, 0] if len(bars.symbols) == 1 else None
        title = f"{model_title(prepared.config.model)}: exposure"
        exposure(bars.time[begin:end], targets[begin:end], price, path, title)
        yield "exposure", path

    drawings: list[Draw] = [draw_exposure, *family_of(prepared.config.model).figures()]
    for draw in drawings:
        try:
            for name, path in draw(prepared, directory):
                trackers.figure(name, path)
        except Exception as error:  # noqa: BLE001 - the run is judged already; a picture must not lose it
            _log.warning("tracking: %s failed (%s)", draw.__name__.replace("_", " "), " ".join(str(error).split()))
    for name in _ARTEFACTS:
        trackers.artefact(directory.path / name)


def judged_numbers(judgement: Mapping[str, Any]) -> dict[str, float]:
    """Returns the policy's own numbers, the verdict as 1 (evidence) or 0, and how many of its rules were passed."""
    rows = {row["name"]: row for row in judgement["rows"]}
    policy, rules = rows["policy"], judgement["verdict"]["rules"]
    low, high = policy["sharpe_interval"]
    numbers = {
        **{name: policy[name] for name in _MEASURES},
        "sharpe_low": low,
        "sharpe_high": high,
        "sharpe_buy_and_hold": rows["buy_and_hold"]["sharpe"],
        "trials": judgement["trials"]["count"],
        "evidence": judgement["verdict"]["level"] == "evidence",
        "rules_passed": sum(bool(rule["passed"]) for rule in rules),
        "rules": len(rules),
    }
    return {name: float(value) for name, value in numbers.items() if value is not None}
