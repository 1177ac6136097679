"""Agents: one algorithm of reinforcement learning per file, each with `learn`, `predict`, `save` and `load`."""

from importlib import import_module
from typing import TYPE_CHECKING

from regimen.agents.agent import Agent, Iteration
from regimen.agents.config import AgentConfig, agent_configs
from regimen.agents.ppo_config import PPOConfig
from regimen.agents.spec import EnvSpec, VectorEnv, spec_of

if TYPE_CHECKING:
    from regimen.agents.checkpoint import Checkpoint
    from regimen.agents.loading import load_agent
    from regimen.agents.ppo import PPO

__all__ = [
    "PPO",
    "Agent",
    "AgentConfig",
    "Checkpoint",
    "EnvSpec",
    "Iteration",
    "PPOConfig",
    "VectorEnv",
    "agent_configs",
    "load_agent",
    "spec_of",
]

_LAZY = {"Checkpoint": "checkpoint", "PPO": "ppo", "load_agent": "loading"}


def __getattr__(name: str) -> object:
    if name not in _LAZY:  # torch is imported with the first agent, not with its config
        raise AttributeError(f"module 'regimen.agents' has no attribute {name!r}")
    return getattr(import_module(f"regimen.agents.{_LAZY[name]}"), name)
