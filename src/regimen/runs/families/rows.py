"""The rows of a window that a predictor learns from and is chosen by, as it sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, DataError
from regimen.labels import WeightsConfig, adjusted_prices, log_returns, row_weights
from regimen.preprocess import StandardScaler
from regimen.runs.prepare import Prepared
from regimen.seams import Inputs, RowTable
from regimen.splits import Slice, Window
from regimen.training import TrainingData
from regimen.windows import Lanes, SeriesWindows


class SeesRows(Protocol):
    """What a predictor says of the rows that it is to be fitted on, whichever library it is of."""

    @property
    def context(self) -> int:
        """Rows that it sees at once."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it learns besides the class."""


def training_data(
    prepared: Prepared,
    window: Window,
    scaler: StandardScaler,
    predictor: SeesRows,
    paths: Sequence[Prepared] = (),
) -> TrainingData:
    """Returns a window's training and validation rows as a predictor sees them: rows, or windows of rows, scaled.

    A window of rows may begin before its slice, whose bars are in its past; one that would begin before the first
    known row is left out.

    Args:
        prepared: bars, features and labels.
        window: the walk-forward window.
        scaler: fitted on its training slice.
        predictor: says what it sees and learns.
        paths: more bars of the training slice; their labelled rows are training rows too, and no validation rows.

    Raises:
        ConfigError: windows as long as the training slice, or longer.
        DataError: not one whole window.
    """
    names, values, length = prepared.frame.names, prepared.frame.values, predictor.context
    y = prepared.labels.y.astype(np.int64)
    wanted = wanted_targets(prepared, predictor)
    targets = prepared.targets(wanted) if wanted else None
    bars = window.train.stop - window.train.start
    if length >= bars:
        rule = f"must be shorter than the {bars} bars of window {window.number + 1}'s training slice"
        raise ConfigError("model.context", rule, length)
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
        return x, y[times, symbols], columns, prepared.table(times, symbols)

    x_train, y_train, targets_train, table = rows(window.train)
    returns, own = prepared.labels.forward_return[table.time, table.symbol], len(x_train)
    for number, path in enumerate(paths, start=1):
        more = _of_path(path, scaler, predictor.context, wanted)
        place = window.train.start, number * prepared.bars.shape[1]
        x_train = after(x_train, more.x)
        y_train = np.concatenate([y_train, more.y])
        targets_train = {name: np.concatenate([targets_train[name], more.targets[name]]) for name in wanted}
        table = appended(table, _placed(more.table, *place))
        returns = np.concatenate([returns, more.returns])
    weights = weights_of(prepared, window, table, returns, paths)
    data = TrainingData(
        x_train,
        y_train,
        weights=weights,
        targets_train=targets_train,
        rows=table,
        groups=column_groups(prepared),
        own=own,
    )
    if not window.validation.rows:
        return data
    x_val, y_val, targets_val, table = rows(window.validation)
    return replace(data, x_val=x_val, y_val=y_val, targets_val=targets_val, rows_val=table)


def wanted_targets(prepared: Prepared, predictor: SeesRows) -> tuple[str, ...]:
    """Returns what a predictor learns besides the class, and what the recipes of its training need."""
    return tuple(dict.fromkeys((*predictor.targets, *prepared.config.training.targets)))


def column_groups(prepared: Prepared) -> dict[str, tuple[int, ...]]:
    """Returns where the columns of each named group of features stand among the inputs of a model."""
    place = {name: number for number, name in enumerate(prepared.frame.names)}
    groups = prepared.features.groups.items()
    return {group: tuple(place[name] for name in names if name in place) for group, names in groups}


def weights_of(
    prepared: Prepared, window: Window, table: RowTable, returns: NDArray[np.float64], paths: Sequence[Prepared] = ()
) -> NDArray[np.float64] | None:
    """Returns what the training rows count; None where all count alike."""
    config, moves = prepared.config.labels.weights, None
    if config == WeightsConfig():
        return None
    if config.returns == "attributed":
        moves = log_returns(adjusted_prices(prepared.bars).close)
        for path in paths:  # at the bars of the slice, its symbols after others, as its rows are
            own = np.zeros_like(prepared.bars.close)
            own[window.train.start : window.train.start + len(path.bars)] = log_returns(
                adjusted_prices(path.bars).close
            )
            moves = np.hstack([moves, own])
    stamps = prepared.bars.time
    return row_weights(config, table.time, table.symbol, table.end, returns, stamps=stamps, log_return=moves)


class _Path(NamedTuple):
    """The labelled rows of a path: as `TrainingData` holds them, the table with the path's own places."""

    x: Inputs
    y: NDArray[np.int64]
    targets: dict[str, NDArray[np.float64]]
    table: RowTable
    returns: NDArray[np.float64]


def _of_path(path: Prepared, scaler: StandardScaler, context: int, wanted: Sequence[str]) -> _Path:
    """Returns the rows of a path that have features, a label and, for a model of windows, a whole window."""
    names, labels = path.frame.names, path.labels
    usable = path.known & labels.defined
    lanes = None
    if context > 1:
        lanes = Lanes.of(scaler.transform(path.frame.values, names, np.float32), path.known)
        usable &= lanes.whole(context)
    targets = path.targets(wanted) if wanted else None
    if targets is not None:
        usable &= np.isfinite(targets).all(axis=2)
    times, symbols = at = np.nonzero(usable)
    x: Inputs
    if lanes is None:
        x = scaler.transform(path.frame.values[at], names, np.float32)
    else:
        x = lanes.windows(times, symbols, context)
    learned = {} if targets is None else {name: targets[(*at, k)] for k, name in enumerate(wanted)}
    return _Path(x, labels.y[at].astype(np.int64), learned, path.table(times, symbols), labels.forward_return[at])


def _placed(table: RowTable, start: int, symbols: int) -> RowTable:
    """Returns the rows of a path at the bars of the slice that begins at ``start``, its symbols after others."""
    return table._replace(time=table.time + start, end=table.end + start, symbol=table.symbol + symbols)


def appended(first: RowTable, second: RowTable) -> RowTable:
    """Returns two tables, one after the other."""
    columns = {
        name: np.concatenate([column, getattr(second, name)])
        for name, column in first._asdict().items()
        if column is not None
    }
    return RowTable(**columns)


def after(first: Inputs, second: Inputs) -> Inputs:
    """Returns rows, or windows of rows, one after the other."""
    if isinstance(first, SeriesWindows) and isinstance(second, SeriesWindows):
        return SeriesWindows.joined([first, second])
    assert not isinstance(first, SeriesWindows)
    assert not isinstance(second, SeriesWindows)
    return np.concatenate([first, second])
