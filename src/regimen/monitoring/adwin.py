"""ADWIN: a window of a stream's latest values that lets go of the old ones as soon as their mean is another."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from regimen.monitoring.adwin_step import BUCKETS, ROWS, insert, shrink

Floats = NDArray[np.float64]


class AdwinConfig(BaseModel):
    """How a stream is watched for a change of its mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["adwin"] = Field("adwin", description="Adaptive windowing.")
    delta: float = Field(0.002, gt=0.0, lt=1.0, description="Confidence: the bound on a false alarm at one look.")
    clock: int = Field(32, ge=1, description="Values between two looks.")
    least: int = Field(5, ge=1, description="Values on either side of a cut.")
    low: float = Field(0.0, description="Value that counts as 0; what is below it counts as it.")
    high: float = Field(1.0, description="Value that counts as 1; what is above it counts as it.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high; got {self.low} and {self.high}")
        return self

    def build(self) -> Adwin:
        """Returns the detector."""
        return Adwin(self)


class AdwinMemory(NamedTuple):
    """The window as an exponential histogram; a step gives another one and changes none."""

    sums: Floats
    """(row, bucket) sums of the values of each bucket, the oldest first; a bucket of row i holds 2^i values."""
    squares: Floats
    """(row, bucket) sums of squared deviations from each bucket's mean."""
    filled: NDArray[np.int64]
    """(row,) buckets in use."""
    values: NDArray[np.int64]
    """() values that came in all."""
    changes: NDArray[np.int64]
    """() looks that found a change."""


class AdwinReading(NamedTuple):
    """The window after the last value."""

    mean: float
    """Of the window, in the units of the stream; NaN while it is empty."""
    width: int
    """Values in it."""
    changes: int
    """Looks so far that let go of old values."""


@final
class Adwin:
    """Keeps the longest window in which no two parts have different means.

    The window W is cut in two at each bucket. Where ``|mean_0 − mean_1| > ε`` the oldest bucket goes, until no cut says
    so. ``ε = √((2 / m) σ² ln(2 / δ′)) + (2 / 3m) ln(2 / δ′)``, ``1 / m = 1 / n_0 + 1 / n_1``, ``δ′ = δ / ln n``, σ² the
    variance of W. For values of any range it is given theirs, and what is outside counts as its end.

    It assumes values that are independent while nothing changes. Timing: after value t it has seen values <= t.

    Source: A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007, ADWIN2 with
    the bound of equation 3.1. Deviation: it looks every ``clock`` values, as MOA and River do.

    Args:
        config: the settings.
    """

    def __init__(self, config: AdwinConfig) -> None:
        self.config = config

    def initial(self) -> AdwinMemory:
        """Returns the state before the first value."""
        empty, none = np.zeros((ROWS, BUCKETS + 1)), np.zeros((), np.int64)
        return AdwinMemory(empty, empty, np.zeros(ROWS, np.int64), none, none)

    def observe(self, state: AdwinMemory, value: float) -> AdwinMemory:
        """Returns the state after one more value; one that is not finite changes nothing."""
        if not math.isfinite(value):
            return state
        unit = min(max((value - self.config.low) / (self.config.high - self.config.low), 0.0), 1.0)
        sums, squares, filled = state.sums.copy(), state.squares.copy(), state.filled.copy()
        values, changes = state.values + 1, state.changes
        insert(sums, squares, filled, unit)
        if values % self.config.clock == 0 and shrink(sums, squares, filled, self.config.least, self.config.delta):
            changes = changes + 1
        return AdwinMemory(sums, squares, filled, np.asarray(values), np.asarray(changes))

    def reading(self, state: AdwinMemory) -> AdwinReading:
        """Returns what the window holds."""
        width = int((state.filled << np.arange(ROWS)).sum())
        unit = float(state.sums.sum()) / width if width else math.nan
        return AdwinReading(self.config.low + (self.config.high - self.config.low) * unit, width, int(state.changes))
