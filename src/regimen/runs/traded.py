"""All windows of one seed: fitted one after another, their decisions side by side."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.execution import Tape
from regimen.judging import Acting
from regimen.policies import Drawn, draw, targets
from regimen.predictors import OnlineSettings
from regimen.records import Effort, RunConfig, RunDirectory, count_parameters, read_json, write_json
from regimen.records.layout import CHECKPOINT, DRAWN, EXPOSURES
from regimen.runs.families.wrapped import unwrapped_fit
from regimen.runs.fit import LearnsOn, Tell
from regimen.runs.guarding import trade
from regimen.runs.prepare import Prepared
from regimen.runs.tracked import group
from regimen.runs.window import fit_model, read_exposures, write_exposures
from regimen.splits import Window
from regimen.tracking import Trackers

UNITS = 100
"""Parts that the progress of one window is told in."""
_ENTROPIES = "entropies.json"

Floats = NDArray[np.float64]
Decide = Callable[[int, Window, Tell], Floats]
"""Fits a window of a seed and decides its test span: called with (seed, window, progress); see `decide`."""


@dataclass(frozen=True, eq=False)
class Traded:
    """What the policies of one seed decided on all test spans.

    Attributes:
        targets: (time, symbol) exposures; NaN outside the test spans.
        drawn: what they drew in each window, for the seed that is judged and models that can draw.
    """

    targets: Floats
    drawn: tuple[tuple[Window, Drawn], ...] = ()

    def acting(
        self, config: RunConfig, bars: Bars, begin: int, end: int, tape: Tape, confidence: Floats | None
    ) -> Acting | None:
        """Returns how the drawn actions did in one account, for the judge; None without them."""
        if not self.drawn:
            return None
        exposures = np.full(bars.shape, np.nan)
        for window, drawn in self.drawn:
            exposures[window.test.start : window.test.stop] = drawn.exposures
        actions, conditional = (
            float(np.mean([getattr(drawn, name) for _, drawn in self.drawn]))
            for name in ("action_entropy", "conditional_entropy")
        )
        if not (math.isfinite(actions) and math.isfinite(conditional)):
            return None
        ledger = trade(config, bars, exposures, begin, end, confidence, tape=tape)
        return Acting(
            drawn=ledger,
            action_entropy=actions,
            conditional_entropy=conditional,
            kind="discrete" if self.drawn[0][1].discrete else "continuous",
        )


def trade_seed(
    prepared: Prepared,
    directory: RunDirectory,
    seed: int,
    decides: Decide,
    fitted: Callable[[Window], None],
    tell: Callable[[int, str], None],
    trackers: Trackers,
) -> Traded:
    """Fits every window that is not finished yet and decides its test span.

    Args:
        prepared: bars, features, labels, windows.
        directory: of the run.
        seed: decides everything random.
        decides: fits a window; see `decide`.
        fitted: called once for each window that was fitted now.
        tell: progress: `UNITS` for each window, and what is being done.
        trackers: get the course of each fit, by epoch or environment steps.
    """
    config, windows, bars = prepared.config, prepared.windows, prepared.bars
    judged, home = seed == config.seed, home_of(directory, config, seed)
    exposures, drawn = np.full(bars.shape, np.nan), []
    for window in windows:
        folder = home.window(window.number)
        done, title = window.number * UNITS, f"window {window.number + 1}/{len(windows)}"
        if len(config.all_seeds) > 1:
            title = f"seed {seed}, {title}"
        tell(done, title)

        def report(
            part: int,
            of: int,
            message: str,
            numbers: Mapping[str, float],
            done: int = done,
            title: str = title,
            curves: str = group(config, seed, window),
        ) -> None:
            trackers.numbers(part, numbers, curves)
            tell(done + UNITS * part // of, f"{title} · {message}")

        first, last = window.test.start, window.test.stop
        shape = (last - first, bars.shape[1])
        rows = read_exposures(folder / EXPOSURES, shape)
        if rows is None:
            rows = decides(seed, window, report)
            fitted(window)
            write_exposures(folder / EXPOSURES, rows)
        if not directory.has_recorded(folder / EXPOSURES):
            directory.record(folder)
        shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
        exposures[first:last] = rows
        again = _read_drawn(folder, shape) if judged else None
        if again is not None:
            drawn.append((window, again))
    return Traded(exposures, tuple(drawn))


def decide(prepared: Prepared, directory: RunDirectory, seed: int, window: Window, report: Tell) -> Floats:
    """Fits one window of one seed, keeps the model in the window's folder, and decides its test span.

    The window is finished by whoever writes its exposures, once the trial ledger has the fit.

    Returns:
        (stop − start, symbol) exposures.
    """
    home, config = home_of(directory, prepared.config, seed), prepared.config
    folder, first, last = home.window(window.number), window.test.start, window.test.stop
    whole, began = not _begun(folder / CHECKPOINT), time.perf_counter()
    previous = home.window(window.number - 1) if depend(config) and window.number > 0 else None
    fit = fit_model(prepared, window, seed, folder / CHECKPOINT, report, previous)
    Effort(time.perf_counter() - began, whole, *count_parameters(fit.model)).write(folder)
    fit.save(folder)
    rows = targets(fit.policy, prepared.history, first, last)
    inside = unwrapped_fit(fit)
    if isinstance(inside, LearnsOn):
        inside.keep_end(folder, prepared.history, first, last)
    if seed == config.seed:
        _write_drawn(folder, draw(fit.policy, prepared.history, first, last))
    return rows


def depend(config: RunConfig) -> bool:
    """Whether each window begins with what the one before it has learnt, so that a seed's windows go in order."""
    return isinstance(config.model, OnlineSettings) or bool(getattr(config.splits, "warm_start", False))


def home_of(directory: RunDirectory, config: RunConfig, seed: int) -> RunDirectory:
    """Where the windows of a seed are: the seeds after the first have a folder each inside that of the run."""
    return directory if seed == config.seed else directory.seed(seed)


def _begun(checkpoint: Path) -> bool:
    """Whether a fit that was stopped left something to go on from."""
    return checkpoint.exists() and any(checkpoint.iterdir())


def _write_drawn(folder: Path, drawn: Drawn | None) -> None:
    if drawn is None:
        return
    write_json(
        folder / _ENTROPIES,
        {
            "action_entropy": drawn.action_entropy,
            "conditional_entropy": drawn.conditional_entropy,
            "discrete": drawn.discrete,
        },
    )
    write_exposures(folder / DRAWN, drawn.exposures)


def _read_drawn(folder: Path, shape: tuple[int, int]) -> Drawn | None:
    rows = read_exposures(folder / DRAWN, shape)
    if rows is None:
        return None
    entropies = read_json(folder / _ENTROPIES)
    actions, conditional = (
        math.nan if entropies[name] is None else float(entropies[name])
        for name in ("action_entropy", "conditional_entropy")
    )
    return Drawn(rows, actions, conditional, bool(entropies["discrete"]))
