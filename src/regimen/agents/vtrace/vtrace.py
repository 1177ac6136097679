"""V-trace, read top to bottom: actors collect with the policy of a fixed lag ago, the learner corrects for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.actors import lane_actors
from regimen.agents.vtrace.collector import BehaviourPolicy, Experience, LaneCollector
from regimen.agents.vtrace.config import VTraceConfig
from regimen.agents.vtrace.rounds import Rounds
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import (
    ActorCritic,
    ClippedUpdate,
    FlatAdam,
    Memoryless,
    OnlineAgent,
    RunningMoments,
    SideBySide,
    mean_reward,
    side_by_side,
)
from regimen.nets import first_weights
from regimen.ops import arrays
from regimen.seeding import generator
from regimen.stateful import parts


@final
class VTraceAgent(Memoryless, OnlineAgent):
    """An agent: a policy, a critic, and the normaliser that belongs to them.

    Built by `VTraceConfig.build`. The same config, spec, seed and environment give the same weights on one machine,
    wherever the actors live, however fast they are, and whichever of them is lost.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and the order of minibatches.

    Attributes:
        network: actor and critic.
        observations: what the columns are normalised by; changes in `learn` only.
        iterations: rounds learned from so far.
    """

    config: VTraceConfig
    settings = VTraceConfig
    saved = parts("network", "observations")
    resumed = parts(optimizer="_adam.optimizer", rounds="_rounds")

    def __init__(self, config: VTraceConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        with first_weights(seed, "vtrace", "weights"):
            self.network = ActorCritic(spec, config.hidden, config.activation, config.log_std)
        self._adam = FlatAdam(self.network, config.learning_rate)
        self._clipped = ClippedUpdate(config, self.network, self._adam)
        self.observations = RunningMoments(spec.width)
        self._rounds = Rounds(spec.width)
        self._random = generator(seed, "vtrace", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Begins the actors; returns the steps of a round over all lanes. The actors end with the call of `learn`.

        Raises:
            ConfigError: more actors than lanes.
            RunError: lanes that an actor cannot build.
        """
        config = self.config
        collector = partial(LaneCollector, config, self.seed, self.iterations)
        actors = self.until_learned.enter_context(lane_actors(collector, env, config.actors, config.compute, self.seed))
        self._shown = self._rounds.begin(actors)
        self._size = config.rollout_steps * len(self._shown)
        return self._size

    def begin(self, env: VectorEnv) -> None:
        """Takes the moments of what the lanes show first."""
        del env
        if self.iterations == 0:
            self.observations.merge(self._shown)

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Begins the round that is learned from ``lag`` updates later, and learns from the oldest one.

        The ``numbers`` are PPO's, and ``log_ratio``: the mean of \\|log π/μ\\| between the policy that learns and the
        one that acted.
        """
        del env
        config, waiting = self.config, self._rounds.waiting
        left, rate = (total - done) // self._size, config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        while len(waiting) < min(config.lag + 1, left):
            self._rounds.ask(self._behaviour(self.iterations + len(waiting)))
        behaviour, answers = self._rounds.answers()
        experience = joined(answers)
        with side_by_side(config.threads) as both:
            entropy, numbers = self._update(experience, behaviour.updates == self.iterations, rate, both)
        self.observations.merge(experience.observations[:-1].reshape(-1, self.spec.width))
        return mean_reward(experience.rewards), entropy, numbers

    def _behaviour(self, number: int) -> BehaviourPolicy:
        """Returns what actors are to act with in a round."""
        shift, factor = torch.zeros(self.spec.width), torch.ones(self.spec.width)
        if self.config.normalise_observations:
            shift, factor = self.observations.shift_and_factor()
        return BehaviourPolicy(
            self._adam.values.detach().numpy().copy(), shift.numpy(), factor.numpy(), number, self.iterations
        )

    def _update(
        self, experience: Experience, fresh: bool, rate: float, both: SideBySide
    ) -> tuple[float, dict[str, float]]:
        """Makes the epochs' gradient steps; returns the entropy and the other numbers of the iteration.

        Args:
            experience: of all actors.
            fresh: it was made by this very policy, whose ratio to itself is 1 without being computed.
            rate: of Adam.
            both: calls two functions side by side.
        """
        config, network = self.config, self.network
        inputs = self.observations.network_input(experience.observations, self.config)
        raw = torch.from_numpy(experience.raw)
        outputs = torch.from_numpy(experience.outputs)
        acted, _ = self._clipped.chances(outputs, raw)
        current = outputs if fresh else self._outputs(inputs[:-1])
        (now, entropy), values = both(self._clipped.chances, (current, raw), self._clipped.values, (inputs,))
        log_ratio = (now - acted).numpy()
        traced = self._traced(experience, log_ratio, values)
        targets = torch.from_numpy(traced.targets).flatten()
        explained = ops.explained_variance(torch.from_numpy(values[:-1]).flatten(), targets)
        batch = (
            inputs[:-1].flatten(0, 1),
            raw.flatten(0, 1),
            now.flatten(),
            torch.from_numpy(traced.advantages).flatten(),
            network.follow_targets(targets, config.value_share if self.iterations else 1.0),
        )
        # At the first step of each the ratio is 1 and the gradient V-trace's, −A·∇log π; the band holds the later ones.
        numbers = self._clipped.epochs(
            self, batch, explained, rate, both, partial(generator, self.seed, "vtrace", "order", self.iterations)
        )
        return float(entropy.mean()), numbers | {"log_ratio": float(np.abs(log_ratio).mean())}

    def _traced(
        self, experience: Experience, log_ratio: NDArray[np.float32], values: NDArray[np.float32]
    ) -> arrays.VTrace:
        """Returns V-trace's targets and advantages (time, lane)."""
        config, finals = self.config, np.zeros_like(experience.rewards)
        rows, lanes, seen = experience.cut
        if len(rows):
            finals[rows, lanes] = self._clipped.values(self.observations.network_input(seen, self.config))
        before = np.ascontiguousarray(values[:-1])
        after = arrays.successor_values(before, values[-1], experience.truncated, finals)
        flags = experience.terminated, experience.truncated
        return arrays.vtrace(
            log_ratio,
            experience.rewards,
            before,
            after,
            *flags,
            config.gamma,
            config.trace_lambda,
            config.rho_bar,
            config.c_bar,
        )

    @torch.no_grad()
    def _outputs(self, x: Tensor) -> Tensor:
        output: Tensor = self.network.actor(x)
        return output

    def answers(self, rows: NDArray[np.float32], deterministic: bool) -> NDArray[Any]:
        """Returns the most probable choices or the means, or draws; see `Memoryless.answers`."""
        output = self.network.actor(self.observations.network_input(rows, self.config))
        raw = self.network.mode(output) if deterministic else self.network.draw(output, self._random)
        return self.network.to_env(raw).numpy()


def joined(answers: Sequence[Experience]) -> Experience:
    """Returns the experience of all actors, their lanes side by side in the actors' order."""
    names = ("observations", "outputs", "raw", "rewards", "terminated", "truncated")
    together = {name: np.concatenate([getattr(each, name) for each in answers], 1) for name in names}
    first = np.cumsum([0, *(each.rewards.shape[1] for each in answers)])
    rows = np.concatenate([each.cut[0] for each in answers])
    lanes = np.concatenate([each.cut[1] + at for each, at in zip(answers, first, strict=False)])
    return Experience(**together, cut=(rows, lanes, np.concatenate([each.cut[2] for each in answers])))
