"""Soft actor-critic, read top to bottom: step the lanes, remember, draw a batch, update critics, actor, temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen import ops
from regimen.agents.sac.config import SACConfig
from regimen.agents.sac.heads import ChoiceHead, Head, HeadDraw, SquashedHead
from regimen.envs import EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning import (
    Bonus,
    Memory,
    OnlineAgent,
    Perceptrons,
    ReplayBuffer,
    RunningMoments,
    Trace,
    Transitions,
    VectorAdam,
    copy_observation,
    first_seen,
    observed_rows,
    require_finite,
    successors_of,
)
from regimen.nets import first_weights, torch_threads
from regimen.seeding import generator
from regimen.stateful import parts


@final
class SAC(OnlineAgent):
    """An agent: an actor, twin critics with their targets, a temperature, a replay buffer and two normalisers.

    Built by `SACConfig.build`. The same config, spec, seed, environment and threads give the same bytes on one machine.

    Args:
        config: its numbers.
        spec: columns and actions of its environment.
        seed: of weights, exploration and batches.

    Raises:
        ConfigError: a target entropy that no policy has; hindsight without a goal.

    Attributes:
        actor: one network; its output is what the head says.
        critics, targets: two networks each.
        log_temperature: (1,), log α, per unit of `reward_scale`.
        observations: what the columns are normalised by; changes in `learn` only.
        rewards: the moments that `reward_scale` comes from.
        replay: raw transitions; they are normalised when they are drawn, by the moments of then.
        bonus: what pays for novelty, or None; it is in a checkpoint and in no file of the agent.
        updates: of the critics so far.
        iterations: of learning so far.
    """

    config: SACConfig
    settings = SACConfig
    saved = parts(
        *("actor", "critics", "targets", "observations", "rewards"),
        **{"temperature/log": "log_temperature", "count/updates": "updates"},
    )
    resumed = parts(
        "replay",
        actor_optimizer="_actor_adam",
        critics_optimizer="_critics_adam",
        temperature_optimizer="_temperature_adam",
        **{"learning/seen": "_seen"},
    )

    def __init__(self, config: SACConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        choices, size = spec.choices, spec.size
        config.check_entropy(spec)
        self.head: Head = ChoiceHead() if choices else SquashedHead(size)
        with first_weights(seed, "sac", "weights"):
            self.actor = Perceptrons(1, spec.width, choices or 2 * size, config.hidden, 0.01)
            seen = spec.width + (0 if choices else size)
            self.critics, self.targets = (Perceptrons(2, seen, choices or 1, config.hidden, 1.0) for _ in range(2))
        self.targets.flat.copy_(self.critics.flat)
        self.log_temperature = torch.zeros(1)
        self._actor_adam, self._critics_adam = VectorAdam(len(self.actor.flat)), VectorAdam(len(self.critics.flat))
        self._temperature_adam = VectorAdam(1)
        self.observations, self.rewards = RunningMoments(spec.width), RunningMoments(1)
        self.replay: Memory = (
            ReplayBuffer(config.capacity, spec.width, 1 if choices else size)
            if config.replay is None
            else config.replay.build(spec, config.capacity, seed)
        )
        self.bonus = None if config.bonus is None else config.bonus.build(spec, seed)
        if self.bonus is not None:
            self.resumed = {**self.resumed, **parts("bonus")}
        self.updates = 0
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._random = generator(seed, "sac", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Returns the steps of an iteration over all lanes."""
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes."""
        self._seen = first_seen(self, self.observations, env, "sac")
        self.replay.begin(env.n_envs)

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Steps every lane ``rollout_steps`` times, each step followed by its updates.

        The ``numbers`` are ``temperature`` (in the rewards' unit), ``critic_loss`` (of the last batch, in units of
        ``reward_scale``), ``value`` (the critics' mean there, in the rewards' unit), ``reward_scale`` and ``updates``,
        and what a bonus tells. The reward is the environment's own.
        """
        config, spec, lanes, steps = self.config, self.spec, env.n_envs, done
        random = generator(self.seed, "sac", "iteration", self.iterations)
        paid, losses = 0.0, dict.fromkeys(("entropy", "critic_loss", "value"), math.nan)
        novelty: Mapping[str, float] = {}
        for _ in range(config.rollout_steps):
            actions = self.explore(self._seen, random)
            seen, reward, terminated, truncated, info = env.step(self.to_env(actions))
            after = np.empty_like(self._seen)
            copy_observation(spec, seen, after)
            paid += float(np.mean(reward, dtype=np.float64))
            if not math.isfinite(paid):
                raise RunError("env: reward", "must be finite", paid)
            successors = successors_of(after, terminated | truncated, info)
            self.remember(self._seen, successors, actions, reward, terminated, truncated)
            self.observations.merge(after)
            self._seen = after
            due = int((steps + lanes) * config.update_ratio) - int(steps * config.update_ratio)
            if due and self.replay.filled >= config.warmup_steps:
                losses, novelty = self.improve(random, due, 1.0 - steps / total)
            steps += lanes
        numbers = {
            "temperature": self._alpha() * self.reward_scale,
            "critic_loss": losses["critic_loss"],
            "value": losses["value"] * self.reward_scale,
            "reward_scale": self.reward_scale,
            "updates": float(self.updates),
            **novelty,
        }
        return paid / config.rollout_steps, losses["entropy"], numbers

    def remember(
        self,
        seen: NDArray[np.float32],
        successors: NDArray[np.float32],
        actions: NDArray[np.float32],
        rewards: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """Takes in a transition of every lane, whoever acted; see `Memory.add` and, for the actions, `explore`."""
        self.replay.add(seen, successors, actions, rewards, terminated, truncated)
        self.rewards.merge(np.reshape(rewards, (-1, 1)))

    def explore(self, rows: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
        """Returns actions (lane, size) in [−1, 1], or choices (lane, 1); uniform before the first update."""
        lanes, choices = len(rows), self.spec.choices
        if self.updates:
            return self._act(rows, random)
        if choices:
            return random.integers(0, choices, (lanes, 1)).astype(np.float32)
        return random.uniform(-1.0, 1.0, (lanes, self.spec.size)).astype(np.float32)

    def _act(self, rows: NDArray[np.float32], random: np.random.Generator | None) -> NDArray[np.float32]:
        """Returns what the policy draws, or its mode without a generator, in the form of `explore`."""
        size = self.spec.size
        output = self.actor(self.inputs(torch.from_numpy(rows).T))[0]
        if random is None:
            actions = output.argmax(0)[None].float() if self.spec.choices else ops.squashed_mode(output[:size])
        elif self.spec.choices:
            noise = torch.from_numpy(random.random(len(rows), np.float32))
            actions = ops.categorical_sample(output.T, noise)[None].float()
        else:
            noise = torch.from_numpy(random.standard_normal((size, len(rows)), np.float32))
            actions = self.head.draw(output, noise).actions
        drawn: NDArray[np.float32] = actions.T.numpy()
        return drawn

    def to_env(self, actions: NDArray[np.float32]) -> NDArray[Any]:
        """Returns (lane,) int64 choices, or (lane, size) actions between the environment's bounds."""
        spec = self.spec
        if spec.choices:
            return actions[:, 0].astype(np.int64)
        middle, half = 0.5 * (spec.low + spec.high), 0.5 * (spec.high - spec.low)
        scaled: NDArray[np.float32] = np.clip(middle + half * actions, spec.low, spec.high)
        return scaled

    def improve(
        self, random: np.random.Generator, count: int, left: float, moves: bool = True
    ) -> tuple[dict[str, float], Mapping[str, float]]:
        """Makes so many updates, each with a batch of its own, from what is remembered.

        Args:
            random: of batches and noise.
            count: updates.
            left: share of the call of `learn` that is still to come.
            moves: False leaves actor and temperature as they are: the critics get to know the policy that there is.

        Returns:
            The numbers of the updates, and those of the bonus.
        """
        config, head, size = self.config, self.head, self.config.batch_size
        batches = self.replay.sample(random, count, size)
        successors, x = self.inputs(batches.successors), self.inputs(batches.observations)  # (update, width, batch)
        both = torch.cat([successors, x], 2)
        novelty = {} if self.bonus is None else self._reward_novelty(self.bonus, batches, x, successors)
        noise = torch.from_numpy(random.standard_normal((count, self._numbers, 2 * size), np.float32))
        rewards, terminated = batches.rewards / self.reward_scale, batches.terminated > 0.5
        wanted, rate = config.entropy_at(left, self.spec), config.learning_rate * (left if config.anneal else 1.0)
        entropy = 0.0
        for i in range(count):
            alpha = self._alpha()
            trace: Trace = []
            output = self.actor(both[i], trace)[0]  # of the successors, then of the states
            draw = head.draw(output, noise[i])
            there, here = HeadDraw(*(part[..., :size] for part in draw)), HeadDraw(*(part[..., size:] for part in draw))

            next_q = head.values(self.targets, successors[i], there)
            goal = ops.sac_target(rewards[i], terminated[i], next_q[0], next_q[1], there.log_prob, alpha, config.gamma)
            q = head.critic_slope(self.critics, x[i], batches.actions[i], goal)
            self._critics_adam.step(self.critics.flat, self.critics.slope, rate)
            self.targets.flat.lerp_(self.critics.flat, config.tau)
            self.updates += 1

            log_prob = float(here.log_prob.mean())
            entropy -= log_prob / count
            if moves and self.updates % config.actor_every == 0:
                slope = head.actor_slope(self.critics, x[i], output[:, size:], noise[i, :, size:], here, alpha)
                self.actor.gradients([part[..., size:] for part in trace], slope[None])
                self._actor_adam.step(self.actor.flat, self.actor.slope, rate)
                if config.temperature is None:
                    slope = torch.tensor([-log_prob - wanted])  # of `ops.sac_temperature_loss`, over α
                    self._temperature_adam.step(self.log_temperature, slope, config.temperature_rate)
        losses = {
            "entropy": entropy,
            "critic_loss": float(ops.sac_critic_loss(q[0], q[1], goal)),
            "value": float(q.mean()),
        }
        require_finite(self, sum(losses.values()))
        return losses, novelty

    def replace_actor(self, weights: Tensor) -> None:
        """Gives the actor other weights (parameter,), and the optimisers of actor and critics nothing to remember."""
        self.actor.flat.copy_(weights)
        self._actor_adam, self._critics_adam = VectorAdam(len(self.actor.flat)), VectorAdam(len(self.critics.flat))

    def _reward_novelty(self, bonus: Bonus, batches: Transitions, x: Tensor, successors: Tensor) -> Mapping[str, float]:
        """Adds what a bonus pays now to the rewards that were drawn, and lets it learn; ruin is paid nothing.

        A transition is scored each time that it is drawn: what was new when it was stored may be known since.
        """
        goes_on = batches.terminated < 0.5
        rows, actions, reached = (part.mT[goes_on] for part in (x, batches.actions, successors))
        batches.rewards[goes_on] += bonus.score(rows, actions, reached)
        return bonus.improve(rows, actions, reached)

    @property
    def reward_scale(self) -> float:
        """The critics' unit in the environment's: the standard deviation of all rewards so far, or 1."""
        return float(self.rewards.scale[0]) if self.config.normalise_rewards else 1.0

    @property
    def _numbers(self) -> int:
        """Numbers of noise that one action takes in an update: none for a choice, whose expectation is exact."""
        return 0 if self.spec.choices else self.spec.size

    def _alpha(self) -> float:
        """Returns the temperature in units of `reward_scale`."""
        fixed = self.config.temperature
        return math.exp(float(self.log_temperature)) if fixed is None else fixed / self.reward_scale

    def inputs(self, rows: Tensor) -> Tensor:
        """Returns what the networks are given for raw observations (..., width, batch)."""
        limit, scaled = self.config.observation_clip, self.config.normalise_observations
        return self.observations.normalised(rows.mT, limit, scaled).mT

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions as the environment takes them, and the state, which this agent does not have.

        The normaliser is frozen here. Draws come from a stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane; a panel's (lane, symbol, width) is flattened.
            state: handed back as it is.
            deterministic: the most probable choice, or tanh of the mean, instead of a draw.

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        with torch_threads(self.config.threads):
            actions = self.to_env(self._act(rows, None if deterministic else self._random))
        return actions[0] if single else actions, state
