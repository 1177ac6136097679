"""The rows of a window that a predictor learns from and is chosen by, as it sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError
from regimen.labels import WeightsConfig, row_weights
from regimen.predictors import TorchPredictor
from regimen.preprocess import StandardScaler
from regimen.runs.prepare import Prepared
from regimen.seams import Inputs, RowTable
from regimen.splits import Slice, Window
from regimen.training import TrainingData
from regimen.windows import Lanes


def training_data(
    prepared: Prepared, window: Window, scaler: StandardScaler, predictor: TorchPredictor
) -> TrainingData:
    """Returns a window's training and validation rows as a predictor sees them: rows, or windows of rows, scaled.

    A window of rows may begin before its slice, whose bars are in its past; one that would begin before the first
    known row is left out.

    Args:
        prepared: bars, features and labels.
        window: the walk-forward window.
        scaler: fitted on its training slice.
        predictor: its ``window`` and ``targets`` say what it sees and learns.

    Raises:
        ConfigError: windows as long as the training slice, or longer.
        DataError: not one whole window.
    """
    names, values, length = prepared.frame.names, prepared.frame.values, predictor.window
    y = prepared.labels.y.astype(np.int64)
    wanted = predictor.targets
    targets = prepared.targets(wanted) if wanted else None
    bars = window.train.stop - window.train.start
    if length >= bars:
        rule = f"must be shorter than the {bars} bars of window {window.number + 1}'s training slice"
        raise ConfigError("model.window", rule, length)
    lanes = None
    if length > 1:
        stop = max(window.train.stop, window.validation.stop)
        lanes = Lanes.of(scaler.transform(values[:stop], names, np.float32), prepared.known[:stop])

    def rows(part: Slice) -> tuple[Inputs, NDArray[np.int64], dict[str, NDArray[np.float64]], RowTable]:
        times, symbols = part.positions
        kept = np.ones(len(times), dtype=np.bool_) if lanes is None else lanes.whole(length)[times, symbols]
        if targets is not None:
            kept &= np.isfinite(targets[times, symbols]).all(axis=1)
        if not kept.any():
            rule = f"must have {length} known rows before some label in the {part.role} slice"
            raise DataError(f"window {window.number + 1}", rule, len(times))
        x: Inputs
        if lanes is None:
            x = scaler.take(values, part, names, np.float32)
            x = x if kept.all() else x[kept]
            times, symbols = times[kept], symbols[kept]
        else:
            times, symbols = times[kept], symbols[kept]
            x = lanes.windows(times, symbols, length)
        columns = {} if targets is None else {name: targets[times, symbols, k] for k, name in enumerate(wanted)}
        at = (times, symbols)
        table = RowTable(times, symbols, prepared.labels.t_end[at], prepared.volatility[at])
        return x, y[at], columns, table

    x_train, y_train, targets_train, table = rows(window.train)
    how, weights = prepared.config.training.weights, None
    if how != WeightsConfig():
        returns = prepared.labels.forward_return[table.time, table.symbol]
        weights = row_weights(how, table.time, table.symbol, table.end, returns)
    data = TrainingData(x_train, y_train, weights=weights, targets_train=targets_train, rows=table)
    if not window.validation.rows:
        return data
    x_val, y_val, targets_val, _ = rows(window.validation)
    return replace(data, x_val=x_val, y_val=y_val, targets_val=targets_val)
