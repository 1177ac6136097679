"""`Program`: a sequence of steps compiled into fused loops, run over a series or over one bar."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from regimen.errors import ConfigError
from regimen.jit import CompileError
from regimen.scan.compiled import Run, compile_reason, compiled_scan
from regimen.scan.source import layouts, scan_source, state_classes
from regimen.scan.step import Bar, Floats, Recurrence, Series, States

GROUP_COLUMNS = 14
"""Columns fused into one loop: enough for the processor to overlap recurrences, few enough for its registers.
Measured, 27 indicators over a million bars: by 4 columns 66, by 8 64, by 14 61, all at once 65 ms."""
BLOCK = 512
"""Bars that every loop handles before the next loop starts, so that a block of rows stays in the cache."""


class Program:
    """Steps that share one compiled loop nest.

    Args:
        items: the recurrences, in the order that they run in.

    Attributes:
        columns: values in an output row.
        inputs: names of the exogenous columns, in the order of the rows of `Series.extras`.

    Raises:
        ConfigError: a step does not compile, or returns a state of other types than its initial state.
    """

    def __init__(self, items: Sequence[Recurrence]) -> None:
        self.items = tuple(items)
        self.inputs = tuple(sorted({name for item in self.items for name in item.inputs}))
        self.columns = sum(target >= 0 for item in self.items for target in item.targets)
        self._at, self._total = layouts(self.items)
        self._source, self._groups = scan_source(self.items, self.inputs, GROUP_COLUMNS)

    @cached_property
    def _run(self) -> Run:
        steps = {f"step{i}": item.step for i, item in enumerate(self.items)}
        names: dict[str, Any] = {"Bar": Bar, "NAN": np.nan, "INF": np.inf}
        for i, item in enumerate(self.items):
            names |= state_classes(item.state, f"State{i}")
        try:
            return compiled_scan(self._source, steps, names, self._nothing)
        except CompileError as error:
            if len(self.items) > 1:
                for item in self.items:  # find the culprit, whose own message is raised
                    alone = replace(item, targets=tuple(range(len(item.targets))))
                    Program((alone,)).compile()
                raise
            rule = (
                "must compile without allocating, and return (state, output): the state in its declared types, "
                f"one value for each name ({compile_reason(error)})"
            )
            raise ConfigError(f"features.{self.items[0].name}.step", rule) from error

    def compile(self) -> None:
        """Compiles the loops, or reads them from the disk cache; otherwise the first run does so."""
        self._run  # noqa: B018

    def _nothing(self, run: Run) -> None:
        o, h, lo, c, v = np.empty((5, 0))
        series = Series(np.empty(0, np.int64), o, h, lo, c, v, np.empty((len(self.inputs), 0)))
        self._call(run, (0, 0), (0, self._groups), 0, series, self.start(1), np.empty((0, 1, self.columns)))

    @staticmethod
    def _call(
        run: Run,
        bars: tuple[int, int],
        groups: tuple[int, int],
        symbol: int,
        series: Series,
        states: States,
        out: Floats,
    ) -> None:
        run(
            *bars, BLOCK, *groups, symbol,
            series.time, series.open, series.high, series.low, series.close, series.volume, series.extras,
            states.floats, states.ints, states.rings, out,
        )  # fmt: skip

    def start(self, symbols: int) -> States:
        """Returns the initial states of so many symbols."""
        leaves = [leaf for item in self.items for leaf in item.leaves]
        floats = np.array([value for kind, value in leaves if kind == "float"], dtype=np.float64)
        ints = np.array([value for kind, value in leaves if kind != "float"], dtype=np.int64)
        return States(
            np.tile(floats, (symbols, 1)),
            np.tile(ints, (symbols, 1)),
            np.zeros((symbols, self._total.ring_at)),
        )

    def advance(self, symbol: int, series: Series, states: States, out: Floats) -> None:
        """Runs one symbol over its bars: moves its states on and fills ``out[:, symbol, :]``.

        Args:
            symbol: row of the states, and position in the output.
            series: the symbol's bars.
            states: changed in place.
            out: (time, symbol, column), C order.
        """
        run = self._run
        try:
            self._call(run, (0, len(series.time)), (0, self._groups), symbol, series, states, out)
        except Exception as error:
            raise self._blamed(error, series) from error

    def _blamed(self, error: Exception, series: Series) -> ConfigError:
        """Returns what a step raised as one line with the step's name, found by running each step alone."""
        for item in self.items:
            alone = Program((replace(item, targets=tuple(range(len(item.targets)))),))
            inputs = [self.inputs.index(name) for name in alone.inputs]
            mine = replace(series, extras=np.ascontiguousarray(series.extras[inputs]))
            out = np.empty((len(series.time), 1, alone.columns))
            try:
                alone._call(alone._run, (0, len(series.time)), (0, alone._groups), 0, mine, alone.start(1), out)
            except Exception as own:  # noqa: BLE001  the user's code may raise anything
                error = own
                name = f"features.{item.name}.step"
                break
        else:
            name = "features"
        message = " ".join(str(error).split())
        return ConfigError(name, f"must not raise ({type(error).__name__}{': ' if message else ''}{message})")

    def advance_all(self, panel: Sequence[Series], states: States, out: Floats, threads: int = 1) -> None:
        """Like `advance` for every symbol; threads share the symbols, then the groups of one symbol."""
        if threads == 1:
            for symbol, series in enumerate(panel):
                self.advance(symbol, series, states, out)
            return
        run = self._run
        parts = min(self._groups, -(-threads // len(panel)))
        cuts = [round(part * self._groups / parts) for part in range(parts + 1)]
        with ThreadPoolExecutor(threads) as pool:
            futures = [
                pool.submit(self._call, run, (0, len(series.time)), (first, last), symbol, series, states, out)
                for symbol, series in enumerate(panel)
                for first, last in pairwise(cuts)
            ]
            for series, future in zip([series for series in panel for _ in range(parts)], futures, strict=True):
                try:
                    future.result()
                except Exception as error:
                    raise self._blamed(error, series) from error
