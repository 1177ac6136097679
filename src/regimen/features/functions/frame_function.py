"""`FrameFunction`: a feature that is a function of a whole pandas frame, examined because nothing makes it causal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from regimen.bars import PRICES, Bars
from regimen.errors import ConfigError, DataError
from regimen.own import digest_of, source_of
from regimen.reprs import short

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrameFunction:
    """A feature that sees all bars of a symbol at once: ``function(frame) -> Series, array or DataFrame``.

    The frame has a row for each bar that the symbol has, with the columns timestamp, open, high, low, close, volume and
    the bars' extras; its index is the time (UTC). Unlike a step, such a function could look ahead: it is not causal by
    construction. Before it is used it is examined; see `regimen.features.functions.causality`.

    Attributes:
        function: as written by the user.
        names: the columns that it gives; its own name unless given.
        warmup: bars before the first value.
        about: one line: what the columns measure, and their unit.
        place: where the function stands, ``file.py:NAME``; found out unless given.

    Raises:
        ConfigError: it is no function with a name, or a name of a column is none.
    """

    function: Callable[[pd.DataFrame], Any]
    names: tuple[str, ...] = ()
    warmup: int = 0
    about: str = ""
    place: str = ""

    group: ClassVar[str] = "not causal by construction"
    """What its columns are listed under, wherever columns are listed by their groups."""

    def __post_init__(self) -> None:
        if not isinstance(self.function, FunctionType):
            raise ConfigError("features", "must be a Feature, or a function of a frame", type(self.function).__name__)
        object.__setattr__(self, "names", tuple(self.names) or (self.function.__name__,))
        if not all(name.isidentifier() for name in self.names):
            raise ConfigError("feature.names", "must be names of letters, digits and _", self.names)
        if self.warmup < 0:
            raise ConfigError(f"{self.field}.warmup", "must not be negative", self.warmup)

    def __repr__(self) -> str:
        return short(self, f"{self.function.__name__}: {', '.join(self.names)}")

    @property
    def field(self) -> str:
        """What errors call it."""
        return f"features.{self.names[0]}"

    def at(self, place: str) -> FrameFunction:
        """Returns it with the place that it was loaded from."""
        return replace(self, place=place)

    @cached_property
    def digest(self) -> str:
        """What its code is known by: its file, and those beside it that the file imports.

        Raises:
            ConfigError: the code has no place: a lambda, a function inside a function.
        """
        if self.place:
            return digest_of(self.place, self.field)
        with TemporaryDirectory() as folder:  # code of a notebook is written down to be digested
            return digest_of(source_of(self.function, self.field, Path(folder)), self.field)

    def compute(self, bars: Bars) -> Values:
        """Returns (time, symbol, column): the function on the bars of each symbol, NaN where the symbol has none.

        Raises:
            DataError: the function raises, or returns something else than a finite number or NaN for each row.
        """
        values = np.full((*bars.shape, len(self.names)), np.nan)
        for symbol in range(len(bars.symbols)):
            present = bars.present[:, symbol]
            if present.any():
                values[present, symbol] = self._columns(frame_of(bars, symbol))
        return values

    def _columns(self, frame: pd.DataFrame) -> Values:
        """Returns (row, column) of one symbol's frame."""
        index = frame.index
        try:
            result = self.function(frame)
        except Exception as error:  # the user's code: any error is theirs to read
            raise DataError(self.field, f"must not raise ({type(error).__name__}: {error}{_line(error)})") from error
        values = self._numbers(result, index)
        if len(values) != len(index):
            raise DataError(self.field, f"must return a value for each of the {len(index)} rows", len(values))
        infinite = np.isinf(values).any(axis=1)
        if infinite.any():
            raise DataError(
                self.field,
                "must return finite numbers, or NaN where there is none",
                f"infinite at {index[int(infinite.argmax())]}",
            )
        return values

    def _numbers(self, result: Any, index: pd.Index[Any]) -> Values:
        """Returns what the function returned as (row, column) float64."""
        import pandas as pd

        if isinstance(result, pd.Series):
            result = result.to_frame(self.names[0])
        if isinstance(result, pd.DataFrame):
            if len(result) == len(index) and not (
                result.index.equals(index) or isinstance(result.index, pd.RangeIndex)
            ):
                raise DataError(self.field, "must keep the index of the frame, in its order")
            if len(self.names) > 1 and set(self.names) <= set(result.columns):
                result = result[list(self.names)]
            columns = [str(name) for name in result.columns]
        elif isinstance(result, np.ndarray) and result.ndim in (1, 2):
            result = result[:, None] if result.ndim == 1 else result
            columns = [f"column_{number + 1}" for number in range(result.shape[1])]
        else:
            shape = f" of {result.ndim} dimensions" if isinstance(result, np.ndarray) else ""
            raise DataError(self.field, "must return a Series, an array or a DataFrame", type(result).__name__ + shape)
        if len(columns) != len(self.names):
            named = ", ".join(repr(name) for name in columns[:5])
            name = self.function.__name__
            rule = f"must give the columns {', '.join(self.names)}; FrameFunction({name}, names=({named})) names others"
            raise DataError(self.field, rule, f"{len(columns)} columns")
        try:
            if isinstance(result, pd.DataFrame):
                return np.array(result.to_numpy(dtype=np.float64, na_value=np.nan))
            return np.array(result, dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(self.field, f"must return numbers ({error})") from None


def frame_of(bars: Bars, symbol: int) -> pd.DataFrame:
    """Returns the bars that one symbol has as a frame, indexed by time: timestamp, prices, volume, extras."""
    import pandas as pd

    present = bars.present[:, symbol]
    time = pd.DatetimeIndex(bars.time[present], tz="UTC", name="time")
    columns = {name: np.array(getattr(bars, name)[present, symbol]) for name in (*PRICES, "volume")}
    extras = {name: np.array(values[present, symbol]) for name, values in bars.extras.items()}
    return pd.DataFrame({"timestamp": time, **columns, **extras}, index=time)


def _line(error: BaseException) -> str:
    """Returns the last line of the user's code on the way to an error."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "site-packages" not in name and name != __file__:
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line
