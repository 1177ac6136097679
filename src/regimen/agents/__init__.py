"""Agents: one algorithm of reinforcement learning per package, each with `learn`, `predict`, `save` and `load`."""

from importlib import import_module
from typing import TYPE_CHECKING

from regimen.agents.analytic.config import AnalyticConfig
from regimen.agents.cgdt.config import CGDTConfig
from regimen.agents.config import AgentConfig, agent_configs
from regimen.agents.cql.config import CQLConfig
from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.ppo.config import PPOConfig
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.agents.sac.config import SACConfig
from regimen.agents.sb3.config import SB3Config
from regimen.envs import EnvSpec, VectorEnv, spec_of
from regimen.learning import Agent, DatasetConfig, Iteration, as_choices, recorded

if TYPE_CHECKING:
    from regimen.agents.analytic.analytic import Analytic
    from regimen.agents.cgdt.cgdt import CGDT
    from regimen.agents.cql.cql import CQL
    from regimen.agents.flag_trader.flag_trader import FlagTrader
    from regimen.agents.loading import load_agent
    from regimen.agents.ppo.ppo import PPO
    from regimen.agents.recurrent_ppo.recurrent_ppo import RecurrentPPO
    from regimen.agents.sac.sac import SAC
    from regimen.agents.sb3.sb3 import SB3 as SB3  # not in __all__: it needs stable_baselines3
    from regimen.learning import Checkpoint

__all__ = [
    "CGDT",
    "CQL",
    "PPO",
    "SAC",
    "Agent",
    "AgentConfig",
    "Analytic",
    "AnalyticConfig",
    "CGDTConfig",
    "CQLConfig",
    "Checkpoint",
    "DatasetConfig",
    "EnvSpec",
    "FlagTrader",
    "FlagTraderConfig",
    "Iteration",
    "PPOConfig",
    "RecurrentPPO",
    "RecurrentPPOConfig",
    "SACConfig",
    "SB3Config",
    "VectorEnv",
    "agent_configs",
    "as_choices",
    "load_agent",
    "recorded",
    "spec_of",
]

_LAZY = {
    "CQL": "regimen.agents.cql.cql",
    "Analytic": "regimen.agents.analytic.analytic",
    "CGDT": "regimen.agents.cgdt.cgdt",
    "Checkpoint": "regimen.learning.checkpoint",
    "FlagTrader": "regimen.agents.flag_trader.flag_trader",
    "PPO": "regimen.agents.ppo.ppo",
    "RecurrentPPO": "regimen.agents.recurrent_ppo.recurrent_ppo",
    "SAC": "regimen.agents.sac.sac",
    "SB3": "regimen.agents.sb3.sb3",
    "load_agent": "regimen.agents.loading",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:  # torch is imported with the first agent, not with its config
        raise AttributeError(f"module 'regimen.agents' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
