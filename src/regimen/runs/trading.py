"""An agent trades a span of bars: every symbol in an account of its own, from a flat start, action by action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.envs import VectorMarket, VectorMarketConfig
from regimen.errors import ConfigError
from regimen.features import FeatureFrame
from regimen.learning import Agent
from regimen.policies import AgentPolicy, Sight, targets
from regimen.records.config import RunConfig

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Desk:
    """What one symbol's lanes are made of."""

    bars: Bars
    frame: FeatureFrame


def desks(bars: Bars, frame: FeatureFrame) -> tuple[Desk, ...]:
    """Returns each symbol of a panel by itself."""
    return tuple(
        Desk(bars.select(symbol), FeatureFrame(frame.values[:, s : s + 1], frame.names, frame.time, (symbol,)))
        for s, symbol in enumerate(bars.symbols)
    )


def settings_of(config: RunConfig, start: int, stop: int | None, lanes: int | None) -> VectorMarketConfig:
    """Returns the lanes of a symbol within the bars [start, stop); see `market_of`."""
    how = config.environment
    return VectorMarketConfig(
        n_envs=lanes or 1,
        episode_length=how.episode_length if lanes else None,
        random_start=lanes is not None,
        autoreset=lanes is not None,
        start=start,
        stop=stop,
        window=how.window,
        show_account=how.show_account,
        account_span=how.episode_length,
        actions=how.actions,
        reward=how.reward,
        market=config.market,
    )


def market_of(config: RunConfig, desk: Desk, start: int, stop: int, lanes: int | None) -> VectorMarket | None:
    """Returns a symbol's lanes within the bars [start, stop); None where no episode of it can start there.

    Args:
        config: of the run.
        desk: the symbol.
        start, stop: positions of bars.
        lanes: of random episodes to learn from; None: one lane that trades the whole span once.
    """
    settings = settings_of(config, start, stop, lanes)
    try:
        return settings.build(desk.bars, desk.frame)
    except ConfigError as error:
        if error.field == "features":  # it has no whole row in this span
            return None
        raise


def trade(
    agent: Agent,
    config: RunConfig,
    bars: Bars,
    frame: FeatureFrame,
    start: int,
    stop: int,
    *,
    deterministic: bool = True,
    watch: Callable[[Sight], None] | None = None,
) -> Floats:
    """Returns the target exposures (stop − start, symbol) that an agent decides at bars [start, stop).

    *Timing:* row t uses bars <= t. What the agent sees of its account is that of an account of its own for each
    symbol, which is flat at ``start``; its drawdown begins anew after as many bars as an episode of the learning has,
    so that it stays in the range that the agent knows. The joint account gives each symbol listed its equal share.

    Args:
        agent: trained in lanes of this config.
        config: of the run; its market's costs move the symbols' accounts.
        bars, frame: the whole series.
        start, stop: positions of bars.
        deterministic: the agent's mode, or drawn actions.
        watch: called in each bar with what the agent saw.

    Returns:
        Targets: 0 before a symbol's first whole row and after its ruin; NaN (keep) without a bar, and at the last bar
        of the series, after which nothing fills.

    Raises:
        RunError: an agent that was trained on other columns, such as those of an older version.
    """
    policy = AgentPolicy(agent, settings_of(config, 0, None, None), draws=not deterministic, watching=watch)
    return targets(policy, config.market.build().history(bars, frame), start, stop)
