"""What stands around lanes, by config: each takes the lanes below and gives others; the last stands outside."""

from typing import Annotated

from pydantic import Field

from regimen.envs.wrappers.curriculum import Gate, MarketCurriculumConfig
from regimen.envs.wrappers.difficulty import AdaptiveDifficulty, AdaptiveDifficultyConfig
from regimen.envs.wrappers.goal import GoalConfig, Goals
from regimen.envs.wrappers.objectives import OBJECTIVES, PREFERENCE, ObjectivesConfig
from regimen.envs.wrappers.potentials import AdaptiveWeightConfig, LearnedPotentialConfig
from regimen.envs.wrappers.shaped import Shaped, ShapedConfig
from regimen.envs.wrappers.staged import Pace, Staged, changes_market, market_hash
from regimen.envs.wrappers.stages import OwnStage, SimulatedStage
from regimen.envs.wrappers.wrapper import Wraps, shown_by, standing, wrapped

WrapperConfig = Annotated[
    AdaptiveDifficultyConfig | GoalConfig | MarketCurriculumConfig | ShapedConfig, Field(discriminator="kind")
]
"""The union of wrappers; ``kind`` chooses."""

__all__ = [
    "OBJECTIVES",
    "PREFERENCE",
    "AdaptiveDifficulty",
    "AdaptiveDifficultyConfig",
    "AdaptiveWeightConfig",
    "Gate",
    "GoalConfig",
    "Goals",
    "LearnedPotentialConfig",
    "MarketCurriculumConfig",
    "ObjectivesConfig",
    "OwnStage",
    "Pace",
    "Shaped",
    "ShapedConfig",
    "SimulatedStage",
    "Staged",
    "WrapperConfig",
    "Wraps",
    "changes_market",
    "market_hash",
    "shown_by",
    "standing",
    "wrapped",
]
