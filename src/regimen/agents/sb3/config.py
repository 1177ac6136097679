"""`SB3Config`: which algorithm of Stable-Baselines3, and with which numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue, PositiveInt

from regimen.learning import AgentSettings


class SB3Config(AgentSettings):
    """Any algorithm of Stable-Baselines3 (Raffin et al. 2021), which must be installed: ``regimen[rl]``.

    Names of algorithms and parameters are checked when the agent is built, against the installed library.

    Raises:
        ConfigError: an unknown key or a value out of its range.
    """

    implementation: ClassVar[str] = "regimen.agents.sb3.sb3:SB3"
    needs: ClassVar[tuple[str, str] | None] = ("stable_baselines3", "rl")
    kind: Literal["sb3"] = Field(default="sb3", description="an algorithm of stable_baselines3 or sb3_contrib")
    algorithm: str = Field(description="td3, dqn, ddpg, sac, a2c, ppo; with sb3_contrib also tqc, qrdqn, trpo, …")
    policy: str = Field(default="MlpPolicy", description="the library's name of the network")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="keyword arguments of the algorithm; what is absent has the library's default"
    )
    hidden: tuple[PositiveInt, ...] | None = Field(
        default=(64, 64), description="widths of the hidden layers of each network; null: the library's own"
    )
    activation: Literal["tanh", "relu"] | None = Field(
        default=None, description="activation between the layers; null: the library's own"
    )
    action_noise: float | None = Field(
        default=None,
        ge=0.0,
        description="σ of the noise that explores, half-ranges; null: 0.1 for td3 and ddpg, none for others",
    )
    normalise_observations: bool = Field(default=True, description="columns are centred and scaled by what was seen")
    observation_clip: float = Field(default=10.0, gt=0.0, description="largest normalised observation")
    report_steps: int = Field(default=2000, ge=1, description="environment steps of an iteration, at least")
    threads: int = Field(default=1, ge=1, description="CPU threads of torch")

    def usual(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the actions that an algorithm can choose among, where it has no choice."""
        continuous = self.algorithm.lower() in ("td3", "ddpg", "sac", "tqc", "crossq")
        return {"environment": {"actions": {"kind": "continuous"}}} if continuous else {}
