"""The table of `regimen prove`: every agent, every market, every demand. A new agent is new lines here."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from regimen.agents import AnalyticConfig, CQLConfig, PPOConfig, RecurrentPPOConfig, SACConfig, SB3Config
from regimen.errors import ConfigError
from regimen.proving.experiment import Arena, Demand, Experiment, Mode
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HiddenRegimeConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    MertonConfig,
    OrnsteinUhlenbeckConfig,
    Quotes,
)

_SURE: tuple[Mode, ...] = ("deterministic",)
_DRAWN: tuple[Mode, ...] = ("drawn",)

MARTINGALE = Arena("martingale", MartingaleConfig(), (Demand("turnover/random", "worst", high=0.01),))
_SIGN = (Demand("score", "iqm", 0.99), Demand("score", "worst", 0.98))
AR1 = Arena("ar1", Ar1Config(), _SIGN)
OU = Arena("ou", OrnsteinUhlenbeckConfig(), (*_SIGN, Demand("lag law", "iqm", high=3.0)))
HYSTERESIS = Arena(
    "hysteresis",
    HysteresisConfig(cost=1.0),
    (
        Demand("score", "iqm", 0.97),
        Demand("score", "worst", 0.95),
        Demand("q−q*", "iqm", -0.1, 0.1),
        Demand("J/myopic", "worst", 1.0),
    ),
)
GARLEANU_PEDERSEN = Arena(
    "garleanu-pedersen",
    GarleanuPedersenConfig(),
    (
        Demand("score", "iqm", 0.97, modes=_SURE),
        Demand("score", "worst", 0.90, modes=_SURE),
        Demand("τ/τ*", "iqm", 0.9, 1.1, _SURE),
        Demand("m/m*", "iqm", 0.9, 1.1, _SURE),
    ),
    levels=None,
    reach=3.5,
)
"""Demanded of the deterministic mode only: a drawn position pays λσ² a bar for its own noise."""
HIDDEN = Arena(
    "hidden",
    HiddenRegimeConfig(),
    (Demand("score", "worst", 0.95), Demand("J/memoryless", "worst", 1.5)),
    show_position=False,
)
FORGETFUL = HIDDEN.demanding(Demand("J/memoryless", "iqm", 0.95, 1.03))
"""The control: an agent without a memory earns what the best policy without one does, and no more."""
KELLY = Arena(
    "kelly", KellyConfig(chance=0.75, volatility=1e-4), (Demand("x/x*", "worst", 0.95, 1.05),), levels=None, reach=0.9
)
MERTON = Arena(
    "merton",
    MertonConfig(drift=0.005, volatility=0.1, risk_aversion=2.0),
    (Demand("x/x*", "iqm", 0.95, 1.05),),
    levels=None,
)
TOMORROW = Arena("tomorrow", HysteresisConfig(cost=0.1, phi=0.0), (Demand("score", "worst", 0.95),))
"""The positive control: the signal is tomorrow's return itself, which nothing else foretells."""
DECOYS = Arena("ou+noise", OrnsteinUhlenbeckConfig(quotes=Quotes(decoys=5)), (Demand("score", "worst", 0.98),))
"""Five columns of noise beside the signal cost at most two points."""

