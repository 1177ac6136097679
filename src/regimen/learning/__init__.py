"""What agents share: learning online and offline, rollouts, replay, moments, datasets, networks, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.learning.actor_critic import Activation, ActorCritic, perceptron
    from regimen.learning.agent import (
        Agent,
        check_learning,
        copy_observation,
        first_seen,
        observed_rows,
        require_finite,
        successors_of,
    )
    from regimen.learning.auxiliary.config import AuxiliaryConfig
    from regimen.learning.auxiliary.heads import AuxiliaryHeads
    from regimen.learning.auxiliary.targets import AuxiliaryTargets
    from regimen.learning.bonus.bonus import Bonus
    from regimen.learning.bonus.config import BonusConfig, ICMConfig, RNDConfig
    from regimen.learning.bonus.icm import ICM
    from regimen.learning.bonus.rnd import RND
    from regimen.learning.checkpoint import Checkpoint, Session
    from regimen.learning.clipped_update import ClippedUpdate
    from regimen.learning.dataset_config import DatasetConfig, PartConfig
    from regimen.learning.datasets import as_choices, hindsight_of, recorded
    from regimen.learning.dense import Perceptron, add_tanh
    from regimen.learning.flat import FlatAdam, SideBySide, VectorAdam, flattened, side_by_side
    from regimen.learning.iteration import Iteration, Progress
    from regimen.learning.memory.config import HindsightConfig, ReplayConfig
    from regimen.learning.memory.hindsight import HindsightReplay
    from regimen.learning.memory.memory import Memory, Transitions
    from regimen.learning.memory.replay_buffer import ReplayBuffer
    from regimen.learning.memoryless import Memoryless
    from regimen.learning.moments import RunningMoments
    from regimen.learning.offline import OfflineAgent
    from regimen.learning.on_policy import (
        Normaliser,
        advantages,
        collect,
        draw_noise,
        iteration_numbers,
        mean_reward,
        reward_novelty,
    )
    from regimen.learning.online import OnlineAgent
    from regimen.learning.perceptrons import Perceptrons, Trace
    from regimen.learning.rollout import Rollout
    from regimen.learning.settings import AgentSettings, ClippedSettings
    from regimen.learning.storage import Persistent, kind_of

__all__ = [
    "ICM",
    "RND",
    "Activation",
    "ActorCritic",
    "Agent",
    "AgentSettings",
    "AuxiliaryConfig",
    "AuxiliaryHeads",
    "AuxiliaryTargets",
    "Bonus",
    "BonusConfig",
    "Checkpoint",
    "ClippedSettings",
    "ClippedUpdate",
    "DatasetConfig",
    "FlatAdam",
    "HindsightConfig",
    "HindsightReplay",
    "ICMConfig",
    "Iteration",
    "Memory",
    "Memoryless",
    "Normaliser",
    "OfflineAgent",
    "OnlineAgent",
    "PartConfig",
    "Perceptron",
    "Perceptrons",
    "Persistent",
    "Progress",
    "RNDConfig",
    "ReplayBuffer",
    "ReplayConfig",
    "Rollout",
    "RunningMoments",
    "Session",
    "SideBySide",
    "Trace",
    "Transitions",
    "VectorAdam",
    "add_tanh",
    "advantages",
    "as_choices",
    "check_learning",
    "collect",
    "copy_observation",
    "draw_noise",
    "first_seen",
    "flattened",
    "hindsight_of",
    "iteration_numbers",
    "kind_of",
    "mean_reward",
    "observed_rows",
    "perceptron",
    "recorded",
    "require_finite",
    "reward_novelty",
    "side_by_side",
    "successors_of",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Activation": ".actor_critic",
        "ActorCritic": ".actor_critic",
        "Agent": ".agent",
        "AgentSettings": ".settings",
        "AuxiliaryConfig": ".auxiliary.config",
        "AuxiliaryHeads": ".auxiliary.heads",
        "AuxiliaryTargets": ".auxiliary.targets",
        "Bonus": ".bonus.bonus",
        "BonusConfig": ".bonus.config",
        "Checkpoint": ".checkpoint",
        "ClippedSettings": ".settings",
        "ClippedUpdate": ".clipped_update",
        "ICM": ".bonus.icm",
        "ICMConfig": ".bonus.config",
        "RND": ".bonus.rnd",
        "RNDConfig": ".bonus.config",
        "DatasetConfig": ".dataset_config",
        "FlatAdam": ".flat",
        "Iteration": ".iteration",
        "HindsightReplay": ".memory.hindsight",
        "HindsightConfig": ".memory.config",
        "Memory": ".memory.memory",
        "Memoryless": ".memoryless",
        "Normaliser": ".on_policy",
        "OfflineAgent": ".offline",
        "PartConfig": ".dataset_config",
        "OnlineAgent": ".online",
        "Persistent": ".storage",
        "Perceptron": ".dense",
        "Perceptrons": ".perceptrons",
        "Progress": ".iteration",
        "ReplayBuffer": ".memory.replay_buffer",
        "ReplayConfig": ".memory.config",
        "Rollout": ".rollout",
        "RunningMoments": ".moments",
        "Session": ".checkpoint",
        "SideBySide": ".flat",
        "Trace": ".perceptrons",
        "Transitions": ".memory.memory",
        "VectorAdam": ".flat",
        "add_tanh": ".dense",
        "advantages": ".on_policy",
        "as_choices": ".datasets",
        "check_learning": ".agent",
        "collect": ".on_policy",
        "copy_observation": ".agent",
        "draw_noise": ".on_policy",
        "first_seen": ".agent",
        "flattened": ".flat",
        "hindsight_of": ".datasets",
        "iteration_numbers": ".on_policy",
        "kind_of": ".storage",
        "mean_reward": ".on_policy",
        "reward_novelty": ".on_policy",
        "observed_rows": ".agent",
        "recorded": ".datasets",
        "require_finite": ".agent",
        "perceptron": ".actor_critic",
        "side_by_side": ".flat",
        "successors_of": ".agent",
    },
)
