"""A rule of the user's own: a function that is asked at every bar, and whose answer is looked at before it trades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from regimen.errors import RegimenError, RunError
from regimen.execution import History, Moment
from regimen.observation import Observation, ObservationSchema
from regimen.policies.exposure import ExposureConfig
from regimen.reprs import short

Floats = NDArray[np.float64]
PRICES = ("open", "high", "low", "close", "volume")
"""Columns of the bar itself, as it is traded; they stand behind those of the features."""


@final
class OwnRule:
    """The policy of `FunctionConfig`: ``function(observation, **settings) -> exposures``.

    The observation (symbol, column) has the run's features, ``volatility`` where the rule of exposure aims at one,
    ``target``, the exposure that the function chose last, and the bar's `PRICES`. Symbols without a bar, or of which
    something is not known yet, have no row in it; where none has one the function is not asked, and they are flat.

    *Timing:* decided with bars up to t. Its state is the exposure (symbol, 1) chosen last.

    Args:
        function: takes an observation, and returns a number for each of its rows, or one for all.
        settings: further arguments, by name.
        source: what errors call it.
        rule: what is allowed: ``max_exposure`` and ``long_only``; with a volatility target there is its column.
        names: of the feature columns.
    """

    def __init__(
        self,
        function: Callable[..., object],
        settings: Mapping[str, Any],
        source: str,
        rule: ExposureConfig,
        names: tuple[str, ...] = (),
    ) -> None:
        self.function, self.settings, self.source, self.rule = function, dict(settings), source, rule
        self._schema = ObservationSchema(
            inputs=len(names), volatility=rule.volatility_target is not None, target=True, names=names
        )
        self._columns = (*self._schema.columns, *PRICES)

    def __repr__(self) -> str:
        return short(self, self.source)

    @property
    def schema(self) -> ObservationSchema:
        """The features, the volatility where it is aimed at, and the exposure in force."""
        return self._schema

    def initial_state(self, symbols: int) -> Floats:
        """Returns zeros (symbol, 1): nothing is held."""
        return np.zeros((symbols, 1))

    def watch(self, moment: Moment, state: Floats) -> Floats:
        """Returns the state as it is: before trading begins nothing is chosen."""
        del moment
        return state

    def act(self, moment: Moment, state: Floats) -> tuple[Floats, Floats]:
        """Returns the exposures (symbol,) of symbols that each trade alone, and the next state; see `Policy.act`.

        Raises:
            RunError: the function fails, or answers with anything but exposures that are allowed.
        """
        tape = moment.tape
        prices = np.column_stack([each[-1] for each in (tape.opens, tape.highs, tape.lows, tape.closes, tape.volumes)])
        alone = self._asked(moment, prices, state[:, 0], tuple(f"symbol {s}" for s in range(len(state))))
        return alone, np.where(moment.present, alone, state[:, 0])[:, None]

    def exposures(self, history: History, start: int, stop: int) -> Floats:
        """Returns the exposures (stop − start, symbol) of bars [start, stop); errors name the symbols."""
        bars = history.bars
        prices = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=-1)
        alone, chosen = np.zeros((stop - start, len(bars.symbols))), np.zeros(len(bars.symbols))
        for t in range(start, stop):
            alone[t - start] = self._asked(history.at(t), prices[t], chosen, bars.symbols)
            chosen = np.where(bars.present[t], alone[t - start], chosen)
        return alone

    def _asked(self, moment: Moment, prices: Floats, chosen: Floats, symbols: tuple[str, ...]) -> Floats:
        parts = [moment.features[:, : self._schema.inputs]]
        if self._schema.volatility and moment.volatility is not None:
            parts.append(moment.volatility[:, None])
        rows = np.concatenate([*parts, chosen[:, None], prices], axis=1)
        known = moment.present & np.isfinite(rows[:, : self._schema.width]).all(axis=1)
        alone = np.zeros(len(known))
        if known.any():
            places = np.flatnonzero(known)
            alone[places] = self._answer(rows[places], int(moment.tape.stamps[-1]), [symbols[s] for s in places])
        return alone

    def _answer(self, rows: Floats, stamp: int, symbols: list[str]) -> Floats:
        """Asks the function, and looks at its answer; errors name the bar."""
        try:
            answer = self.function(Observation.of(rows, self._columns), **self.settings)
        except RegimenError as error:
            raise error.adding(f", asked by {self.source} {_at(stamp)}") from error
        except Exception as error:  # the user's code: any error is theirs to read
            raise RunError(self.source, f"must run {_at(stamp)} ({type(error).__name__}: {error})") from error
        try:
            values = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError):
            raise RunError(self.source, f"must return numbers {_at(stamp)}", answer) from None
        if values.shape not in ((), (len(symbols),)):
            rule = f"must return one number, or one for each of the {len(symbols)} rows, {_at(stamp)}"
            raise RunError(self.source, rule, values.shape)
        low, high = 0.0 if self.rule.long_only else -self.rule.max_exposure, self.rule.max_exposure
        values = np.broadcast_to(values, len(symbols))
        allowed = (values >= low) & (values <= high)
        if not allowed.all():  # NaN is not allowed either
            first = int(allowed.argmin())
            rule = f"must return exposures in [{low:g}, {high:g}] {_at(stamp)} of {symbols[first]}"
            raise RunError(self.source, rule, None if answer is None else float(values[first]))
        return values


def _at(stamp: int) -> str:
    return f"at the bar {np.datetime64(stamp, 'ns').astype('datetime64[s]')}"
