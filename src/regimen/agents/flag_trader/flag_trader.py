"""FLAG-TRADER, top to bottom: collect with a cache, read the windows, advantages, epochs of updates of the adapters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.flag_trader.config import FlagTraderConfig
from regimen.agents.flag_trader.network import (
    FlagTraderNetwork,
    KeyValueCache,
    cache_shape,
    count_parameters,
    frozen_sha256,
    require_room,
)
from regimen.agents.flag_trader.pretrained import fill_blocks
from regimen.agents.flag_trader.reader import Reader
from regimen.agents.flag_trader.update import RolloutBatch, Updates
from regimen.agents.flag_trader.windows import LaneWindows, append, begin, cut
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import (
    OnlineAgent,
    Rollout,
    RunningMoments,
    advantages,
    copy_observation,
    draw_noise,
    first_seen,
    iteration_numbers,
    mean_reward,
    observed_rows,
    require_finite,
)
from regimen.nets import first_weights, pick_device, require_memory, torch_threads
from regimen.seeding import generator, torch_seed
from regimen.stateful import parts


@final
class FlagTrader(OnlineAgent):
    """An agent: a transformer whose blocks are frozen but for adapters, a critic, and the normaliser of the columns.

    Built by `FlagTraderConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one
    machine's CPU.

    *Timing:* an action depends on the observations in the lane's window, which `windows` defines: between
    ``kept + 1`` and ``context`` of them, fewer near the beginning of an episode, and never one of another episode.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights (the frozen ones too, where none are read), exploration and the order of minibatches.

    Attributes:
        network: transformer, actor and critic.
        notes: the SHA-256 of the frozen weights, which no file holds: the seed makes them, or ``pretrained`` has them.
        observations: what the columns are normalised by; changes in `learn` only.
        reader: from observations to outputs.
        updates: the optimiser, and its gradients.
        iterations: rollouts learned from so far.

    Raises:
        ConfigError: more memory is needed than is free; or what `fill_blocks` refuses.
    """

    config: FlagTraderConfig
    settings = FlagTraderConfig
    saved = parts("network", "observations")
    resumed = parts(**{"optimizer": "updates.optimizer", "learning/seen": "_seen", "learning/memory": "_memory"})

    def __init__(self, config: FlagTraderConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self.device = pick_device(config.device, "agents.device")
        with first_weights(seed, "flag trader", "weights"):
            require_room(config, spec, self.device.type)
            self.network = FlagTraderNetwork(config, spec)
        fill_blocks(self.network, config)
        self.notes = {"frozen_sha256": frozen_sha256(self.network)}
        self.network.to(self.device).eval()
        self.observations = RunningMoments(spec.width)
        self.reader = Reader(config, self.network, self.observations)
        self.updates = Updates(config, self.reader)
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._memory: NDArray[np.float32] = np.empty((0, self.memory), np.float32)
        self._random = generator(seed, "flag trader", "predict")

    @property
    def memory(self) -> int:
        """Numbers in the memory of a lane: the observations of a context, and how many are there."""
        return self.config.context * self.spec.width + 1

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """The policy's weights, and how many of them learn; the critic, which nobody acts with, is not counted."""
        total, trained, _ = count_parameters(self.network)
        return total, trained

    def prepare(self, env: VectorEnv) -> int:
        """Makes a rollout's arrays; returns its steps over all lanes.

        Raises:
            ConfigError: more lanes than memory.
        """
        require_memory(8 * math.prod(cache_shape(self.network, env.n_envs)), "envs.n_envs", self.device.type)
        self._rollout = Rollout(self.spec, self.config.rollout_steps, env.n_envs)
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes and their windows."""
        self._seen = first_seen(self, self.observations, env, "flag trader")
        self._memory = np.zeros((env.n_envs, self.memory), np.float32)

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Collects one rollout and learns from it.

        The ``numbers`` are ``approximate_kl`` (between the policy that acted and the one of the last minibatch),
        ``clip_fraction`` (of the last epoch), ``explained_variance`` (of the critic before the updates), ``loss`` and
        ``learning_rate``.
        """
        config, rollout = self.config, self._rollout
        share, one = done / total, math.prod(rollout.shape) / total
        rate = config.learning_rate * (1.0 - share if config.anneal else 1.0)
        if config.warmup > 0.0:
            rate *= min(1.0, (share + one) / config.warmup)
        before = self._memory.copy()
        rollout.observations[0] = self._seen
        reward = self._collect(env, rollout)
        entropy, numbers = self._update(rollout, before, rate)
        self.observations.merge(rollout.flat(rollout.observations).numpy())
        self._seen = rollout.observations[-1].copy()
        return reward, entropy, numbers

    @torch.no_grad()
    def _collect(self, env: VectorEnv, rollout: Rollout) -> float:
        """Steps every lane ``rollout_steps`` times from ``observations[0]``; returns the mean reward."""
        network, spec, memory = self.network, self.spec, self._memory
        rollout.begin()
        random = generator(self.seed, "flag trader", "noise", self.iterations)
        noise = draw_noise(spec, rollout.shape, random)
        store = KeyValueCache(network, rollout.shape[1])
        with self._acting():
            most = int(memory[:, -1].max())
            store.fill(torch.arange(rollout.shape[1]), self.reader.input(self.reader.observed(memory)[:, :most]))
            for t in range(rollout.shape[0]):
                seen_now = rollout.observations[t]
                full = append(memory, seen_now, self.config.kept)
                if full.any():
                    kept = self.reader.observed(memory)[full, : self.config.kept]
                    store.fill(torch.from_numpy(np.flatnonzero(full)), self.reader.input(kept))
                counts = torch.from_numpy(memory[:, -1].astype(np.int64) - 1)
                with self.reader.precision():
                    features = store.step(self.reader.input(seen_now), counts.to(self.device))
                output = network.heads.actor(features)
                raw = network.heads.sample(output, noise[t].to(self.device))
                rollout.outputs[t], rollout.raw[t] = output.cpu(), raw.cpu()
                seen, reward, terminated, truncated, info = env.step(network.heads.to_env(raw).cpu().numpy())
                rollout.rewards[t], rollout.terminated[t], rollout.truncated[t] = reward, terminated, truncated
                if truncated.any():
                    rollout.keep_final(t, info["final_observation"])
                memory[terminated | truncated] = 0.0
                copy_observation(spec, seen, rollout.observations[t + 1])
        return mean_reward(rollout.rewards)

    def _windows(self, rollout: Rollout, before: NDArray[np.float32]) -> tuple[LaneWindows, Tensor]:
        """Returns the windows of a rollout that began with a memory, and the inputs of the table that they point to."""
        rows, lanes, finals = rollout.finals()
        number = np.full(rollout.shape, -1, np.int64)
        number[rows, lanes] = np.arange(len(rows))
        carried = self.reader.observed(before).transpose(1, 0, 2).reshape(-1, self.spec.width)
        table = np.concatenate([carried, rollout.observations.reshape(-1, self.spec.width), finals])
        ended = rollout.terminated | rollout.truncated
        counts = before[:, -1].astype(np.int64)
        return cut(counts, ended, number, self.config.context, self.config.kept), self.reader.input(table)

    def _update(self, rollout: Rollout, before: NDArray[np.float32], rate: float) -> tuple[float, dict[str, float]]:
        """Makes the epochs' gradient steps; returns the entropy and the other numbers of the iteration."""
        config, heads, shape = self.config, self.network.heads, rollout.shape
        windows, inputs = self._windows(rollout, before)
        outputs, values = self.reader.read(windows, inputs)
        past = config.context * shape[1]
        acted = slice(past, past + math.prod(shape))
        raw = rollout.flat(rollout.raw).to(self.device)
        with torch.no_grad():
            old_log_prob, entropy = heads.log_prob_and_entropy(outputs[acted], raw)
        old_values, advantages = self._advantages(rollout, values.cpu().numpy()[past:])
        targets = rollout.flat(advantages + old_values).to(self.device)
        explained = ops.explained_variance(rollout.flat(old_values), targets.cpu())
        followed = heads.follow_targets(targets, config.value_share if self.iterations else 1.0)
        batch = RolloutBatch(inputs, acted, raw, old_log_prob, rollout.flat(advantages).to(self.device), followed)
        rows = np.where(windows.new(np.arange(len(windows.rows)), config.context), windows.rows, 0)
        learned = np.flatnonzero(((rows >= acted.start) & (rows < acted.stop)).any(1))
        for group in self.updates.optimizer.param_groups:
            group["lr"] = rate
        losses: list[float] = []
        with self.updates.learning(torch_seed(self.seed, "flag trader", "dropout", self.iterations)):
            for epoch in range(config.epochs):
                random = generator(self.seed, "flag trader", "order", self.iterations, epoch)
                order = random.permutation(learned)
                clipped: list[float] = []
                for chosen in np.array_split(order, -(-len(order) // config.minibatch_windows)):
                    loss, divergence, outside = self.updates.gradient(windows, batch, chosen)
                    losses.append(loss)
                    clipped.append(outside)
                    require_finite(self, loss, epoch)
                    self.updates.optimizer.step()
        return float(entropy.mean()), iteration_numbers(divergence, clipped, explained, losses, rate)

    def _advantages(
        self, rollout: Rollout, values: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns values and advantages, both (time, lane), from the values of the table's rows after the memory."""
        config, (steps, lanes) = self.config, rollout.shape
        old_values = np.ascontiguousarray(values[: steps * lanes].reshape(steps, lanes))
        after = values[steps * lanes : (steps + 1) * lanes]
        final_values = np.zeros_like(rollout.rewards)
        rows, cut_lanes, _ = rollout.finals()
        final_values[rows, cut_lanes] = values[(steps + 1) * lanes :]
        return old_values, advantages(rollout, old_values, after, final_values, config.gamma, config.gae_lambda)

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """Adapters merged and dropout off."""
        self.network.eval()
        self.network.merge()
        try:
            yield
        finally:
            self.network.merge(False)

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Returns actions as the environment takes them, and the memory (lane, memory) float32 for the next call.

        The memory holds raw observations; every call reads the whole window again, so that what is answered depends on
        the arguments only. The normaliser is frozen here. Draws come from a stream of the agent's own, which begins
        anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: what the last call returned, or None for lanes that all begin an episode; a row of zeros begins one
                anew in its lane. Not written to.
            deterministic: the most probable choice or the mean, instead of a draw.

        Raises:
            RunError: another width, another memory, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        memory = begin(state, len(rows), self.config.context, self.spec.width)
        append(memory, rows, self.config.kept)
        heads = self.network.heads
        with torch_threads(self.config.threads), self._acting():
            output = self.reader.logits(memory)
            raw = heads.mode(output) if deterministic else heads.draw(output.cpu(), self._random).to(self.device)
            actions = heads.to_env(raw).cpu().numpy()
        return actions[0] if single else actions, memory
