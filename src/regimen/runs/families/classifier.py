"""A classifier in one walk-forward window: scaler and model fitted on the training slice, then the exposure rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from regimen.errors import RunError
from regimen.labels import CLASSES
from regimen.nets import pick_device, require_memory, training_bytes
from regimen.policies import Classifier, ClassifierPolicy, ExposureConfig, Preprocessed
from regimen.predictors import ModuleConfig, PredictorSettings, SnapshotPredictor, TorchPredictor
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig, write_json
from regimen.records.layout import HISTORY, LAST, MODEL, SNAPSHOTS, UNADAPTED
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
from regimen.runs.families.sizing import unconfirmed_rule
from regimen.runs.families.synthetic import with_samples
from regimen.runs.fit import Tell, tell_of_optimiser
from regimen.runs.prepare import Prepared
from regimen.runs.selection import sharpe_after_costs
from regimen.splits import Window
from regimen.training import Epoch, FitResult
from regimen.training import fit as train

_FEW = 2
"""A leak shows after so many epochs as well as after a hundred."""


@dataclass(frozen=True, eq=False)
class ClassifierFit:
    """What the training slice of one window gave.

    Attributes:
        chain, scaler, result: fitted on the training slice only; the result holds the predictor with its best weights.
        rule: the calibration of its probabilities, and the exposure rule.
        policy: preprocessing, scaler, predictor and rule together.
        rows: training rows.
    """

    chain: Chain
    scaler: StandardScaler
    result: FitResult
    rule: CalibratedRule
    policy: ClassifierPolicy | Preprocessed
    rows: int

    @property
    def model(self) -> TorchPredictor:
        """The predictor."""
        return self.result.predictor

    @property
    def was_chosen(self) -> bool:
        """Whether the validation slice may have chosen the epoch."""
        return True

    def save(self, folder: Path) -> None:
        """Writes scaler, calibration, the best and the last model, and the training history of a window."""
        write_chain(self.chain, folder)
        write_scaler(self.scaler, folder)
        self.rule.save(folder)
        predictor = self.result.predictor
        predictor.save(folder / MODEL)
        best = predictor.state()
        predictor.load_state(self.result.last)
        predictor.save(folder / LAST)
        for number, state in enumerate(self.result.earlier):
            predictor.load_state(state)
            predictor.save(folder / SNAPSHOTS / f"{number:02d}")
        if self.result.unadapted is not None:
            predictor.load_state(self.result.unadapted)
            predictor.save(folder / UNADAPTED)
        predictor.load_state(best)
        names = ("epoch", "train_loss", "val_loss", "score", "best")
        epochs = [{name: getattr(epoch, name) for name in names} for epoch in self.result.history]
        write_json(folder / HISTORY, {"best_epoch": self.result.best_epoch, "rows": self.rows, "epochs": epochs})


def fit(
    prepared: Prepared,
    window: Window,
    seed: int,
    checkpoint: Path | None = None,
    tell: Tell | None = None,
    previous: Path | None = None,
) -> ClassifierFit:
    """Fits scaler and model on a window's training slice; its purged tail, the validation slice, stops the training.

    The Sharpe ratio by which epochs may be chosen is that of the probabilities before they are calibrated: the
    calibration is fitted once, on what the chosen epoch says.

    Args:
        prepared: bars, features and labels.
        window: the window.
        seed: of weights and batches.
        checkpoint: folder of the checkpoint after each epoch; a training that was stopped goes on from it.
        tell: progress.
        previous: folder of the window whose weights it begins from; None: it begins anew. The scaler, the calibration
            and the optimiser are this window's own.

    Raises:
        ConfigError: a model that needs more memory than is free; windows as long as the training slice.
        DataError: rows that cannot be trained on.
    """
    config, model, names = prepared.config, prepared.config.model, prepared.frame.names
    assert isinstance(model, PredictorSettings)
    model.require_columns(names)
    device = pick_device(config.training.device, "training.device").type
    if not isinstance(model, ModuleConfig):  # a stranger's module may not be makeable without memory; the loop asks too
        needed = training_bytes(lambda: model.module(len(names), len(CLASSES)))
        require_memory(needed, "model", device)  # before there is a single weight
    chain, seen_by = preprocessed_by(prepared, window)
    paths, whole, prepared = augmented(prepared, window, seed, chain), prepared, seen_by
    scaler = fitted_scaler(prepared, window)
    predictor = model.build(inputs=len(names), seed=seed, schema=prepared.features.hash)
    if previous is not None:
        source = model.source if isinstance(model, ModuleConfig) else None
        predictor.load_state(TorchPredictor.load(previous / MODEL, schema=predictor.schema, source=source).state())
    data = training_data(prepared, window, scaler, predictor, paths)
    data = with_samples(prepared, window, seed, scaler, data)

    def on_epoch(epoch: Epoch) -> None:
        message = f"loss {epoch.train_loss:.4f}"
        message += "" if epoch.val_loss is None else f", validation {epoch.val_loss:.4f}"
        message += "" if epoch.score is None else f", Sharpe {epoch.score:.2f}"
        if tell is not None:
            numbers = {"train_loss": epoch.train_loss, "val_loss": epoch.val_loss, "validation_sharpe": epoch.score}
            numbers |= {"learning_rate": epoch.learning_rate, "seconds": epoch.seconds}
            tell(epoch.epoch, config.training.epochs, message, {k: v for k, v in numbers.items() if v is not None})

    alone = replace(prepared, config=config.model_copy(update={"band": None}))
    sizing = unconfirmed_rule(alone, window)

    def score(now: TorchPredictor) -> float:
        return sharpe_after_costs(prepared, window.validation, ClassifierPolicy(now, sizing, scaler))

    tell_of_optimiser(tell, config.training.epochs)
    try:
        result = train(
            predictor,
            data,
            config.training,
            seed=seed,
            window=window.number,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            score=score,
        )
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if not isinstance(model, ModuleConfig):
            raise
        rule = f"must not fail in its training ({type(error).__name__}: {error})"
        raise RunError("model", rule, model.source) from error
    speaker: Classifier = predictor
    if result.earlier:
        before = [model.build(inputs=len(names), seed=seed, schema=prepared.features.hash) for _ in result.earlier]
        for each, state in zip(before, result.earlier, strict=True):
            each.load_state(state)
        speaker = SnapshotPredictor([*before, predictor])
    raw = behind(chain, ClassifierPolicy(speaker, ExposureConfig(), scaler))
    calibrated = fit_calibrated_rule(whole, window, raw, fit, seed)
    policy = behind(chain, calibrated.policy(speaker, scaler))
    return ClassifierFit(chain, scaler, result, calibrated, policy, len(data.x_train))


def load(folder: Path, config: RunConfig, schema: str) -> ClassifierPolicy | Preprocessed:
    """Loads what `ClassifierFit.save` left in a folder.

    Args:
        folder: the window's folder.
        config: of the run.
        schema: hash of the features that will be fed; another one is refused.
    """
    source = config.model.source if isinstance(config.model, ModuleConfig) else None
    predictor, scaler = TorchPredictor.load(folder / MODEL, schema=schema, source=source), read_scaler(folder)
    speaker: Classifier = predictor
    if places := sorted((folder / SNAPSHOTS).glob("*")):
        before = [TorchPredictor.load(place, schema=schema, source=source) for place in places]
        speaker = SnapshotPredictor([*before, predictor])
    return behind(read_chain(folder, config), read_calibrated_rule(folder, config).policy(speaker, scaler))


def figures() -> tuple[Draw, ...]:
    """Returns what draws calibration and attention."""
    from regimen.runs.families.classifier_figures import draw_attention, draw_calibration

    return draw_calibration, draw_attention


def short(config: RunConfig) -> RunConfig:
    """Returns the same run with few epochs."""
    whole, epochs = config.training, min(_FEW, config.training.epochs)
    if whole.warmup_epochs >= whole.epochs:
        return config  # a mistake, which the first fit names by its own numbers
    warmup = whole.warmup_epochs * epochs / whole.epochs  # the same share of the training
    shorter = whole.model_copy(update={"epochs": epochs, "warmup_epochs": warmup})
    return config.model_copy(update={"training": shorter})
