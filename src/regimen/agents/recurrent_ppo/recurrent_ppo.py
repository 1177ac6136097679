"""PPO with a memory, top to bottom: collect with a state, value, advantages, epochs of updates on whole sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regimen import ops
from regimen.agents.recurrent_ppo.actor_critic import RecurrentActorCritic
from regimen.agents.recurrent_ppo.config import RecurrentPPOConfig
from regimen.agents.recurrent_ppo.rollout import RecurrentRollout
from regimen.envs import EnvSpec, VectorEnv, bars_of
from regimen.errors import RunError
from regimen.learning import (
    AuxiliaryHeads,
    AuxiliaryTargets,
    Bonus,
    OnlineAgent,
    RunningMoments,
    advantages,
    copy_observation,
    draw_noise,
    first_seen,
    iteration_numbers,
    mean_reward,
    observed_rows,
    require_finite,
    reward_novelty,
)
from regimen.nets import first_weights, torch_threads
from regimen.seeding import generator
from regimen.stateful import parts


@final
class RecurrentPPO(OnlineAgent):
    """An agent: an LSTM with a policy's and a critic's head, and the normaliser that belongs to them.

    Built by `RecurrentPPOConfig.build`. The same config, spec, seed, environment and threads give the same bytes on
    one machine.

    *Timing of the memory:* the state before an observation holds the observations of the same episode before it, and
    nothing else: it is zero at the first of an episode, in `learn` and in `predict`. A sequence begins with the state
    that the rollout had there. That state is *stale* after the first gradient step: older weights made it, of the
    rollout or, in a long episode, of rollouts before. It is data then, and the log-probabilities stay exact for it.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and the order of minibatches.

    Attributes:
        network: encoder, memory, actor and critic.
        observations: what the columns are normalised by; changes in `learn` only.
        auxiliary: heads of what else the memory learns to foretell, or None; like the bonus it is in a checkpoint only.
        bonus: what pays for novelty, or None; it is in a checkpoint and in no file of the agent.
        iterations: rollouts learned from so far.
    """

    config: RecurrentPPOConfig
    settings = RecurrentPPOConfig
    saved = parts("network", "observations")
    resumed = parts("optimizer", **{"learning/seen": "_seen", "learning/state": "_state"})

    def __init__(self, config: RecurrentPPOConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        with first_weights(seed, "recurrent ppo", "weights"):
            self.network = RecurrentActorCritic(
                spec, config.hidden, config.layers, config.head, config.activation, config.log_std
            )
        self.auxiliary: AuxiliaryHeads | None = None
        self._targets: AuxiliaryTargets | None = None
        if config.auxiliary is not None:
            with first_weights(seed, "recurrent ppo", "auxiliary"):
                self.auxiliary = AuxiliaryHeads(config.hidden, spec.choices, config.auxiliary)
        self.optimizer = torch.optim.Adam(self._learned(), lr=config.learning_rate, eps=1e-5, fused=True)
        self.observations = RunningMoments(spec.width)
        self.bonus = None if config.bonus is None else config.bonus.build(spec, seed)
        if self.bonus is not None:
            self.resumed = {**self.resumed, **parts("bonus")}
        if self.auxiliary is not None:
            self.resumed = {**self.resumed, **parts("auxiliary")}
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._state = torch.empty((0, self.network.memory))
        self._random = generator(seed, "recurrent ppo", "predict")

    def _learned(self) -> list[nn.Parameter]:
        heads = () if self.auxiliary is None else self.auxiliary.parameters()
        return [*self.network.parameters(), *heads]

    def prepare(self, env: VectorEnv) -> int:
        """Makes a rollout's arrays; returns its steps over all lanes."""
        config = self.config
        tasks = 0
        if config.auxiliary is not None:
            self._targets, tasks = AuxiliaryTargets(env, config.auxiliary), len(config.auxiliary.tasks)
        self._rollout = RecurrentRollout(
            self.spec,
            config.rollout_steps,
            env.n_envs,
            config.sequence_length,
            config.hidden,
            self.network.memory,
            tasks,
        )
        return config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes and their memories."""
        self._seen = first_seen(self, self.observations, env, "recurrent ppo")
        self._state = torch.zeros((env.n_envs, self.network.memory))

    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Collects one rollout and learns from it.

        The ``numbers`` are ``approximate_kl`` (between the policy that acted and the one of the last minibatch),
        ``clip_fraction`` (of the last epoch), ``explained_variance`` (of the critic before the updates), ``loss``,
        ``learning_rate`` and ``gradient_norm`` (before clipping), and what a bonus tells. The reward is the
        environment's own.
        """
        config, rollout = self.config, self._rollout
        rate = config.learning_rate * (1.0 - done / total if config.anneal else 1.0)
        reward = self._collect(env, rollout)
        novelty = {} if self.bonus is None else self._reward_novelty(self.bonus, rollout)
        foretold = {} if self.auxiliary is None else self.auxiliary.scores(rollout.features, rollout.targets)
        entropy, numbers = self._update(rollout, rate)
        self.observations.merge(rollout.observations[:-1].reshape(-1, self.spec.width))
        return reward, entropy, {**numbers, **novelty, **foretold}

    @torch.no_grad()
    def _collect(self, env: VectorEnv, rollout: RecurrentRollout) -> float:
        """Steps every lane ``rollout_steps`` times, from what was seen last; returns the mean reward."""
        network, spec = self.network, self.spec
        rollout.begin()
        random = generator(self.seed, "recurrent ppo", "noise", self.iterations)
        noise = draw_noise(spec, rollout.shape, random)
        rollout.observations[0], rollout.begins[0] = self._seen, not self.config.memory
        rollout.inputs[0] = self._input(self._seen)
        state = self._state
        info: Mapping[str, Any] = bars_of(env) if self._targets is not None else {}
        for t in range(rollout.shape[0]):
            if self._targets is not None:
                rollout.targets[t] = torch.from_numpy(self._targets.at(info["bar"]))
            if t % rollout.length == 0:
                rollout.states[t // rollout.length] = state
            features, state = network.step(rollout.inputs[t], state)
            output = network.heads.actor(features)
            raw = network.heads.sample(output, noise[t])
            rollout.features[t], rollout.outputs[t], rollout.raw[t] = features, output, raw
            seen, reward, terminated, truncated, info = env.step(network.heads.to_env(raw).numpy())
            rollout.rewards[t], rollout.terminated[t], rollout.truncated[t] = reward, terminated, truncated
            if not self.config.memory:
                state.zero_()
            if truncated.any():
                rollout.keep_final(t, info["final_observation"], state)
            ended = terminated | truncated
            state[torch.from_numpy(ended)] = 0.0
            rollout.begins[t + 1] = ended if self.config.memory else True
            copy_observation(spec, seen, rollout.observations[t + 1])
            rollout.inputs[t + 1] = self._input(rollout.observations[t + 1])
        self._seen, self._state = rollout.observations[-1].copy(), state
        return mean_reward(rollout.rewards)

    def _reward_novelty(self, bonus: Bonus, rollout: RecurrentRollout) -> Mapping[str, float]:
        finals = rollout.finals()
        cut = None if finals is None else (finals[0], finals[1], self._input(finals[2]))
        return reward_novelty(bonus, rollout, cut)

    def _update(self, rollout: RecurrentRollout, rate: float) -> tuple[float, dict[str, float]]:
        """Makes the epochs' gradient steps; returns the entropy and the other numbers of the iteration."""
        config, network = self.config, self.network
        values, advantages = self._advantages(rollout)
        with torch.no_grad():
            old_log_prob, entropy = network.heads.log_prob_and_entropy(rollout.outputs, rollout.raw)
        targets = torch.from_numpy(advantages + values)
        explained = ops.explained_variance(torch.from_numpy(values), targets)
        followed = network.heads.follow_targets(targets, config.value_share if self.iterations else 1.0)
        columns = (rollout.inputs, rollout.raw, old_log_prob, advantages, followed, rollout.targets)
        batch = (*(rollout.by_sequence(column) for column in columns), rollout.states.flatten(0, 1))
        begins = rollout.by_sequence(rollout.begins)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses: list[float] = []
        norms: list[float] = []
        pieces = min(-(-targets.numel() // config.minibatch_size), len(begins))
        for epoch in range(config.epochs):
            random = generator(self.seed, "recurrent ppo", "order", self.iterations, epoch)
            order = torch.from_numpy(random.permutation(len(begins)))
            clipped: list[float] = []
            for chosen in order.tensor_split(pieces):
                loss, surrogate = self._loss(begins[chosen].numpy(), *(part.index_select(0, chosen) for part in batch))
                losses.append(float(loss.detach()))
                require_finite(self, losses[-1], epoch)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                norms.append(float(nn.utils.clip_grad_norm_(self._learned(), config.gradient_clip)))
                self.optimizer.step()
                clipped.append(float(surrogate.clip_fraction))
        return float(entropy.mean()), iteration_numbers(
            float(surrogate.approximate_kl), clipped, explained, losses, rate, norms
        )

    @torch.no_grad()
    def _advantages(self, rollout: RecurrentRollout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns values and advantages, both (time, lane).

        A cut episode is worth, at its end, what the critic says of its final observation with the memory that the
        lane had when it was cut; the rollout's end likewise.
        """
        network, config = self.network, self.config
        values = network.heads.value(rollout.features).numpy()
        after = network.heads.value(network.step(rollout.inputs[-1], self._state)[0]).numpy()
        final_values = np.zeros_like(rollout.rewards)
        finals = rollout.finals()
        if finals is not None:
            rows, lanes, seen, state = finals
            final_values[rows, lanes] = network.heads.value(network.step(self._input(seen), state)[0]).numpy()
        return values, advantages(rollout, values, after, final_values, config.gamma, config.gae_lambda)

    def _loss(
        self,
        begins: NDArray[np.bool_],
        x: Tensor,
        raw: Tensor,
        old_log_prob: Tensor,
        advantages: Tensor,
        targets: Tensor,
        foretold: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, ops.Surrogate]:
        """Returns PPO's loss of some sequences, all (sequence, time, ...) but the state (sequence, memory)."""
        config, network = self.config, self.network
        features = network.sequences(x, begins, state)
        log_prob, spread = network.heads.log_prob_and_entropy(network.heads.actor(features), raw)
        surrogate = ops.clipped_surrogate(log_prob, old_log_prob, ops.normalise_advantages(advantages), config.clip)
        value_loss = ops.value_loss(network.heads.standard_value(features), targets)
        loss = surrogate.loss + config.value_coefficient * value_loss
        if config.entropy_coefficient > 0.0:
            loss = loss + config.entropy_coefficient * ops.entropy_loss(spread)
        if self.auxiliary is not None:
            loss = loss + self.auxiliary.loss(features, foretold)
        return loss, surrogate

    def _input(self, observations: NDArray[np.float32]) -> Tensor:
        """Returns observations (..., width) as the network takes them; the same object is never handed back."""
        return self.observations.network_input(observations, self.config)

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Returns actions as the environment takes them, and the memory (lane, memory) float32 for the next call.

        The normaliser is frozen here. Draws come from a stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: what the last call returned, or None for lanes that all begin an episode; a row of zeros begins one
                anew in its lane. Not written to.
            deterministic: the most probable choice or the mean, instead of a draw.

        Raises:
            RunError: another width, another memory, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        network = self.network
        with torch_threads(self.config.threads):
            features, after = network.step(self._input(rows), self._remembered(state, len(rows)))
            heads, output = network.heads, network.heads.actor(features)
            actions = heads.to_env(heads.mode(output) if deterministic else heads.draw(output, self._random)).numpy()
        memory = after.numpy() if self.config.memory else np.zeros_like(after.numpy())
        return actions[0] if single else actions, memory

    def _remembered(self, state: Any, lanes: int) -> Tensor:
        shape = (lanes, self.network.memory)
        if state is None or not self.config.memory:
            return torch.zeros(shape)
        if np.shape(state) != shape:
            raise RunError("state", f"must be {shape} (lane, memory)", np.shape(state))
        memory = np.array(state, dtype=np.float32)
        if not np.isfinite(memory).all():
            raise RunError("state", "must be finite")
        return torch.from_numpy(memory)
