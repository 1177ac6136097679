"""Who is imitated: what an expert would do in any state that lanes come to."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from regimen.envs import ContinuousConfig, LevelsConfig, VectorEnv, VectorMarket, innermost, markets_of
from regimen.errors import ConfigError, RunError
from regimen.learning import hindsight_of
from regimen.policies import ExposureConfig, RuleSettings, targets
from regimen.replay import Behaviour, LaneRandom, RuleExpert

FIELD = "agents.expert"


@runtime_checkable
class KnowsTheBest(Protocol):
    """Lanes of a market whose best rule is known."""

    def best(self, observation: NDArray[Any]) -> NDArray[Any]:
        """Returns the best actions (lane,) or (lane, 1) of what lanes show."""


def expert_of(expert: str | RuleSettings, env: VectorEnv) -> Behaviour:
    """Returns the expert as a behaviour in some lanes.

    *Look-ahead:* ``hindsight`` knows the bars to come; it labels states and can trade nowhere else. The others see what
    the lanes show.

    Args:
        expert: see `ClonedConfig`.
        env: the lanes, wrapped or not.

    Raises:
        ConfigError: lanes that this expert does not know, or whose observations lack what it reads.
        RunError: lanes that are no market, for an expert of markets.
    """
    if expert == "optimum":
        lanes = innermost(env)
        if not isinstance(lanes, KnowsTheBest):
            raise ConfigError(FIELD, "must be one that real bars have; optimum is of a known market", expert)
        return lambda observation, _info, _random: lanes.best(observation)
    markets = markets_of(env)
    if not markets:
        name = getattr(expert, "kind", expert)
        raise RunError("env", f"must be lanes of a market for the expert {name!r}", type(env).__name__)
    try:
        if isinstance(expert, RuleSettings):
            return _rule(expert, markets)
        return RuleExpert(env) if expert == "votes" else hindsight_of(markets)
    except ConfigError as error:
        rule = f"must be one that the market allows, but {error.field} {error.rule}"
        raise ConfigError(FIELD, rule, getattr(expert, "kind", expert)) from None


def _rule(rule: RuleSettings, markets: tuple[VectorMarket, ...]) -> Behaviour:
    """Returns a rule's exposures, decided once for every bar, as actions of the lanes that are there."""
    tables = [_actions(rule, market) for market in markets]
    edges = np.cumsum([0, *(market.n_envs for market in markets)]).tolist()
    lanes = [slice(*ends) for ends in pairwise(edges)]

    def act(_observation: NDArray[np.float32], info: Mapping[str, Any], _random: LaneRandom) -> NDArray[Any]:
        bars = np.asarray(info["bar"]).astype(np.int64)
        return np.concatenate([table[bars[part]] for table, part in zip(tables, lanes, strict=True)])

    return act


def _actions(rule: RuleSettings, market: VectorMarket) -> NDArray[Any]:
    """Returns the rule's action (time, symbol) at every bar of a market; flat where it wants to keep what it has."""
    config, bars = market.config, market.bars
    policy = rule.build(ExposureConfig(kind="lean"), market.inputs.names)
    features = market.inputs.values[:, :, -len(market.inputs.names) :]
    history = config.market.build().history(bars, features)
    exposures = np.nan_to_num(targets(policy, history, 0, len(bars)))
    if isinstance(config.actions, LevelsConfig):
        return np.asarray(np.abs(exposures[..., None] - np.array(config.actions.levels)).argmin(axis=-1))
    if isinstance(config.actions, ContinuousConfig):
        return np.clip(exposures, config.actions.low, config.actions.high)
    raise ConfigError("environment.actions", "must be levels or continuous to imitate a rule", config.actions.kind)
