"""What there is to know of the market: `Moment` at the close of one bar, `History` of all bars that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.reprs import many, short

if TYPE_CHECKING:
    from regimen.execution.costs import Costs
    from regimen.execution.tape import Tape

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Moment(NamedTuple):
    """What is known at the close of one bar of the symbols of one account, and nothing of later bars.

    Attributes:
        tape: the bar as the account step reads it, and the bar before it; the bar is the tape's last row.
        features: (symbol, feature), not scaled; NaN where not known.
        present: (symbol,) whether the symbol has a bar.
        listed: (symbol,) whether the symbol is listed (`Bars.listed`), with or without a bar.
        volatility: (symbol,) annualised, NaN where not known; None where nobody asks for it.
    """

    tape: Tape
    features: Floats
    present: Flags
    listed: Flags
    volatility: Floats | None = None

    def __repr__(self) -> str:
        symbols, features = self.features.shape
        time = np.datetime64(int(self.tape.stamps[-1]), "ns").astype("datetime64[s]")
        return short(self, f"{time}: {many(symbols, 'symbol')}, {many(features, 'feature')}")


@dataclass(frozen=True, eq=False)
class History:
    """Bars, and what a policy sees of each: the moments of a span, kept together. `Market.history` makes one.

    Attributes:
        bars: the market, as it is traded.
        features: (time, symbol, feature), not scaled; row t uses bars <= t; NaN where not known.
        costs, delisting: of the market, by which its tape is made.
        volatility: (time, symbol) annualised, row t from closes <= t; None where no policy asks for it.
        names: of the feature columns; empty where they are not known.

    Raises:
        DataError: a part of another shape than the bars.
    """

    bars: Bars
    features: Floats
    costs: Costs
    delisting: float | str = 1.0
    volatility: Floats | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.features.ndim != 3 or self.features.shape[:2] != self.bars.shape:
            rule = f"must have the shape {self.bars.shape} + (feature,) of the bars"
            raise DataError("features", rule, self.features.shape)
        if self.volatility is not None and self.volatility.shape != self.bars.shape:
            raise DataError("volatility", f"must have the shape {self.bars.shape} of the bars", self.volatility.shape)

    def __repr__(self) -> str:
        return short(self, f"{self.bars!r}, {many(self.features.shape[2], 'feature')}")

    @cached_property
    def tape(self) -> Tape:
        """The bars as the account step reads them."""
        from regimen.execution.tape import Tape

        return Tape.of(self.bars, self.costs, self.delisting)

    def at(self, t: int) -> Moment:
        """Returns what is known at the close of bar ``t``: views, nothing is copied."""
        return Moment(
            self.tape.at(t),
            self.features[t],
            self.bars.present[t],
            self.bars.listed[t],
            None if self.volatility is None else self.volatility[t],
        )


def feature_rows(features: object, bars: Bars) -> tuple[Floats, tuple[str, ...]]:
    """Returns features (time, symbol, feature) and the names of their columns, of a frame, an array, or None.

    Raises:
        DataError: features of other times or symbols, or of no numbers.
    """
    if features is None:
        return np.empty((*bars.shape, 0)), ()
    names: Sequence[str] = getattr(features, "names", ())
    time, symbols = getattr(features, "time", None), getattr(features, "symbols", None)
    if (time is not None and not np.array_equal(time, bars.time)) or (symbols is not None and symbols != bars.symbols):
        raise DataError("features", "must be of the same times and symbols as the bars", symbols)
    try:
        rows = np.asarray(getattr(features, "values", features), np.float64)
    except (TypeError, ValueError):
        raise DataError("features", "must be a frame or numbers", type(features).__name__) from None
    if rows.ndim == 2 and bars.shape[1] == 1:
        rows = rows[:, None, :]
    return rows, tuple(names)
