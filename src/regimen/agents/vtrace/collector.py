"""An actor: it steps its lanes with the policy that it is sent, and gives back what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from regimen.agents.vtrace.config import VTraceConfig
from regimen.envs import VectorEnv
from regimen.learning import ActorCritic, Normaliser, Rollout, collect, copy_observation, draw_noise, flattened
from regimen.nets import first_weights, torch_threads
from regimen.seeding import generator, torch_seed
from regimen.stateful import below, under


@final
@dataclass(frozen=True, eq=False)
class BehaviourPolicy:
    """What actors act with in one round.

    Attributes:
        values: (parameter,) of the networks.
        shift, factor: (width,) what observations are normalised by.
        number: of the round, counted as the agent's iterations.
        updates: iterations that the agent had learned when it was sent.
    """

    values: NDArray[np.float32]
    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    number: int
    updates: int


@final
@dataclass(frozen=True, eq=False)
class Experience:
    """One round of an actor's lanes, (time, lane, ...); see `Rollout`.

    Attributes:
        observations: (time + 1, lane, width).
        outputs: of the actor's network, from which the actions were drawn.
        raw: the actions.
        rewards, terminated, truncated: of the steps.
        cut: rows, lanes and last observations of the episodes that were cut.
    """

    observations: NDArray[np.float32]
    outputs: NDArray[np.float32]
    raw: NDArray[Any]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    cut: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


@final
class LaneCollector:
    """Steps its lanes, round after round.

    Args:
        config: of the agent.
        seed: of the agent.
        begun: iterations that the agent had learned when its call of ``learn`` began.
        env: the lanes, which are reset.
        k: its number.
    """

    def __init__(self, config: VTraceConfig, seed: int, begun: int, env: VectorEnv, k: int) -> None:
        self.config, self.seed, self.k, self._env = config, seed, k, env
        with first_weights(seed, "vtrace", "weights"):
            self._network = ActorCritic(env.spec, config.hidden, config.activation, config.log_std)
        self._values, _ = flattened(self._network)
        self._rollout = Rollout(env.spec, config.rollout_steps, env.n_envs)
        seen, _ = env.reset(seed=torch_seed(seed, "vtrace", "env", begun, k) % 2**31)
        copy_observation(env.spec, seen, self._rollout.observations[-1])

    def __call__(self, behaviour: BehaviourPolicy | None) -> Experience | NDArray[np.float32]:
        """Steps every lane for one round; asked for nothing, gives what the lanes show (lane, width).

        Raises:
            RunError: an observation or a reward that is not finite.
        """
        if behaviour is None:
            shown: NDArray[np.float32] = self._rollout.observations[-1].copy()
            return shown
        rollout, config = self._rollout, self.config
        self._values.copy_(torch.from_numpy(behaviour.values))
        scale = torch.from_numpy(behaviour.shift), torch.from_numpy(behaviour.factor)
        random = generator(self.seed, "vtrace", "noise", behaviour.number, self.k)
        rollout.observations[0] = rollout.observations[-1]
        with torch_threads(config.threads):
            noise = draw_noise(self._env.spec, rollout.shape, random)
            collect(self._network, self._env, rollout, noise, Normaliser(*scale, config.observation_clip))
        return Experience(
            rollout.observations,
            rollout.outputs.numpy(),
            rollout.raw.numpy(),
            rollout.rewards,
            rollout.terminated,
            rollout.truncated,
            rollout.finals(),
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Returns where the lanes stand, and what they show."""
        return under("env/", self._env.state()) | {"seen": self._rollout.observations[-1].copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`, bit for bit."""
        self._rollout.observations[-1] = state["seen"]
        self._env.restore(below(state, "env/"))
