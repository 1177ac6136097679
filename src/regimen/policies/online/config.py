"""How the probabilities of a model that learns on are calibrated, as a config file names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from regimen.policies.online.calibration import StreamCalibration


class StreamCalibrationConfig(BaseModel):
    """How probabilities are calibrated while labels come in: a scale and a bias for each class.

    Only opinions that were said before their label was known teach it, so what it corrects is how sure the model is of
    bars that it has not seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    half_life: float | None = Field(
        5000.0, gt=0.0, description="Labels after which one counts half; null: nothing is forgotten."
    )
    l2: float = Field(
        10.0, gt=0.0, description="Pull of the scales towards 1, in rows; a tenth of it pulls the biases towards 0."
    )

    @property
    def keep(self) -> float:
        """What an earlier label counts after one more."""
        return 1.0 if self.half_life is None else float(0.5 ** (1.0 / self.half_life))

    def build(self) -> StreamCalibration:
        """Returns the calibration before any label."""
        from regimen.policies.online.calibration import StreamCalibration

        return StreamCalibration.fresh(self)
