"""What an offline agent learns from: `recorded` lets those act whom `DatasetConfig` names, and writes it down.

`offline_learning.study` is the other half: the updates that are made with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimen.envs import EnvSpec, VectorEnv, VectorMarket, changes_market, markets_of, spec_of
from regimen.errors import ConfigError, RunError
from regimen.learning.agent import check_learning
from regimen.learning.dataset_config import DatasetConfig
from regimen.replay import Behaviour, Hindsight, LaneRandom, RuleExpert, Trajectories, noisy, record, uniform
from regimen.seeding import generator

FIELD = "agents.dataset"


def recorded(config: DatasetConfig, env: VectorEnv, steps: int, seed: int) -> Trajectories:
    """Records the dataset that a config asks for; the same arguments give the same bits.

    The parts of a mixture act one after the other, each from new episodes, for their shares of every lane's steps.

    Args:
        config: who acts.
        env: lanes with autoreset; reset at the beginning of each part.
        steps: over all lanes; rounded up to whole steps of all lanes.
        seed: of the environment and of chance.

    Raises:
        ConfigError: a behaviour that this environment cannot have; fewer steps than parts; no autoreset; lanes whose
            market changes as episodes succeed, which says nothing of an agent that only looks on.
        RunError: an observation that is not finite, naming its column and lane.
        DataError: a reward that is not finite.
    """
    spec = spec_of(env)
    check_learning(spec, env, steps)
    if changes_market(env):
        rule = "must have no curriculum and no difficulty where an agent learns from records of others"
        raise ConfigError("environment.wrappers", rule)
    each, parts = -(-steps // env.n_envs), config.parts
    shares = np.cumsum([0.0, *(part.share for part in parts)])
    edges = np.rint(each * shares / shares[-1]).astype(int).tolist()
    pieces = []
    for number, (part, (first, stop)) in enumerate(zip(parts, pairwise(edges), strict=True)):
        if stop == first:
            rule = f"must leave a step of every lane to part {number + 1} of the {each} that there are"
            raise ConfigError(f"{FIELD}.mixture", rule, part.share)
        own = int(generator(seed, "dataset", number).integers(2**31))
        behaviour = _finite(spec, noisy(_behaviour(part.behaviour, env), env, part.epsilon))
        pieces.append(record(behaviour, env, stop - first, own))
    return pieces[0] if len(pieces) == 1 else Trajectories.joined(pieces)


def _behaviour(name: str, env: VectorEnv) -> Behaviour:
    if name == "uniform":
        return uniform(env)
    markets = markets_of(env)
    if not markets:
        raise ConfigError(f"{FIELD}.behaviour", "must be 'uniform' in an environment that is no market", name)
    try:
        if name == "expert":
            return RuleExpert(env)
        return hindsight_of(markets)
    except ConfigError as error:
        rule = f"must be one that the market allows, but {error.field} {error.rule}"
        raise ConfigError(f"{FIELD}.behaviour", rule, name) from None


def hindsight_of(markets: tuple[VectorMarket, ...]) -> Behaviour:
    """Returns the best paths of several markets side by side, each for its own lanes; see `Hindsight`.

    Raises:
        ConfigError, DataError: see `Hindsight`.
    """
    paths = [Hindsight(market) for market in markets]
    edges = np.cumsum([0, *(market.n_envs for market in markets)]).tolist()
    lanes = [slice(*ends) for ends in pairwise(edges)]

    def act(observation: NDArray[np.float32], info: Mapping[str, Any], random: LaneRandom) -> NDArray[Any]:
        bars = np.asarray(info["bar"]).astype(np.int64)  # a group's are floats
        return np.concatenate(
            [
                path(observation[part], {"bar": bars[part]}, random).reshape(part.stop - part.start, -1)
                for path, part in zip(paths, lanes, strict=True)
            ]
        )

    return act


def _finite(spec: EnvSpec, behaviour: Behaviour) -> Behaviour:
    """Returns a behaviour that refuses to act on what is not a number."""

    def act(observation: NDArray[np.float32], info: Mapping[str, Any], random: LaneRandom) -> object:
        if not np.isfinite(observation).all():
            lane, column = (int(index) for index in np.argwhere(~np.isfinite(observation))[0])
            field = f"env: observation: {spec.columns[column]}"
            raise RunError(field, f"must be finite; lane {lane}", float(observation[lane, column]))
        return behaviour(observation, info, random)

    return act


def require_fit(spec: EnvSpec, trajectories: object) -> None:
    """Refuses trajectories that an agent cannot learn from.

    Raises:
        RunError: something else, as the path of a file; other columns than the agent's (names the first), another kind
            or number of actions, or actions outside the agent's bounds.
    """
    if not isinstance(trajectories, Trajectories):
        rule = "must be Trajectories; read_trajectories returns those of a file"
        raise RunError("trajectories", rule, type(trajectories).__name__)
    trajectories.require_columns(spec.columns)
    if trajectories.choices != (spec.choices or 0):
        wanted = f"choices from 0 to {spec.choices - 1}" if spec.choices else "numbers, not choices"
        given = f"{trajectories.choices} choices" if trajectories.choices else "numbers"
        raise RunError("trajectories.actions", f"must be {wanted}, as the agent's are", given)
    actions = trajectories.actions
    if actions.shape[1] != spec.size:
        raise RunError("trajectories.actions", f"must have {spec.size} numbers, as the agent's have", actions.shape[1])
    if not spec.choices:
        low, high = np.float32(spec.low), np.float32(spec.high)
        outside = (actions < low) | (actions > high)
        if outside.any():
            rule = f"must lie in [{spec.low:g}, {spec.high:g}], the agent's bounds; row {int(outside.any(1).argmax())}"
            raise RunError("trajectories.actions", rule, float(actions[outside][0]))


def as_choices(trajectories: Trajectories, levels: ArrayLike) -> Trajectories:
    """Returns trajectories of one number (a backtest's exposures) with the nearest of some levels as the choices.

    The rewards stay those of the exposures that were held, so levels far from them make the data say what it does
    not know.

    Args:
        trajectories: with continuous actions of one number.
        levels: rising exposures; choice k is the k-th. Of two equally near, the lower.

    Raises:
        RunError: choices already, or several numbers.
        ConfigError: fewer than two levels, or levels that are no finite numbers or do not rise.
    """
    try:
        grid = np.asarray(levels, np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if grid.ndim != 1 or len(grid) < 2 or not np.isfinite(grid).all() or not (np.diff(grid) > 0.0).all():
        raise ConfigError("levels", "must be two or more that rise", levels)
    if trajectories.choices or trajectories.actions.shape[1] != 1:
        given = (trajectories.choices, trajectories.actions.shape[1])
        raise RunError("trajectories.actions", "must be one number, not choices: (choices, size)", given)
    return Trajectories(
        observations=trajectories.observations,
        actions=np.abs(trajectories.actions - grid).argmin(axis=1),
        rewards=trajectories.rewards,
        terminated=trajectories.terminated,
        truncated=trajectories.truncated,
        final_observations=trajectories.final_observations,
        columns=trajectories.columns,
        choices=len(grid),
    )
