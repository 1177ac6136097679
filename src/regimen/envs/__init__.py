"""The market as a reinforcement learning problem: vectorised environment, actions, rewards, adapters.

`MarketEnv` and `MarketVectorEnv` need gymnasium and are imported when they are first used. So is `MarketVecEnv`, which
is not in ``__all__`` because it needs stable_baselines3.
"""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.envs.adapters.gymnasium_vector import MarketVectorEnv
    from regimen.envs.adapters.market_env import MarketEnv
    from regimen.envs.adapters.sb3 import LanesVecEnv as LanesVecEnv
    from regimen.envs.adapters.sb3 import MarketVecEnv as MarketVecEnv
    from regimen.envs.adapters.spaces import LARGEST
    from regimen.envs.config import VectorMarketConfig
    from regimen.envs.goal_space import GoalSpace
    from regimen.envs.group import MarketGroup, markets_of
    from regimen.envs.inputs import READY, LaneFeatures
    from regimen.envs.kinds import (
        FLOOR,
        ActionConfig,
        ContinuousConfig,
        DifferentialSharpeConfig,
        LevelsConfig,
        LogWealthConfig,
        MeanVarianceConfig,
        RewardConfig,
        RollingSharpeConfig,
        Verb,
        VerbsConfig,
    )
    from regimen.envs.migrator import Migrator
    from regimen.envs.recipe import EnvRecipe
    from regimen.envs.seats import Room, Seats, Seen
    from regimen.envs.spec import EnvSpec, Step, VectorEnv, as_spec, innermost, spec_of
    from regimen.envs.vector_market import VectorMarket
    from regimen.envs.wrappers import (
        OBJECTIVES,
        PREFERENCE,
        AdaptiveDifficulty,
        AdaptiveDifficultyConfig,
        AdaptiveWeightConfig,
        Gate,
        GoalConfig,
        Goals,
        LearnedPotentialConfig,
        MarketCurriculumConfig,
        ObjectivesConfig,
        OwnStage,
        Pace,
        Shaped,
        ShapedConfig,
        SimulatedStage,
        Staged,
        WrapperConfig,
        Wraps,
        changes_market,
        market_hash,
        shown_by,
        wrapped,
    )
    from regimen.envs.wrappers.objective_lanes import Objectives
    from regimen.gymnasium import register

__all__ = [
    "FLOOR",
    "LARGEST",
    "OBJECTIVES",
    "PREFERENCE",
    "READY",
    "ActionConfig",
    "AdaptiveDifficulty",
    "AdaptiveDifficultyConfig",
    "AdaptiveWeightConfig",
    "ContinuousConfig",
    "DifferentialSharpeConfig",
    "EnvRecipe",
    "EnvSpec",
    "Gate",
    "GoalConfig",
    "GoalSpace",
    "Goals",
    "LaneFeatures",
    "LearnedPotentialConfig",
    "LevelsConfig",
    "LogWealthConfig",
    "MarketCurriculumConfig",
    "MarketEnv",
    "MarketGroup",
    "MarketVectorEnv",
    "MeanVarianceConfig",
    "Migrator",
    "Objectives",
    "ObjectivesConfig",
    "OwnStage",
    "Pace",
    "RewardConfig",
    "RollingSharpeConfig",
    "Room",
    "Seats",
    "Seen",
    "Shaped",
    "ShapedConfig",
    "SimulatedStage",
    "Staged",
    "Step",
    "VectorEnv",
    "VectorMarket",
    "VectorMarketConfig",
    "Verb",
    "VerbsConfig",
    "WrapperConfig",
    "Wraps",
    "as_spec",
    "changes_market",
    "innermost",
    "market_hash",
    "markets_of",
    "register",
    "shown_by",
    "spec_of",
    "wrapped",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ActionConfig": ".kinds",
        "AdaptiveWeightConfig": ".wrappers",
        "as_spec": ".spec",
        "ContinuousConfig": ".kinds",
        "DifferentialSharpeConfig": ".kinds",
        "EnvRecipe": ".recipe",
        "EnvSpec": ".spec",
        "GoalConfig": ".wrappers",
        "Goals": ".wrappers",
        "GoalSpace": ".goal_space",
        "innermost": ".spec",
        "LearnedPotentialConfig": ".wrappers",
        "LevelsConfig": ".kinds",
        "LogWealthConfig": ".kinds",
        "MarketGroup": ".group",
        "markets_of": ".group",
        "MeanVarianceConfig": ".kinds",
        "Migrator": ".migrator",
        "RewardConfig": ".kinds",
        "RollingSharpeConfig": ".kinds",
        "Room": ".seats",
        "Seats": ".seats",
        "Seen": ".seats",
        "OBJECTIVES": ".wrappers",
        "Objectives": ".wrappers.objective_lanes",
        "ObjectivesConfig": ".wrappers",
        "PREFERENCE": ".wrappers",
        "Shaped": ".wrappers",
        "ShapedConfig": ".wrappers",
        "shown_by": ".wrappers",
        "spec_of": ".spec",
        "Step": ".spec",
        "VectorEnv": ".spec",
        "VectorMarket": ".vector_market",
        "VectorMarketConfig": ".config",
        "Verb": ".kinds",
        "VerbsConfig": ".kinds",
        "wrapped": ".wrappers",
        "WrapperConfig": ".wrappers",
        "Wraps": ".wrappers",
        "AdaptiveDifficultyConfig": ".wrappers",
        "AdaptiveDifficulty": ".wrappers",
        "Gate": ".wrappers",
        "LaneFeatures": ".inputs",
        "MarketCurriculumConfig": ".wrappers",
        "OwnStage": ".wrappers",
        "Pace": ".wrappers",
        "SimulatedStage": ".wrappers",
        "Staged": ".wrappers",
        "changes_market": ".wrappers",
        "market_hash": ".wrappers",
        "FLOOR": ".kinds",
        "LARGEST": ".adapters.spaces",
        "LanesVecEnv": ".adapters.sb3",
        "READY": ".inputs",
        "MarketEnv": ".adapters.market_env",
        "MarketVecEnv": ".adapters.sb3",
        "MarketVectorEnv": ".adapters.gymnasium_vector",
        "register": "regimen.gymnasium",
    },
)
