"""A model that its library fits once, in one walk-forward window: trees, or a classifier of the user's own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from regimen.policies import ClassifierPolicy, ExposureConfig, Preprocessed
from regimen.predictors import EstimatorSettings, OncePredictor
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, model_title, write_json
from regimen.records.layout import HISTORY, MODEL
from regimen.runs.families.augmented import augmented
from regimen.runs.families.calibrated_rule import CalibratedRule, fit_calibrated_rule, read_calibrated_rule
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
from regimen.runs.families.synthetic import with_samples
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
        rule: the calibration of its probabilities, and the exposure rule.
        policy: preprocessing, scaler, model and rule together.
        rows: training rows.
    """

    chain: Chain
    scaler: StandardScaler
    model: OncePredictor
    rule: CalibratedRule
    policy: ClassifierPolicy | Preprocessed
    rows: int

    @property
    def was_chosen(self) -> bool:
        """Whether validation rows decided how much of the model is kept, or how it is calibrated."""
        return self.model.was_chosen or self.rule.saw_validation

    def save(self, folder: Path) -> None:
        """Writes scaler and model, how the fit went, and what it warned of."""
        write_chain(self.chain, folder)
        write_scaler(self.scaler, folder)
        self.rule.save(folder)
        self.model.save(folder / MODEL)
        write_json(folder / HISTORY, {"rows": self.rows, "warnings": list(self.model.complaints)} | self.model.course)


def fit(
    prepared: Prepared, window: Window, seed: int, checkpoint: Path | None = None, tell: Tell | None = None
) -> EstimatorFit:
    """Fits scaler and model on a window's training slice; its validation slice stops those that are boosted.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: of everything random in the model.
        checkpoint: not used; a fit that was stopped begins again.
        tell: progress.

    Raises:
        ConfigError: its library is not installed; there is no classifier at the config's place, or it cannot be made or
            weighted as it says.
        DataError: rows that cannot be learned from.
        RunError: it fails.
    """
    del checkpoint
    config, model, names = prepared.config, prepared.config.model, prepared.frame.names
    assert isinstance(model, EstimatorSettings)
    chain, seen_by = preprocessed_by(prepared, window)
    paths, whole, prepared = augmented(prepared, window, seed, chain), prepared, seen_by
    scaler = fitted_scaler(prepared, window)
    own = torch_seed(seed, "window", window.number)
    predictor = model.build(inputs=len(names), seed=own, schema=prepared.features.hash)
    data = training_data(prepared, window, scaler, predictor, paths)
    data = with_samples(prepared, window, seed, scaler, data)

    def on_round(done: int, of: int, train_loss: float, val_loss: float | None) -> None:
        if tell is not None:
            message = f"loss {train_loss:.4f}" + ("" if val_loss is None else f", validation {val_loss:.4f}")
            numbers = {"train_loss": train_loss} | ({} if val_loss is None else {"val_loss": val_loss})
            tell(done, of, message, numbers)

    if tell is not None:
        tell(0, 1, f"fitting {model_title(config.model)} on {len(data.x_train):,} rows", {})
    validation = None if data.x_val is None or data.y_val is None else (data.x_val, data.y_val)
    predictor.fit(data.x_train, data.y_train, data.weights, validation, on_round)
    for complaint in predictor.complaints:
        _log.warning("window %d: %s", window.number + 1, complaint)
    raw = behind(chain, ClassifierPolicy(predictor, ExposureConfig(), scaler))
    calibrated = fit_calibrated_rule(whole, window, raw, fit, seed)
    policy = behind(chain, calibrated.policy(predictor, scaler))
    return EstimatorFit(chain, scaler, predictor, calibrated, policy, len(data.x_train))


def load(folder: Path, config: RunConfig, schema: str) -> ClassifierPolicy | Preprocessed:
    """Loads what `EstimatorFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run; an estimator's own source is where it says.
        schema: hash of the features that will be fed; another one is refused.
    """
    assert isinstance(config.model, EstimatorSettings)
    predictor = config.model.read(folder / MODEL, schema)
    return behind(
        read_chain(folder, config), read_calibrated_rule(folder, config).policy(predictor, read_scaler(folder))
    )


def figures() -> tuple[Draw, ...]:
    """Returns what draws calibration."""
    from regimen.runs.families.classifier_figures import draw_calibration

    return (draw_calibration,)


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with few rounds or trees; how long an estimator learns is a setting of its own."""
    assert isinstance(config.model, EstimatorSettings)
    return config.model_copy(update={"model": config.model.shortened()})
