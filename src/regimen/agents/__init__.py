"""Agents: one algorithm of reinforcement learning per file, each with `learn`, `predict`, `save` and `load`."""

from importlib import import_module
from typing import TYPE_CHECKING

from regimen.agents.config import PPOConfig
from regimen.agents.known_market import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.agents.spec import EnvSpec, VectorEnv, spec_of

if TYPE_CHECKING:
    from regimen.agents.ppo import PPO, Iteration

AgentConfig = PPOConfig
"""The union of the agents' configs; ``kind`` chooses."""

__all__ = [
    "PPO",
    "AgentConfig",
    "EnvSpec",
    "Evaluation",
    "Iteration",
    "KnownMarketEnv",
    "PPOConfig",
    "PlayableMarket",
    "VectorEnv",
    "evaluate",
    "spec_of",
]


def __getattr__(name: str) -> object:
    if name not in ("PPO", "Iteration"):  # torch is imported with the first agent, not with its config
        raise AttributeError(f"module 'regimen.agents' has no attribute {name!r}")
    return getattr(import_module("regimen.agents.ppo"), name)
