"""The union of the agents' configs; ``kind`` chooses."""

from __future__ import annotations

from typing import get_args

from regimen.agents.analytic.config import AnalyticConfig
from regimen.agents.cgdt.config import CGDTConfig
from regimen.agents.cloning.config import ClonedConfig
from regimen.agents.cql.config import CQLConfig
from regimen.agents.evolution.config import ESConfig
from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.hybrid_evolution.config import HybridESConfig
from regimen.agents.mosac.config import MOSACConfig
from regimen.agents.options.config import OptionsConfig
from regimen.agents.ppo.config import PPOConfig
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.agents.sac.config import SACConfig
from regimen.agents.sb3.config import SB3Config
from regimen.agents.vtrace.config import VTraceConfig
from regimen.learning import AgentSettings

AgentConfig = (
    PPOConfig
    | RecurrentPPOConfig
    | SACConfig
    | MOSACConfig
    | OptionsConfig
    | AnalyticConfig
    | SB3Config
    | CGDTConfig
    | CQLConfig
    | FlagTraderConfig
    | ESConfig
    | VTraceConfig
    | HybridESConfig
    | ClonedConfig
)


def agent_configs() -> tuple[type[AgentSettings], ...]:
    """Returns the members of the union, by which the loader, the command line and the contract tests go."""
    members: tuple[type[AgentSettings], ...] = get_args(AgentConfig)
    return members
