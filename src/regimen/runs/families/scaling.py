"""The scaler of a window: fitted on its training slice in one place, kept in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regimen.errors import RunError
from regimen.preprocess import StandardScaler
from regimen.records import read_json, write_json
from regimen.records.layout import SCALER
from regimen.runs.prepare import Prepared
from regimen.splits import Window


def fitted_scaler(prepared: Prepared, window: Window) -> StandardScaler:
    """Returns the config's scaler, fitted on a window's training slice."""
    frame, clip = prepared.frame, prepared.config.scaler.clip
    return StandardScaler.fit(frame.values, window.train, frame.names, clip=clip)


def write_scaler(scaler: StandardScaler, folder: Path) -> None:
    """Writes a scaler into a window's folder."""
    write_json(folder / SCALER, {name: array.tolist() for name, array in scaler.state().items()})


def read_scaler(folder: Path) -> StandardScaler:
    """Reads what `write_scaler` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    state = read_json(folder / SCALER)
    try:
        return StandardScaler.from_state(
            {
                name: np.array(np.nan if value is None else value, dtype=np.str_ if name == "names" else np.float64)
                for name, value in state.items()
            }
        )
    except (TypeError, ValueError):
        raise RunError("run", f"holds a damaged {SCALER}", str(folder)) from None
