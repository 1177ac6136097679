"""What every agent has in common: four verbs, and what is refused before they begin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from regimen.envs import EnvSpec, VectorEnv, markets_of, spec_of
from regimen.errors import ConfigError, RunError
from regimen.learning.iteration import Iteration, Progress
from regimen.seeding import torch_seed

if TYPE_CHECKING:
    from regimen.learning.checkpoint import Checkpoint
    from regimen.learning.moments import RunningMoments


class Agent(Protocol):
    """Learns in a `VectorEnv`, then answers observations with actions.

    Attributes:
        config: the frozen config that it was built from.
        spec: columns and actions of its environment.
        seed: decides everything random.
        iterations: of learning so far.
    """

    config: Any
    spec: EnvSpec
    seed: int
    iterations: int

    def __init__(self, config: Any, spec: EnvSpec, seed: int = 0) -> None: ...

    def learn(
        self,
        env: VectorEnv,
        steps: int,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Iteration]:
        """Learns from an environment, which is reset first, and goes on where an earlier call stopped."""

    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions of observations (lane, width), and the memory for the next call; None begins one."""

    def save(self, folder: Path | str) -> None:
        """Writes the agent with its normaliser into one file of a folder."""

    @classmethod
    def load(cls, folder: Path | str, env: EnvSpec | VectorEnv | None = None) -> Self:
        """Reads what `save` wrote; ``env`` is compared when given."""


def check_learning(spec: EnvSpec, env: VectorEnv, steps: int) -> None:
    """Refuses what no agent can learn from.

    Raises:
        ConfigError: fewer than one step, or an environment without autoreset.
        RunError: another environment than the agent was built for.
    """
    spec.require(spec_of(env), "env")
    if not all(market.config.autoreset for market in markets_of(env)):
        raise ConfigError("envs.autoreset", "must be true to learn", False)
    if steps < 1:
        raise ConfigError("steps", "must be at least 1", steps)


def copy_observation(spec: EnvSpec, seen: NDArray[Any], into: NDArray[np.float32]) -> None:
    """Copies an environment's observations (lane, ...) into a row (lane, width) of the agent's own.

    Raises:
        RunError: a number that is not finite, naming its column and lane.
    """
    np.copyto(into, seen.reshape(into.shape), casting="same_kind")
    if not np.isfinite(into).all():
        lane, column = (int(index) for index in np.argwhere(~np.isfinite(into))[0])
        raise RunError(
            f"env: observation: {spec.columns[column]}", f"must be finite; lane {lane}", float(into[lane, column])
        )


def first_seen(agent: Agent, observations: RunningMoments, env: VectorEnv, name: str) -> NDArray[np.float32]:
    """Resets the lanes with the agent's seed; returns what they show (lane, width).

    Args:
        agent: that begins to learn.
        observations: its normaliser; that of an agent which has not learned yet takes the rows in.
        env: its lanes.
        name: of its streams of random numbers.

    Raises:
        RunError: a number that is not finite.
    """
    seen, _ = env.reset(seed=torch_seed(agent.seed, name, "env", agent.iterations) % 2**31)
    rows = np.empty((env.n_envs, agent.spec.width), np.float32)
    copy_observation(agent.spec, seen, rows)
    if agent.iterations == 0:
        observations.merge(rows)
    return rows


def successors_of(after: NDArray[np.float32], ended: NDArray[np.bool_], info: Mapping[str, Any]) -> NDArray[np.float32]:
    """Returns what a step led to (lane, width): where an episode ended, its last observation.

    Args:
        after: (lane, width), what the lanes show now: where an episode ended, the first rows of the next.
        ended: (lane,), terminated or truncated.
        info: of the step, with ``final_observation`` where a lane has ended.
    """
    if not ended.any():
        return after
    successors = after.copy()
    successors[ended] = info["final_observation"].reshape(after.shape)[ended]
    return successors


def require_finite(agent: Agent, loss: float, epoch: int | None = None) -> None:
    """Refuses to go on with a loss that is not finite.

    Raises:
        RunError: it is not; names the iteration, and the epoch where it has one.
    """
    if not math.isfinite(loss):
        place = f"iteration {agent.iterations + 1}" + ("" if epoch is None else f", epoch {epoch + 1}")
        rule = f"must be finite ({place}; try a lower learning_rate)"
        raise RunError(f"agents.{agent.config.kind}: loss", rule, loss)


def observed_rows(spec: EnvSpec, observation: NDArray[Any]) -> tuple[NDArray[np.float32], bool]:
    """Returns what `predict` was given as (lane, width) float32, and whether it was a single lane (width,).

    A panel's (lane, symbol, width) is flattened.

    Raises:
        RunError: no lane, another width, or a number that is not finite.
    """
    rows = np.array(observation, dtype=np.float32)
    if rows.ndim > 1 and len(rows) == 0:
        raise RunError("observation", "must have at least one lane", rows.shape)
    single = rows.size == spec.width and rows.ndim == 1
    rows = rows.reshape(1, -1) if single else rows.reshape(len(rows) if rows.ndim else 1, -1)
    if rows.shape[1] != spec.width:
        raise RunError("observation", f"must have {spec.width} columns", np.shape(observation))
    if not np.isfinite(rows).all():
        column = int(np.argwhere(~np.isfinite(rows))[0, 1])
        raise RunError(f"observation: {spec.columns[column]}", "must be finite")
    return rows, single
