"""An agent trades a span of bars: every symbol in an account of its own, from a flat start, action by action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimen.agents import Agent
from regimen.bars import Bars
from regimen.envs import VectorMarket, VectorMarketConfig, spec_of
from regimen.errors import ConfigError
from regimen.features import FeatureFrame
from regimen.policies import share
from regimen.records.config import RunConfig

Floats = NDArray[np.float64]
State = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Observations (lane, width) that an agent saw in one bar, and its memory of them."""


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


def market_of(config: RunConfig, desk: Desk, start: int, stop: int, lanes: int | None) -> VectorMarket | None:
    """Returns a symbol's lanes within the bars [start, stop); None where no episode of it can start there.

    Args:
        config: of the run.
        desk: the symbol.
        start, stop: positions of bars.
        lanes: of random episodes to learn from; None: one lane that trades the whole span once.
    """
    how = config.environment
    settings = VectorMarketConfig(
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
    watch: Callable[[State], None] | None = None,
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
    end = min(stop + 1, len(bars))
    alone = np.zeros((stop - start, len(bars.symbols)))
    alone[end - 1 - start :] = np.nan
    markets: list[tuple[int, VectorMarket]] = []
    seen: dict[int, NDArray[np.float32]] = {}
    begins: dict[int, list[int]] = {}
    for s, desk in enumerate(desks(bars, frame)):
        market = market_of(config, desk, start, end, None) if end - start > 1 else None
        if market is not None:
            agent.spec.require(spec_of(market), "agent")
            observation, info = market.reset(0)
            seen[len(markets)] = observation
            begins.setdefault(int(info["bar"][0]), []).append(len(markets))
            markets.append((s, market))
    acting: list[int] = []
    memory: NDArray[np.float32] | None = None
    for t in range(start, end - 1):
        acting += begins.get(t, [])
        if not acting:
            continue
        rows = np.concatenate([seen[k] for k in acting]).astype(np.float32)
        before = None if memory is None else memory[acting]
        if watch is not None:
            watch((rows, before))
        actions, after = agent.predict(rows, before, deterministic)
        if after is not None:
            memory = np.zeros((len(markets), after.shape[1]), np.float32) if memory is None else memory
            memory[acting] = after
        still = []
        for k, action in zip(acting, actions, strict=True):
            s, market = markets[k]
            seen[k], _, ruined, over, _ = market.step(action[None])
            alone[t - start, s] = market.targets[0, 0]
            if not (ruined[0] or over[0]):
                still.append(k)
        acting = still
    return share(alone, bars.present[start:stop], bars.listed[start:stop])
