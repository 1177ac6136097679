"""Models that learn on: samples a second, the forest beside River's own loop, and a bar of the policy.

    python benchmarks/online.py [--rows N] [--runs N] [--only logistic|forest|net|policy|stream ...]

One row is one label that falls due: it is predicted, then learned, one at a time. Medians of ``--runs`` passes over
``--rows`` rows of 60 features, one thread, by the processor's time, which a busy machine lengthens less than the
clock's. The forest and River's own loop are fed the same rows, and their probabilities must be equal.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.execution import Market
from regimen.labels import FixedHorizonConfig, LabelStep, LabelStream
from regimen.policies import ExposureConfig
from regimen.policies.online import NEVER, Carried, Learns, OnlinePolicy, StreamCalibrationConfig
from regimen.predictors import OnlineForestConfig, OnlineLogisticConfig, OnlineNetConfig

FEATURES, SEED = 60, 0
FOREST = OnlineForestConfig()
ONLY = ("logistic", "forest", "net", "policy", "stream")

Floats = NDArray[np.float64]


def rows_of(count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Returns learnable rows (count, 60) and their classes."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(count, FEATURES))
    return x, (0.3 * x[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1)


def bars_of(count: int) -> Bars:
    """Returns hourly bars of a random walk."""
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(SEED).normal(0.0, 0.01, count)))
    opens = np.concatenate([close[:1], close[:-1]])
    time = np.datetime64("2020-01-01") + np.arange(count) * np.timedelta64(1, "h")
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    return Bars.from_arrays(time, open=opens, high=high, low=low, close=close)


def pass_over(model: Learns, x: Floats, y: NDArray[np.int64]) -> Floats:
    """Predicts and then learns each row; returns the last probabilities."""
    said = np.empty((1, 3))
    for k in range(len(x)):
        said = model.predict_proba(x[k : k + 1])
        model.learn(x[k : k + 1], y[k : k + 1])
    return said


def river_alone(x: Floats, y: NDArray[np.int64]) -> Floats:
    """The same by River's own loop."""
    forest, said = FOREST.forest(SEED), {}
    for row, came in zip(x.tolist(), y.tolist(), strict=True):
        said = forest.predict_proba_one(dict(enumerate(row)))
        forest.learn_one(dict(enumerate(row)), came)
    return np.array([[said.get(k, 0.0) for k in range(3)]])


def seconds(work: Callable[[], object]) -> float:
    """Returns the processor's seconds of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def of_model(name: str, build: Callable[[], Learns], rows: int, runs: int) -> None:
    """Prints the samples a second of a model."""
    x, y = rows_of(rows)
    pass_over(build(), x[:64], y[:64])
    took = statistics.median(seconds(lambda: pass_over(build(), x, y)) for _ in range(runs))
    print(f"{name:28} {rows / took:12,.0f} samples/s {1e6 * took / rows:12.1f} µs a sample")


def beside_river(rows: int, runs: int) -> None:
    """Prints the forest beside River's own loop."""
    x, y = rows_of(rows)
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(seconds(lambda: pass_over(FOREST.build(FEATURES, SEED), x, y)))
        theirs.append(seconds(lambda: river_alone(x, y)))
    mine, own = statistics.median(ours), statistics.median(theirs)
    apart = np.abs(pass_over(FOREST.build(FEATURES, SEED), x, y) - river_alone(x, y)).max()
    print(f"{'forest':28} {rows / mine:12,.0f} samples/s {1e6 * mine / rows:12.1f} µs a sample")
    print(f"{'River alone':28} {rows / own:12,.0f} samples/s {1e6 * own / rows:12.1f} µs a sample")
    print(f"{'forest / River alone':28} {mine / own:12.3f}           largest difference {apart:.1e}")


def of_policy(rows: int, runs: int) -> None:
    """Prints what a bar of the whole policy takes: labels, learning, calibration, prediction, exposure."""
    bars = bars_of(rows)
    features = np.random.default_rng(SEED).normal(size=(rows, 1, FEATURES))
    history = Market().history(bars, features)
    step, empty = LabelStep.of(FixedHorizonConfig()), np.empty(0, np.int64)

    def walked() -> Floats:
        learner, calibration = OnlineLogisticConfig().build(FEATURES), StreamCalibrationConfig().build()
        carried = Carried(learner, calibration, NEVER, empty, np.empty((0, 1, 3)))
        return OnlinePolicy(carried, step, ExposureConfig()).exposures(history, 0, rows)

    walked()
    took = statistics.median(seconds(walked) for _ in range(runs))
    print(f"{'policy of the logistic':28} {rows / took:12,.0f} bars/s    {1e6 * took / rows:12.1f} µs a bar")


def of_stream(rows: int, runs: int) -> None:
    """Prints what a bar of the stream of labels takes."""
    bars = bars_of(rows)
    LabelStream(FixedHorizonConfig()).replay(bars)
    took = statistics.median(seconds(lambda: LabelStream(FixedHorizonConfig()).replay(bars)) for _ in range(runs))
    print(f"{'stream of labels':28} {rows / took:12,.0f} bars/s    {1e6 * took / rows:12.1f} µs a bar")


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=ONLY, default=list(ONLY))
    given = parser.parse_args()
    for name in given.only:
        if name == "logistic":
            of_model("online logistic", lambda: OnlineLogisticConfig().build(FEATURES), 20 * given.rows, given.runs)
        elif name == "net":
            of_model("network with replay", lambda: OnlineNetConfig().build(FEATURES), given.rows, given.runs)
        elif name == "forest":
            beside_river(max(given.rows // 5, 10), given.runs)
        elif name == "policy":
            of_policy(given.rows, given.runs)
        else:
            of_stream(4 * given.rows, given.runs)


if __name__ == "__main__":
    main()
