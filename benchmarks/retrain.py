"""How often retraining is asked for where nothing changes, how soon where something does, and who is promoted.

    python benchmarks/retrain.py [--streams N] [--duels N] [--only alarms | windows | duels]

No model is trained: the detectors and the judge are functions of arrays, and these are drawn. A stream has a year of
hourly bars that the detectors are fitted on, and behind it a year that stays as it is, or changes once. A duel has a
year of hourly rows with labels that reach over 12 bars, and two forecasters of them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import binomtest

from regimen.monitoring import (
    ChangesConfig,
    MeanShift,
    SequentialVerdictConfig,
    Streams,
    TrainingCard,
    WagerConfig,
    growth_units,
    loss_units,
    wager,
)
from regimen.seeding import generator

Floats = NDArray[np.float64]

YEAR, MONTH, DAY = 8760, 730, 24
SOON = 100
"""Bars within which a change should be seen."""
PERSISTENCE = {"volatility without memory": 0.0, "volatility clusters for a day": 0.93, "for four days": 0.98}
CHANGES = {
    "none": "nothing changes",
    "volatility": "the volatility doubles",
    "flip": "the rule that the model knows turns round",
    "fade": "the rule that the model knows is gone",
}


def drawn(kind: str, persistence: float, random: np.random.Generator) -> tuple[Streams, Streams]:
    """Returns the streams of a year before and of a year after, of a model that knows the market's rule.

    The next bar rises with the chance 1 / (1 + exp(−x)), x normal; ranges are lognormal around a volatility whose
    logarithm has a deviation of .25 and this autocorrelation from bar to bar.
    """
    count = 2 * YEAR
    after = np.arange(count) >= YEAR
    x, noise = random.standard_normal((2, count))
    level = lfilter([math.sqrt(1.0 - persistence**2)], [1.0, -persistence], noise)
    volatility = np.exp(0.25 * level) * np.where(after & (kind == "volatility"), 2.0, 1.0)
    ranges = 0.01 * volatility * np.exp(0.35 * random.standard_normal(count))
    rule = np.where(after, {"flip": -1.0, "fade": 0.0}.get(kind, 1.0), 1.0)
    rises = random.random(count) < 1.0 / (1.0 + np.exp(-rule * x))
    chance = 1.0 / (1.0 + np.exp(-np.abs(x)))
    hit = rises == (x > 0.0)
    moves = 0.01 * volatility * random.standard_normal(count)
    means = {
        "volatility": ranges,
        "loss": -np.log(np.where(hit, chance, 1.0 - chance)),
        "confidence": chance - hit,
        "coverage": (np.abs(moves) > 0.01 * 1.75).astype(np.float64),
    }
    days = np.where(rule[DAY - 1 :: DAY] > 0.0, 0.09, -0.09) * (rule[DAY - 1 :: DAY] != 0.0)
    days = 0.01 * (random.standard_normal(count // DAY) + days)
    rows = np.stack([x, np.log(ranges), random.standard_normal(count)], axis=1)
    ends = np.arange(DAY - 1, YEAR, DAY)
    first, second = slice(0, YEAR), slice(YEAR, count)
    return (
        Streams({name: values[first] for name, values in means.items()}, rows[first]),
        Streams({name: values[second] for name, values in means.items()}, rows[second], days[YEAR // DAY :], ends),
    )


def card_of(reference: Streams, config: ChangesConfig) -> TrainingCard:
    """Returns the card of a year; its backtest claims a Sharpe ratio of 1.7."""
    claim = SequentialVerdictConfig(claimed=0.09 * math.sqrt(365.25), volatility=0.01 * math.sqrt(365.25))
    return TrainingCard.of(reference, config, 8766.0, names=("x", "range", "noise"), claim=claim)


def rung(kind: str, persistence: float, streams: int, config: ChangesConfig) -> Iterator[tuple[int, str]]:
    """Yields for each stream the bar at which something rang first, and what it was; −1 where nothing did."""
    for number in range(streams):
        reference, live = drawn(kind, persistence, generator(number, "benchmark retrain", kind, str(persistence)))
        rings = card_of(reference, config).rings(live)
        yield (rings[0].bar, rings[0].detector) if rings else (-1, "")


def alone(persistence: float, streams: int, config: ChangesConfig) -> Iterator[int]:
    """Yields the bar at which the volatility rang, with the whole level for itself, where nothing changes; or −1."""
    for number in range(streams):
        sides = drawn("none", persistence, generator(number, "benchmark retrain", "none", str(persistence)))
        reference, live = (Streams({"volatility": each.means["volatility"]}) for each in sides)
        rings = TrainingCard.of(reference, config, 8766.0).rings(live)
        yield rings[0].bar if rings else -1


def rate(bars: Sequence[int]) -> str:
    """Returns the share of months that ring, where the first ring ends a stream."""
    first = np.where(np.array(bars) < 0, YEAR, bars)
    rings, months = int((first < YEAR).sum()), int(np.minimum(first // MONTH + 1, 12).sum())
    interval = binomtest(rings, months).proportion_ci(0.95, "exact")
    return f"{rings / months:.2%} of months ring (95 % {interval.low:.2%} to {interval.high:.2%})"


def alarms(streams: int, config: ChangesConfig) -> None:
    """Prints the drift table."""
    print(f"nominal: {config.level:.0%} of months ring though nothing changes, all detectors together")
    for words, persistence in PERSISTENCE.items():
        print(f"\n{words}, {streams} streams of a year")
        for kind, change in CHANGES.items():
            bars, names = zip(*rung(kind, persistence, streams, config), strict=True)
            if kind == "none":
                print(f"  {change:42} {rate(bars)}")
                print(
                    f"  {'the same, one detector with all of it':42} {rate(list(alone(persistence, streams, config)))}"
                )
                continue
            first = np.where(np.array(bars) < 0, YEAR, bars)
            soon, late = (first < SOON).mean(), (first >= YEAR).mean()
            by = max(set(names), key=names.count)
            print(
                f"  {change:42} {soon:.1%} in {SOON} bars, median {np.median(first) + 1:.0f}, missed {late:.1%}; {by}"
            )


def windows(streams: int, level: float) -> None:
    """Prints how soon the volatility's detector sees a doubling with other windows and other parts of the level."""
    ways = {
        "72 hours, a seventh of the level": ((72, level / 7),),
        "24 hours, a seventh": ((24, level / 7),),
        "72 and 24 hours, half of a seventh each": ((72, level / 14), (24, level / 14)),
        "72 and 168 hours, half of a seventh each": ((72, level / 14), (168, level / 14)),
        "72 hours, the whole level": ((72, level),),
    }
    for words, persistence in PERSISTENCE.items():
        print(f"\n{words}, {streams} streams of a year, the volatility alone")
        for way, parts in ways.items():
            quiet, soon = [], 0
            for kind in ("none", "volatility"):
                for number in range(streams):
                    random = generator(number, "benchmark retrain", kind, str(persistence))
                    reference, live = (each.means["volatility"] for each in drawn(kind, persistence, random))
                    first = min(_first(reference, live, window, share) for window, share in parts)
                    soon += kind == "volatility" and first < SOON
                    quiet += [first if first < YEAR else -1] if kind == "none" else []
            print(f"  {way:42} {soon / streams:.1%} in {SOON} bars; {rate(quiet)}")


