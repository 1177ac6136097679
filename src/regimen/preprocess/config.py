"""The steps of preprocessing, as a config file names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from regimen.preprocess.consensus import ConsensusAutoencoder
    from regimen.preprocess.fitted import Values
    from regimen.preprocess.kalman import KalmanFilter
    from regimen.preprocess.running import RunningScaler
    from regimen.preprocess.standard_scaler import StandardScaler
    from regimen.splits import Slice


class ConsensusConfig(BaseModel):
    """What two autoencoders that read different columns both say the rows are.

    Each sees columns of its own, and reconstructs the same target through a bottleneck; that they must agree keeps
    either from learning noise that the other cannot see. By default the columns are dealt to the two in turn, and all
    are the target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["consensus"] = Field("consensus", description="What two autoencoders agree on.")
    columns: tuple[str, ...] | None = Field(
        None, min_length=1, description="Columns that are reconstructed; null: all. Others pass as they are."
    )
    views: tuple[tuple[str, ...], tuple[str, ...]] | None = Field(
        None, description="Columns that each of the two reads; null: all, dealt in turn. A column may be in both."
    )
    bottleneck: int | None = Field(None, ge=1, description="Numbers in the middle; null: a quarter of the target's.")
    hidden: int = Field(32, ge=0, description="Units on both sides of the bottleneck; 0: linear autoencoders.")
    agreement: float = Field(1.0, ge=0.0, description="What disagreement counts beside an error of reconstruction.")
    clip: float | None = Field(5.0, gt=0.0, description="Values are cut at so many deviations; null: never.")
    steps: int = Field(2_000, ge=1, description="Steps of Adam.")
    batch_size: int = Field(256, ge=1, description="Rows of a step.")
    learning_rate: float = Field(3e-3, gt=0.0, description="Of Adam.")
    seed: int = Field(0, ge=0, description="Of first weights and batches: all seeds of a run share the step.")

    def fit(self, values: Values, part: Slice, names: Sequence[str]) -> ConsensusAutoencoder:
        """Returns the autoencoders of a training slice; see `regimen.preprocess.consensus_fit.fit_consensus`."""
        from regimen.preprocess.consensus_fit import fit_consensus

        return fit_consensus(self, values, part, names)


class KalmanConfig(BaseModel):
    """The signal in each column behind its noise: an extended Kalman filter of four states, for each symbol by itself.

    A value is ``signal + noise``, and ``signal' = a · signal + b · the one before + what is new``. The states are the
    signal, the one before, and a and b, which drift around their fitted values: persistence is not the same in every
    year. Variances and coefficients are those of the highest likelihood on the training slice. A column passes as it
    is where its past cannot tell signal from noise, by the Bayesian information criterion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["kalman"] = Field("kalman", description="The signal behind the noise of each column.")
    columns: tuple[str, ...] | None = Field(None, description="Columns that are filtered; null: all.")
    half_life: float = Field(500.0, gt=0.0, description="Bars after which half of a coefficient's drift is gone.")
    rows: int = Field(10_000, ge=100, description="Newest rows of the training slice that it is fitted on, at most.")

    def fit(self, values: Values, part: Slice, names: Sequence[str]) -> KalmanFilter:
        """Returns the filter of a training slice; see `regimen.preprocess.kalman_fit.fit_kalman`."""
        from regimen.preprocess.kalman_fit import fit_kalman

        return fit_kalman(values, part, names, self.columns, 0.5 ** (1.0 / self.half_life), self.rows)


class RunningConfig(BaseModel):
    """``(x − mean) / deviation`` of the rows so far, the newest included, for each symbol by itself.

    Nothing is fitted, and it goes on after the training slice: row t uses rows <= t in training, validation and live
    trading alike. Its first rows are scaled by few: they are small numbers, not missing ones. Frozen, it stops where
    the training slice ends, and what is known there, of all symbols together, scales every row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["running"] = Field("running", description="By mean and deviation of the symbol's bars so far.")
    half_life: float | None = Field(
        None, gt=0.0, description="Known rows after which one counts half; null: all count alike."
    )
    clip: float | None = Field(5.0, gt=0.0, description="Scaled values are cut at plus and minus this; null: never.")
    frozen: bool = Field(
        False,
        exclude_if=lambda frozen: not frozen,  # a config without it is written, and hashed, as before there was one
        description="It stops at the end of the training slice, and scales every row by what is known there.",
    )

    def fit(self, values: Values, part: Slice, names: Sequence[str]) -> RunningScaler:
        """Returns the scaler; values are read where it is frozen only, and of the training slice alone.

        Raises:
            SplitError: anything but a training slice, or names that do not match the columns.
        """
        from regimen.preprocess.fitted import require_training, whole_rows
        from regimen.preprocess.running import RunningScaler, merged

        require_training("preprocess: running", values, part, names)
        keep = 1.0 if self.half_life is None else 0.5 ** (1.0 / self.half_life)
        stopped = merged(whole_rows(values, part), keep) if self.frozen else None
        return RunningScaler(tuple(names), keep, self.clip, stopped)


class StandardConfig(BaseModel):
    """``(x − mean) / deviation`` of the training slice, all symbols together."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["standard"] = Field("standard", description="By mean and deviation of the training slice.")
    clip: float | None = Field(5.0, gt=0.0, description="Scaled values are cut at plus and minus this; null: never.")

    def fit(self, values: Values, part: Slice, names: Sequence[str]) -> StandardScaler:
        """Returns the scaler of a training slice; see `StandardScaler.fit`."""
        from regimen.preprocess.standard_scaler import StandardScaler

        return StandardScaler.fit(values, part, names, clip=self.clip)


PreprocessConfig = Annotated[
    ConsensusConfig | KalmanConfig | RunningConfig | StandardConfig, Field(discriminator="kind")
]
"""Every step of preprocessing; ``kind`` says which."""