_SHORT = PPOConfig(gamma=0.0, minibatch_size=1024)
"""For markets that do not answer: the best next action is the same at any horizon, and looking further is noise."""
_BAND = PPOConfig(gamma=0.97, gae_lambda=0.7, minibatch_size=1024, entropy_coefficient=0.02)
"""A cost must be earned back, in about thirty bars."""
_AIM = PPOConfig(gamma=0.97, gae_lambda=0.7, minibatch_size=1024, entropy_coefficient=0.2, log_std=-1.5)
"""Where the reward bends with the action the spread falls at once; the bonus keeps it up until the rule is learned."""
_RECURRENT = RecurrentPPOConfig(hidden=32, layers=1, head=32, gamma=0.9, gae_lambda=0.5)
_SAC = SACConfig(gamma=0.95, rollout_steps=8)
_ANALYTIC = AnalyticConfig()
_CQL = CQLConfig(network="heads", hidden=(64, 64), gamma=0.0, updates=3000, tau=0.02)
"""From what chance did; the steps are transitions."""
_REPLAY: dict[str, JsonValue] = {
    "gamma": 0.0,
    "learning_rate": 1e-3,
    "batch_size": 256,
    "buffer_size": 50_000,
    "learning_starts": 1000,
    "train_freq": 1,
}
_EXPLORE: dict[str, JsonValue] = {
    "target_update_interval": 500,
    "exploration_fraction": 0.5,
    "exploration_final_eps": 0.2,
}
_DQN = SB3Config(algorithm="dqn", parameters=_REPLAY | _EXPLORE, hidden=(32, 32))
_TD3 = SB3Config(algorithm="td3", parameters=_REPLAY, hidden=(32, 32), action_noise=0.3)

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(MARTINGALE, _SHORT, 500_000, lanes=128),
    Experiment(AR1, _SHORT, 500_000, lanes=128),
    Experiment(OU, _SHORT, 500_000, lanes=128),
    Experiment(DECOYS, _SHORT, 500_000, lanes=128),
    Experiment(TOMORROW, _BAND, 500_000, lanes=128),
    Experiment(HYSTERESIS, _BAND, 500_000, lanes=128),
    Experiment(GARLEANU_PEDERSEN, _AIM, 1_200_000, lanes=128),
    Experiment(KELLY, _SHORT, 2_000_000, bars=2_000_000),
    Experiment(FORGETFUL, _SHORT, 500_000, lanes=128, name="memoryless"),
    Experiment(HIDDEN, _RECURRENT, 500_000, lanes=256),
    Experiment(MARTINGALE, _SAC.model_copy(update={"last_target_entropy": 0.02}), 100_000, lanes=32),
    Experiment(OU, _SAC, 200_000, lanes=32),
    Experiment(HYSTERESIS, _SAC, 50_000, lanes=32),
    Experiment(GARLEANU_PEDERSEN, _SAC.model_copy(update={"gamma": 0.97}), 300_000, lanes=32),
    Experiment(MARTINGALE.continuous(), _ANALYTIC, 500_000, lanes=64),
    Experiment(OU.continuous(), _ANALYTIC, 1_000_000, lanes=64),
    Experiment(HYSTERESIS.continuous(), _ANALYTIC, 1_000_000, lanes=64),
    Experiment(GARLEANU_PEDERSEN, _ANALYTIC, 1_000_000, lanes=64),
    Experiment(KELLY, _ANALYTIC, 1_000_000, lanes=64, bars=2_000_000),
    Experiment(MERTON, _ANALYTIC, 2_000_000, lanes=64, bars=2_000_000),
    Experiment(AR1, _CQL, 200_000, lanes=128),
    Experiment(OU, _CQL, 200_000, lanes=128),
    Experiment(
        HYSTERESIS, _CQL.model_copy(update={"gamma": 0.95, "learning_rate": 3e-3, "alpha": 0.02}), 200_000, lanes=128
    ),
    Experiment(OU, _DQN, 300_000, lanes=32, name="dqn"),
    Experiment(OU.continuous(), _TD3, 200_000, lanes=32, name="td3"),
)

FAST: tuple[Experiment, ...] = (
    Experiment(MARTINGALE, _SHORT, 250_000, lanes=128).shortened(
        Demand("turnover/random", "worst", high=0.02, modes=_SURE)
    ),
    Experiment(OU, _SHORT, 100_000, lanes=128).shortened(
        Demand("score", "worst", 0.97, modes=_SURE),
        Demand("score", "worst", 0.5, modes=_DRAWN),
        Demand("lag law", "worst", high=4.0),
    ),
    Experiment(TOMORROW, _BAND, 100_000, lanes=128).shortened(Demand("score", "worst", 0.95)),
    Experiment(HYSTERESIS, _BAND, 250_000, lanes=128).shortened(
        Demand("score", "worst", 0.95, modes=_SURE), Demand("J/myopic", "worst", 1.0)
    ),
    Experiment(GARLEANU_PEDERSEN, _ANALYTIC, 1_000_000, lanes=64).shortened(*GARLEANU_PEDERSEN.demands),
)
"""The subset for every day: quick markets, fewer steps, lower demands."""


def select(
    experiments: Sequence[Experiment], agents: Sequence[str] = (), markets: Sequence[str] = ()
) -> tuple[Experiment, ...]:
    """Returns the experiments with these agents and markets; none given: all.

    Raises:
        ConfigError: an unknown name, or names that no experiment has together.
    """
    known = {"agent": [each.name for each in experiments], "market": [each.arena.name for each in experiments]}
    for what, wanted in (("agent", agents), ("market", markets)):
        for name in wanted:
            if name not in known[what]:
                raise ConfigError(what, f"must be one of {', '.join(dict.fromkeys(known[what]))}", name)
    chosen = tuple(
        each
        for each in experiments
        if (not agents or each.name in agents) and (not markets or each.arena.name in markets)
    )
    if not chosen:
        raise ConfigError("market", f"must be one that {', '.join(agents)} is tried on", ", ".join(markets))
    return chosen


def installed(experiments: Sequence[Experiment]) -> tuple[tuple[Experiment, ...], dict[str, str]]:
    """Returns the experiments whose agents can be built here, and for each other agent what it needs."""
    lacking: dict[str, str] = {}
    for each in experiments:
        try:
            each.agent.agent()
        except ConfigError as error:
            lacking[each.name] = error.rule
    return tuple(each for each in experiments if each.name not in lacking), lacking
