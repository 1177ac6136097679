"""What learning on was worth: the same model with its labels as they came, and without those of the test spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.metrics import class_prior, log_losses
from regimen.numerals import count, number
from regimen.policies import innermost
from regimen.policies.online import Carried, OnlinePolicy
from regimen.predictors import OnlineSettings
from regimen.records import RunDirectory
from regimen.reporting.report import Exhibit
from regimen.runs.families.online.family import read_opinions
from regimen.runs.prepare import Prepared
from regimen.runs.window import load_policy

_UNIT = 1e4
_BLOCK = np.timedelta64(30, "D")
"""Stretch of bars whose mean is one number behind a standard error: labels that overlap lie in one."""

Floats = NDArray[np.float64]


class _Losses(NamedTuple):
    """Log losses (row,) of the labelled rows of all test spans, by who said them."""

    time: NDArray[np.datetime64]
    prior: Floats
    never: Floats
    still: Floats
    raw: Floats
    calibrated: Floats


def show_learning(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the log-loss skill by year of a model that learns on, beside itself standing still.

    Nothing for a model that does not, or where no test row has a label.
    """
    if not isinstance(prepared.config.model, OnlineSettings):
        return
    losses = _losses(prepared, directory)
    if losses is None:
        return
    years = losses.time.astype("datetime64[Y]")
    rows = []
    for year in np.unique(years):
        rows.append((str(year), *_skills(losses, years == year)))
    rows.append(("all", *_skills(losses, np.ones(len(years), np.bool_))))
    sentences = (
        "The skill is the log loss of always saying the class prior of the first training slice less that of the "
        f"model, in units of 10⁻⁴ nats: above 0 is better than the prior; {count(len(years))} rows out of sample, each "
        "said before its label was known. ± is the standard error of the means of 30 days.",
        "Standing still, the model knows the labels up to the first test span, or to each window's, and learns none "
        "of those that fall due while it trades. Learning on, it learns each as it falls due. What that is worth is "
        "the last column: learning on less standing still since the first test span.",
    )
    columns = (
        *("", "rows", "still since the first", "still in each window"),
        *("learning on, raw", "learning on", "worth"),
    )
    yield Exhibit("learning", "Learning on", sentences, columns, tuple(rows), ())


def _skills(losses: _Losses, where: NDArray[np.bool_]) -> tuple[str, ...]:
    """Returns a row of the table: rows and skills of one year."""
    parts = [losses.never, losses.still, losses.raw, losses.calibrated]
    gains = [losses.prior - each for each in parts] + [losses.never - losses.calibrated]
    blocks = (losses.time[where] - losses.time[0]) // _BLOCK
    shown = [_with_error(_UNIT * gain[where], blocks, plus=k == len(parts)) for k, gain in enumerate(gains)]
    return count(int(where.sum())), *shown


def _with_error(gains: Floats, blocks: NDArray[np.integer], *, plus: bool) -> str:
    """Returns the mean of gains and its standard error over blocks, each as heavy as it has rows."""
    mean = float(gains.mean())
    _, place = np.unique(blocks, return_inverse=True)
    k = int(place.max()) + 1
    if k < 2:
        return number(mean, 1, plus=plus)
    apart = np.bincount(place, gains - mean)
    error = float(np.sqrt(k / (k - 1) * (apart**2).sum())) / len(gains)
    return f"{number(mean, 1, plus=plus)} ± {number(error, 1)}"


def _losses(prepared: Prepared, directory: RunDirectory) -> _Losses | None:
    """Returns the log losses of everybody, by the files of the windows; None where no test row has a label."""
    labels, symbols = prepared.labels, len(prepared.bars.symbols)
    prior = class_prior(prepared.windows[0].train.take(labels.y))
    first: OnlinePolicy | None = None
    columns: list[tuple[NDArray[Any], ...]] = []
    for window in prepared.windows:
        folder, start, stop = directory.window(window.number), window.test.start, window.test.stop
        inner, seen = innermost(load_policy(folder, prepared.config, prepared.features.hash), prepared.history)
        assert isinstance(inner, OnlinePolicy)
        first = inner if first is None else first
        raw, calibrated = read_opinions(folder, stop - start, symbols)
        known = labels.defined[start:stop] & np.isfinite(raw[..., 0])
        if not known.any():
            continue
        y = labels.y[start:stop][known].astype(np.int64)
        features = seen.features[start:stop][known]
        opinions = [
            np.tile(prior, (len(y), 1)),
            _says(first, first.carried, features),
            _says(inner, inner.carried, features),
            raw[known],
            calibrated[known],
        ]
        time = np.broadcast_to(prepared.bars.time[start:stop, None], known.shape)[known]
        columns.append((time, *(log_losses(each, y) for each in opinions)))
    if not columns:
        return None
    return _Losses(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def _says(policy: OnlinePolicy, carried: Carried, features: Floats) -> Floats:
    """Returns what a model that learns nothing more says of rows (n, feature)."""
    scaler, calibration = policy.scaler, carried.calibration
    rows = features if scaler is None else scaler.transform(features, scaler.names)
    raw = carried.learner.predict_proba(np.asarray(rows, np.float64))
    return raw if calibration is None else calibration(raw)
