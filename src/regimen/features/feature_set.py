"""`FeatureSet`: named features, computed over bars in one compiled pass or bar by bar, with the same bits."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.features.feature import Feature
from regimen.features.former import step_digest
from regimen.features.functions.causality import examine
from regimen.features.functions.frame_function import FrameFunction
from regimen.features.known.symbol import symbol_code
from regimen.features.live.stream import FeatureStream
from regimen.reprs import many, short
from regimen.scan import Program, Series

if TYPE_CHECKING:
    import pandas as pd

AnyFeature = Feature | FrameFunction | Callable[..., Any]
"""A feature, or a function of a frame that becomes one."""
STANDARD_GROUPS = ("momentum", "volatility", "volume", "sentiment", "regime", "technical")


@dataclass(frozen=True, eq=False)
class FeatureFrame:
    """Features over bars. The row at position t uses bars ≤ t, and is known when bar t closes.

    Attributes:
        values: (time, symbol, feature) float64; NaN until warm, and where the symbol has no bar.
        names: the columns, in the order of the last axis.
        time: (time,) datetime64[ns]: the starts of the bars.
        symbols: in the order of the middle axis.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    time: NDArray[np.datetime64]
    symbols: tuple[str, ...]

    def __repr__(self) -> str:
        bars, symbols, columns = self.values.shape
        size = f"{many(bars, 'bar')}, {many(symbols, 'symbol')}, {many(columns, 'feature')}"
        return short(self, f"{size}: {', '.join(self.names)}")

    def column(self, name: str) -> NDArray[np.float64]:
        """Returns one feature, (time, symbol).

        Raises:
            ConfigError: no feature has this name.
        """
        if name not in self.names:
            raise ConfigError("features.columns", f"must be one of {', '.join(self.names)}", name)
        return self.values[:, :, self.names.index(name)]

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame in long form: timestamp (UTC), symbol in panels, and a column for each feature."""
        import pandas as pd

        bars, symbols, columns = self.values.shape
        frame = pd.DataFrame(self.values.reshape(-1, columns), columns=list(self.names))
        if symbols > 1:
            codes = np.tile(np.arange(symbols), bars)
            names = pd.Index(list(self.symbols))
            frame.insert(0, "symbol", pd.Series(pd.Categorical.from_codes(codes, categories=names)))
        frame.insert(0, "timestamp", pd.DatetimeIndex(np.repeat(self.time, symbols), tz="UTC"))
        return frame


def standard() -> list[Feature]:
    """Returns the features of the standard set, to be mixed with others: ``[*standard(), my_feature]``."""
    return list(FeatureSet.standard().steps)


def series_of(bars: Bars, symbol: int, inputs: Sequence[str]) -> Series:
    """Returns one symbol's bars as the scan wants them; an input that the bars do not have is NaN."""

    def column(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ascontiguousarray(values[:, symbol]).view()

    extras = np.full((len(inputs), len(bars)), np.nan)
    for row, name in enumerate(inputs):
        own = bars.extras.get(name)
        extras[row] = symbol_code(name, bars.symbols[symbol]) if own is None else own[:, symbol]
    return Series(
        bars.time.view(np.int64),
        column(bars.open),
        column(bars.high),
        column(bars.low),
        column(bars.close),
        column(bars.volume),
        extras,
    )


def _feature(given: AnyFeature) -> Feature | FrameFunction:
    return given if isinstance(given, Feature | FrameFunction) else FrameFunction(given)


class FeatureSet:
    """Features in a fixed order of columns.

    Args:
        features: what to compute. A plain function of a pandas frame is a `FrameFunction` under its own name.
        columns: which of their columns to keep, in this order; all, in the features' order, unless given.

    Raises:
        ConfigError: no feature, something else than a feature, two columns of one name, or a column that no feature
            gives.
    """

    def __init__(self, features: Iterable[AnyFeature], columns: Sequence[str] | None = None) -> None:
        given = tuple(_feature(each) for each in features)
        if not given:
            raise ConfigError("features", "must be at least one feature", given)
        owners: dict[str, Feature | FrameFunction] = {}
        for feature in given:
            for name in feature.names:
                if name in owners:
                    raise ConfigError("features", "must not give two columns the same name", name)
                owners[name] = feature
        self.names: tuple[str, ...] = tuple(owners) if columns is None else tuple(columns)
        for name, count in Counter(self.names).items():
            if name not in owners:
                raise ConfigError("features.columns", f"must be one of {', '.join(owners)}", name)
            if count > 1:
                raise ConfigError("features.columns", "must name each column once", name)
        if not self.names:
            raise ConfigError("features.columns", "must leave at least one column", self.names)
        kept = set(self.names)
        self.features: tuple[Feature | FrameFunction, ...] = tuple(f for f in given if kept.intersection(f.names))
        self._owners = owners
        self._bars_examined = 0

    def __repr__(self) -> str:
        groups = ", ".join(f"{name} {len(columns)}" for name, columns in self.groups.items())
        return short(self, f"{many(len(self.names), 'column')}: {groups}")

    @classmethod
    def standard(cls) -> FeatureSet:
        """Sixty stationary columns in six groups of ten; see the page on features."""
        modules = (importlib.import_module(f"regimen.features.{group}") for group in STANDARD_GROUPS)
        return cls(feature for module in modules for feature in module.FEATURES)

    @classmethod
    def indicators(cls) -> FeatureSet:
        """The 27 classic indicators, equal to TA-Lib after warm-up; most are in units of price or volume."""
        from regimen.features.indicators import COLUMNS, INDICATORS

        return cls(INDICATORS, COLUMNS)

    def select(self, columns: Sequence[str] | None = None, groups: Sequence[str] | None = None) -> FeatureSet:
        """Returns the set with the columns of these groups, then these columns, in the order given.

        Raises:
            ConfigError: a column or group that the set does not have.
        """
        chosen: list[str] = []
        for group in groups or ():
            if group not in self.groups:
                raise ConfigError("features.groups", f"must be one of {', '.join(self.groups)}", group)
            chosen += self.groups[group]
        for name in columns or ():
            if name not in self.names:
                raise ConfigError("features.columns", f"must be one of {', '.join(self.names)}", name)
            chosen.append(name)
        return FeatureSet(self.features, chosen if columns or groups else self.names)

    def with_features(self, features: Iterable[AnyFeature]) -> FeatureSet:
        """Returns the set with these features' columns after its own."""
        more = tuple(_feature(each) for each in features)
        return FeatureSet((*self.features, *more), (*self.names, *(name for f in more for name in f.names)))

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The columns of each group, in order."""
        columns: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            group = self._owners[name].group
            columns[group] = (*columns.get(group, ()), name)
        return columns

    @cached_property
    def steps(self) -> tuple[Feature, ...]:
        """The features that are causal by construction."""
        return tuple(each for each in self.features if isinstance(each, Feature))

    @cached_property
    def functions(self) -> tuple[FrameFunction, ...]:
        """The features that are functions of a whole frame: not causal by construction, and examined."""
        return tuple(each for each in self.features if isinstance(each, FrameFunction))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Extra columns of the bars that the features read when they are there."""
        return self.program.inputs

    @property
    def warmup(self) -> int:
        """Bars before the first row in which every column has a value, on bars without holes."""
        return max(feature.warmup for feature in self.features)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the schema: the columns in order, and what the code of every step computes.

        A saved policy carries it. Comments and layout do not change it; a constant, a window or a rule does.
        """
        digest = hashlib.sha256(repr(self.names).encode())
        for feature in self.features:
            if isinstance(feature, FrameFunction):
                digest.update(repr((feature.names, "function of a frame", feature.digest)).encode())
                continue
            leaves = feature.recurrence.leaves
            digest.update(repr((feature.names, leaves, feature.rings, feature.params, feature.inputs)).encode())
            digest.update(step_digest(feature.step).encode())
        return digest.hexdigest()

    @cached_property
    def program(self) -> Program:
        """The compiled loops of the steps."""
        column = {name: at for at, name in enumerate(self.names)}
        return Program(
            [feature.recurrence_to(tuple(column.get(name, -1) for name in feature.names)) for feature in self.steps]
        )

    def compute(self, bars: Bars, threads: int = 1) -> FeatureFrame:
        """Runs every step and function over the bars, each symbol on its own.

        A bar that a symbol does not have (a NaN price) is passed over: its row is NaN and the state waits. Functions of
        a frame are examined first, unless they were on as many bars.

        Args:
            bars: one instrument or a panel.
            threads: for the symbols of a panel, or for the groups of columns of one symbol. The result is
                the same.

        Raises:
            ConfigError: ``threads`` is not positive.
            DataError: a feature never warms up on these bars; a function of a frame looks ahead, or fails.
        """
        if threads < 1:
            raise ConfigError("threads", "must be at least 1", threads)
        longest = int(bars.present.sum(axis=0).max())
        for feature in self.features:
            if feature.warmup >= longest:
                rule = f"never warms up: it needs {feature.warmup + 1} bars (warm-up {feature.warmup})"
                raise DataError(f"features.{feature.names[0]}", rule, f"{longest} bars")
        values = np.empty((*bars.shape, len(self.names)))
        if self.steps:
            panel = [series_of(bars, symbol, self.program.inputs) for symbol in range(len(bars.symbols))]
            self.program.advance_all(panel, self.program.start(len(panel)), values, threads)
        if self.functions:
            self._call_functions(bars, values)
        self._refuse_empty(values, bars)
        return FeatureFrame(values, self.names, bars.time, bars.symbols)

    def _call_functions(self, bars: Bars, values: NDArray[np.float64]) -> None:
        """Writes the columns of the functions into values."""
        for function in self.functions:
            if len(bars) > self._bars_examined:
                examine(function, bars)
            columns = function.compute(bars)
            for at, name in enumerate(function.names):
                if name in self.names:
                    values[:, :, self.names.index(name)] = columns[:, :, at]
        self._bars_examined = max(self._bars_examined, len(bars))

    def unexamined(self) -> FeatureSet:
        """Returns the set with functions of a frame that are not examined, for a search that does so itself."""
        features = FeatureSet(self.features, self.names)
        features._bars_examined = sys.maxsize
        return features

    def _refuse_empty(self, values: NDArray[np.float64], bars: Bars) -> None:
        ended = np.isfinite(values[-1]).any(axis=0)
        for at in np.flatnonzero(~ended):
            if not np.isfinite(values[:, :, at]).any():
                reason = (
                    ""
                    if np.isfinite(bars.volume).any()
                    else "; the bars have no volume (features.columns chooses columns without it)"
                )
                raise DataError(f"features.{self.names[at]}", f"never has a value on these {len(bars)} bars{reason}")

    def stream(self, symbols: Sequence[str] = ("asset",)) -> FeatureStream:
        """Returns the same features for bars that come one by one.

        Raises:
            ConfigError: a function of a frame is among them, which would need the whole history at every bar.
        """
        for function in self.functions:
            rule = (
                "is a function of a whole frame and has no stream of bars; write it as a step (docs/add-a-feature.md)"
            )
            raise ConfigError(function.field, rule)
        return FeatureStream(self, tuple(symbols))
