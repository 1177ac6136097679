"""Proximal policy optimisation, read top to bottom: collect, value, advantages, epochs of clipped updates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from regimen import ops
from regimen.agents.actor_critic import ActorCritic
from regimen.agents.config import PPOConfig
from regimen.agents.moments import RunningMoments
from regimen.agents.rollout import Rollout
from regimen.agents.spec import EnvSpec, VectorEnv, as_env, spec_of
from regimen.envs import VectorMarket
from regimen.errors import ConfigError, RunError
from regimen.ops import arrays
from regimen.seeding import generator, torch_seed
from regimen.tensorfile import read_tensors, write_tensors

FILE = "agent.safetensors"
"""The file of a saved agent, in its folder."""


@dataclass(frozen=True)
class Iteration:
    """One rollout and its updates.

    Attributes:
        iteration: its number since the agent was built, from 1.
        steps: environment steps of this call of `learn` so far.
        reward: mean reward of a step, in the environment's unit.
        entropy: of the policy, mean over the rollout, in nats.
        approximate_kl: between the policy that acted and the one of the last minibatch.
        clip_fraction: share of the last epoch's transitions whose ratio was outside the band.
        explained_variance: of the critic before the updates; NaN where the targets do not vary.
        loss: mean over the minibatches.
        learning_rate: of these updates.
        seconds: wall time of the iteration; two equal runs differ here only.
    """

    iteration: int
    steps: int
    reward: float
    entropy: float
    approximate_kl: float
    clip_fraction: float
    explained_variance: float
    loss: float
    learning_rate: float
    seconds: float = field(compare=False)


@final
class PPO:
    """An agent: a policy, a critic, and the normaliser that belongs to them.

    Built by `PPOConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one machine.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and the order of minibatches.

    Attributes:
        network: actor and critic.
        observations: what the columns are normalised by; changes in `learn` only.
        iterations: rollouts learned from so far.
    """

    def __init__(self, config: PPOConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed = config, spec, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(seed, "ppo", "weights"))
            self.network = ActorCritic(spec, config.hidden, config.activation, config.log_std)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, eps=1e-5, fused=True)
        self.observations = RunningMoments(spec.width)
        self.iterations = 0
        self._random = generator(seed, "ppo", "predict")

    def learn(
        self, env: VectorEnv | VectorMarket, steps: int, progress: Callable[[Iteration], None] | None = None
    ) -> list[Iteration]:
        """Learns from an environment, which is reset first, and goes on where an earlier call stopped.

        Args:
            env: lanes with autoreset and the agent's own columns and actions.
            steps: environment steps over all lanes; rounded up to whole rollouts.
            progress: called after every iteration.

        Returns:
            The iterations of this call.

        Raises:
            ConfigError: fewer than one step.
            RunError: another environment than the agent was built for; an observation or reward that is not finite; a
                loss that is not finite.
        """
        config = self.config
        self.spec.require(spec_of(env), "env")
        if isinstance(env, VectorMarket) and not env.config.autoreset:
            raise ConfigError("envs.autoreset", "must be true to learn", False)
        if steps < 1:
            raise ConfigError("steps", "must be at least 1", steps)
        lanes = as_env(env)
        rollout = Rollout(self.spec, config.rollout_steps, lanes.n_envs)
        size = config.rollout_steps * lanes.n_envs
        total = -(-steps // size)
        history: list[Iteration] = []
        with _threads(config.threads):
            seen, _ = lanes.reset(seed=torch_seed(self.seed, "ppo", "env", self.iterations) % 2**31)
            self._take(rollout, 0, seen)
            if self.iterations == 0:
                self.observations.merge(rollout.observations[0])
            for number in range(total):
                start = time.perf_counter()
                rate = config.learning_rate * (1.0 - number / total if config.anneal else 1.0)
                reward = self._collect(lanes, rollout)
                loss, entropy, divergence, clipped, explained = self._update(rollout, rate)
                self.observations.merge(rollout.flat(rollout.observations).numpy())
                rollout.observations[0] = rollout.observations[-1]
                self.iterations += 1
                elapsed = time.perf_counter() - start
                done = (number + 1) * size
                history.append(
                    Iteration(
                        self.iterations, done, reward, entropy, divergence, clipped, explained, loss, rate, elapsed
                    )
                )
                if progress is not None:
                    progress(history[-1])
        return history

    @torch.no_grad()
    def _collect(self, env: VectorEnv, rollout: Rollout) -> float:
        """Steps every lane ``rollout_steps`` times from ``observations[0]``; returns the mean reward."""
        network, spec = self.network, self.spec
        rollout.begin()
        random = generator(self.seed, "ppo", "noise", self.iterations)
        if spec.choices is not None:
            noise = torch.from_numpy(random.random(rollout.shape, np.float32))
        else:
            noise = torch.from_numpy(random.standard_normal((*rollout.shape, spec.size), np.float32))
        shift, scale = self._normaliser()
        self._normalise(rollout, 0, shift, scale)
        for t in range(rollout.shape[0]):
            output = network.actor(rollout.inputs[t])
            raw = network.sample(output, noise[t])
            rollout.outputs[t], rollout.raw[t] = output, raw
            seen, reward, terminated, truncated, info = env.step(network.to_env(raw).numpy())
            rollout.rewards[t], rollout.terminated[t], rollout.truncated[t] = reward, terminated, truncated
            if truncated.any():
                rollout.keep_final(t, info["final_observation"])
            self._take(rollout, t + 1, seen)
            self._normalise(rollout, t + 1, shift, scale)
        mean = float(rollout.rewards.mean(dtype=np.float64))
        if not math.isfinite(mean):
            raise RunError("env: reward", "must be finite", mean)
        return mean

    def _update(self, rollout: Rollout, rate: float) -> tuple[float, float, float, float, float]:
        """Makes the epochs' gradient steps; returns loss, entropy, KL, clip fraction and explained variance."""
        config, network = self.config, self.network
        with torch.no_grad():
            values = network.value(rollout.inputs).numpy()  # (time + 1, lane)
            old_log_prob, entropy = network.log_prob_and_entropy(rollout.outputs, rollout.raw)
        final_values = np.zeros_like(rollout.rewards)
        rows, lanes, finals = rollout.finals()
        if len(rows):
            with torch.no_grad():
                final_values[rows, lanes] = network.value(self._input(finals)).numpy()
        successors = arrays.successor_values(values[:-1], values[-1], rollout.truncated, final_values)
        advantages = arrays.gae(
            rollout.rewards,
            np.ascontiguousarray(values[:-1]),
            successors,
            rollout.terminated,
            rollout.truncated,
            config.gamma,
            config.gae_lambda,
        )
        targets = rollout.flat(advantages + values[:-1])
        explained = ops.explained_variance(rollout.flat(values[:-1]), targets)
        batch = (
            rollout.flat(rollout.inputs),
            rollout.flat(rollout.raw),
            old_log_prob.flatten(),
            rollout.flat(advantages),
            network.follow_targets(targets, config.value_share if self.iterations else 1.0),
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses: list[float] = []
        pieces = -(-len(targets) // config.minibatch_size)
        for epoch in range(config.epochs):
            random = generator(self.seed, "ppo", "order", self.iterations, epoch)
            order = torch.from_numpy(random.permutation(len(targets)))
            clipped: list[float] = []
            for chosen in order.tensor_split(pieces):
                x, raw, old, advantage, target = (part.index_select(0, chosen) for part in batch)
                log_prob, spread = network.log_prob_and_entropy(network.actor(x), raw)
                surrogate = ops.clipped_surrogate(log_prob, old, ops.normalise_advantages(advantage), config.clip)
                loss = surrogate.loss + config.value_coefficient * ops.value_loss(network.standard_value(x), target)
                if config.entropy_coefficient > 0.0:
                    loss = loss + config.entropy_coefficient * ops.entropy_loss(spread)
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]):
                    place = f"iteration {self.iterations + 1}, epoch {epoch + 1}"
                    raise RunError(
                        "agents.ppo: loss", f"must be finite ({place}; try a lower learning_rate)", losses[-1]
                    )
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
                self.optimizer.step()
                clipped.append(float(surrogate.clip_fraction))
        divergence = float(surrogate.approximate_kl)
        return float(np.mean(losses)), float(entropy.mean()), divergence, float(np.mean(clipped)), explained

    def _take(self, rollout: Rollout, t: int, seen: NDArray[Any]) -> None:
        row = rollout.observations[t]
        np.copyto(row, seen.reshape(row.shape), casting="same_kind")
        if not np.isfinite(row).all():
            lane, column = (int(index) for index in np.argwhere(~np.isfinite(row))[0])
            rule = f"must be finite; lane {lane}"
            raise RunError(f"env: observation: {self.spec.columns[column]}", rule, float(row[lane, column]))

    def _normaliser(self) -> tuple[Tensor, Tensor]:
        """Returns mean and reciprocal deviation of the columns, float32; 0 and 1 where it is switched off."""
        if not self.config.normalise_observations or self.observations.count == 0.0:
            return torch.zeros(self.spec.width), torch.ones(self.spec.width)
        moments = self.observations
        return torch.from_numpy(moments.mean).float(), torch.from_numpy(1.0 / moments.scale).float()

    def _normalise(self, rollout: Rollout, t: int, shift: Tensor, scale: Tensor) -> None:
        limit = self.config.observation_clip
        into = rollout.inputs[t]
        torch.sub(torch.from_numpy(rollout.observations[t]), shift, out=into).mul_(scale).clamp_(-limit, limit)

    def _input(self, observations: NDArray[np.float32]) -> Tensor:
        shift, scale = self._normaliser()
        limit = self.config.observation_clip
        return (torch.from_numpy(observations) - shift).mul_(scale).clamp_(-limit, limit)

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions as the environment takes them, and the state, which this agent does not have.

        The normaliser is frozen here. Draws come from a stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: handed back as it is.
            deterministic: the most probable choice or the mean, instead of a draw.

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows = np.array(observation, dtype=np.float32)
        single = rows.size == self.spec.width and rows.ndim == 1
        rows = rows.reshape(1, -1) if single else rows.reshape(len(rows) if rows.ndim else 1, -1)
        if rows.shape[1] != self.spec.width:
            raise RunError("observation", f"must have {self.spec.width} columns", np.shape(observation))
        if not np.isfinite(rows).all():
            column = int(np.argwhere(~np.isfinite(rows))[0, 1])
            raise RunError(f"observation: {self.spec.columns[column]}", "must be finite")
        # the threads of learn: on a busy machine a small product waits longer for a second thread than it takes
        with _threads(self.config.threads):
            output = self.network.actor(self._input(rows))
            actions = self.network.to_env(self._choose(output, deterministic)).numpy()
        return actions[0] if single else actions, state

    def _choose(self, output: Tensor, deterministic: bool) -> Tensor:
        if deterministic:
            return self.network.mode(output)
        if self.spec.choices is not None:
            return self.network.sample(output, torch.from_numpy(self._random.random(len(output), np.float32)))
        noise = self._random.standard_normal((len(output), self.spec.size), np.float32)
        return self.network.sample(output, torch.from_numpy(noise))

    def save(self, folder: Path | str) -> None:
        """Writes ``agent.safetensors``: weights, config, spec, seed and normaliser; the optimiser is not in it.

        Raises:
            RunError: the folder cannot be written to.
        """
        tensors = {f"network/{name}": tensor for name, tensor in self.network.state_dict().items()}
        moments = self.observations.state()
        tensors |= {f"observations/{name}": torch.from_numpy(array) for name, array in moments.items()}
        about = {"seed": self.seed, "iterations": self.iterations, "schema": self.spec.schema_hash}
        document = {"config": self.config.model_dump(mode="json"), "spec": self.spec.model_dump(mode="json"), **about}
        write_tensors(Path(folder) / FILE, tensors, document)

    @classmethod
    def load(cls, folder: Path | str, env: EnvSpec | VectorEnv | VectorMarket | None = None) -> PPO:
        """Reads what `save` wrote; `predict` gives the same actions. `learn` begins with fresh moments of Adam.

        Args:
            folder: where the file is.
            env: what the agent is to act in; its columns and actions are compared when given.

        Raises:
            RunError: the file is absent or damaged, holds another kind of agent or weights of another architecture, or
                belongs to other columns.
        """
        path = Path(folder) / FILE
        tensors, document = read_tensors(path)
        if document["config"].get("kind") != "ppo":
            raise RunError(str(path), "must hold an agent of kind 'ppo'", document["config"].get("kind"))
        try:
            config, spec = PPOConfig(**document["config"]), EnvSpec.model_validate(document["spec"])
        except (ConfigError, ValidationError) as error:
            raise RunError(str(path), f"must hold a config of this version ({str(error).splitlines()[0]})") from None
        if env is not None:
            spec.require(env if isinstance(env, EnvSpec) else spec_of(env), "env")
        agent = cls(config, spec, int(document["seed"]))
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "observations": {}}
        for name, tensor in tensors.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = tensor
        own = {name: tuple(tensor.shape) for name, tensor in agent.network.state_dict().items()}
        given = {name: tuple(tensor.shape) for name, tensor in groups["network"].items()}
        for name in sorted(own.keys() | given.keys()):
            if own.get(name) != given.get(name):
                rule = f"must be {own.get(name, 'absent')} in this architecture"
                raise RunError(f"{path}: {name}", rule, given.get(name, "absent"))
        agent.network.load_state_dict(groups["network"])
        agent.observations.restore({name: tensor.numpy() for name, tensor in groups["observations"].items()})
        agent.iterations = int(document["iterations"])
        return agent


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
