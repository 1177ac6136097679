"""`Inputs`: what lanes can see of the market: one feature matrix, which rows of it are whole, where to start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.features import FeatureFrame, FeatureSet

ABSENT, COLD, READY = 0, 1, 2
"""No bar; a bar whose observation is not whole (not warm, or a hole in the window); an observation."""


@dataclass(frozen=True, eq=False)
class LaneFeatures:
    """Features of bars, and how they are computed for others: wrappers that change the bars need them anew.

    Attributes:
        frame: of the bars of the lanes.
        compute: returns those of other bars, passed through the same steps.
    """

    frame: FeatureFrame
    compute: Callable[[Bars], FeatureFrame]


@dataclass(frozen=True, eq=False)
class Inputs:
    """One feature matrix that every lane reads.

    Attributes:
        values: (time, symbol, feature) float32 or float64; NaN only in rows that no observation shows.
        status: (time, symbol) int8: `ABSENT`, `COLD` or `READY`.
        counts: (time,) how many symbols are listed, at least 1.
        names: the feature columns.
        window: bars in one observation.
        compute: features of other bars; None where an array was given.
    """

    values: NDArray[Any]
    status: NDArray[np.int8]
    counts: NDArray[np.float64]
    names: tuple[str, ...]
    window: int
    compute: Callable[[Bars], FeatureFrame] | None = None

    @classmethod
    def of(cls, bars: Bars, features: object, window: int, precision: str) -> Inputs:
        """Prepares features of bars.

        Args:
            bars: the market.
            features: a `FeatureFrame` of these bars, a `FeatureSet` to compute on them, an array (time,
                symbol, feature) or, for one symbol, (time, feature); None for the standard set. Row t must
                use bars <= t only; NaN where it is not known. Or `LaneFeatures`; or inputs, as they are.
            window: bars in one observation.
            precision: ``float32`` or ``float64``.

        Raises:
            DataError: features of another shape or time than the bars, or infinite (in float32: beyond 3.4e38).
        """
        if isinstance(features, Inputs):
            return features
        if features is None:
            features = FeatureSet.standard()
        if isinstance(features, FeatureSet):
            features = LaneFeatures(features.compute(bars), features.compute)
        compute = None
        if isinstance(features, LaneFeatures):
            compute, features = features.compute, features.frame
        if isinstance(features, FeatureFrame):
            if not np.array_equal(features.time, bars.time) or features.symbols != bars.symbols:
                raise DataError("features", "must be of the same times and symbols as the bars", features.symbols)
            given, names = features.values, tuple(features.names)
        else:
            try:
                given = np.asarray(features, dtype=np.float64)
            except (TypeError, ValueError):
                raise DataError("features", "must be a frame, a set or numbers", type(features).__name__) from None
            if given.ndim == 2 and bars.shape[1] == 1:
                given = given[:, None, :]
            names = tuple(f"x{k}" for k in range(given.shape[-1] if given.ndim else 0))
        if given.ndim != 3 or given.shape[:2] != bars.shape:
            raise DataError("features", f"must have the shape {bars.shape} + (feature,) of the bars", given.shape)
        with np.errstate(over="ignore"):
            values = np.array(given, dtype=precision, order="C")
        if np.isinf(values).any():
            t, s, f = (int(k) for k in np.unravel_index(np.isinf(values).argmax(), values.shape))
            raise DataError(
                "features",
                f"must be finite in {precision}, or NaN where not known; row {t}, symbol {bars.symbols[s]}, {names[f]}",
                float(given[t, s, f]),
            )
        whole = ~np.isnan(values).any(axis=2) & bars.present
        if window > 1:
            run = np.cumsum(whole, axis=0, dtype=np.int64)
            run[window:] -= run[:-window].copy()
            whole &= run == window
        status = np.where(bars.present, np.where(whole, READY, COLD), ABSENT).astype(np.int8)
        counts = np.maximum(bars.listed.sum(axis=1), 1).astype(np.float64)
        for array in (values, status, counts):
            array.flags.writeable = False
        return cls(values, status, counts, names, window, compute)

    def anew(self, bars: Bars) -> LaneFeatures:
        """Returns the features of other bars, computed as these were.

        Raises:
            ConfigError: these were given as an array.
        """
        if self.compute is None:
            rule = "must be a FeatureSet where a wrapper changes the bars: an array cannot be computed anew"
            raise ConfigError("features", rule)
        return LaneFeatures(self.compute(bars), self.compute)

    def starts(self, start: int, stop: int, steps: int | None) -> NDArray[np.int64]:
        """Returns the bars at which an episode may start: those at which some symbol has an observation.

        Args:
            start, stop: episodes stay within the bars [start, stop).
            steps: steps of an episode; None: to the end.

        Raises:
            ConfigError: the episode is longer than the bars, or no bar with an observation leaves room for it.
        """
        room = stop - start - 1
        if room < 1:
            raise ConfigError("envs.start/envs.stop", "must leave at least two bars", (start, stop))
        if steps is not None and steps > room:
            raise ConfigError("envs.episode_length", f"must be at most {room}, the bars there are less one", steps)
        last = stop - 1 - (steps or 1)
        ready = (self.status == READY).any(axis=1)
        places = start + np.flatnonzero(ready[start : last + 1])
        if len(places) == 0:
            rule = f"must be known at some bar from {start} to {last}, where an episode may start"
            unknown = np.isnan(self.values[start : last + 1]).all(axis=(0, 1))
            if unknown.any():
                rule += f"; {self.names[int(unknown.argmax())]} never is"
            raise ConfigError("features", rule)
        return places
