"""Quantiles of the price so many bars ahead: what a model that forecasts them says at the last bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.labels import adjusted_prices, trailing_volatility
from regimen.policies import CalibratedClassifier, ClassifierPolicy, History, Policy, innermost
from regimen.predictors import SnapshotPredictor, TFTConfig, TorchPredictor
from regimen.windows import Lanes


@dataclass(frozen=True)
class Ahead:
    """The quantiles of one symbol at one horizon.

    Attributes:
        bars: ahead of the last bar.
        close: when the bar so far ahead closes by the clock, UTC; a closed market opens later.
        levels: of the quantiles, ascending.
        moves: the quantiles, as fractions of the last close.
        prices: the same as prices.
    """

    bars: int
    close: str
    levels: tuple[float, ...]
    moves: tuple[float, ...]
    prices: tuple[float, ...]


def quantiles_ahead(
    policy: Policy, history: History, volatility_bars: int
) -> tuple[tuple[Ahead, ...] | None, ...] | None:
    """Returns the quantiles of each symbol and horizon; None for a model that forecasts none.

    Timing: what is known at the close of the last bar. Of a symbol that has no bar there, or of which the model sees
    nothing whole, None.

    Args:
        policy: of a window.
        history: bars and features up to the last bar.
        volatility_bars: of the run's labels, in whose trailing volatility the model forecasts.
    """
    inner, sight = innermost(policy, history)
    if not isinstance(inner, ClassifierPolicy):
        return None
    model = inner.classifier
    model = model.below if isinstance(model, CalibratedClassifier) else model
    model = model.predictors[-1] if isinstance(model, SnapshotPredictor) else model
    if not isinstance(model, TorchPredictor) or not isinstance(model.config, TFTConfig) or inner.scaler is None:
        return None
    config, bars, last = model.config, history.bars, len(history.bars) - 1
    scaled = inner.scaler.transform(sight.features, inner.scaler.names)
    lanes = Lanes.of(scaled, bars.present & np.isfinite(sight.features.sum(axis=2)))
    seen = np.flatnonzero(lanes.whole(config.context)[last])
    answers: list[tuple[Ahead, ...] | None] = [None] * len(bars.symbols)
    if not len(seen):
        return tuple(answers)
    unit = trailing_volatility(adjusted_prices(bars).close, volatility_bars)[last]
    quantiles = model.predict(lanes.windows(np.full(len(seen), last), seen, config.context))["quantiles"]
    for symbol, each in zip(seen.tolist(), quantiles, strict=True):
        if unit[symbol] > 0.0:
            answers[symbol] = tuple(
                _ahead(history, config, symbol, number, float(unit[symbol]), row) for number, row in enumerate(each)
            )
    return tuple(answers)


def _ahead(
    history: History, config: TFTConfig, symbol: int, number: int, unit: float, row: NDArray[np.float64]
) -> Ahead:
    bars, ahead = history.bars, config.horizons[number]
    moves = np.expm1(row * unit * np.sqrt(ahead))
    close = bars.time[-1] + np.timedelta64((ahead + 1) * bars.bar_length, "ns")
    prices = bars.close[-1, symbol] * (1.0 + moves)
    return Ahead(
        ahead,
        str(close.astype("datetime64[m]")).replace("T", " "),
        config.quantiles,
        tuple(moves.tolist()),
        tuple(prices.tolist()),
    )
