"""Trees through Regimen beside each library's own call, in one process, on the same rows with the same settings.

    python benchmarks/trees.py [--rows N] [--runs N]

Medians of ``--runs`` fits of each, taken in turn, one thread, by the processor's time, which a busy machine lengthens
less than the clock's; and of as many predictions of all rows. Both watch the training rows and a fifth as many
validation rows, and stop by these; making the library's own table of the rows is part of both. The last column is the
largest difference between their probabilities.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray

from regimen.predictors import ExtraTreesConfig, ForestConfig, LightGBMConfig, XGBoostConfig
from regimen.predictors.trees import TreeSettings

FEATURES, SEED = 60, 0
MODELS: tuple[TreeSettings, ...] = (
    LightGBMConfig(n_estimators=100),
    XGBoostConfig(n_estimators=100),
    ForestConfig(n_estimators=20),
    ExtraTreesConfig(n_estimators=20),
)

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]
Asked = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def rows_of(count: int, seed: int) -> Rows:
    """Returns learnable rows (count, 60) and their classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, FEATURES)).astype(np.float32)
    return x, (0.3 * x[:, :3] + rng.gumbel(size=(count, 3))).argmax(axis=1)


def ours(config: TreeSettings, train: Rows, validation: Rows) -> Asked:
    """Fits through Regimen; returns what is asked for probabilities."""
    predictor = config.build(FEATURES, seed=SEED)
    predictor.fit(*train, validation=validation)
    return predictor.predict_proba


def theirs(config: TreeSettings, train: Rows, validation: Rows) -> Asked:
    """Fits by the library's own call; returns what is asked for probabilities."""
    if isinstance(config, LightGBMConfig):
        settings = config.parameters(SEED)
        data = lightgbm.Dataset(*train, params=settings)
        sets = [data, data.create_valid(*validation)]
        stop = lightgbm.early_stopping(config.patience or 1, verbose=False)
        own = lightgbm.train(
            settings, data, config.n_estimators, valid_sets=sets, valid_names=["train", "validation"], callbacks=[stop]
        )
        return lambda x: own.predict(x, num_threads=1)  # type: ignore[return-value]
    if isinstance(config, XGBoostConfig):
        table = xgboost.QuantileDMatrix(*train, nthread=1)
        watched = [(table, "train"), (xgboost.QuantileDMatrix(*validation, ref=table, nthread=1), "validation")]
        booster = xgboost.train(
            config.parameters(SEED),
            table,
            config.n_estimators,
            evals=watched,
            callbacks=[xgboost.callback.EarlyStopping(rounds=config.patience or 1, save_best=True)],
            verbose_eval=False,
        )
        return booster.inplace_predict
    forest: Any = config.unfitted(SEED)  # type: ignore[attr-defined]
    asked: Asked = forest.fit(*train).predict_proba
    return asked


def seconds(action: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Returns the processor's seconds of a call, and what it returns."""
    start = time.process_time()
    result = action(*arguments)
    return time.process_time() - start, result


def main() -> None:
    """Measures and prints one line for each kind of trees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=15_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    train, validation = rows_of(given.rows, 1), rows_of(given.rows // 5, 2)
    print(f"{given.rows:,} rows x {FEATURES} features, one thread, medians of {given.runs} runs taken in turn, CPU s")
    print(f"{'model':12} {'fit':>9} {'own':>9} {'ratio':>6} {'predict':>9} {'own':>9} {'ratio':>6} {'apart':>7}")
    for config in MODELS:
        fits: tuple[list[float], list[float]] = [], []
        asks: tuple[list[float], list[float]] = [], []
        for _ in range(given.runs):
            answers = []
            for place, way in enumerate((ours, theirs)):
                spent, asked = seconds(way, config, train, validation)
                fits[place].append(spent)
                spent, answer = seconds(asked, train[0])
                asks[place].append(spent)
                answers.append(answer)
        fit, own = (statistics.median(each) for each in fits)
        predict, beside = (statistics.median(each) for each in asks)
        apart = float(np.abs(answers[0] - answers[1]).max())
        print(
            f"{config.kind:12} {fit:7.3f} s {own:7.3f} s {fit / own:6.2f} "
            f"{predict * 1e3:6.1f} ms {beside * 1e3:6.1f} ms {predict / beside:6.2f} {apart:7.0e}"
        )


if __name__ == "__main__":
    main()
