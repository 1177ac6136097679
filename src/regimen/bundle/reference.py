"""What a live account is measured against: the features and the actions of the training slice."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError, RunError
from regimen.monitoring import MARKET_COLUMNS, CollapseReference, DriftReference, market_columns

Floats = NDArray[np.float64]


def drift_names(features: Sequence[str], symbols: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that drift looks at: of each symbol its features, then those of `market_columns`."""
    own = (*features, *MARKET_COLUMNS)
    return tuple(own) if len(symbols) == 1 else tuple(f"{symbol} {name}" for symbol in symbols for name in own)


def drift_rows(features: Floats, previous_close: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Returns rows (..., column) of these columns.

    Args:
        features: (..., symbol, feature), not scaled; NaN where not known.
        previous_close, high, low, close: (..., symbol) prices as the features see them, adjusted for splits; the
            previous close is that of the bar before, NaN where a symbol had none.
    """
    rows = np.concatenate([features, market_columns(previous_close, high, low, close)], axis=-1)
    return rows.reshape(*rows.shape[:-2], -1)


def reference_of(
    features: Floats, prices: Sequence[Floats], names: Sequence[str], symbols: Sequence[str], periods_per_year: float
) -> DriftReference | None:
    """Returns what drift is measured against; None where a training slice is too short to know its own windows.

    Args:
        features: (time, symbol, feature) of a training slice.
        prices: previous close, high, low and close, each (time, symbol).
        names: of the features.
        symbols: their names.
        periods_per_year: bars a year.
    """
    try:
        return DriftReference.of(
            drift_rows(features, *prices), drift_names(names, symbols), periods_per_year=periods_per_year
        )
    except DataError:
        return None


def actions_of(exposures: Floats, periods_per_year: float) -> CollapseReference | None:
    """Returns what the variety of decisions is measured against; None where a training slice is too short for it.

    Args:
        exposures: (time, symbol) what the policy wants on its training slice; NaN leaves everything as it is.
        periods_per_year: bars a year.
    """
    try:
        return CollapseReference.of(exposures, periods_per_year=periods_per_year)
    except DataError:
        return None


def written_reference(reference: DriftReference | CollapseReference) -> bytes:
    """Returns the file of a reference."""
    return (json.dumps(reference.to_dict(), sort_keys=True, allow_nan=False) + "\n").encode()


def read_reference(content: bytes, name: str) -> DriftReference:
    """Reads what `written_reference` wrote of drift.

    Raises:
        RunError: it is no such reference.
    """
    try:
        return DriftReference.of_dict(json.loads(content))
    except (ValueError, RecursionError):
        raise RunError(name, "must be a reference of drift") from None


def read_actions(content: bytes, name: str) -> CollapseReference:
    """Reads what `written_reference` wrote of actions.

    Raises:
        RunError: it is no such reference.
    """
    try:
        return CollapseReference.of_dict(json.loads(content))
    except (ValueError, RecursionError):
        raise RunError(name, "must be a reference of actions") from None
