"""The bars of a run one at a time, as a live process would meet them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from regimen.execution import Feed, Moment
from regimen.features import FeatureSet
from regimen.policies import RunningVolatility
from regimen.runs.prepare import Prepared


def moments(prepared: Prepared) -> Iterator[Moment]:
    """Yields what is known at the close of each bar, made from that bar and from what is kept of those before it.

    Features come from their stream, the account's tape from a feed, the volatility from its running twin. Only columns
    that are functions of a whole frame have no stream: those are the run's own.
    """
    bars, config = prepared.bars, prepared.config
    names, symbols = prepared.features.names, bars.symbols
    steps = FeatureSet(prepared.features.steps) if prepared.features.steps else None
    stream = None if steps is None else steps.stream(symbols)
    streamed = [] if steps is None else [(names.index(name), k) for k, name in enumerate(steps.names) if name in names]
    to, of = (np.array([pair[side] for pair in streamed], np.int64) for side in (0, 1))
    functions = [k for k, name in enumerate(names) if k not in to]
    splits, funding = "adjustment" in bars.extras, bars.extras.get("funding_rate")
    feed = Feed(len(symbols), config.market.costs, splits=splits, funding=funding is not None)
    payouts = prepared.history.tape.payouts
    rule, volatility = config.exposure, None
    if rule.volatility_target is not None:
        volatility = RunningVolatility(len(symbols), rule.volatility_bars, bars.periods_per_year)
    first = np.full(len(symbols), np.nan)
    for t, stamp in enumerate(bars.time):
        bar = np.stack([getattr(bars, name)[t] for name in ("open", "high", "low", "close", "volume")])
        present = ~np.isnan(bar[:4]).any(axis=0)
        factor = bars.extras["adjustment"][t] if splits else np.ones(len(symbols))
        first = np.where(np.isnan(first) & present, factor, first)
        scale = factor / first if splits else factor
        prices, volumes = bar[:4] * scale, bar[4] / scale
        rows = np.full((len(symbols), len(names)), np.nan)
        for s in np.flatnonzero(present):
            extras = {name: float(column[t, s]) for name, column in bars.extras.items()}
            extras |= {name: extras[name] * float(scale[s]) for name in ("bid", "ask") if splits and name in extras}
            extras |= {"adjustment": 1.0} if splits else {}
            if stream is not None:
                o, h, lo, c = (float(price) for price in prices[:, s])
                row = stream.push(stamp, o, h, lo, c, float(volumes[s]), symbol=symbols[s], extras=extras)
                rows[s, to] = row[of]
            rows[s, functions] = prepared.frame.values[t, s, functions]
        risk = None if volatility is None else volatility.push(np.where(present, prices[3], np.nan))
        tape = feed.push(
            int(stamp.astype("datetime64[ns]").astype(np.int64)),
            bar,
            listed=bars.listed[t],
            adjustment=factor if splits else None,
            funding=None if funding is None else funding[t],
            payouts=payouts,
        )
        yield Moment(tape, rows, present, bars.listed[t], risk)
