"""How often the verdict that goes on is wrong in ten years, and how long it takes to see that a claim does not hold.

    python benchmarks/verdict.py [--paths N] [--years Y]

Days are 252 a year; Sharpe ratios are a year's. On every kind of path the claim of 1.5 is true once, and the truth is
0 or -1 else; "years" is the median of those that were decided in time, each path being looked at every day.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from regimen.monitoring import SequentialVerdictConfig
from regimen.seeding import generator

Floats = NDArray[np.float64]

DAYS, CLAIMED = 252, 1.5
KINDS = {
    "normal": "independent, normal",
    "heavy": "independent, Student-t with 3 degrees of freedom",
    "crashes": "independent, one day in a hundred loses 7 deviations",
    "garch": "GARCH(1, 1), Student-t with 5 degrees of freedom, persistence .97",
    "leaning": "autocorrelation .1 of days",
    "leaning more": "autocorrelation .3 of days",
    "seasons": "Sharpe 1.5 more and 1.5 less in turn, for 60 days on average",
    "long seasons": "the same for 250 days on average",
}


def shocks(kind: str, paths: int, days: int, random: np.random.Generator) -> Floats:
    """Returns (path, day) returns of mean 0 and deviation 1."""
    normal = random.standard_normal((paths, days))
    if kind == "heavy":
        return np.asarray(random.standard_t(3, (paths, days)) / math.sqrt(3.0))
    if kind == "crashes":
        crashes = np.where(random.random((paths, days)) < 0.01, -7.0, 0.0) + 0.07
        return np.asarray((0.6 * normal + crashes) / math.sqrt(0.36 + 49.0 * 0.01 * 0.99))
    if kind == "garch":
        tails, variance = random.standard_t(5, (paths, days)) / math.sqrt(5.0 / 3.0), np.ones(paths)
        for day in range(days):
            normal[:, day] = np.sqrt(variance) * tails[:, day]
            variance = 0.03 + 0.1 * normal[:, day] ** 2 + 0.87 * variance
    if kind.startswith("leaning"):
        lean = 0.3 if kind == "leaning more" else 0.1
        for day in range(1, days):
            normal[:, day] = lean * normal[:, day - 1] + math.sqrt(1.0 - lean**2) * normal[:, day]
    if kind.endswith("seasons"):
        turns = random.random((paths, days)) < 1.0 / (60 if kind == "seasons" else 250)
        sides = (turns.cumsum(axis=1) + random.integers(0, 2, (paths, 1))) % 2
        normal += (2.0 * sides - 1.0) * CLAIMED / math.sqrt(DAYS)
    return np.asarray(normal)


def decided(returns: Floats) -> tuple[Floats, Floats]:
    """Returns by path the days until the claim was contradicted, and until it was clear that something is earned."""
    test = SequentialVerdictConfig(claimed=CLAIMED, volatility=0.01 * math.sqrt(DAYS), days_per_year=DAYS).build()
    memory = test.initial((len(returns),))
    after = np.full((len(returns), 2), np.inf)
    limit = -math.log(test.config.level)
    for day, row in enumerate(returns.T, 1):
        memory = test.observe(memory, row)
        after[(memory.best >= limit) & np.isinf(after)] = day
    return after[:, 0], after[:, 1]


def shown(days: Floats) -> str:
    """Returns the share that was decided, and the median time of these."""
    ended = days[np.isfinite(days)]
    return f"{len(ended) / len(days):6.1%}" + (f" in {np.median(ended) / DAYS:4.1f} years" if len(ended) else "")


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--paths", type=int, default=1000)
    options.add_argument("--years", type=int, default=10)
    given = options.parse_args()
    print(f"{given.paths} paths of {given.years} years; ± {math.sqrt(0.05 * 0.95 / given.paths):.1%} at 5 %")
    for kind, words in KINDS.items():
        noise = shocks(kind, given.paths, given.years * DAYS, generator(0, "benchmark", kind))
        by_truth = {truth: decided(0.01 * (noise + truth / math.sqrt(DAYS))) for truth in (CLAIMED, 0.0, -1.0)}
        print(f"\n{words}")
        print(f"  wrong: {shown(by_truth[CLAIMED][0])} contradict a claim that is true")
        print(f"  wrong: {shown(by_truth[0.0][1])} say that something is earned where nothing is")
        print(f"  right: {shown(by_truth[0.0][0])} contradict it where nothing is earned")
        print(f"  right: {shown(by_truth[-1.0][0])} contradict it where the truth is -1")
        print(f"  right: {shown(by_truth[CLAIMED][1])} say that something is earned where the claim is true")


if __name__ == "__main__":
    main()
