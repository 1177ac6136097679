"""`AnalyticConfig`: every number that decides how an agent climbs the exact gradient of its reward, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt

from regimen.learning import AgentSettings


class AnalyticConfig(AgentSettings):
    """Gradient ascent through the account itself (recurrent reinforcement learning, Moody and Saffell 2001).

    The number of lanes is the environment's. One gradient step unrolls ``horizon`` × lanes steps.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.analytic.analytic:Analytic"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"environment": {"actions": {"kind": "continuous"}}}
    kind: Literal["analytic"] = Field(default="analytic", description="the algorithm")
    horizon: int = Field(
        default=128,
        ge=1,
        description="steps that a gradient goes back through; take several times the bars for which a position is kept",
    )
    learning_rate: float = Field(default=2e-2, gt=0.0, description="learning rate of Adam at the first step")
    anneal: bool = Field(default=True, description="the learning rate falls linearly to 0 over a call of learn")
    gradient_clip: float = Field(default=1.0, gt=0.0, description="largest norm of a gradient, per deviation of a gain")
    weight_decay: float = Field(default=0.0, ge=0.0, description="share of the weights lost per step and learning rate")
    hidden: tuple[PositiveInt, ...] = Field(default=(64, 64), description="widths of the hidden layers")
    activation: Literal["tanh", "relu"] = Field(default="tanh", description="activation between the layers")
    rate: float = Field(default=0.9, gt=0.0, lt=1.0, description="first share of the way to the band that is traded")
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by the path's own")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch")
