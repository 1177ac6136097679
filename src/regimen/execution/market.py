"""`Market`: a place to trade bars at, by the rules of its `MarketConfig`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import ConfigError, DataError
from regimen.execution.account import Rules
from regimen.execution.backtest import Recorder
from regimen.execution.columns import CASH, EQUITY, MARK, UNITS
from regimen.execution.config import MarketConfig
from regimen.execution.costs import Costs
from regimen.execution.ledger import Ledger
from regimen.execution.moment import History, feature_rows
from regimen.execution.policy import Policy
from regimen.execution.policy import targets as targets_of
from regimen.execution.tape import Tape, payouts
from regimen.observation import Accounts, Observation, ObservationSchema, observe_symbols

Floats = NDArray[np.float64]
DUST = 1e-12
"""A difference of this fraction of the equity is rounding and no order: it would pay fixed commissions."""


class Market:
    """A place to trade bars at: ``Market(costs=Costs(commission_bps=1.0), latency_bars=1)``.

    Args:
        config: the rules; or give the fields of `MarketConfig` by name.
    """

    def __init__(self, config: MarketConfig | None = None, **fields: Any) -> None:
        if config is not None and fields:
            config = MarketConfig(**{**dict(config), **fields})
        self.config = config or MarketConfig(**fields)

    def __repr__(self) -> str:
        return repr(self.config).replace("MarketConfig", "Market", 1)

    @property
    def costs(self) -> Costs:
        """What trading and holding cost here."""
        return self.config.costs

    def rules(self) -> Rules:
        """Returns the numbers that the account step reads."""
        config, costs = self.config, self.config.costs
        return Rules(
            commission=costs.commission_bps * 1e-4,
            fixed=costs.commission_fixed,
            spread=costs.half_spread_bps * 1e-4,
            impact=costs.impact_coefficient,
            borrow=costs.borrow_annual,
            financing=costs.financing_annual,
            cap=math.inf if config.participation_cap is None else config.participation_cap,
            lot=config.lot_size,
            leverage=config.leverage,
            maintenance=config.maintenance_margin,
            intrabar=float(config.intrabar_margin),
            every_bar=float(config.rebalance == "every_bar"),
            band=max(config.rebalance_band, DUST),
            stamp_duty=costs.stamp_duty_bps * 1e-4,
        )

    def tape(self, bars: Bars) -> Tape:
        """Returns the bars as the account step reads them."""
        return Tape.of(bars, self.costs, self.config.delisting)

    def history(self, bars: Bars, features: object = None, volatility: Floats | None = None) -> History:
        """Returns what a policy may see of bars that are traded here.

        Args:
            bars: (time, symbol) market data.
            features: a `FeatureFrame` of these bars, an array (time, symbol, feature), or None for none; row t uses
                bars <= t.
            volatility: (time, symbol) annualised (`regimen.policies.realised_volatility`), for a policy that sees it.

        Raises:
            DataError: a part of another shape than the bars.
        """
        rows, names = feature_rows(features, bars)
        config = self.config.at(bars)
        return History(bars, rows, config.costs, config.delisting, volatility, names)

    def backtest(
        self,
        bars: Bars,
        policy: object,
        start: int = 0,
        stop: int | None = None,
        *,
        features: object = None,
        volatility: Floats | None = None,
        tape: Tape | None = None,
    ) -> Ledger:
        """Trades a policy, a function of the observation, or target exposures; keeps every fill, fee and mark.

        Timing: what is decided with bars <= t fills at the open of ``t + latency_bars`` at the earliest; the last
        ``latency_bars`` rows never fill. All three forms go through the same compiled step and give the same bits.

        Args:
            bars: (time, symbol) market data.
            policy: one of three. A `Policy`, whose exposures are shared among the symbols listed. Or a function
                ``f(observation) -> (symbol,)`` targets, called after the close of each bar with (symbol, width): the
                features, then position, cash and drawdown of this account, by place or by name; see `Observation`.
                Or targets: (time, symbol) signed fractions of equity, or (time,) for one symbol. A target of NaN keeps
                the last.
            start, stop: trade bars [start, stop) only, with an account opened at ``start``; targets of
                other rows do not trade. The ledger covers these bars. Unlike a backtest of
                ``bars.window(start, stop)`` it knows the volatility before ``start`` (it prices the impact).
            features, volatility: what a policy or a function sees; see `history`.
            tape: `tape` of the same bars, for whoever backtests them many times; made anew unless given.

        Raises:
            DataError: targets of another shape, not numeric or infinite; bars that cannot be traded (see
                `Tape.of`); an equity beyond what a float holds.
            ConfigError: an expert that knows the future; not 0 <= start < stop <= len(bars); a tape of other bars,
                costs or delisting; a ``delisting`` that is no extra of the bars.
            RunError: features that are not those of the policy.
        """
        if getattr(policy, "knows_the_future", False):
            rule = "must not know the future: it labels states for an agent that is cloned from it, and cannot trade"
            raise ConfigError("policy", rule, type(policy).__name__)
        stop = len(bars) if stop is None else stop
        if not 0 <= start < stop <= len(bars):
            raise ConfigError("start/stop", f"must satisfy 0 <= start < stop <= {len(bars)}", (start, stop))
        config = self.config.at(bars)
        rules = config.build().rules()
        decides = callable(policy) and not hasattr(policy, "act")
        if hasattr(policy, "act"):
            rows = np.full(bars.shape, np.nan)
            rows[start:stop] = targets_of(cast(Policy, policy), self.history(bars, features, volatility), start, stop)
        else:
            rows = np.full(bars.shape, np.nan) if decides else check_targets(policy, bars)
        tape = self.tape(bars) if tape is None else check_tape(tape, bars, config)
        recorder = Recorder(
            tape,
            rules,
            rows,
            self.config.latency_bars,
            self.config.initial_cash,
            start,
            stop,
        )
        if decides:
            function = cast(Callable[[Floats], object], policy)
            _decide(recorder, function, self.history(bars, features), rows)
        else:
            recorder.run(start, stop)
        last = float(recorder.book[0, -1])
        if not math.isfinite(last):
            row = start + int((~np.isfinite(recorder.book[0])).argmax())
            raise DataError("targets", f"must not earn more than a float holds; equity overflows at row {row}", last)
        covered = bars if stop - start == len(bars) else bars.window(start, stop)
        return Ledger.of(covered, config, rows[start:stop], recorder)


def _decide(recorder: Recorder, function: Callable[[Floats], object], history: History, rows: Floats) -> None:
    """Asks a function of the observation after each bar, and writes its targets into ``rows``."""
    features, bars = history.features, history.bars
    symbols = features.shape[1]
    schema = ObservationSchema(inputs=features.shape[2], account=True, names=history.names)
    columns, ones = schema.columns, np.ones(symbols)
    peak = recorder.cash
    for t in range(recorder.start, recorder.stop):
        recorder.run(t, t + 1)
        account, positions = recorder.account[0], recorder.positions[0]
        peak = max(peak, float(account[EQUITY]))
        values = positions[:, UNITS] * positions[:, MARK]
        accounts = Accounts(values, ones * account[CASH], ones * account[EQUITY], ones * peak, ones, ones)
        seen = observe_symbols(schema, features[t : t + 1], np.ones(symbols, np.bool_), accounts)
        rows[t] = check_row(function(Observation.of(seen, columns)), bars, t)


def check_tape(tape: Tape, bars: Bars, config: MarketConfig) -> Tape:
    """Returns the tape if the step can read it for these bars: a foreign one would be read past its end."""
    if tape.volumes is not bars.volume:
        raise ConfigError("tape", "must be made of the bars that are traded", tape.closes.shape)
    impact = config.costs.impact_coefficient
    if (impact > 0.0) != (tape.variances.shape[0] > 0):
        raise ConfigError("tape", "must be made for the same impact_coefficient", impact)
    if not np.array_equal(tape.payouts, payouts(bars, config.delisting)):
        raise ConfigError("tape", "must be made for the same delisting", config.delisting)
    return tape


def check_targets(targets: object, bars: Bars) -> Floats:
    """Returns targets as a contiguous (time, symbol) array that nobody else can change."""
    try:
        rows = np.asarray(targets, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("targets", "must be numbers of shape (time, symbol)", type(targets).__name__) from None
    if rows.shape == bars.shape[:1] and bars.shape[1] == 1:
        rows = rows[:, None]
    if rows.shape != bars.shape:
        raise DataError("targets", f"must have the shape of the bars, (time, symbol) = {bars.shape}", rows.shape)
    # The largest magnitude is infinite only if a target is; fmin and fmax pass over NaN, without a temporary.
    if not (np.isfinite(np.fmax.reduce(rows, axis=None)) and np.isfinite(np.fmin.reduce(rows, axis=None))):
        infinite = np.isinf(rows)
        if infinite.any():
            t, s = divmod(int(infinite.argmax()), bars.shape[1])
            raise DataError(
                "targets",
                f"must be finite, or NaN to keep; row {t}, symbol {bars.symbols[s]}",
                float(rows[t, s]),
            )
    return np.array(rows, order="C")


def check_row(row: object, bars: Bars, t: int) -> Floats:
    """Returns one decision as a (symbol,) array."""
    try:
        values = np.asarray(row, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("policy", f"must return numbers of shape (symbol,) at bar {t}", type(row).__name__) from None
    if values.ndim == 0:
        values = values[None]
    if values.shape != (bars.shape[1],):
        raise DataError("policy", f"must return the shape ({bars.shape[1]},) at bar {t}", values.shape)
    if np.isinf(values).any():
        raise DataError("policy", f"must return finite targets, or NaN to keep, at bar {t}", values.tolist())
    return values
