"""A run's newest model that can be adapted again and again: its weights change, and nothing around them does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from regimen.errors import ConfigError
from regimen.policies import Policy
from regimen.predictors import ModuleConfig, PredictorSettings, TorchPredictor
from regimen.preprocess import Chain, StandardScaler
from regimen.records import RunConfig
from regimen.records.layout import MODEL, UNADAPTED
from regimen.runs.families.calibrated_rule import CalibratedRule, read_calibrated_rule
from regimen.runs.families.scaling import behind, read_chain, read_scaler
from regimen.runs.families.wrapped import behind_wrappers
from regimen.runs.prepare import Prepared
from regimen.windows import Lanes, SeriesWindows

State = dict[str, NDArray[np.generic]]
"""Weights and buffers by name."""


class Rows(NamedTuple):
    """Labelled rows, in time.

    Attributes:
        times, symbols: (n,) position of the bar and of the symbol.
        ends: (n,) position of the last bar that the label looked at.
    """

    times: NDArray[np.int64]
    symbols: NDArray[np.int64]
    ends: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """Returns some of them."""
        return Rows(*(column[mask] for column in self))

    def last(self, number: int, until: int) -> Rows:
        """Returns the last so many rows of each symbol whose label looked at no bar from ``until`` on."""
        due = self.where(self.ends < until)
        chosen = np.zeros(len(due.times), dtype=np.bool_)
        for symbol in np.unique(due.symbols):
            chosen[np.flatnonzero(due.symbols == symbol)[-number:]] = True
        return due.where(chosen)


@dataclass(frozen=True)
class AdaptSettings:
    """How a model is adapted.

    Attributes:
        rate, steps: of gradient descent on the support.
        shots: rows of each symbol that are adapted to.
        adapts: ``all`` weights, or those of the ``head``.
    """

    rate: float
    steps: int
    shots: int
    adapts: str

    @classmethod
    def of(cls, config: RunConfig, rate: float | None, steps: int | None, shots: int | None) -> Self:
        """Returns those asked for; what is left out is as the run's ``maml`` has it, or the recipe's default.

        Raises:
            ConfigError: a number that is not positive.
        """
        from regimen.training.recipes import MamlConfig

        for name, value in (("rate", rate), ("steps", steps), ("shots", shots)):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConfigError(f"--{name}", "must be positive", value)
        recipe = next((each for each in config.training.recipes if isinstance(each, MamlConfig)), MamlConfig())
        return cls(rate or recipe.inner_rate, steps or recipe.inner_steps, shots or recipe.shots, recipe.adapts)


@dataclass(frozen=True, eq=False)
class NewestModel:
    """The model of a run's last window, and what it stands behind.

    Attributes:
        prepared: bars, features and labels; the features are those before any preprocessing.
        seen: the same behind the window's preprocessing.
        folder: the window's.
        chain, scaler, rule: as they were fitted; they stay.
        predictor: the model; its weights are those of the last adaptation.
        start: weights that every adaptation begins with: before the run's own adaptation, where it was adapted.
        traded: weights that the run trades.
        scaled: (time, symbol, feature) float32, the features as the scaler leaves them.
        lanes: windows over them, for a model with a context.
    """

    prepared: Prepared
    seen: Prepared
    folder: Path
    chain: Chain
    scaler: StandardScaler
    rule: CalibratedRule
    predictor: TorchPredictor
    start: State
    traded: State
    scaled: NDArray[np.floating]
    lanes: Lanes | None

    @classmethod
    def load(cls, folder: Path, prepared: Prepared) -> Self:
        """Reads the model of a window's folder.

        Args:
            folder: of the window.
            prepared: bars, features and labels; the features are those before any preprocessing.

        Raises:
            ConfigError: a model that is no single torch classifier.
        """
        config, model = prepared.config, prepared.config.model
        if not isinstance(model, PredictorSettings):
            must = "must be a torch classifier, whose weights can take a step"
            raise ConfigError("model", must, getattr(model, "kind", type(model).__name__))
        if config.training.snapshots > 1:
            raise ConfigError("training.snapshots", "must be 1 to be adapted", config.training.snapshots)
        source = model.source if isinstance(model, ModuleConfig) else None
        schema, begins = prepared.features.hash, folder / UNADAPTED
        predictor = TorchPredictor.load(folder / MODEL, schema=schema, source=source)
        start = traded = predictor.state()
        if begins.exists():
            start = TorchPredictor.load(begins, schema=schema, source=source).state()
        chain, scaler, seen = read_chain(folder, config), read_scaler(folder), prepared
        frame = prepared.frame
        if chain:
            there = np.where(prepared.bars.present[..., None], frame.values, np.nan)
            seen = replace(prepared, frame=replace(frame, values=chain.scan(there)))
        scaled = scaler.transform(seen.frame.values, frame.names, np.float32)
        lanes = Lanes.of(scaled, seen.known) if predictor.context > 1 else None
        rule = read_calibrated_rule(folder, config)
        return cls(prepared, seen, folder, chain, scaler, rule, predictor, start, traded, scaled, lanes)

    @property
    def policy(self) -> Policy:
        """The model as it is now, behind all that the window fitted around it."""
        bare = behind(self.chain, self.rule.policy(self.predictor, self.scaler))
        return behind_wrappers(bare, self.folder, self.prepared.config)

    def rows(self) -> Rows:
        """Returns every row that has a label and is seen whole, in time."""
        usable = self.seen.known & (self.prepared.labels.y >= 0)
        if self.lanes is not None:
            usable &= self.lanes.whole(self.predictor.context)
        if self.predictor.targets:
            usable &= np.isfinite(self.prepared.targets(self.predictor.targets)).all(axis=2)
        times, symbols = np.nonzero(usable)
        return Rows(times, symbols, self.prepared.labels.t_end[times, symbols])

    def losses(self, rows: Rows) -> NDArray[np.float64]:
        """Returns −log of the calibrated probability of what came, and whether the most likely class came: (n, 2)."""
        classes = self.predictor.predict_proba(self._inputs(rows))
        classes = classes if self.rule.calibration is None else self.rule.calibration(classes)
        y = self._classes(rows)
        chance = np.maximum(classes[np.arange(len(y)), y], np.finfo(np.float64).tiny)
        return np.stack([-np.log(chance), classes.argmax(axis=1) == y], axis=1)

    def adapt(self, support: Rows, settings: AdaptSettings) -> None:
        """Puts the model back to its start, and adapts it to some rows.

        What is lowered is the loss of the class, and of what else the model learns; recipes around it do not act.
        """
        import torch

        from regimen.nets import torch_threads
        from regimen.seams import Batch
        from regimen.training import classification, joint
        from regimen.training.recipes.maml import adapt

        self.predictor.load_state(self.start)
        names, at = self.predictor.targets, (support.times, support.symbols)
        columns = self.prepared.targets(names)[at] if names else np.empty((len(support.times), 0))
        batch = Batch(
            torch.from_numpy(np.ascontiguousarray(self._inputs(support)[:], dtype=np.float32)),
            torch.from_numpy(self._classes(support)),
            torch.ones(len(support.times)),
            {name: torch.from_numpy(columns[:, k].astype(np.float32)) for k, name in enumerate(names)},
        )
        model: Any = self.predictor.config
        objective = joint(model) if names else classification()
        with torch_threads(1):
            adapt(
                self.predictor.module,
                objective,
                batch,
                rate=settings.rate,
                steps=settings.steps,
                adapts=settings.adapts,
            )

    def _classes(self, rows: Rows) -> NDArray[np.int64]:
        return self.prepared.labels.y[rows.times, rows.symbols].astype(np.int64)

    def _inputs(self, rows: Rows) -> NDArray[np.floating] | SeriesWindows:
        if self.lanes is not None:
            return self.lanes.windows(rows.times, rows.symbols, self.predictor.context)
        return self.scaled[rows.times, rows.symbols]
