"""Rows that were made, beside those of a window's training slice; none is ever in a validation slice or a test span."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from regimen.augment import LearnedRows, SamplesConfig, nearest
from regimen.preprocess import StandardScaler
from regimen.runs.families.rows import after, appended
from regimen.runs.prepare import Prepared
from regimen.seams import Inputs, RowTable
from regimen.seeding import torch_seed
from regimen.splits import Window
from regimen.training import TrainingData
from regimen.windows import SeriesWindows


def with_samples(
    prepared: Prepared, window: Window, seed: int, scaler: StandardScaler, data: TrainingData
) -> TrainingData:
    """Returns the training data with the rows that the config's generators make after all others.

    A generator is fitted on the real training rows of the window, scaled, and on nothing else. What it makes is cut
    where the scaler cuts. A synthetic row stands at the place of the real row of its class that it is most like (the
    nearest; a window by its newest row), as a row of a symbol of its own: it has that row's time, the end of its label,
    its volatility, all else that a `RowTable` says of it, and its weight. So the weights, a curriculum and whatever
    else asks where rows come from treat it as they treat that row.

    Args:
        prepared: with the config.
        window: whose training slice the rows are of; a fold of a slice has generators of its own.
        seed: of the run.
        scaler: that the rows went through.
        data: real rows, and after them those of paths, whose symbols come after the real ones.
    """
    configs = [(k, each) for k, each in enumerate(prepared.config.augment) if isinstance(each, SamplesConfig)]
    if not configs:
        return data
    assert data.rows is not None
    own = np.flatnonzero(data.rows.symbol < prepared.bars.shape[1])
    learned = {name: column[own] for name, column in data.targets_train.items()}
    real = LearnedRows(_chosen(data.x_train, own), data.y_train[own], learned)
    newest = _newest(real.x)
    for number, config in configs:
        its_seed = torch_seed(seed, "window", window.number, "augment", number)
        drawn = config.fit(real, window.train, its_seed).rows(math.ceil(config.fraction * len(own)), its_seed)
        x = drawn.x[:] if scaler.clip is None else np.clip(drawn.x[:], -scaler.clip, scaler.clip)
        like = np.empty(len(drawn.y), dtype=np.int64)
        for each in np.unique(drawn.y):
            ours, theirs = np.flatnonzero(drawn.y == each), np.flatnonzero(real.y == each)
            like[ours] = own[theirs[nearest(_newest(x)[ours], newest[theirs])[0]]]
        table = data.rows
        stands = RowTable(**{name: each[like] for name, each in table._asdict().items() if each is not None})
        beside = appended(table, stands._replace(symbol=stands.symbol + table.symbol.max() + 1))
        targets = {name: np.concatenate([column, drawn.targets[name]]) for name, column in data.targets_train.items()}
        weights = None if data.weights is None else np.concatenate([data.weights, data.weights[like]])
        data = replace(
            data,
            x_train=after(data.x_train, _as(data.x_train, x)),
            y_train=np.concatenate([data.y_train, drawn.y]),
            targets_train=targets,
            weights=None if weights is None else weights / weights.mean(),
            rows=beside,
        )
    return data


def _chosen(x: Inputs, rows: np.ndarray) -> Inputs:
    """Returns some of the rows or windows; of windows no copy is made."""
    return SeriesWindows(x.series, x.ends[rows], x.length) if isinstance(x, SeriesWindows) else x[rows]


def _newest(x: Inputs) -> np.ndarray:
    """Returns rows (n, feature), of a window the newest."""
    if isinstance(x, SeriesWindows):
        return x.series[x.ends]
    return x if x.ndim == 2 else x[:, -1]


def _as(like: Inputs, x: np.ndarray) -> Inputs:
    """Returns made windows as windows of one series, where the real ones are."""
    if not isinstance(like, SeriesWindows):
        return x.astype(like.dtype)
    count, length, features = x.shape
    return SeriesWindows(x.reshape(-1, features), np.arange(length - 1, count * length, length), length)
