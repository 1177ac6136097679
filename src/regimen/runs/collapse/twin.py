"""The same agent, its environment and its costs where tomorrow's return is shown: does it learn at all?"""

from __future__ import annotations

import math

import numpy as np

from regimen.envs import VectorMarket
from regimen.errors import ConfigError
from regimen.execution import Ledger
from regimen.learning import AgentSettings
from regimen.policies import AgentPolicy, targets
from regimen.runs.families.lanes import lanes_of
from regimen.runs.prepare import Prepared
from regimen.simulators import HysteresisConfig, Simulation

_STEPS = 100_000
_BARS = 8_000
_TEST = 1_500
_DEAREST = 0.05
"""Cost of a trade in the twin, at most, in deviations of a bar: there is something to earn."""


def twin_share(prepared: Prepared) -> float | None:
    """Returns the agent's log growth on unseen bars of the twin as a share of the best; None without one.

    The twin has the run's environment, rewards and costs, and bars of the data's volatility, or of a larger one where
    those costs would swallow it; its one column is the next return. Agents that study recorded data are left out, and
    those that need other columns.
    """
    config = prepared.config
    if not isinstance(config.model, AgentSettings) or hasattr(config.model, "updates"):
        return None
    market, simulation, fresh = _simulated(prepared)
    how = config.environment
    settings = lanes_of(config, 0, None, min(how.n_envs, 256)).model_copy(
        update={"episode_length": min(how.episode_length, _BARS // 4)}
    )
    env = VectorMarket(simulation.bars, simulation.signal[:, None, None], settings)
    try:
        agent = config.model.build(env, config.seed)
        agent.learn(env, min(how.steps, _STEPS))
    except ConfigError:  # it reads columns that the twin does not show
        return None
    account = config.market.build()
    bars = fresh.bars
    history = account.history(bars, fresh.signal[:, None, None])
    own = targets(AgentPolicy(agent, lanes_of(config)), history, 0, len(bars))
    best = np.clip(market.optimal(fresh), _lowest(prepared), 1.0)[:, None]
    growth, most = (_growth(account.backtest(bars, rows)) for rows in (own, best))
    return growth / most if most > 0.0 else None


def _growth(ledger: Ledger) -> float:
    return -math.inf if ledger.ruined else math.log(float(ledger.equity[-1]) / ledger.start_equity)


def _simulated(prepared: Prepared) -> tuple[HysteresisConfig, Simulation, Simulation]:
    cost = prepared.config.market.costs.round_trip / 2.0
    close = prepared.bars.close
    with np.errstate(invalid="ignore"):
        own = float(np.nanmedian(np.nanstd(np.diff(np.log(close), axis=0), axis=0)))
    volatility = float(np.clip(max(own, cost / _DEAREST), 1e-4, 0.1))
    market = HysteresisConfig(cost=cost / volatility, phi=0.0, volatility=volatility)
    seed = prepared.config.seed
    return market, market.simulate(_BARS, seed), market.simulate(_TEST, seed + 1)


def _lowest(prepared: Prepared) -> float:
    actions = prepared.config.environment.actions
    levels = getattr(actions, "levels", None)
    return float(min(levels)) if levels else float(min(actions.low, 0.0)) if actions.kind == "continuous" else 0.0
