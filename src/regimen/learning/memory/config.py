"""The configs of memories that do more than keep transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from regimen.errors import ConfigError

if TYPE_CHECKING:
    from regimen.envs import EnvSpec
    from regimen.learning.memory.hindsight import HindsightReplay


class HindsightConfig(BaseModel):
    """Hindsight replay: a step is learned from as if what came of it later had been its goal.

    Source: Andrychowicz et al. 2017, arXiv 1707.01495.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["hindsight"] = Field(default="hindsight", description="the memory")
    strategy: Literal["future", "episode", "final"] = Field(
        default="future",
        description="a goal in hindsight is what was achieved later in the episode, anywhere in it, or at its end",
    )
    fraction: float = Field(default=0.8, gt=0.0, le=1.0, description="share of transitions with a goal in hindsight")
    correction: bool = Field(
        default=False, description="draws are corrected for luck, where the same action may end in different ways"
    )

    def build(self, spec: EnvSpec, capacity: int, seed: int) -> HindsightReplay:
        """Returns the memory for the columns and actions of an environment.

        Args:
            spec: of lanes with a goal.
            capacity: transitions, rounded up to whole steps of all lanes.
            seed: of the networks of the correction.

        Raises:
            ConfigError: lanes without a goal.
        """
        if spec.goal is None:
            raise ConfigError(
                "agents.replay", "needs lanes with a goal: environment.wrappers=[{kind: goal, ...}]", self.kind
            )
        from regimen.learning.memory.hindsight import HindsightReplay

        return HindsightReplay(self, spec, capacity, seed)


ReplayConfig = HindsightConfig
"""The union of such memories; ``kind`` chooses."""
