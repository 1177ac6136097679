"""Ensembles: the exposures of ten members mixed on 100,000 bars, by each way of learning weights.

    python benchmarks/ensembles.py [--rows N] [--members K] [--runs N] [--json]

What is measured is the mixing alone: the members' exposures are there. Medians of several runs after one that compiles.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from regimen.bars import Bars
from regimen.execution import Costs, MarketConfig
from regimen.policies.ensemble import DiscountedThompsonConfig, HedgeConfig, MeanConfig, Mixture, ThompsonConfig
from regimen.policies.ensemble.config import CombineConfig
from regimen.seeding import generator

WAYS: tuple[CombineConfig, ...] = (MeanConfig(), HedgeConfig(), ThompsonConfig(), DiscountedThompsonConfig())


class Given:
    """A policy whose exposures are known."""

    def __init__(self, exposures: np.ndarray) -> None:
        from regimen.observation import ObservationSchema

        self.rows, self.schema = exposures, ObservationSchema()

    def initial_state(self, symbols: int) -> np.ndarray:
        """Returns no memory."""
        return np.zeros((symbols, 0))

    def watch(self, moment: object, state: np.ndarray) -> np.ndarray:
        """Returns the state as it is."""
        del moment
        return state

    def act(self, moment: object, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Is not asked here."""
        raise NotImplementedError

    def exposures(self, history: object, start: int, stop: int) -> np.ndarray:
        """Returns the exposures (stop − start, symbol)."""
        del history
        return self.rows[start:stop]


def main() -> None:
    """Prints the median milliseconds of each way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    random = generator(0, "benchmark")
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 5e-3, arguments.rows)))
    opens = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    stamps = np.datetime64("2020-01-01", "h") + np.arange(arguments.rows)
    bars = Bars.from_arrays(stamps, open=opens, high=high, low=low, close=close, volume=close)
    history = MarketConfig(costs=Costs()).build().history(bars)
    assert len(history.tape.closes) == arguments.rows  # made once, as in a run
    members = [Given(random.uniform(-1.0, 1.0, (arguments.rows, 1))) for _ in range(arguments.members)]
    found = {}
    for way in WAYS:
        mixture = Mixture(members, way, Costs())
        mixture.exposures(history, 0, arguments.rows)
        seconds = []
        for _ in range(arguments.runs):
            begun = time.perf_counter()
            mixture.exposures(history, 0, arguments.rows)
            seconds.append(time.perf_counter() - begun)
        found[way.kind] = float(np.median(seconds)) * 1e3
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{arguments.members} members, {arguments.rows:,} bars")
    for kind, milliseconds in found.items():
        print(f"{kind:<22}{milliseconds:8.1f} ms   (aim: <= 50)")


if __name__ == "__main__":
    main()
