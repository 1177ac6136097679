"""Made rows: what a model learns from them alone, how near they are to the training rows, and how long a fit takes.

    regimen bench synthetic -- --data btcusdt-1h.parquet [--kind tabddpm | timegan] [--train N] [--seeds N] [--json]
    regimen bench synthetic -- --speed 50000

With bars, one walk-forward window after another: a model is trained on the real training rows, on as many rows of the
generator, on as many of the block bootstrap (the control that must be beaten), and on real ones with a fifth more of
either. Each is scored on the window's real test rows by its skill in log loss over the classes' shares, ``1 − loss /
loss of the shares``. Memorisation: how far synthetic rows are from the nearest training row, over how far real test
rows are; below 1 they are nearer than the market's own next rows are, at 0 they are copies.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

from regimen.augment import LearnedRows, TabDDPMConfig, TimeGANConfig, nearest
from regimen.predictors import CNNConfig, LogisticConfig
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, resolve
from regimen.runs.families.augmented import augmented
from regimen.runs.families.rows import training_data
from regimen.runs.prepare import Prepared, prepare
from regimen.seeding import generator
from regimen.splits import Window
from regimen.splits.slices import make_slice
from regimen.training import TrainingData, fit

KINDS = {"tabddpm": (TabDDPMConfig, {"kind": "logistic"}), "timegan": (TimeGANConfig, {"kind": "cnn", "context": 32})}


def main() -> None:
    """Prints a table, or seconds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="bars")
    parser.add_argument("--start", help="first bar, such as 2021-01-01")
    parser.add_argument("--end", help="bars before this")
    parser.add_argument("--kind", choices=sorted(KINDS), default="tabddpm")
    parser.add_argument("--train", type=int, default=8000, help="bars of a training slice")
    parser.add_argument("--test", type=int, default=2000, help="bars of a test span")
    parser.add_argument("--windows", type=int, default=4, help="windows, the last ones")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--steps", type=int, help="of the generator's descent")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--speed", type=int, metavar="ROWS", help="only the seconds of a fit on so many rows of 60 columns"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.speed:
        result: Any = {kind: seconds(kind, arguments.speed, arguments.steps) for kind in sorted(KINDS)}
    elif arguments.data:
        result = compared(arguments)
    else:
        parser.error("needs --data or --speed")
    if arguments.json:
        print(json.dumps(result))
    elif arguments.speed:
        for kind, (fitting, making) in result.items():
            print(f"{kind:8}  fit on {arguments.speed:,} rows {fitting:6.1f} s   a fifth as many made {making:6.1f} s")
    else:
        print(f"{'learned from':24}{'skill':>9}{'error':>8}{'distance':>10}")
        for name, (skill, error, distance) in result.items():
            print(f"{name:24}{skill:9.4f}{error:8.4f}" + (f"{distance:10.2f}" if distance is not None else ""))


def seconds(kind: str, rows: int, steps: int | None) -> tuple[float, float]:
    """Returns the processor seconds of a fit, on one thread, and of making a fifth as many rows."""
    random = generator(0, "benchmark")
    x = random.normal(size=(rows, 60)) @ random.normal(size=(60, 60)) / 8.0
    if kind == "timegan":
        x = np.lib.stride_tricks.sliding_window_view(x, 16, axis=0).swapaxes(1, 2)
    part = make_slice("train", 0, np.ones((len(x), 1), dtype=np.bool_), len(x))
    config = KINDS[kind][0](**({} if steps is None else {"steps": steps}))
    begun = time.process_time()
    drawn = config.fit(LearnedRows(x, random.integers(0, 3, len(x))), part, 0)
    fitted = time.process_time()
    drawn.rows(math.ceil(0.2 * len(x)), 0)
    return fitted - begun, time.process_time() - fitted


