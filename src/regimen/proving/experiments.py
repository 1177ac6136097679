"""The table of `regimen prove`: every agent, every market, every demand. A new agent is new lines here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from pydantic import JsonValue

from regimen.agents import (
    AnalyticConfig,
    ClonedConfig,
    CQLConfig,
    ESConfig,
    HybridESConfig,
    MOSACConfig,
    OptionsConfig,
    OwnAgentConfig,
    PPOConfig,
    RecurrentPPOConfig,
    SACConfig,
    SB3Config,
    VTraceConfig,
)
from regimen.errors import ConfigError
from regimen.proving.additions import with_additions
from regimen.proving.arenas import (
    AR1,
    DECOYS,
    DRAWN,
    FORGETFUL,
    GARLEANU_PEDERSEN,
    HIDDEN,
    HYSTERESIS,
    KELLY,
    MARTINGALE,
    MERTON,
    OU,
    SURE,
    TOMORROW,
)
from regimen.proving.experiment import Demand, Experiment

_SHORT = PPOConfig(gamma=0.0, minibatch_size=1024, entropy_coefficient=0.0)
"""For markets that do not answer: the best next action is the same at any horizon, and looking further is noise."""
_BAND = PPOConfig(gamma=0.97, gae_lambda=0.7, minibatch_size=1024, entropy_coefficient=0.02)
"""A cost must be earned back, in about thirty bars."""
_AIM = PPOConfig(gamma=0.97, gae_lambda=0.7, minibatch_size=1024, entropy_coefficient=0.2, log_std=-1.5)
"""Where the reward bends with the action the spread falls at once; the bonus keeps it up until the rule is learned."""
_RECURRENT = RecurrentPPOConfig(hidden=32, layers=1, head=32, gamma=0.9, gae_lambda=0.5)
_SAC = SACConfig(gamma=0.95, rollout_steps=8)
_LAST = 0.05 * math.log(3.0)
"""Nats at the end of learning, where one of three positions is chosen."""
_MOSAC = MOSACConfig(gamma=0.95, rollout_steps=8, last_target_entropy=_LAST)
"""These markets pay one reward: that it is SAC then is what they show."""
_OPTIONS = OptionsConfig(gamma=0.95, rollout_steps=8, last_target_entropy=0.05 * math.log(7.0))
_ANALYTIC = AnalyticConfig()
_CLONED = ClonedConfig(expert="optimum")
"""Of an expert that knows the best rule, on the states that the learner comes to."""
_CQL = CQLConfig(network="heads", hidden=(64, 64), gamma=0.0, updates=3000, tau=0.02)
"""From what chance did; the steps are transitions."""
_ES = ESConfig(population=128)
"""Members see 32 lanes each, and so does θ; the steps are those of all."""
_HYBRID = HybridESConfig(gamma=0.95, last_target_entropy=_LAST)
_VTRACE = VTraceConfig(lag=1, gamma=0.97, trace_lambda=0.7, minibatch_size=1024, entropy_coefficient=0.02)
"""Two actors, one update behind."""
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
    Experiment(OU, _SAC.model_copy(update={"last_target_entropy": _LAST}), 200_000, lanes=32),
    Experiment(HYSTERESIS, _SAC.model_copy(update={"last_target_entropy": _LAST}), 50_000, lanes=32),
    Experiment(GARLEANU_PEDERSEN, _SAC.model_copy(update={"gamma": 0.97}), 300_000, lanes=32),
    Experiment(OU, _MOSAC, 200_000, lanes=32),
    Experiment(HYSTERESIS, _MOSAC, 50_000, lanes=32),
    Experiment(
        OU.demanding(Demand("score", "iqm", 0.975), Demand("score", "worst", 0.96)), _OPTIONS, 100_000, lanes=32
    ),
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
    Experiment(MARTINGALE, _ES, 16_000_000, lanes=4128),
    Experiment(OU, _ES, 32_000_000, lanes=4128),
    Experiment(HYSTERESIS, _ES, 32_000_000, lanes=4128),
    Experiment(MARTINGALE, _VTRACE.model_copy(update={"gamma": 0.0, "entropy_coefficient": 0.0}), 500_000, lanes=128),
    Experiment(OU, _VTRACE.model_copy(update={"gamma": 0.0, "entropy_coefficient": 0.0}), 500_000, lanes=128),
    Experiment(HYSTERESIS, _VTRACE, 500_000, lanes=128),
    Experiment(OU, _HYBRID, 200_000, lanes=76),
    Experiment(HYSTERESIS, _HYBRID, 100_000, lanes=76),
    Experiment(AR1, _CLONED, 200_000, lanes=128),
    Experiment(OU, _CLONED, 200_000, lanes=128),
    Experiment(HYSTERESIS, _CLONED, 400_000, lanes=128),
    Experiment(GARLEANU_PEDERSEN, _CLONED, 400_000, lanes=128),
    Experiment(OU, _DQN, 300_000, lanes=32, name="dqn"),
    Experiment(OU.continuous(), _TD3, 200_000, lanes=32, name="td3"),
)

FAST: tuple[Experiment, ...] = (
    Experiment(MARTINGALE, _SHORT, 250_000, lanes=128).shortened(
        Demand("turnover/random", "worst", high=0.02, modes=SURE)
    ),
    Experiment(OU, _SHORT, 100_000, lanes=128).shortened(
        Demand("score", "worst", 0.97, modes=SURE),
        Demand("score", "worst", 0.5, modes=DRAWN),
        Demand("lag law", "worst", high=4.0),
    ),
    Experiment(TOMORROW, _BAND, 100_000, lanes=128).shortened(Demand("score", "worst", 0.95)),
    Experiment(HYSTERESIS, _BAND, 250_000, lanes=128).shortened(
        Demand("score", "worst", 0.95, modes=SURE), Demand("J/myopic", "worst", 1.0)
    ),
    Experiment(GARLEANU_PEDERSEN, _ANALYTIC, 1_000_000, lanes=64).shortened(*GARLEANU_PEDERSEN.demands),
)
"""The subset for every day: quick markets, fewer steps, lower demands."""


def own_experiments(place: str, fast: bool = False, steps: int | None = None) -> tuple[Experiment, ...]:
    """Returns the experiments of an agent of the user's own: every market, or the quick ones.

    Args:
        place: of its class, ``my_agent.py:MyAgent``; it is named by the class.
        fast: the markets and demands of `FAST`.
        steps: environment steps to learn from; None: as many as other agents.

    Raises:
        ConfigError: there is no such file, or fewer than one step.
    """
    if steps is not None and steps < 1:
        raise ConfigError("steps", "must be at least 1", steps)
    try:
        agent = OwnAgentConfig(source=place)
    except ConfigError as error:
        raise error.named("agent") from None
    arenas = (MARTINGALE, AR1, OU, DECOYS, TOMORROW, HYSTERESIS, GARLEANU_PEDERSEN, HIDDEN)
    wealth = (KELLY, MERTON)
    table = (
        FAST
        if fast
        else (
            *(Experiment(arena, agent, 500_000, lanes=128) for arena in arenas),
            *(Experiment(arena, agent, 2_000_000, bars=2_000_000) for arena in wealth),
        )
    )
    return tuple(replace(each, agent=agent, name="", steps=steps or each.steps) for each in table)


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


def experiments_of(
    agents: Sequence[str] = (), markets: Sequence[str] = (), fast: bool = False, steps: int | None = None
) -> tuple[Experiment, ...]:
    """Returns the experiments that names mean; an agent of the user's own is named by its place.

    ``sac+icm`` is an agent of the table with a method added; see `ADDITIONS`.

    Args:
        agents, markets: none given: all.
        fast: of the quick ones.
        steps: environment steps that an agent of the user's own learns from.

    Raises:
        ConfigError: see `select`, `with_additions` and `own_experiments`; steps without an agent of the user's own.
    """
    own = [agent for agent in agents if ":" in agent or agent.endswith(".py")]
    if steps is not None and not own:
        rule = "is read with --agent FILE.py:NAME only: the agents here have steps of their own"
        raise ConfigError("--steps", rule, steps)
    table = FAST if fast else EXPERIMENTS
    added = [agent for agent in agents if "+" in agent and agent not in own]
    named = [agent for agent in agents if agent not in own and agent not in added]
    chosen = select(table, named, markets) if named or len(agents) == 0 else ()
    chosen += tuple(each for name in added for each in select(with_additions(table, name), (), markets))
    return chosen + tuple(each for place in own for each in select(own_experiments(place, fast, steps), (), markets))


def installed(experiments: Sequence[Experiment]) -> tuple[tuple[Experiment, ...], dict[str, str]]:
    """Returns the experiments whose agents can be built here, and for each other agent what it needs."""
    lacking: dict[str, str] = {}
    for each in experiments:
        try:
            each.agent.agent()
        except ConfigError as error:
            lacking[each.name] = error.rule
    return tuple(each for each in experiments if each.name not in lacking), lacking
