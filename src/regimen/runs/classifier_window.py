"""A classifier in one walk-forward window: scaler and model fitted on the training slice, then the exposure rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import RunError
from regimen.features import FeatureFrame
from regimen.policies import ClassifierPolicy, realised_volatility
from regimen.predictors import Predictor
from regimen.preprocess import StandardScaler
from regimen.runs.config import RunConfig
from regimen.runs.directory import read_json, write_json
from regimen.runs.fit import HISTORY, MODEL, Tell
from regimen.runs.prepare import Prepared, seen
from regimen.splits import Window
from regimen.training import Epoch, FitResult, TrainingData, fit

SCALER = "scaler.json"


@dataclass(frozen=True, eq=False)
class ClassifierDecider:
    """Scaler, predictor and exposure rule together."""

    policy: ClassifierPolicy

    def decide(self, bars: Bars, frame: FeatureFrame, start: int, stop: int) -> NDArray[np.float64]:
        """Returns the target exposures (stop − start, symbol) of bars [start, stop).

        Timing: row t uses bars <= t, all of them: the first rows of a span are as informed as they would be live.
        """
        rule, volatility = self.policy.rule, None
        if rule.volatility_target is not None:
            whole = realised_volatility(seen(bars).close[:stop], rule.volatility_window, bars.periods_per_year)
            volatility = whole[start:stop]
        return self.policy.exposures(frame.values[start:stop], volatility=volatility, present=bars.present[start:stop])

    def draw(self, bars: Bars, frame: FeatureFrame, start: int, stop: int) -> None:
        """Returns None: a classifier's policy has nothing to draw."""
        del bars, frame, start, stop


@dataclass(frozen=True, eq=False)
class ClassifierFit:
    """What the training slice of one window gave.

    Attributes:
        scaler, result: fitted on the training slice only; the result holds the predictor with its best weights.
        decider: scaler, predictor and exposure rule together.
        rows: training rows.
    """

    scaler: StandardScaler
    result: FitResult
    decider: ClassifierDecider
    rows: int

    def save(self, folder: Path) -> None:
        """Writes scaler, model and training history of a window."""
        write_json(folder / SCALER, {name: array.tolist() for name, array in self.scaler.state().items()})
        self.result.predictor.save(folder / MODEL)
        epochs = [
            {"epoch": e.epoch, "train_loss": e.train_loss, "val_loss": e.val_loss, "best": e.best}
            for e in self.result.history
        ]
        write_json(folder / HISTORY, {"best_epoch": self.result.best_epoch, "rows": self.rows, "epochs": epochs})


def fit_classifier(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> ClassifierFit:
    """Fits scaler and model on a window's training slice; its purged tail, the validation slice, stops the training.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: of weights and batches.
        checkpoint: folder of the checkpoint after each epoch; a training that was stopped goes on from it.
        tell: progress.
    """
    config, names, values = prepared.config, prepared.frame.names, prepared.frame.values
    scaler = StandardScaler.fit(values, window.train, names, clip=config.scaler.clip)
    data = TrainingData(
        x_train=scaler.take(values, window.train, names, np.float32),
        y_train=window.train.take(prepared.labels.y).astype(np.int64),
        x_val=scaler.take(values, window.validation, names, np.float32),
        y_val=window.validation.take(prepared.labels.y).astype(np.int64),
    )

    def on_epoch(epoch: Epoch) -> None:
        loss = "" if epoch.val_loss is None else f", validation {epoch.val_loss:.4f}"
        if tell is not None:
            tell(epoch.epoch, config.training.epochs, f"loss {epoch.train_loss:.4f}{loss}")

    predictor = config.predictor.build(inputs=len(names), seed=seed, schema=prepared.features.hash)
    result = fit(
        predictor, data, config.training, seed=seed, window=window.number, checkpoint=checkpoint, on_epoch=on_epoch
    )
    decider = ClassifierDecider(ClassifierPolicy(predictor, config.exposure, scaler))
    return ClassifierFit(scaler, result, decider, len(data.x_train))


def load_classifier(folder: Path, config: RunConfig, schema: str) -> ClassifierDecider:
    """Loads what `ClassifierFit.save` left in a folder.

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
    return ClassifierDecider(ClassifierPolicy(Predictor.load(folder / MODEL, schema=schema), config.exposure, scaler))