def compared(arguments: argparse.Namespace) -> dict[str, tuple[float, float, float | None]]:
    """Returns by what was learned from: mean skill, its standard error over windows and seeds, relative distance."""
    make, model = KINDS[arguments.kind]
    config = resolve(
        {
            "data": {"path": arguments.data, "start": arguments.start, "end": arguments.end},
            "model": model,
            "splits": {"train": arguments.train, "test": arguments.test},
            "training": {"epochs": arguments.epochs},
            "augment": [{"kind": "block_bootstrap", "paths": 1}],
        }
    )
    assert isinstance(config, RunConfig)
    generators = make(**({} if arguments.steps is None else {"steps": arguments.steps}))
    prepared = prepare(config)
    skills: dict[str, list[float]] = {}
    distances: dict[str, list[float]] = {}
    for window in prepared.windows[-arguments.windows :]:
        for seed in range(arguments.seeds):
            real, test, paths = rows_of(prepared, window, seed)
            count = len(real.y_train)
            drawn = generators.fit(LearnedRows(real.x_train, real.y_train), window.train, seed).rows(count, seed)
            limit = np.float32(5.0)
            drawn = drawn._replace(x=np.clip(drawn.x[:], -limit, limit))
            chosen = np.sort(
                generator(seed, "fifth").choice(len(paths.y), min(len(paths.y), math.ceil(0.2 * count)), replace=False)
            )
            fifth = slice(0, math.ceil(0.2 * count))
            every = {
                "real rows": real,
                f"{arguments.kind} alone": only(real, drawn),
                "block bootstrap alone": only(real, paths),
                f"real + 20 % {arguments.kind}": more(real, LearnedRows(drawn.x[fifth], drawn.y[fifth])),
                "real + 20 % bootstrap": more(real, LearnedRows(paths.x[chosen], paths.y[chosen])),
            }
            for name, data in every.items():
                skills.setdefault(name, []).append(skill(prepared, data, test, seed))
            print(", ".join(f"{name} {each[-1]:.4f}" for name, each in skills.items()), file=sys.stderr, flush=True)
            to = flat(real.x_train)
            usual = np.median(nearest(flat(test.x), to)[1])
            for name, each_rows in ((f"{arguments.kind} alone", drawn), ("block bootstrap alone", paths)):
                distances.setdefault(name, []).append(
                    float(np.median(nearest(flat(each_rows.x)[:2000], to)[1]) / usual)
                )
    return {
        name: (
            float(np.mean(each)),
            float(np.std(each, ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan"),
            float(np.mean(distances[name])) if name in distances else None,
        )
        for name, each in skills.items()
    }


def rows_of(prepared: Prepared, window: Window, seed: int) -> tuple[TrainingData, LearnedRows, LearnedRows]:
    """Returns a window's real training rows, its test rows, and the rows of one resampled path."""
    names = prepared.frame.names
    scaler = StandardScaler.fit(prepared.frame.values, window.train, names, clip=5.0)
    predictor = prepared.config.model.build(inputs=len(names), schema=prepared.features.hash)  # type: ignore[union-attr]
    real = training_data(prepared, window, scaler, predictor)
    paths = augmented(prepared, window, seed, Chain())
    both = training_data(prepared, window, scaler, predictor, paths)
    tested = replace(window, validation=window.test)
    test = training_data(prepared, tested, scaler, predictor)
    count = len(real.y_train)
    rest = np.arange(count, len(both.y_train))
    assert test.x_val is not None
    assert test.y_val is not None
    known = np.flatnonzero(test.y_val >= 0)  # the last rows of a test span have no label yet
    return real, LearnedRows(test.x_val[known], test.y_val[known]), LearnedRows(both.x_train[rest], both.y_train[rest])


def only(real: TrainingData, rows: LearnedRows) -> TrainingData:
    """Returns synthetic rows in place of the real ones; the validation rows stay real."""
    return replace(real, x_train=rows.x, y_train=rows.y, rows=None)


def more(real: TrainingData, rows: LearnedRows) -> TrainingData:
    """Returns real rows, and made ones after them."""
    x = np.concatenate([real.x_train[:], rows.x[:]])
    return replace(real, x_train=x, y_train=np.concatenate([real.y_train, rows.y]), rows=None)


def skill(prepared: Prepared, data: TrainingData, test: LearnedRows, seed: int) -> float:
    """Returns ``1 − log loss / log loss of the classes' shares`` of the training rows, on the test rows."""
    model = prepared.config.model
    assert isinstance(model, LogisticConfig | CNNConfig)
    predictor = model.build(inputs=data.x_train.shape[-1], seed=seed)
    fitted = fit(predictor, data, prepared.config.training, seed=seed).predictor
    likely = np.clip(fitted.predict_proba(test.x[:]), 1e-12, None)
    shares = np.bincount(data.y_train, minlength=3) / len(data.y_train)
    loss = -np.log(likely[np.arange(len(test.y)), test.y]).mean()
    return float(1.0 - loss / -np.log(shares[test.y]).mean())


def flat(x: Any) -> np.ndarray:
    """Returns rows (n, number), a window as one row."""
    return np.asarray(x[:]).reshape(len(x), -1)


if __name__ == "__main__":
    main()
