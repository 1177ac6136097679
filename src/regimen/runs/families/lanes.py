"""The lanes that an agent learns in: every symbol in accounts of its own, made alike for learning and for trading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from regimen.bars import Bars
from regimen.envs import EnvRecipe, LaneFeatures, VectorEnv, VectorMarketConfig
from regimen.errors import ConfigError
from regimen.features import FeatureFrame, FeatureSet
from regimen.learning import AgentSettings
from regimen.preprocess import Chain
from regimen.records import RunConfig
from regimen.runs.prepare import Prepared, seen
from regimen.splits import Window


@dataclass(frozen=True, eq=False)
class LaneData:
    """What one symbol's lanes are made of."""

    bars: Bars
    frame: FeatureFrame


@dataclass(frozen=True, eq=False)
class FeaturesAnew:
    """How a window's features are computed for bars that a wrapper has changed: as those of the real ones.

    Attributes:
        features: of the run.
        passed, chain: what they pass through, fitted on the real bars of the training slice.
    """

    features: FeatureSet
    passed: Chain
    chain: Chain

    def __call__(self, bars: Bars) -> FeatureFrame:
        """Returns the features of bars."""
        frame = self.features.compute(seen(bars))
        there = np.where(bars.present[..., None], frame.values, np.nan)
        return replace(frame, values=self.chain.scan(self.passed.scan(there)))


def lane_data(bars: Bars, frame: FeatureFrame) -> tuple[LaneData, ...]:
    """Returns each symbol of a panel by itself."""
    return tuple(
        LaneData(bars.select(symbol), FeatureFrame(frame.values[:, s : s + 1], frame.names, frame.time, (symbol,)))
        for s, symbol in enumerate(bars.symbols)
    )


def lanes_of(
    config: RunConfig, start: int = 0, stop: int | None = None, lanes: int | None = None
) -> VectorMarketConfig:
    """Returns how a symbol's lanes within the bars [start, stop) are made; those that trade have the defaults.

    Args:
        config: of the run.
        start, stop: positions of bars.
        lanes: of random episodes to learn from; None: one lane that trades the whole span once.
    """
    how = config.environment
    return VectorMarketConfig(
        n_envs=lanes or 1,
        episode_length=how.episode_length if lanes else None,
        random_start=lanes is not None,
        autoreset=lanes is not None,
        start=start,
        stop=stop,
        context=how.context,
        show_account=how.show_account,
        account_span=how.episode_length,
        actions=how.actions,
        reward=how.reward,
        market=config.market,
    )


def learning_env(
    prepared: Prepared, window: Window, paths: Sequence[Prepared] = (), chain: Chain | None = None
) -> VectorEnv:
    """Returns the lanes that an agent learns in: episodes of the training slice and of its paths, at random starts.

    A slice that other bars are cut out of gives lanes of their own to each of its stretches that an episode fits into,
    so that no episode runs through what was cut out. What trades, or is evaluated, has no wrapper around it.

    Args:
        prepared: bars, and features as they are seen.
        window: whose training slice.
        paths: of it, to learn from besides.
        chain: what the window's features have passed through.

    Raises:
        ConfigError: an episode that is longer than the slice; no symbol has features in it; what a wrapper refuses.
    """
    config, stretches = prepared.config, window.train.spans
    room = max(stop - start for start, stop in stretches) - 1
    if config.environment.episode_length > room:
        which = "training slice" if len(stretches) == 1 else "longest stretch of training bars"
        rule = f"must be at most {room}, the bars of window {window.number + 1}'s {which} less one"
        raise ConfigError("environment.episode_length", rule, config.environment.episode_length)
    stretches = tuple(span for span in stretches if span[1] - span[0] > config.environment.episode_length)
    spans = [(data, *span) for span in stretches for data in lane_data(prepared.bars, prepared.frame)]
    spans += [(data, 0, len(path.bars)) for path in paths for data in lane_data(path.bars, path.frame)]
    _check_wrappers(config)
    anew = FeaturesAnew(prepared.features, prepared.passed, chain or Chain())
    markets = tuple(
        (data.bars, LaneFeatures(data.frame, anew), lanes_of(config, first, last, 1)) for data, first, last in spans
    )
    try:
        env = EnvRecipe(markets, config.environment.wrappers).build(config.environment.n_envs)
        return config.model.wrap(env) if isinstance(config.model, AgentSettings) else env
    except ConfigError as error:
        if error.field != "features":
            raise
        rule = f"must be known somewhere in window {window.number + 1}'s training slice"
        raise ConfigError("features", rule) from None


def _check_wrappers(config: RunConfig) -> None:
    discount = getattr(config.model, "gamma", None)
    for number, wrapper in enumerate(config.environment.wrappers):
        gamma = getattr(wrapper, "gamma", discount)  # of those that have one
        if discount is not None and gamma != discount:
            rule = f"must be the agent's own, {discount:g}; with another, the best policy changes"
            raise ConfigError(f"environment.wrappers.{number}.gamma", rule, gamma)
        steps = getattr(wrapper, "steps", None)
        if steps is not None and steps >= config.environment.steps:
            rule = (
                f"must be below environment.steps, {config.environment.steps:,}: the rest is learned in the true market"
            )
            raise ConfigError(f"environment.wrappers.{number}.steps", rule, steps)
