"""What the configs of models that learn on share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, Field, field_validator

from regimen.policies.online import StreamCalibrationConfig
from regimen.reprs import short_config
from regimen.settings import ModelSettings

if TYPE_CHECKING:
    from regimen.policies.online import Learns


class OnlineSettings(ModelSettings):
    """The config of a model that learns from each label as it falls due, in training and while it trades.

    A run's validation slice is learned from like the bars before it: each label is first used to correct how sure the
    model is, by what it said before, and then learned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reads: ClassVar[tuple[str, ...]] = ("preprocess", "scaler", "exposure")

    kind: str
    calibration: StreamCalibrationConfig | None = Field(
        StreamCalibrationConfig(),
        description="How probabilities are calibrated by the labels that fall due; none: they are taken as they are.",
    )

    def __repr__(self) -> str:
        return short_config(self)

    @field_validator("calibration", mode="before")
    @classmethod
    def _none_is_none(cls, value: object) -> object:
        return None if value == "none" else value

    def require(self) -> None:
        """Says what is missing before any data are read.

        Raises:
            ConfigError: its library is not installed.
        """

    @abstractmethod
    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> Learns:
        """Returns one that has learned nothing.

        Args:
            inputs: width of a row.
            seed: decides everything random of it.
            schema: hash of the feature columns, or "".
        """

    @abstractmethod
    def read(self, folder: Path, schema: str) -> Learns:
        """Returns one that was saved into a folder.

        Raises:
            RunError: a file is missing or damaged, or ``schema`` is not its own.
        """
