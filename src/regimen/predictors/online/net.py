"""A network that is fine-tuned on every few labels as they fall due, on new rows and remembered ones alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from regimen.predictors.baseline import BaselineConfig
from regimen.predictors.logistic import LogisticConfig
from regimen.predictors.online.settings import OnlineSettings

if TYPE_CHECKING:
    from regimen.predictors.online.online_net import OnlineNet


class OnlineNetConfig(OnlineSettings):
    """A network of rows that goes on learning: each few labels some steps of Adam on them and on remembered rows.

    What is remembered is a uniform sample of all rows that it ever learned (Vitter 1985, algorithm R), so that what it
    knew of a market that was before is not overwritten by the market of today: experience replay (Chaudhry et al., "On
    tiny episodic memories in continual learning", 2019). With ``replay: 0`` it is plain fine-tuning, and forgets.

    Under ``mode: adapt`` nothing adds up: each update begins at the trained weights and takes some plain steps of
    gradient descent on the latest ``shots`` rows, which weights of the recipe ``maml`` are trained for.
    """

    kind: Literal["online_net"] = Field("online_net", description="A network that is fine-tuned as labels fall due.")
    net: Annotated[BaselineConfig | LogisticConfig, Field(discriminator="kind")] = Field(
        BaselineConfig(hidden=(64, 32)), description="The network: baseline or logistic, without dropout."
    )
    start: Literal["nothing", "training"] = Field(
        "nothing",
        description="nothing: fresh weights; training: those that the common loop trains on the first window's slices.",
    )
    mode: Literal["fine_tune", "adapt"] = Field(
        "fine_tune",
        description="fine_tune: weights go on from update to update; adapt: each begins at the trained weights again.",
    )
    every: int = Field(32, ge=1, le=65_536, description="Labels between two updates.")
    steps: int = Field(4, ge=1, le=10_000, description="Steps of an update.")
    learning_rate: float = Field(3e-4, gt=0.0, description="Adam's, of fine_tune; of adapt, that of plain steps.")
    weight_decay: float = Field(1e-3, ge=0.0, description="What weights lose of themselves in a step, times the rate.")
    shots: int = Field(64, ge=1, le=1_000_000, description="Latest rows that adapt adapts to.")
    remembered: int = Field(8192, ge=1, le=1_000_000, description="Rows that are remembered.")
    replay: float = Field(3.0, ge=0.0, le=100.0, description="Remembered rows in a step for each new one; 0: none.")

    @field_validator("net", mode="before")
    @classmethod
    def _name_is_a_kind(cls, value: object) -> object:
        if isinstance(value, str):
            return {"kind": value}
        return {"kind": "baseline", **value} if isinstance(value, Mapping) else value

    @field_validator("net")
    @classmethod
    def _nothing_is_drawn(cls, net: BaselineConfig | LogisticConfig) -> BaselineConfig | LogisticConfig:
        if getattr(net, "dropout", 0.0) > 0.0:
            raise ValueError(f"net.dropout must be 0 in a net that learns on; got {getattr(net, 'dropout', 0.0)}")
        return net

    @model_validator(mode="after")
    def _there_is_something_to_adapt(self) -> Self:
        if self.mode == "adapt" and self.start != "training":
            raise ValueError(
                f"start must be training with mode adapt, which begins at trained weights; got {self.start}"
            )
        return self

    def sections(self) -> tuple[str, ...]:
        """Returns what it reads: the training too, where it begins with one."""
        return (*self.reads, "training") if self.start == "training" else self.reads

    def build(self, inputs: int = 60, seed: int = 0, schema: str = "") -> OnlineNet:
        """Returns one with fresh weights, which has learned nothing.

        Raises:
            ConfigError: no inputs.
        """
        from regimen.predictors.online.online_net import OnlineNet

        return OnlineNet.fresh(self, inputs, seed, schema)

    def read(self, folder: Path, schema: str) -> OnlineNet:
        """Returns one that was saved into a folder."""
        from regimen.predictors.online.online_net import OnlineNet

        return OnlineNet.load(self, folder, schema)
