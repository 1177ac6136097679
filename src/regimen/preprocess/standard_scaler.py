"""`StandardScaler`: zero mean and unit variance of the training slice, and of nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError, SplitError
from regimen.jit import jit
from regimen.preprocess.fitted import Values, require_training
from regimen.reprs import many, short
from regimen.splits import Slice

_BLOCK: Final = 65_536


def schema_hash(names: Sequence[str]) -> str:
    """Returns a SHA-256 (hex) of column names in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


@jit
def _moments(rows: Values) -> tuple[Values, Values]:
    """Mean and population standard deviation of each column over its finite values, in two passes."""
    columns = rows.shape[1]
    count, mean = np.zeros(columns), np.zeros(columns)
    for i in range(rows.shape[0]):
        for j in range(columns):
            if np.isfinite(rows[i, j]):
                count[j] += 1.0
                mean[j] += rows[i, j]
    count = np.maximum(count, 1.0)
    mean /= count
    squares, rest = np.zeros(columns), np.zeros(columns)
    for i in range(rows.shape[0]):
        for j in range(columns):
            if np.isfinite(rows[i, j]):
                apart = rows[i, j] - mean[j]
                squares[j] += apart * apart
                rest[j] += apart
    # What is left of the first power mends the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
    variance = np.maximum((squares - rest * rest / count) / count, 0.0)
    return mean, np.sqrt(variance)


@dataclass(frozen=True, eq=False)
class StandardScaler:
    """(x − mean) / scale by column, with the statistics of one training slice; frozen once fitted.

    Attributes:
        names: columns, in their order.
        mean, scale: (feature,) float64; the scale of a column that does not vary, or was never seen, is 1.
        interval: positions [start, stop) of the training slice.
        spans: the stretches of it that were fitted on, where other bars are cut out of it; else the interval, as in a
            scaler that was read from a file.
        clip: results are cut at ± this; None for no limit.
    """

    names: tuple[str, ...]
    mean: Values
    scale: Values
    interval: tuple[int, int]
    clip: float | None = None
    spans: tuple[tuple[int, int], ...] = ()

    def __repr__(self) -> str:
        first, last = self.interval
        return short(self, f"{many(len(self.names), 'column')}, fitted on bars {first:,} to {last:,}")

    @classmethod
    def fit(cls, values: Values, part: Slice, names: Sequence[str], *, clip: float | None = None) -> StandardScaler:
        """Fits on the usable rows of a training slice.

        NaN and infinities are left out of the statistics, column by column.

        Args:
            values: (time, symbol, feature) the whole series; only ``part.take(values)`` is read.
            part: a slice of role ``train``.
            names: the feature columns.
            clip: positive limit of the results, in standard deviations.

        Raises:
            SplitError: anything but a training slice, or names that do not match the columns.
            ConfigError: the limit is not positive.
        """
        require_training("scaler", values, part, names)
        if clip is not None and not clip > 0.0:
            raise ConfigError("scaler.clip", "must be positive", clip)
        mean, deviation = _moments(part.take(values).astype(np.float64, copy=False))
        # Rounding leaves a constant column a deviation of some 1e-17 of its level: no scale to divide by.
        varies = deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300)
        scale = np.where(varies, deviation, 1.0)
        return cls(tuple(names), mean, scale, (part.start, part.stop), clip, part.spans)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", self.spans or (self.interval,))
        self.mean.flags.writeable = False
        self.scale.flags.writeable = False

    @property
    def schema(self) -> str:
        """SHA-256 (hex) of the column names: what a saved policy carries."""
        return schema_hash(self.names)

    def transform(
        self, values: Values, names: Sequence[str], dtype: type[np.float32] | type[np.float64] = np.float64
    ) -> NDArray[np.floating]:
        """Scales (..., feature) values; the shape stays. NaN stays NaN; infinity stays without a clip.

        Raises:
            SplitError: the columns are not those that were fitted, by name and order.
        """
        if tuple(names) != self.names or values.shape[-1] != len(self.names):
            wrong = next((new for new, old in zip(names, self.names, strict=False) if new != old), len(names))
            raise SplitError(
                "scaler.transform",
                f"needs the {len(self.names)} columns it was fitted on, in their order",
                wrong,
            )
        rows = values.reshape(-1, len(self.names))
        out = np.empty(rows.shape, dtype=dtype)
        for start in range(0, len(rows), _BLOCK):  # a block fits in the cache, and no copy of the whole is made
            part = (rows[start : start + _BLOCK] - self.mean) / self.scale
            if self.clip is not None:
                np.clip(part, -self.clip, self.clip, out=part)
            out[start : start + _BLOCK] = part
        return out.reshape(values.shape)

    @property
    def memory(self) -> int:
        """0: a row is scaled by the training slice alone."""
        return 0

    def step(self, rows: Values, state: Values) -> tuple[Values, Values]:
        """Returns rows (n, feature) scaled, and the memory (n, 0)."""
        return self.scan(rows), state

    def scan(self, values: Values) -> Values:
        """Returns (..., feature) values scaled."""
        return np.asarray(self.transform(values, self.names), dtype=np.float64)

    def take(
        self,
        values: Values,
        part: Slice,
        names: Sequence[str],
        dtype: type[np.float32] | type[np.float64] = np.float64,
    ) -> NDArray[np.floating]:
        """Returns the scaled usable rows of a slice: (rows, feature).

        Raises:
            SplitError: the slice is for validation or test and overlaps the interval that was fitted on, or
                the columns differ.
        """
        if part.role != "train" and any(
            first < end and start < last for first, last in part.spans for start, end in self.spans
        ):
            raise SplitError(
                f"scaler.take ({part.role} slice {part.start} to {part.stop})",
                "must not overlap the interval that the scaler was fitted on",
                self.interval,
            )
        return self.transform(part.take(values), names, dtype)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns everything as a dict of arrays, for `numpy.savez` or a checkpoint."""
        return {
            "names": np.array(self.names, dtype=np.str_),
            "mean": self.mean.copy(),
            "scale": self.scale.copy(),
            "interval": np.array(self.interval, dtype=np.int64),
            "clip": np.array(np.nan if self.clip is None else self.clip),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[np.generic]]) -> StandardScaler:
        """Rebuilds a scaler from `state`.

        Raises:
            SplitError: an entry is missing.
        """
        missing = {"names", "mean", "scale", "interval", "clip"} - set(state)
        if missing:
            raise SplitError("scaler.from_state", "needs the entries that `state` returns; missing", sorted(missing))
        start, stop = np.asarray(state["interval"], dtype=np.int64)
        clip = float(np.asarray(state["clip"], dtype=np.float64))
        return cls(
            tuple(str(name) for name in np.asarray(state["names"])),
            np.array(state["mean"], dtype=np.float64),
            np.array(state["scale"], dtype=np.float64),
            (int(start), int(stop)),
            None if np.isnan(clip) else clip,
        )
