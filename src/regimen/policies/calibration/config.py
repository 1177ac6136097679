"""The calibrations, as a config file names them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from regimen.policies.calibration.calibrated import Calibration

Floats = NDArray[np.float64]


class CalibrationSettings(BaseModel):
    """On which rows it is fitted: never on those that the model learned from, and never on test rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fit_on: Literal["validation", "out_of_fold"] = Field(
        "validation",
        description="validation: the validation slice, by which early stopping chose the epoch too; out_of_fold: the "
        "training slice in purged folds, each told by a model that was fitted on the others.",
    )
    folds: int = Field(5, ge=2, le=50, description="Folds, and models to fit besides, of out_of_fold; else not read.")

    @abstractmethod
    def fit(self, probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> Calibration:
        """Returns the calibration; its log loss on these rows is no higher than without it.

        Args:
            probabilities: (n, 3) SELL, HOLD, BUY of rows that the model did not learn from.
            y: (n,) the class that came.
            weights: (n,) of the rows; None: all count alike.

        Raises:
            RunError: shapes that do not fit, a NaN, a class that is none, no row.
        """

    @abstractmethod
    def restore(self, state: dict[str, Floats]) -> Calibration:
        """Returns the calibration that gave this `Calibration.state`."""


class TemperatureConfig(CalibrationSettings):
    """``p' = softmax(ln p / T)``: one number for all classes, and the likeliest class stays the likeliest.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017), section 4.2.
    """

    kind: Literal["temperature"] = Field("temperature", description="One temperature for all classes.")

    def fit(self, probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> Calibration:
        """Returns the temperature of the lowest log loss; see `CalibrationSettings.fit`."""
        from regimen.policies.calibration.temperature import fit_temperature

        return fit_temperature(probabilities, y, weights)

    def restore(self, state: dict[str, Floats]) -> Calibration:
        """Returns what gave this state."""
        from regimen.policies.calibration.temperature import TemperatureScaling

        return TemperatureScaling.from_state(state)


class VectorConfig(CalibrationSettings):
    """``p' = softmax(s ln p + b)``: a scale and a bias for each class, drawn towards one temperature and no bias.

    Guo et al. (2017), section 4.2, "vector scaling", with the penalty ``l2 / 2 (Σ (s − 1/T)² + Σ b²)`` on the summed
    log loss: of few rows it is temperature scaling, of many the free fit.
    """

    kind: Literal["vector"] = Field("vector", description="A scale and a bias for each class.")
    l2: float = Field(
        10.0, gt=0.0, description="Pull towards one temperature: 10 is a normal prior of deviation 0.32 on each number."
    )

    def fit(self, probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> Calibration:
        """Returns the scales and biases of the lowest penalised log loss; see `CalibrationSettings.fit`."""
        from regimen.policies.calibration.vector import fit_vector

        return fit_vector(probabilities, y, weights, self.l2)

    def restore(self, state: dict[str, Floats]) -> Calibration:
        """Returns what gave this state."""
        from regimen.policies.calibration.vector import VectorScaling

        return VectorScaling.from_state(state)


class IsotonicConfig(CalibrationSettings):
    """``p'_k = f_k(p_k)``, each f_k non-decreasing, then made to add up to 1. It needs thousands of rows.

    Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (KDD 2002): one
    class against the rest by pool-adjacent-violators, then normalised.
    """

    kind: Literal["isotonic"] = Field("isotonic", description="A non-decreasing curve for each class, then normalised.")
    floor: float = Field(
        0.01, gt=0.0, lt=1 / 3, description="A curve ends here and not at 0, which no finite number of rows can say."
    )

    def fit(self, probabilities: Floats, y: NDArray[np.integer], weights: Floats | None = None) -> Calibration:
        """Returns the curves; see `CalibrationSettings.fit`."""
        from regimen.policies.calibration.isotonic import fit_isotonic

        return fit_isotonic(probabilities, y, weights, self.floor)

    def restore(self, state: dict[str, Floats]) -> Calibration:
        """Returns what gave this state."""
        from regimen.policies.calibration.isotonic import IsotonicCalibration

        return IsotonicCalibration.from_state(state)


CalibrationConfig = Annotated[TemperatureConfig | VectorConfig | IsotonicConfig, Field(discriminator="kind")]
"""Every calibration; ``kind`` says which."""
