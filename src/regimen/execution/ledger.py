"""`Ledger`: what a backtest did, bar by bar and fill by fill."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError
from regimen.execution.columns import BOOK, CLIPS, LIQUIDATIONS, RUINED, UNPRICED
from regimen.reprs import many, short

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from regimen.charts import Picture
    from regimen.execution.backtest import Recorder
    from regimen.execution.config import MarketConfig

Floats = NDArray[np.float64]


def _read_only(array: Floats) -> Floats:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Ledger:
    """The books of one backtest. All arrays are read-only; row t is bar t of ``bars``.

    Attributes:
        bars: what was traded.
        market: the rules it was traded under (the config; ``market.build()`` trades again).
        equity: (time,) cash and positions at the close mark, quote currency. It may end below zero: a debt.
        cash: (time,) after the carry and the fills of the bar's open.
        units: (time, symbol) held at the close.
        targets: (time, symbol) target exposures as they were decided.
        turnover: (time,) traded notional as a fraction of the equity at the bar's open.
        costs: (time,) what was paid in each bar, quote currency, by kind as `Costs.kinds` has them; funding is
            negative where it was received.
        start_equity: equity before the first bar.
        fills: Arrow table, one row per fill, in order: ``time`` (start of the bar, whose open is the fill),
            ``symbol``, ``units`` (signed), ``price`` (the open, before costs), ``notional``, the costs that a fill
            pays (quote currency), ``participation`` (units/volume, NaN without volume) and
            ``reason``: order; remainder (of an order that was filled in part or had to wait for volume),
            rebalance, liquidation, ruin; delisting (what was held of a symbol that has ended, paid out at no cost and
            not in ``turnover``).
        clips: how many target rows exceeded the leverage limit, or what positions that could not be sold left of
            it, and were scaled down.
        liquidations: how many margin calls closed the account's positions.
        unpriced: fills for which impact was to be charged but the bar's volume is NaN.
        ruined: equity was at or below zero at some close.
    """

    bars: Bars
    market: MarketConfig
    equity: Floats
    cash: Floats
    units: Floats
    targets: Floats
    turnover: Floats
    costs: dict[str, Floats]
    start_equity: float
    fills: pa.Table
    clips: int = 0
    liquidations: int = 0
    unpriced: int = 0
    ruined: bool = False
    symbols: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", self.bars.symbols)

    @classmethod
    def of(cls, bars: Bars, market: MarketConfig, targets: Floats, recorder: Recorder) -> Ledger:
        """Closes the books of a recorder; nothing is copied."""
        from regimen.execution.tables import fills_table

        book = dict(zip(BOOK, _read_only(recorder.book), strict=True))
        kinds = market.costs.kinds
        account = recorder.account[0]
        return cls(
            bars=bars,
            market=market,
            equity=book["equity"],
            cash=book["cash"],
            units=_read_only(recorder.units),
            targets=_read_only(targets),
            turnover=book["turnover"],
            costs={kind: book[kind] for kind in kinds},
            start_equity=recorder.cash,
            fills=fills_table(recorder, bars.symbols, kinds),
            clips=int(account[CLIPS]),
            liquidations=int(account[LIQUIDATIONS]),
            unpriced=int(account[UNPRICED]),
            ruined=bool(account[RUINED]),
        )

    def __len__(self) -> int:
        return len(self.equity)

    def __repr__(self) -> str:
        ended = f"equity {self.equity[-1] / self.start_equity:.4g} times the start{', ruined' if self.ruined else ''}"
        size = f"{many(len(self), 'bar')}, {many(len(self.symbols), 'symbol')}, {many(self.fills.num_rows, 'fill')}"
        return short(self, f"{self.bars.source}: {size}, {ended}")

    def _repr_html_(self) -> str:
        from regimen.charts import card, picture_of

        equity = picture_of(self.plot().figures[:1])
        return card(repr(self), [f"Charged: {self.market.costs.sentence}"], equity.svg)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """(time,) start of each bar, UTC."""
        return self.bars.time

    @cached_property
    def returns(self) -> Floats:
        """(time,) simple return of the equity over each bar, after all costs.

        A bar that ends with equity at or below zero returns -1, and every later bar 0: whoever lost
        everything earns nothing back, and a debt shows in ``equity`` only.
        """
        before = np.empty_like(self.equity)
        before[0] = self.start_equity
        before[1:] = self.equity[:-1]
        gone = np.flatnonzero(self.equity <= 0.0) if self.ruined else np.empty(0, np.int64)
        changes = np.divide(self.equity, before, out=before)
        changes -= 1.0
        if len(gone):
            changes[gone[0]] = -1.0
            changes[gone[0] + 1 :] = 0.0
        return _read_only(changes)

    @cached_property
    def prices(self) -> Floats:
        """(time, symbol) marks: the close; of a missing bar the last known one, split-adjusted, or NaN."""
        from regimen.execution.tape import marks

        return _read_only(marks(self.bars))

    @cached_property
    def exposure(self) -> Floats:
        """(time, symbol) signed share of equity held after the close mark; 0 where equity is not positive."""
        exposures = self.units * self.prices
        exposures /= self.equity[:, None]
        if self.ruined:
            exposures[self.equity <= 0.0] = 0.0
        if np.isnan(self.prices[0]).any():
            exposures[np.isnan(self.prices)] = 0.0
        return _read_only(exposures)

    @cached_property
    def marks(self) -> pa.Table:
        """Arrow table of one row per bar and symbol, by bar then symbol: time, symbol, units, price (the
        mark), exposure (held) and target (as decided, NaN: keep)."""
        from regimen.execution.tables import marks_table

        return marks_table(self)

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of one row per bar: timestamp (UTC), equity, cash, returns, turnover, the costs by
        kind, and the exposure held at the close, net and gross over symbols. See also `fills_frame`, `marks`."""
        from regimen.execution.tables import account_table

        frame: pd.DataFrame = account_table(self).rename_columns({"time": "timestamp"}).to_pandas()
        return frame.assign(exposure=self.exposure.sum(axis=1), gross=np.abs(self.exposure).sum(axis=1))

    def fills_frame(self) -> pd.DataFrame:
        """Returns the fills as a pandas frame of one row per fill; see ``fills``."""
        frame: pd.DataFrame = self.fills.rename_columns({"time": "timestamp"}).to_pandas()
        return frame

    def plot(self, path: str | Path | None = None) -> Picture:
        """Draws the equity, how far it fell, and what was held, as the report does.

        Args:
            path: an SVG file to write the picture to.

        Raises:
            ConfigError: a path that does not end in .svg.
        """
        from regimen.charts import drawdown_figure, equity_figure, exposure_figures, picture_of
        from regimen.metrics import underwater

        clock, equity = self.time.astype(np.float64), self.equity / self.start_equity
        fallen = underwater(np.concatenate(([1.0], equity)))[1:]
        figures = equity_figure({"policy": (clock, equity)}), drawdown_figure({"policy": (clock, fallen)})
        return picture_of([*figures, *exposure_figures(clock, self.exposure)], path)

    def window(self, start: int, stop: int) -> Ledger:
        """Returns the books of bars [start, stop); the returns in it are the same as in the whole ledger.

        The counts (``clips``, ``liquidations``, ``unpriced``) and ``ruined`` stay those of the whole ledger,
        except that a window that ends before the ruin is not ruined.

        Raises:
            ConfigError: not 0 <= start < stop <= len(ledger).
        """
        from regimen.execution.tables import fills_between

        if not 0 <= start < stop <= len(self):
            raise ConfigError("window", f"must satisfy 0 <= start < stop <= {len(self)}", (start, stop))
        cut = slice(start, stop)
        ledger = replace(
            self,
            bars=self.bars.window(start, stop),
            equity=self.equity[cut],
            cash=self.cash[cut],
            units=self.units[cut],
            targets=self.targets[cut],
            turnover=self.turnover[cut],
            costs={name: values[cut] for name, values in self.costs.items()},
            start_equity=self.start_equity if start == 0 else float(self.equity[start - 1]),
            fills=fills_between(self.fills, self.bars.time[start], self.bars.time[stop - 1]),
            ruined=self.ruined and bool((self.equity[:stop] <= 0.0).any()),
        )
        ledger.remember(self.returns[cut], self.prices[cut])
        return ledger

    def remember(self, returns: Floats, prices: Floats) -> None:
        """Keeps columns that cannot be had from these bars alone: a window does not see what was before."""
        self.__dict__.update(returns=returns, prices=prices)

    def write(self, folder: str | Path) -> None:
        """Writes the books into a folder; see `regimen.execution.ledger_files.write`."""
        from regimen.execution.ledger_files import write

        write(self, Path(folder))

    @classmethod
    def read(cls, folder: str | Path, bars: Bars | None = None) -> Ledger:
        """Reads books that `write` wrote; see `regimen.execution.ledger_files.read`."""
        from regimen.execution.ledger_files import read

        return read(Path(folder), bars)

    def to_dict(self) -> dict[str, Any]:
        """Returns the totals as plain numbers: for logs and reports."""
        return {
            "bars": len(self),
            "symbols": len(self.symbols),
            "fills": self.fills.num_rows,
            "final_equity": float(self.equity[-1]),
            "costs": {name: float(values.sum()) for name, values in self.costs.items()},
            "clips": self.clips,
            "liquidations": self.liquidations,
            "unpriced": self.unpriced,
            "ruined": self.ruined,
            "free": self.market.costs.is_free,
        }