def _first(reference: Floats, live: Floats, window: int, share: float) -> int:
    shift = MeanShift.of(reference, window, 6, share, MONTH, "both", logs=True)
    rings = shift.rings(live)
    return int(shift.places(len(rings))[rings.argmax()]) if rings.any() else YEAR


def forecasts(kind: str, count: int, random: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Returns the probabilities of two forecasters (time, class), and what came, over labels of 12 bars.

    A label is the sign of the next 12 moves' sum, HOLD where it is small. The first foretells from a signal with noise
    of its own; the second as well ("alike"), with less noise ("better") or with more ("worse"). "lasting": alike, and
    both say the same for as long as a label reaches.
    """
    reach = 12
    signal = lfilter([math.sqrt(0.19)], [1.0, -0.9], random.standard_normal(count + reach))
    moves = random.standard_normal(count + reach) + 0.12 * signal
    ahead = np.convolve(moves, np.ones(reach), "valid")[1 : count + 1] / math.sqrt(reach)
    classes = np.digitize(ahead, [-0.4, 0.4])
    noises = {"alike": (1.0, 1.0), "lasting": (1.0, 1.0), "better": (2.0, 0.5), "worse": (0.5, 2.0)}[kind]
    sides = []
    for size in noises:
        lean = 0.25 * (signal[:count] + size * random.standard_normal(count))
        if kind == "lasting":
            lean = np.repeat(0.3 * random.standard_normal(count // reach), reach)
        logits = np.stack([-lean, np.full(count, -0.15), lean], axis=1)
        chances = np.exp(logits)
        sides.append(chances / chances.sum(axis=1, keepdims=True))
    return sides[0], sides[1], classes


def growths(kind: str, count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Returns the log growth of two accounts on the same bars; the second's Sharpe is 3 higher where it is better."""
    both = 0.004 * random.standard_t(4, count)
    edges = {"alike": 0.0, "better": 3.0, "worse": -3.0, "crashes": 0.0}[kind]
    if kind == "crashes":  # wins a little, loses much once in 500 bars; nothing on average
        gap = np.where(random.random(count) < 0.002, -0.0499, 0.0001)
    else:
        gap = 0.003 * (random.standard_t(4, count) / math.sqrt(2.0) + edges / math.sqrt(8766.0))
    return both, both + gap


def duels(number: int) -> None:
    """Prints who is promoted."""
    rows, by_day = WagerConfig(block=48, gap=12), WagerConfig(block=24)
    print(f"\n{number} duels of a year; promoted at wealth 20, so 5.0 % of what is no better at most")
    for kind in ("alike", "lasting", "worse", "better"):
        pairs = [forecasts(kind, YEAR, generator(k, "benchmark duel", kind)) for k in range(number)]
        first, second, classes = (np.stack(part) for part in zip(*pairs, strict=True))
        _tell(f"log loss, the second {kind}", loss_units(first, second, classes), rows)
        if kind == "lasting":
            careless = WagerConfig(block=1)
            _tell("  the same without gaps, row by row", loss_units(first, second, classes), careless)
    for kind in ("alike", "worse", "better", "crashes"):
        pairs_of = [growths(kind, YEAR, generator(k, "benchmark growth", kind)) for k in range(number)]
        mine, theirs = (np.stack(part) for part in zip(*pairs_of, strict=True))
        _tell(f"growth, the second {kind}", growth_units(mine, theirs, by_day.block), by_day)


def _tell(words: str, units: Floats, config: WagerConfig) -> None:
    bars = wager(units, config).reaches(config.level)
    share, error = (bars >= 0).mean(), math.sqrt(0.05 * 0.95 / len(bars))
    days = f"after {np.median(bars[bars >= 0]) / DAY:.0f} days (median)" if (bars >= 0).any() else ""
    print(f"  {words:42} {share:6.1%} promoted (± {error:.1%}) {days}")


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--streams", type=int, default=200)
    options.add_argument("--duels", type=int, default=400)
    options.add_argument("--only", choices=["alarms", "windows", "duels"])
    options.add_argument("--level", type=float, default=0.05)
    options.add_argument("--window", type=int, default=72)
    given = options.parse_args()
    if given.only in (None, "windows"):
        windows(given.streams, given.level)
    if given.only in (None, "alarms"):
        alarms(given.streams, ChangesConfig(level=given.level, window=given.window))
    if given.only in (None, "duels"):
        duels(given.duels)


if __name__ == "__main__":
    main()
