"""Where a classifier that learns on stands at a bar: what the next stretch of bars begins with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RunError
from regimen.files import write_text
from regimen.policies.online.calibration import StreamCalibration
from regimen.policies.online.learns import Learns

Floats = NDArray[np.float64]
STREAM = "stream.json"
NEVER = int(np.iinfo(np.int64).min)
"""Before every bar."""


@dataclass(frozen=True, eq=False)
class Carried:
    """What was learned up to the close of a bar, that bar included.

    Attributes:
        learner: the classifier.
        calibration: of what it says; None: that is taken as it is.
        until: start of the last bar whose labels were learned from, nanoseconds since 1970.
        stamps: (k,) starts of the latest bars up to it, whose labels may not be known yet.
        opinions: (k, symbol, 3) what the classifier said at them, not calibrated; NaN where nothing.
    """

    learner: Learns
    calibration: StreamCalibration | None
    until: int
    stamps: NDArray[np.int64]
    opinions: Floats

    def save(self, folder: Path) -> None:
        """Writes it into a folder.

        Raises:
            RunError: the folder cannot be written to.
        """
        self.learner.save(folder)
        opinions = np.where(np.isnan(self.opinions), -1.0, self.opinions)
        document: dict[str, Any] = {
            "until": self.until,
            "stamps": self.stamps.tolist(),
            "opinions": opinions.tolist(),
            "symbols": self.opinions.shape[1],
            "calibration": None if self.calibration is None else self.calibration.numbers.tolist(),
        }
        write_text(folder / STREAM, json.dumps(document, allow_nan=False) + "\n")


def read_carried(folder: Path, learner: Learns, calibration: StreamCalibration | None) -> Carried:
    """Reads what `Carried.save` wrote beside the learner's own files.

    Args:
        folder: where it was written.
        learner: read from the same folder already.
        calibration: of the config, before any label; None: it has none.

    Raises:
        RunError: the file is missing or damaged, or has a calibration where the config has none.
    """
    try:
        document = json.loads((folder / STREAM).read_bytes())
        stamps = np.array(document["stamps"], np.int64)
        opinions = np.array(document["opinions"], np.float64).reshape(len(stamps), int(document["symbols"]), 3)
        numbers, until = document["calibration"], int(document["until"])
        if (numbers is None) != (calibration is None):
            raise ValueError
        if calibration is not None:
            own = np.array(numbers, np.float64)
            if own.shape != calibration.numbers.shape:
                raise ValueError
            calibration = calibration.at(own)
    except (OSError, KeyError, TypeError, ValueError):
        raise RunError("run", f"holds a damaged or missing {STREAM}", str(folder)) from None
    return Carried(learner, calibration, until, stamps, np.where(opinions < 0.0, np.nan, opinions))
