"""What the configs of all predictors share: they are frozen, say what they read, and build their predictor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, final

from regimen.errors import ConfigError
from regimen.predictors.torch_predictor import TorchPredictor
from regimen.reprs import short_config
from regimen.settings import ModelSettings

if TYPE_CHECKING:
    from torch import nn

    from regimen.features import FeaturesConfig


class PredictorSettings(ModelSettings):
    """Every number that decides a network's shape, once."""

    reads: ClassVar[tuple[str, ...]] = (
        *("preprocess", "augment", "scaler", "labels.weights", "training"),
        *("calibration", "exposure"),
    )
    targets: ClassVar[tuple[str, ...]] = ()
    """Names of what it learns besides the class; see `regimen.training.objectives.LearnsMore`."""

    def __repr__(self) -> str:
        return short_config(self)

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of what this very model learns besides the class: `targets`, unless that depends on its fields."""
        return self.targets

    def require_features(self, features: FeaturesConfig) -> None:
        """Refuses features that the model cannot read, as far as their config tells; most read any.

        Raises:
            ConfigError: they are not what it needs.
        """

    def require_columns(self, names: Sequence[str]) -> None:
        """Refuses feature columns that the model cannot read; most read any.

        Raises:
            ConfigError: they are not what it needs.
        """

    @abstractmethod
    def module(self, inputs: int, classes: int) -> nn.Module:
        """Returns a fresh module, (n, inputs) to logits (n, classes); torch's random state decides it.

        With a field ``context`` its input is (n, context, inputs). With ``targets`` its output is a named tuple with
        the logits as ``logits`` or ``direction``; see `regimen.training.objectives.LearnsMore`.
        """

    @final
    def build(self, inputs: int = 60, classes: int = 3, seed: int = 0, schema: str = "") -> TorchPredictor:
        """Returns an untrained predictor from a seed of its own; torch's global random state is left as it was.

        Args:
            inputs: width of a row.
            classes: number of classes.
            seed: seed of the initial weights.
            schema: hash of the feature columns, or "".

        Raises:
            ConfigError: no inputs, or fewer than two classes.
        """
        from regimen.nets import first_weights

        if inputs < 1:
            raise ConfigError("inputs", "must be at least 1", inputs)
        if classes < 2:
            raise ConfigError("classes", "must be at least 2", classes)
        with first_weights(seed, "weights"):
            module = self.module(inputs, classes)
        return TorchPredictor(module, self, inputs=inputs, classes=classes, schema=schema)
