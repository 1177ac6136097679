"""`record`: lets a behaviour act in lanes that reset themselves, and keeps what happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.envs import VectorEnv, markets_of, spec_of
from regimen.errors import ConfigError
from regimen.replay.actions import checked
from regimen.replay.behaviours import Behaviour
from regimen.replay.lane_random import LaneRandom
from regimen.replay.trajectories import Trajectories


def record(behaviour: Behaviour, env: VectorEnv, steps: int, seed: int = 0) -> Trajectories:
    """Records ``steps`` steps of every lane.

    The episodes are in the order of the lanes, and of time within a lane. What still runs at the end is kept as
    truncated. Lane k's episodes depend on the seed and on k where the environment's do, not on the number of lanes.

    Args:
        behaviour: returns actions; see `Behaviour`. Continuous actions are rounded to float32 before they are
            taken, so that what is kept is what was done.
        env: is reset first. Observations are kept as float32.
        steps: of each lane.
        seed: of the environment and of the behaviour's chance; their streams are independent.

    Raises:
        ConfigError: fewer than one step; an environment without autoreset.
        RunError: actions that do not fit the lanes.
        DataError: an observation or reward that is not finite.
    """
    if steps < 1:
        raise ConfigError("record.steps", "must be at least 1", steps)
    if not all(market.config.autoreset for market in markets_of(env)):
        raise ConfigError("envs.autoreset", "must be true for recording", False)
    spec, lanes = spec_of(env), env.n_envs
    random = LaneRandom(seed, lanes)
    width = spec.width
    seen = np.empty((lanes, steps, width), np.float32)
    taken = np.empty((lanes, steps, spec.size), np.int64 if spec.choices else np.float32)
    rewards = np.empty((lanes, steps))
    terminated, truncated = np.zeros((2, lanes, steps), np.bool_)
    finals: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    observation, info = env.reset(seed)
    for t in range(steps):
        seen[:, t] = observation.reshape(lanes, width)
        shown = seen[:, t]
        shown.flags.writeable = False
        taken[:, t] = checked(spec, behaviour(shown, info, random), lanes)
        one_choice = spec.choices and spec.size == 1
        observation, reward, dead, cut, info = env.step(taken[:, t, 0] if one_choice else taken[:, t])
        rewards[:, t], terminated[:, t], truncated[:, t] = reward, dead, cut
        ended = np.flatnonzero(terminated[:, t] | truncated[:, t])
        if len(ended):
            last = np.asarray(info["final_observation"])[ended]
            finals.append((ended * steps + t, last.reshape(-1, width).astype(np.float32)))
    running = np.flatnonzero(~(terminated[:, -1] | truncated[:, -1]))
    truncated[running, -1] = True
    finals.append(((running + 1) * steps - 1, observation.reshape(lanes, width)[running].astype(np.float32)))
    order = np.argsort(np.concatenate([rows for rows, _ in finals]))
    return Trajectories(
        observations=seen.reshape(-1, width),
        actions=taken.reshape(-1, spec.size),
        rewards=rewards.ravel(),
        terminated=terminated.ravel(),
        truncated=truncated.ravel(),
        final_observations=np.concatenate([last for _, last in finals])[order],
        columns=spec.columns,
        choices=spec.choices or 0,
    )
