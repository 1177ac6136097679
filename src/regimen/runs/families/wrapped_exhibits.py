"""What a run's report says of the wrappers that its config puts around a policy: intervals and novelty."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from regimen.metrics import MonthlyCoverage, monthly_coverage
from regimen.numerals import count, percent
from regimen.records import RunDirectory
from regimen.records.layout import WRAPPERS
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.reprs import many
from regimen.runs.families.scaling import read_arrays
from regimen.runs.prepare import Prepared

Floats = NDArray[np.float64]


def show_intervals(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields how often the intervals of the test spans held, overall and by month, and what they did to exposures."""
    settings, bars = prepared.config.intervals, prepared.bars
    if settings is None:
        return
    step = settings.step(prepared.labels.horizon)
    intervals = step.scan(prepared.history.tape, step.initial_state(len(bars.symbols)))
    widths, misses, shares = np.full((3, *bars.shape), np.nan)  # of the test spans alone
    for window in prepared.windows:
        test = slice(window.test.start, window.test.stop)
        fitted = settings.from_state(read_arrays(directory.window(window.number), WRAPPERS["intervals"]))
        widths[test], misses[test] = intervals.widths[test], intervals.misses[test]
        shares[test] = np.where(bars.present[test], fitted.shares(intervals.widths[test]), np.nan)
    months = monthly_coverage(bars.time, misses)
    if not len(months.months):
        return
    ended = widths[np.isfinite(widths)]
    traded = shares[~np.isnan(shares)]
    asked = percent(settings.coverage)
    by_chance = math.sqrt(settings.coverage * (1.0 - settings.coverage) * step.horizon / np.median(months.counts))
    yield Exhibit(
        key="intervals",
        title="Intervals",
        sentences=(
            f"At each test bar an interval said how far the price would go in {many(step.horizon, 'bar')}. "
            f"{percent(months.overall, 2)} of {count(int(months.counts.sum()))} held; {asked} were asked for.",
            f"The worst month held {_of(months, months.worst)}, the best {_of(months, months.best)}. Neighbouring "
            f"intervals overlap, so that chance alone moves a month by about ± {percent(by_chance)}.",
        ),
        columns=("Intervals", "Test spans"),
        rows=(
            ("Coverage asked for", asked),
            ("Coverage", percent(months.overall, 2)),
            ("Worst month", _of(months, months.worst)),
            ("Best month", _of(months, months.best)),
            ("Mean half width", percent(ended.mean(), 2) if len(ended) else "–"),
            ("Bars whose interval has no end", percent(float(np.isinf(widths).sum()) / max(len(traded), 1), 2)),
            ("Bars whose exposure was made smaller", percent(((traded > 0.0) & (traded < 1.0)).mean())),
            ("Bars that were left flat", percent((traded == 0.0).mean())),
        ),
        drawings=(
            _monthly(
                months,
                months.covered,
                ("Coverage by month", "Share of the month's intervals that held the move that came."),
                ("held", "asked"),
                settings.coverage,
            ),
        ),
    )


def show_novelty(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields on how many bars of the test spans the features were unlike those of the training slice."""
    settings, bars = prepared.config.novelty, prepared.bars
    if settings is None:
        return
    gated = np.full(bars.shape, np.nan)
    for window in prepared.windows:
        test = slice(window.test.start, window.test.stop)
        gate = settings.from_state(read_arrays(directory.window(window.number), WRAPPERS["novelty"]))
        closed = ~gate.passes(prepared.frame.values[test])
        gated[test] = np.where(prepared.known[test], closed, np.nan)
    months = monthly_coverage(bars.time, gated)
    if not len(months.months):
        return
    shut, most, level = 1.0 - months.overall, 1.0 - months.covered[months.worst], percent(settings.level)
    yield Exhibit(
        key="novelty",
        title="Novelty",
        sentences=(
            f"On {percent(shut, 2)} of {count(int(months.counts.sum()))} test bars the features were too far from the "
            f"training rows, and the policy was flat. On bars like those of validation it would be {level}.",
        ),
        columns=("Novelty", "Test spans"),
        rows=(
            ("Bars left flat", percent(shut, 2)),
            ("Bars that would be by chance", level),
            ("Month with most of them", f"{percent(most)} ({months.months[months.worst]})"),
        ),
        drawings=(
            _monthly(
                months,
                1.0 - months.covered,
                ("Bars left flat by month", "Share of bars whose features are unlike those of the training slice."),
                ("flat", "by chance"),
                settings.level,
            ),
        ),
    )


def _of(months: MonthlyCoverage, place: int) -> str:
    return f"{percent(months.covered[place])} ({months.months[place]})"


def _monthly(
    months: MonthlyCoverage, values: Floats, words: tuple[str, str], names: tuple[str, str], level: float
) -> Drawing:
    """Returns the line of a share by month beside a level that it is compared with; a few days are no month."""
    title, note = words
    name, reference = names
    x = tuple(f"{month}-01" for month in months.months[months.full])
    y = tuple(float(value) for value in values[months.full])
    drawn = (Curve(name, y, x, style="policy"), Curve(reference, (level,) * len(x), x, style="reference"))
    return Drawing("lines", title, note, drawn)
