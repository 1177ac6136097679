"""How often ADWIN rings on streams that never change, and how soon it sees one that does.

    python benchmarks/adwin.py [--streams N]

A stream has 2,000 values, the last 1,000 of which are others where something changes. "Rings" is the share of streams
with a false alarm in the 2,000 that stay as they are.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from regimen.monitoring import AdwinConfig
from regimen.seeding import generator

Floats = NDArray[np.float64]

VALUES = 2000
KINDS = {
    "wins": "a rate of losses, .2 and then .8, independent",
    "returns": "returns in deviations, GARCH(1, 1)-t, persistence .98; then half a deviation lower",
    "losses": "log losses of labels that overlap for 5 bars, 1 and then 1.3",
}


def stream(kind: str, changes: bool, random: np.random.Generator) -> Floats:
    """Returns (2000,) values."""
    after = changes * (np.arange(VALUES) >= VALUES // 2)
    if kind == "wins":
        return (random.random(VALUES) < np.where(after, 0.8, 0.2)).astype(float)
    if kind == "returns":
        tails, variance, values = random.standard_t(6, VALUES) / math.sqrt(1.5), 1.0, np.empty(VALUES)
        for t in range(VALUES):
            values[t] = math.sqrt(variance) * tails[t]
            variance = 0.02 + 0.05 * values[t] ** 2 + 0.93 * variance
        return values - 0.5 * after
    each = random.standard_exponential(VALUES + 4)
    return np.convolve(each, np.full(5, 0.2), "valid") + 0.3 * after


def looks(config: AdwinConfig, values: Floats) -> NDArray[np.int64]:
    """Returns after how many values the window let go of some."""
    detector = config.build()
    memory, changes = detector.initial(), []
    for value in values:
        memory = detector.observe(memory, float(value))
        changes.append(int(memory.changes))
    return np.flatnonzero(np.diff(changes, prepend=0)) + 1


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--streams", type=int, default=200)
    given = options.parse_args()
    ranges = {"wins": (0.0, 1.0), "returns": (-6.0, 6.0), "losses": (0.0, 5.0)}
    for kind, words in KINDS.items():
        low, high = ranges[kind]
        config = AdwinConfig(low=low, high=high)
        still, delays = 0, []
        for number in range(given.streams):
            still += len(looks(config, stream(kind, False, generator(number, "benchmark", kind)))) > 0
            changed = looks(config, stream(kind, True, generator(number, "benchmark", kind)))
            later = changed[changed > VALUES // 2]
            delays.append(later[0] - VALUES // 2 if len(later) else math.inf)
        missed = np.isinf(delays).mean()
        print(
            f"{words}\n  rings in {still / given.streams:.1%} of {given.streams} streams that stay as they are;", end=""
        )
        print(f" sees the change after {np.median(delays):.0f} values (median), misses {missed:.1%}")


if __name__ == "__main__":
    main()
