"""The union of the agents' configs; ``kind`` chooses."""

from __future__ import annotations

from typing import get_args

from regimen.agents.ppo_config import PPOConfig
from regimen.agents.settings import AgentSettings

AgentConfig = PPOConfig


def agent_configs() -> tuple[type[AgentSettings], ...]:
    """Returns the members of the union, by which the loader, the command line and the contract tests go."""
    members: tuple[type[AgentSettings], ...] = get_args(AgentConfig) or (AgentConfig,)
    return members
