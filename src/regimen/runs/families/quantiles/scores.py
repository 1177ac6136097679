"""The quantiles that a run forecast out of sample, beside those of anybody who knows the volatility alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.labels import adjusted_prices
from regimen.metrics import DieboldMariano, diebold_mariano, pinball_losses
from regimen.predictors import SnapshotPredictor, TFTConfig, TorchPredictor
from regimen.records import RunDirectory
from regimen.runs.families.quantiles.garch import garch_deviations
from regimen.runs.families.quantiles.saved import rows_of_test, saved_classifier
from regimen.runs.prepare import Prepared
from regimen.splits import Window

Floats = NDArray[np.float64]
_MOST_SYMBOLS = 8
"""Of a panel whose symbols each get a GARCH."""


@dataclass(frozen=True, eq=False)
class Forecasted:
    """The quantiles of all test rows whose outcome is known at every horizon, in time.

    Attributes:
        times, symbols: (n,) positions of the rows.
        quantiles: (n, horizon, quantile), in trailing volatilities times √horizon.
        plain: of the same shape: the quantiles of the training rows of the row's window. In units of a volatility that
            is exponentially weighted, they are what whoever knows that volatility and nothing else would say.
        came: (n, horizon), in the same unit.
        garch: as ``plain``, in units of a GARCH(1,1) that is fitted on the window's training slice; None with too many
            symbols, or where bars are missing.
    """

    times: NDArray[np.intp]
    symbols: NDArray[np.intp]
    quantiles: Floats
    plain: Floats
    came: Floats
    garch: Floats | None = None


@dataclass(frozen=True)
class HorizonScore:
    """How good the quantiles of one horizon were.

    Attributes:
        bars: ahead.
        rows: that were forecast.
        pinball, plain: mean pinball losses, summed over the quantiles: of the model, and of `Forecasted.plain`.
        covered, covered_plain: shares that lay between the lowest and the highest quantile.
        against_plain: whether the model's losses are those of the plain quantiles.
        garch, against_garch: the same of those of GARCH; None without them.
        against_none: whether the losses of its median are those of no change; None where it forecasts no median.
    """

    bars: int
    rows: int
    pinball: float
    plain: float
    covered: float
    covered_plain: float
    against_plain: DieboldMariano
    against_none: DieboldMariano | None
    garch: float | None = None
    against_garch: DieboldMariano | None = None


def quantile_model(prepared: Prepared) -> TFTConfig | None:
    """Returns the config of the run's model where it forecasts quantiles."""
    model = prepared.config.model
    return model if isinstance(model, TFTConfig) else None


def forecasted(prepared: Prepared, directory: RunDirectory) -> Forecasted | None:
    """Returns the quantiles of a finished run, each test span by the model of its own window; None without a row."""
    config = quantile_model(prepared)
    if config is None:
        return None
    targets, levels = prepared.targets(config.learned), np.array(config.quantiles)
    parts = []
    for window in prepared.windows:
        model, _, scaler, seen = saved_classifier(prepared, directory, window)
        model = model.predictors[-1] if isinstance(model, SnapshotPredictor) else model
        assert isinstance(model, TorchPredictor)
        x, times, symbols = rows_of_test(model, scaler, seen, window)
        came = targets[times, symbols]
        known = np.isfinite(came).all(axis=1)
        if not known.any():
            continue
        quantiles = model.predict(x)["quantiles"][known]
        learned = targets[window.train.positions]
        learned = learned[np.isfinite(learned).all(axis=1)]
        plain = np.quantile(learned, levels, axis=0).T  # (horizon, quantile)
        at = times[known], symbols[known]
        parts.append(
            (*at, quantiles, np.broadcast_to(plain, quantiles.shape), came[known], _garch(prepared, window, config, at))
        )
    if not parts:
        return None
    times, symbols, quantiles, plain, came, garch = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Forecasted(times, symbols, quantiles, plain, came, garch if np.isfinite(garch).all() else None)


def _garch(
    prepared: Prepared, window: Window, config: TFTConfig, at: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> Floats:
    """Returns the quantiles (n, horizon, quantile) of what GARCH calls one deviation; NaN where it is not fitted.

    They are those of the training rows: whatever the law of the innovations is, it is theirs.
    """
    targets, levels = prepared.targets(config.learned), np.array(config.quantiles)
    close = adjusted_prices(prepared.bars).close[: window.test.stop]
    out = np.full((len(at[0]), len(config.horizons), len(levels)), np.nan)
    if close.shape[1] > _MOST_SYMBOLS or not np.isfinite(close).all():
        return out
    times, symbols = window.train.positions
    for symbol in range(close.shape[1]):
        returns = np.diff(np.log(close[:, symbol]), prepend=np.log(close[0, symbol]))
        deviations = garch_deviations(returns, slice(window.train.start, window.train.stop), config.horizons)
        root = np.sqrt(np.array(config.horizons))
        deviations /= prepared.volatility[: window.test.stop, symbol, None] * root  # in the unit of the targets
        own, rows = times[symbols == symbol], at[1] == symbol
        learned = targets[own, symbol] / deviations[own]
        quantiles = np.quantile(learned[np.isfinite(learned).all(axis=1)], levels, axis=0).T
        out[rows] = quantiles * deviations[at[0][rows], :, None]
    return out


def horizon_score(seen: Forecasted, config: TFTConfig, number: int) -> HorizonScore:
    """Returns how good the quantiles of one horizon were.

    On a panel the losses of a bar are averaged over its symbols before they are compared: symbols move together.

    Args:
        seen: what was forecast.
        config: of the model.
        number: of the horizon among its horizons.
    """
    levels, bars, came = np.array(config.quantiles), config.horizons[number], seen.came[:, number]
    each = [pinball_losses(part[:, number], came, levels) for part in (seen.quantiles, seen.plain)]
    ours, plain = (losses.sum(axis=1) for losses in each)
    inside = [(part[:, number, 0] <= came) & (came <= part[:, number, -1]) for part in (seen.quantiles, seen.plain)]
    _, place = np.unique(seen.times, return_inverse=True)

    def by_bar(losses: Floats) -> Floats:
        return np.asarray(np.bincount(place, losses) / np.bincount(place))

    horizon = min(bars, int(place.max()))  # fewer bars than the horizon say nothing about each other
    horizon = max(horizon, 1)
    none = None
    if 0.5 in config.quantiles:
        median = config.quantiles.index(0.5)
        no_change = pinball_losses(np.zeros(1), came, levels[median : median + 1])[:, 0]
        none = _compared(by_bar(each[0][:, median]), by_bar(no_change), horizon)
    garch = None
    if seen.garch is not None:
        garch = pinball_losses(seen.garch[:, number], came, levels).sum(axis=1)
    return HorizonScore(
        bars,
        len(came),
        float(ours.mean()),
        float(plain.mean()),
        float(inside[0].mean()),
        float(inside[1].mean()),
        _compared(by_bar(ours), by_bar(plain), horizon),
        none,
        None if garch is None else float(garch.mean()),
        None if garch is None else _compared(by_bar(ours), by_bar(garch), horizon),
    )


def _compared(ours: Floats, theirs: Floats, horizon: int) -> DieboldMariano:
    if len(ours) <= horizon:
        return DieboldMariano(float((ours - theirs).mean()), np.nan, np.nan, np.nan, 0, len(ours))
    return diebold_mariano(ours, theirs, horizon)
