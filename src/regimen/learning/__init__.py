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
    )
    from regimen.learning.checkpoint import Checkpoint, Session
    from regimen.learning.datasets import DatasetConfig, PartConfig, as_choices, recorded
    from regimen.learning.dense import Perceptron, add_tanh
    from regimen.learning.flat import FlatAdam, SideBySide, VectorAdam, flattened, side_by_side
    from regimen.learning.iteration import Iteration, Progress
    from regimen.learning.moments import RunningMoments
    from regimen.learning.offline import OfflineLearner, learn_offline, study
    from regimen.learning.on_policy import advantages, draw_noise, mean_reward, told
    from regimen.learning.perceptrons import Perceptrons, Trace
    from regimen.learning.replay_buffer import ReplayBuffer
    from regimen.learning.rollout import Rollout
    from regimen.learning.settings import AgentSettings
    from regimen.learning.storage import fill, kind_of, load_into, part_tensors, read_agent, restore_parts, write_agent

__all__ = [
    "Activation",
    "ActorCritic",
    "Agent",
    "AgentSettings",
    "Checkpoint",
    "DatasetConfig",
    "FlatAdam",
    "Iteration",
    "OfflineLearner",
    "PartConfig",
    "Perceptron",
    "Perceptrons",
    "Progress",
    "ReplayBuffer",
    "Rollout",
    "RunningMoments",
    "Session",
    "SideBySide",
    "Trace",
    "VectorAdam",
    "add_tanh",
    "advantages",
    "as_choices",
    "check_learning",
    "copy_observation",
    "draw_noise",
    "fill",
    "first_seen",
    "flattened",
    "kind_of",
    "learn_offline",
    "load_into",
    "mean_reward",
    "observed_rows",
    "part_tensors",
    "perceptron",
    "read_agent",
    "recorded",
    "require_finite",
    "restore_parts",
    "side_by_side",
    "study",
    "told",
    "write_agent",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Activation": ".actor_critic",
        "ActorCritic": ".actor_critic",
        "Agent": ".agent",
        "AgentSettings": ".settings",
        "Checkpoint": ".checkpoint",
        "DatasetConfig": ".datasets",
        "FlatAdam": ".flat",
        "Iteration": ".iteration",
        "OfflineLearner": ".offline",
        "PartConfig": ".datasets",
        "Perceptron": ".dense",
        "Perceptrons": ".perceptrons",
        "Progress": ".iteration",
        "ReplayBuffer": ".replay_buffer",
        "Rollout": ".rollout",
        "RunningMoments": ".moments",
        "Session": ".checkpoint",
        "SideBySide": ".flat",
        "Trace": ".perceptrons",
        "VectorAdam": ".flat",
        "add_tanh": ".dense",
        "advantages": ".on_policy",
        "as_choices": ".datasets",
        "check_learning": ".agent",
        "copy_observation": ".agent",
        "draw_noise": ".on_policy",
        "fill": ".storage",
        "first_seen": ".agent",
        "flattened": ".flat",
        "kind_of": ".storage",
        "learn_offline": ".offline",
        "load_into": ".storage",
        "mean_reward": ".on_policy",
        "observed_rows": ".agent",
        "part_tensors": ".storage",
        "perceptron": ".actor_critic",
        "read_agent": ".storage",
        "recorded": ".datasets",
        "require_finite": ".agent",
        "restore_parts": ".storage",
        "side_by_side": ".flat",
        "study": ".offline",
        "told": ".on_policy",
        "write_agent": ".storage",
    },
)
