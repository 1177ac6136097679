"""One walk-forward window: fit the scaler and the model on its training slice, decide on its test span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.files import write_bytes
from regimen.policies import ClassifierPolicy, realised_volatility
from regimen.predictors import Predictor
from regimen.preprocess import StandardScaler
from regimen.runs.config import RunConfig
from regimen.runs.directory import read_json, write_json
from regimen.runs.prepare import Prepared, seen
from regimen.splits import Window
from regimen.training import Epoch, FitResult, TrainingData, fit

SCALER, MODEL, CHECKPOINT, EXPOSURES, HISTORY = (
    "scaler.json",
    "model",
    "checkpoint",
    "exposures.npy",
    "history.json",
)


@dataclass(frozen=True, eq=False)
class Fit:
    """What the training slice of one window gave.

    Attributes:
        scaler, result: fitted on the training slice only; the result holds the predictor with its best weights.
        policy: scaler, predictor and exposure rule together.
        rows: training rows.
    """

    scaler: StandardScaler
    result: FitResult
    policy: ClassifierPolicy
    rows: int


def fit_model(
    prepared: Prepared,
    window: Window,
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Fit:
    """Fits scaler and model on a window's training slice; its purged tail, the validation slice, stops the training.

    Args:
        prepared: bars, features and labels.
        window: the window.
        checkpoint: folder of the checkpoint after each epoch; a training that was stopped goes on from it.
        on_epoch: progress.
    """
    config, names, values = prepared.config, prepared.frame.names, prepared.frame.values
    scaler = StandardScaler.fit(values, window.train, names, clip=config.scaler.clip)
    data = TrainingData(
        x_train=scaler.take(values, window.train, names, np.float32),
        y_train=window.train.take(prepared.labels.y).astype(np.int64),
        x_val=scaler.take(values, window.validation, names, np.float32),
        y_val=window.validation.take(prepared.labels.y).astype(np.int64),
    )
    predictor = config.model.build(inputs=len(names), seed=config.seed, schema=prepared.features.hash)
    result = fit(
        predictor,
        data,
        config.training,
        seed=config.seed,
        window=window.number,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    return Fit(scaler, result, ClassifierPolicy(predictor, config.exposure, scaler), len(data.x_train))


def save_fit(fit: Fit, folder: Path) -> None:
    """Writes scaler, model and training history of a window."""
    write_json(folder / SCALER, {name: array.tolist() for name, array in fit.scaler.state().items()})
    fit.result.predictor.save(folder / MODEL)
    epochs = [
        {"epoch": e.epoch, "train_loss": e.train_loss, "val_loss": e.val_loss, "best": e.best}
        for e in fit.result.history
    ]
    write_json(folder / HISTORY, {"best_epoch": fit.result.best_epoch, "rows": fit.rows, "epochs": epochs})


def load_policy(folder: Path, config: RunConfig, schema: str) -> ClassifierPolicy:
    """Loads the policy that `fit_window` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    state = read_json(folder / SCALER)
    try:
        scaler = StandardScaler.from_state(
            {
                name: np.array(np.nan if value is None else value, dtype=np.str_ if name == "names" else np.float64)
                for name, value in state.items()
            }
        )
    except (TypeError, ValueError):
        raise RunError("run", f"holds a damaged {SCALER}", str(folder)) from None
    return ClassifierPolicy(Predictor.load(folder / MODEL, schema=schema), config.exposure, scaler)


def decide(
    policy: ClassifierPolicy, bars: Bars, values: NDArray[np.float64], start: int, stop: int
) -> NDArray[np.float64]:
    """Returns the target exposures (stop − start, symbol) of bars [start, stop).

    Timing: row t uses bars <= t, all of them: the first rows of a span are as informed as they would be live.
    """
    rule, volatility = policy.rule, None
    if rule.volatility_target is not None:
        whole = realised_volatility(seen(bars).close[:stop], rule.volatility_window, bars.periods_per_year)
        volatility = whole[start:stop]
    return policy.exposures(values[start:stop], volatility=volatility, present=bars.present[start:stop])


def read_exposures(path: Path, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    """Reads a finished window's exposures (stop − start, symbol); None when the window is not finished."""
    if not path.exists():
        return None
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        raise RunError("run", "holds a damaged file of exposures", str(path)) from None
    if rows.shape != shape:
        raise RunError("run", f"holds exposures of another shape than {shape}", str(path))
    return np.asarray(rows, dtype=np.float64)


def write_exposures(path: Path, rows: NDArray[np.float64]) -> None:
    """Writes a window's exposures; the file's presence says that the window is finished."""
    buffer = BytesIO()
    np.save(buffer, rows)
    write_bytes(path, buffer.getvalue())
