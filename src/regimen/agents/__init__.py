"""Agents: one algorithm of reinforcement learning per package, each with `learn`, `predict`, `save` and `load`."""

from typing import TYPE_CHECKING

from regimen.agents.analytic.config import AnalyticConfig
from regimen.agents.cgdt.config import CGDTConfig
from regimen.agents.cloning.config import ClonedConfig
from regimen.agents.config import AgentConfig, agent_configs
from regimen.agents.cql.config import CQLConfig
from regimen.agents.evolution.config import ESConfig
from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.hybrid_evolution.config import HybridESConfig
from regimen.agents.mosac.config import MOSACConfig
from regimen.agents.options.config import CloseConfig, OpenConfig, OptionsConfig, ScalpConfig, TrendConfig, WaitConfig
from regimen.agents.own_agent.config import OwnAgentConfig
from regimen.agents.ppo.config import PPOConfig
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.agents.sac.config import SACConfig
from regimen.agents.sb3.config import SB3Config
from regimen.agents.vtrace.config import VTraceConfig
from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.agents.analytic.analytic import Analytic
    from regimen.agents.cgdt.cgdt import CGDT
    from regimen.agents.cloning.cloned import Cloned
    from regimen.agents.cql.cql import CQL
    from regimen.agents.evolution.es import ES
    from regimen.agents.flag_trader.flag_trader import FlagTrader
    from regimen.agents.hybrid_evolution.hybrid_es import HybridES
    from regimen.agents.loading import load_agent
    from regimen.agents.mosac.mosac import MOSAC
    from regimen.agents.options.options import Options
    from regimen.agents.own_agent.own_agent import OwnAgent
    from regimen.agents.ppo.ppo import PPO
    from regimen.agents.recurrent_ppo.recurrent_ppo import RecurrentPPO
    from regimen.agents.sac.sac import SAC
    from regimen.agents.sb3.sb3 import SB3 as SB3  # not in __all__: it needs stable_baselines3
    from regimen.agents.vtrace.vtrace import VTraceAgent

__all__ = [
    "CGDT",
    "CQL",
    "ES",
    "MOSAC",
    "PPO",
    "SAC",
    "AgentConfig",
    "Analytic",
    "AnalyticConfig",
    "CGDTConfig",
    "CQLConfig",
    "Cloned",
    "ClonedConfig",
    "CloseConfig",
    "ESConfig",
    "FlagTrader",
    "FlagTraderConfig",
    "HybridES",
    "HybridESConfig",
    "MOSACConfig",
    "OpenConfig",
    "Options",
    "OptionsConfig",
    "OwnAgent",
    "OwnAgentConfig",
    "PPOConfig",
    "RecurrentPPO",
    "RecurrentPPOConfig",
    "SACConfig",
    "SB3Config",
    "ScalpConfig",
    "TrendConfig",
    "VTraceAgent",
    "VTraceConfig",
    "WaitConfig",
    "agent_configs",
    "load_agent",
]

# torch is imported with the first agent, not with its config
__getattr__, __dir__ = lazily(
    __name__,
    {
        "CGDT": ".cgdt.cgdt",
        "CQL": ".cql.cql",
        "MOSAC": ".mosac.mosac",
        "Options": ".options.options",
        "ES": ".evolution.es",
        "Cloned": ".cloning.cloned",
        "OwnAgent": ".own_agent.own_agent",
        "PPO": ".ppo.ppo",
        "SAC": ".sac.sac",
        "SB3": ".sb3.sb3",
        "Analytic": ".analytic.analytic",
        "FlagTrader": ".flag_trader.flag_trader",
        "HybridES": ".hybrid_evolution.hybrid_es",
        "RecurrentPPO": ".recurrent_ppo.recurrent_ppo",
        "VTraceAgent": ".vtrace.vtrace",
        "load_agent": ".loading",
    },
)
