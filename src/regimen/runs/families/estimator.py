"""A classifier of the user's own library in one walk-forward window: fitted once, on the scaled training rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from regimen.policies import ClassifierPolicy, Preprocessed
from regimen.predictors import EstimatorConfig, EstimatorPredictor
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, write_json
from regimen.records.layout import HISTORY, MODEL
from regimen.runs.families.augmented import augmented
from regimen.runs.families.family import Draw
from regimen.runs.families.rows import training_data
from regimen.runs.families.scaling import (
    behind,
    fitted_scaler,
    preprocessed_by,
    read_chain,
    read_scaler,
    write_chain,
    write_scaler,
)
from regimen.runs.fit import Tell
from regimen.runs.prepare import Prepared
from regimen.seeding import torch_seed
from regimen.splits import Window

_log = logging.getLogger("regimen.runs")


@dataclass(frozen=True, eq=False)
class EstimatorFit:
    """What the training slice of one window gave.

    Attributes:
        chain, scaler, model: fitted on the training slice only.
        policy: preprocessing, scaler, estimator and exposure rule together.
        rows: training rows.
    """

    chain: Chain
    scaler: StandardScaler
    model: EstimatorPredictor
    policy: ClassifierPolicy | Preprocessed
    rows: int
    was_chosen: ClassVar[bool] = False

    def save(self, folder: Path) -> None:
        """Writes scaler and estimator, and what it warned of."""
        write_chain(self.chain, folder)
        write_scaler(self.scaler, folder)
        self.model.save(folder / MODEL)
        write_json(folder / HISTORY, {"rows": self.rows, "warnings": list(self.model.complaints)})


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> EstimatorFit:
    """Fits scaler and estimator on a window's training slice; its validation slice decides nothing.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: what each ``random_state`` that was left open comes from.
        checkpoint: not used; a fit that was stopped begins again.
        tell: progress.

    Raises:
        ConfigError: there is no classifier at the config's place, or it cannot be made or weighted as it says.
        RunError: it fails.
    """
    del checkpoint
    config, model, names = prepared.config, prepared.config.model, prepared.frame.names
    assert isinstance(model, EstimatorConfig)
    chain, seen_by = preprocessed_by(prepared, window)
    paths, prepared = augmented(prepared, window, seed, chain), seen_by
    scaler = fitted_scaler(prepared, window)
    own = torch_seed(seed, "window", window.number)
    predictor = model.build(inputs=len(names), seed=own, schema=prepared.features.hash)
    data = training_data(prepared, window, scaler, predictor, paths)
    if tell is not None:
        tell(0, 1, f"fitting {model.source} on {len(data.x_train):,} rows", {})
    predictor.fit(data.x_train, data.y_train, data.weights)
    for complaint in predictor.complaints:
        _log.warning("window %d: %s", window.number + 1, complaint)
    policy = behind(chain, ClassifierPolicy(predictor, config.exposure, scaler))
    return EstimatorFit(chain, scaler, predictor, policy, len(data.x_train))


def load(folder: Path, config: RunConfig, schema: str) -> ClassifierPolicy | Preprocessed:
    """Loads what `EstimatorFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run; the estimator's own source is where it says.
        schema: hash of the features that will be fed; another one is refused.
    """
    assert isinstance(config.model, EstimatorConfig)
    predictor = EstimatorPredictor.load(folder / MODEL, schema=schema, source=config.model.source)
    return behind(read_chain(folder, config), ClassifierPolicy(predictor, config.exposure, read_scaler(folder)))


def figures() -> tuple[Draw, ...]:
    """Returns nothing: an estimator has no pictures of its own."""
    return ()


def short(config: RunConfig) -> RunConfig:
    """Returns the config as it is: how long an estimator learns is a setting of its own."""
    return config
