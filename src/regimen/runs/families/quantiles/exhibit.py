"""How good a run's quantiles were out of sample, and the fan of the last test bars: its exhibit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from regimen.labels import adjusted_prices
from regimen.metrics import DieboldMariano
from regimen.numerals import count, number, percent
from regimen.predictors import TFTConfig
from regimen.records import RunDirectory
from regimen.reporting.report import Curve, Drawing, Exhibit
from regimen.runs.families.quantiles.scores import Forecasted, HorizonScore, forecasted, horizon_score, quantile_model
from regimen.runs.prepare import Prepared

_FAN_BARS = 240


def show_quantiles(prepared: Prepared, directory: RunDirectory) -> Iterator[Exhibit]:
    """Yields the scores of a run's quantiles and a fan of them; nothing for a model that forecasts none."""
    config = quantile_model(prepared)
    seen = None if config is None else forecasted(prepared, directory)
    if config is None or seen is None:
        return
    scores = [horizon_score(seen, config, number) for number in range(len(config.horizons))]
    outer = percent(config.quantiles[-1] - config.quantiles[0], 0)
    bars = prepared.config.labels.volatility_bars
    yield Exhibit(
        key="quantiles",
        title="Quantiles",
        sentences=(
            f"{count(scores[0].rows)} rows out of sample. Forecast are the {_levels(config)} quantiles of the log "
            "return from close to close, in trailing volatilities times √horizon; the loss is the pinball loss in that "
            "unit, summed over the quantiles.",
            "EWMA: the quantiles of the training rows in that unit, whose volatility is exponentially weighted over "
            f"{count(bars)} bars. GARCH: those in units of a GARCH(1,1) that was fitted on the training slice. The "
            "median is compared with that of no change, 0.",
            "Tested by Diebold and Mariano with a variance that knows of overlap: t below 0 means that the model is "
            "better, p how often chance alone is as far from 0.",
            _verdict(scores),
        ),
        columns=(
            "bars ahead",
            "loss",
            "of EWMA",
            "of GARCH",
            "t, p against EWMA",
            "t, p against GARCH",
            "t, p of the median",
            f"{outer} interval held",
        ),
        rows=tuple(_row(score) for score in scores),
        drawings=(_fan(prepared, seen, config),),
    )


def _levels(config: TFTConfig) -> str:
    each = [percent(level, 0 if round(100 * level, 9).is_integer() else 1) for level in config.quantiles]
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} and {each[-1]}"


def _row(score: HorizonScore) -> tuple[str, ...]:
    return (
        count(score.bars),
        number(score.pinball, 4),
        number(score.plain, 4),
        number(score.garch, 4),
        _test(score.against_plain),
        _test(score.against_garch),
        _test(score.against_none),
        f"{percent(score.covered)} (EWMA {percent(score.covered_plain)})",
    )


def _test(test: DieboldMariano | None) -> str:
    return "–" if test is None else f"{number(test.statistic, 2, plus=True)}, {_chance(test.p)}"


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else number(p, 3)


def _verdict(scores: Sequence[HorizonScore]) -> str:
    """Says at which horizons the model is proved better, or worse, at a level that all its tests share."""
    tests = {
        "EWMA": [(score.bars, score.against_plain) for score in scores],
        "GARCH": [(score.bars, score.against_garch) for score in scores if score.against_garch is not None],
    }
    level = 0.05 / sum(map(len, tests.values()))
    words = []
    for name, each in tests.items():
        sure = [(bars, test.mean) for bars, test in each if test.p < level]
        better = [f"{bars}" for bars, mean in sure if mean < 0.0]
        worse = [f"{bars}" for bars, mean in sure if mean > 0.0]
        if better:
            words.append(f"better than {name} at {_at(better)}")
        if worse:
            words.append(f"worse than {name} at {_at(worse)}")
    verdict = ", ".join(words) or f"neither better nor worse than {' or '.join(n for n, each in tests.items() if each)}"
    return f"At 5 % over all of these tests together the model is {verdict}."


def _at(horizons: Sequence[str]) -> str:
    return f"{'horizon' if len(horizons) == 1 else 'horizons'} {', '.join(horizons)}"


def _fan(prepared: Prepared, seen: Forecasted, config: TFTConfig) -> Drawing:
    """Draws the outer quantiles, the median and what came, as moves of the price, of the last bars of one symbol."""
    bars = prepared.bars
    rows = np.flatnonzero(seen.symbols == seen.symbols[-1])[-_FAN_BARS:]
    times, symbols = seen.times[rows], seen.symbols[rows]
    ahead = config.horizons[-1]
    unit = prepared.volatility[times, symbols] * np.sqrt(ahead)
    close = adjusted_prices(bars).close
    came = np.log(close[times + ahead, symbols] / close[times, symbols])
    moves = 100.0 * np.expm1(seen.quantiles[rows, -1] * unit[:, None])
    middle = int(np.argmin(np.abs(np.array(config.quantiles) - 0.5)))
    x = tuple(str(stamp.astype("datetime64[s]")) for stamp in bars.time[times])

    def line(values: NDArray[np.float64]) -> tuple[float | None, ...]:
        return tuple(float(value) for value in values)

    name = f"{percent(config.quantiles[middle], 0)} quantile"
    symbol = bars.symbols[symbols[-1]]
    note = f"{symbol}: {count(ahead)} bars ahead, in per cent; band: from the lowest to the highest quantile."
    drawn = (
        Curve(name, line(moves[:, middle]), x, line(moves[:, 0]), line(moves[:, -1]), style="policy"),
        Curve("what came", line(100.0 * np.expm1(came)), x, style="reference"),
    )
    return Drawing("lines", "Fan of the quantiles over the last test bars", note, drawn)
