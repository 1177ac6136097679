"""A chooser of options, read top to bottom: choose, act, end, remember what the whole option earned, learn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.agents.options.config import OptionsConfig
from regimen.agents.options.learned import LearnedOptions, OptionSteps
from regimen.agents.options.policy import ELAPSED, LEAN, MEMORY, OPTION, OptionPolicy
from regimen.agents.options.semi_markov import SemiMarkov
from regimen.agents.options.table import OptionTable
from regimen.agents.soft.learner import Batches, SoftLearner
from regimen.envs import EnvSpec, VectorEnv
from regimen.errors import RunError
from regimen.learning import (
    OnlineAgent,
    ReplayBuffer,
    RunningMoments,
    copy_observation,
    first_seen,
    observed_rows,
    require_finite,
    successors_of,
)
from regimen.nets import torch_threads
from regimen.seeding import generator
from regimen.stateful import parts


@final
class Options(OnlineAgent):
    """An agent that chooses what to do for several bars: a soft actor-critic over options.

    Built by `OptionsConfig.build`. A choice is one transition of the replay, from where the option began to where it
    ended: ``Σ γⁱ·rᵢ``, and ``γᵏ`` for what follows. An episode's end ends the option of its lane, with ``γᵏ`` of the
    last observation where it was cut, and 0 after ruin; the next begins with none. Options that may not start have
    probability 0, in what is done and in what is learned from.

    Args:
        config: its numbers.
        spec: columns and actions of its environment: of one symbol, and one action that holds nothing.
        seed: of weights, exploration and batches.

    Raises:
        ConfigError: an option that can never start, or of a column that is not there.
        RunError: actions that have no flat one, or are of several symbols.

    Attributes:
        table: the options.
        soft: chooses among them.
        learned: the options that are learned; None where there are none.
        observations, rewards: what columns, and what whole options earned, are normalised by.
        memory: numbers that are remembered of a lane.
        replay: whole options; the discount of what follows stands behind the option.
        iterations: of learning so far.

    Source: Sutton, Precup and Singh 1999; Bacon, Harb and Precup 2017, arXiv 1609.05140; Christodoulou 2019, arXiv
        1910.07207.
    """

    config: OptionsConfig
    settings = OptionsConfig
    saved = parts("soft", "observations", "rewards")
    memory = MEMORY
    resumed = parts(
        "replay",
        **{
            "optimizer/actor": "soft.actor_adam",
            "optimizer/critics": "soft.critics_adam",
            "optimizer/temperature": "soft.temperature_adam",
            "learning/seen": "_seen",
            "learning/memory": "_memory",
            "learning/clock": "_clock",
        },
    )

    def __init__(self, config: OptionsConfig, spec: EnvSpec, seed: int = 0) -> None:
        self.config, self.spec, self.seed, self.iterations = config, spec, seed, 0
        self.table = OptionTable(config, spec)
        columns, number = (*spec.columns, "lean"), len(self.table.names)
        self.soft = SoftLearner(config, EnvSpec(columns=columns, choices=number), 1, seed)
        width = len(columns)
        self.learned = LearnedOptions(config, width, len(self.table.leans), seed) if config.learned else None
        if self.learned is not None:
            self.saved = {**self.saved, **parts("learned")}
        self.observations, self.rewards = RunningMoments(spec.width), RunningMoments(1)
        self.replay = ReplayBuffer(config.capacity, width, 2)
        self.policy = OptionPolicy(self.table, self._inputs, self.soft.actor, self.learned)
        self._clock = SemiMarkov(0, width, config.gamma)
        self._seen: NDArray[np.float32] = np.empty((0, spec.width), np.float32)
        self._memory: NDArray[np.float32] = np.empty((0, MEMORY), np.float32)
        self._random = generator(seed, "options", "predict")

    def prepare(self, env: VectorEnv) -> int:
        """Returns the steps of an iteration over all lanes."""
        return self.config.rollout_steps * env.n_envs

    def begin(self, env: VectorEnv) -> None:
        """Resets the lanes; none has an option."""
        self._seen = first_seen(self, self.observations, env, "options")
        self._memory = np.zeros((env.n_envs, MEMORY), np.float32)
        self._clock = SemiMarkov(env.n_envs, self.spec.width + 1, self.config.gamma)

    @torch.no_grad()
    def iterate(self, env: VectorEnv, done: int, total: int) -> tuple[float, float, Mapping[str, float]]:
        """Steps every lane ``rollout_steps`` times, each step followed by its updates.

        The ``numbers`` are ``temperature``, ``critic_loss``, ``value``, ``reward_scale`` (of whole options),
        ``updates``, ``bars`` (mean length of the options that ended), and of each option, by its name, its share of
        all bars.
        """
        config, lanes, steps, clock = self.config, env.n_envs, done, self._clock
        random = generator(self.seed, "options", "iteration", self.iterations)
        paid, losses = 0.0, dict.fromkeys(("entropy", "critic_loss", "value"), math.nan)
        bars, ended_bars = np.zeros(len(self.table.names)), [0.0, 0]
        inner: list[tuple[NDArray[Any], ...]] = []
        for _ in range(config.rollout_steps):
            rows, memory = torch.from_numpy(self._seen), torch.from_numpy(self._memory)
            free = self._memory[:, OPTION] == 0.0
            memory, _ = self.policy.chosen(rows, memory, _uniform(random, lanes))
            began = self._shown(self._seen, self._memory[:, LEAN])
            clock.begin(free, began)
            acted = self.policy.acted(rows, memory, _uniform(random, lanes)).numpy()
            seen, reward, terminated, truncated, info = env.step(self._to_env(acted[:, LEAN]))
            after = np.empty_like(self._seen)
            copy_observation(self.spec, seen, after)
            paid += float(np.mean(reward, dtype=np.float64))
            if not math.isfinite(paid):
                raise RunError("env: reward", "must be finite", paid)
            clock.add(reward)
            over = terminated | truncated
            successors = successors_of(after, over, info)
            reached = self._shown(successors, acted[:, LEAN])
            if self.learned is not None:
                inner.append((began, reached, acted, np.array(reward, np.float32), terminated.copy()))
            following = self.policy.ended(
                torch.from_numpy(successors), torch.from_numpy(acted), _uniform(random, lanes)
            ).numpy()
            following[over, :ELAPSED] = 0.0
            self._remember(following[:, OPTION] == 0.0, reached, acted, terminated)
            bars += np.bincount(acted[:, OPTION].astype(np.int64) - 1, minlength=len(bars))
            ended_bars[0] += float(acted[following[:, OPTION] == 0.0, ELAPSED].sum())
            ended_bars[1] += int((following[:, OPTION] == 0.0).sum())
            following[over] = 0.0
            self.observations.merge(after)
            self._seen, self._memory = after, following
            due = int((steps + lanes) * config.update_ratio) - int(steps * config.update_ratio)
            if due and self.replay.filled and max(steps + lanes, self.replay.filled) >= config.warmup_steps:
                losses = self.soft.update(self._batches(random, due), random, 1.0 - steps / total, self.reward_scale)
                require_finite(self, sum(losses.values()))
            steps += lanes
        if self.learned is not None and self.soft.updates:
            self._improve(self.learned, inner)
        numbers = {
            "temperature": self.soft.alpha(self.reward_scale) * self.reward_scale,
            "critic_loss": losses["critic_loss"],
            "value": losses["value"] * self.reward_scale,
            "reward_scale": self.reward_scale,
            "updates": float(self.soft.updates),
            "bars": ended_bars[0] / max(ended_bars[1], 1),
        } | {name: float(share) for name, share in zip(self.table.names, bars / bars.sum(), strict=True)}
        return paid / config.rollout_steps, losses["entropy"], numbers

    @torch.no_grad()
    def predict(
        self, observation: NDArray[Any], state: Any = None, deterministic: bool = True
    ) -> tuple[NDArray[Any], Any]:
        """Returns actions as the environment takes them, and the memory (lane, 3) for the next call.

        The memory is the option in force, from 1 (0: none), its bars so far, and the lean in force. The normaliser is
        frozen here. Draws come from a stream of the agent's own, which begins anew on `load`.

        Args:
            observation: (lane, width), or (width,) for one lane.
            state: what the last call returned; None or zeros where an episode begins.
            deterministic: the likeliest of everything instead of draws.

        Raises:
            RunError: another width, or a number that is not finite.
        """
        rows, single = observed_rows(self.spec, observation)
        lanes = len(rows)
        before = np.zeros((lanes, MEMORY), np.float32) if state is None else np.asarray(state, np.float32)
        noise = [None if deterministic else _uniform(self._random, lanes) for _ in range(3)]
        with torch_threads(self.config.threads):
            given, memory = torch.from_numpy(rows), torch.from_numpy(before.reshape(lanes, MEMORY))
            memory = self.policy.ended(given, memory, noise[0])
            memory, _ = self.policy.chosen(given, memory, noise[1])
            after = self.policy.acted(given, memory, noise[2]).numpy()
        actions = self._to_env(after[:, LEAN])
        return actions[0] if single else actions, after

    @staticmethod
    def in_force(memory: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns which option memories (lane, 3) are under, from 0 (−1: none), and after how many of its bars."""
        return memory[:, OPTION].astype(np.int64) - 1, memory[:, ELAPSED].astype(np.int64)

    @property
    def reward_scale(self) -> float:
        """The critics' unit in the environment's: the deviation of what whole options earned so far, or 1."""
        return float(self.rewards.scale[0]) if self.config.normalise_rewards else 1.0

    @property
    def parameter_counts(self) -> tuple[int, int]:
        """Weights of the chooser and of the learned options, all of which learn."""
        inner = 0 if self.learned is None else len(self.learned.policy.flat) + len(self.learned.ending.flat)
        return self.soft.weights + inner, self.soft.weights + inner

    def _remember(
        self,
        ended: NDArray[np.bool_],
        reached: NDArray[np.float32],
        acted: NDArray[np.float32],
        ruined: NDArray[np.bool_],
    ) -> None:
        """Writes the options that ended (lane,) into the replay."""
        if not ended.any():
            return
        clock = self._clock
        follows = np.where(ruined, 0.0, clock.discount)
        row = np.column_stack([acted[:, OPTION] - 1.0, follows])
        cut = np.zeros(int(ended.sum()), np.bool_)
        self.replay.add(clock.began[ended], reached[ended], row[ended], clock.paid[ended], ruined[ended], cut)
        self.rewards.merge(clock.paid[ended, None])

    def _batches(self, random: np.random.Generator, count: int) -> Batches:
        """Draws whole options; which of them may start is told by what was seen."""
        drawn = self.replay.sample(random, count, self.config.batch_size)
        here, there = drawn.observations, drawn.successors
        both = torch.cat([there, here], 2).mT  # (update, 2 · batch, width + 1)
        flat = both.reshape(-1, both.shape[-1])
        may = self.table.may_start(flat[:, :-1], flat[:, -1]).view(count, -1, len(self.table.names))
        return Batches(
            self._x(here),
            self._x(there),
            drawn.actions[:, :1],
            drawn.rewards[:, None] / self.reward_scale,
            drawn.actions[:, 1],
            shut=~may.mT,
        )

    def _improve(self, learned: LearnedOptions, inner: list[tuple[NDArray[Any], ...]]) -> None:
        """Lets the learned options learn from the steps that they made in this iteration."""
        began, reached, acted, reward, ruined = (np.concatenate(part) for part in zip(*inner, strict=True))
        own = acted[:, OPTION] > len(self.table.options)
        if not own.any():
            return
        rows, successors = (torch.from_numpy(part[own]).T for part in (began, reached))
        option = torch.from_numpy(acted[own, OPTION]).long() - 1
        x, after = self._x(rows), self._x(successors)
        here, stay = (self.soft.critics(part).amin(0).gather(0, option[None])[0] for part in (x, after))
        q = self.soft.critics(after).amin(0)
        may = self.table.may_start(successors[:-1].T, successors[-1]).T
        probs = torch.softmax(self.soft.actor(after)[0].masked_fill(~may, -1e9), 0)
        lean = torch.from_numpy(acted[own, LEAN])
        learned.learn(
            OptionSteps(
                x,
                after,
                option - len(self.table.options),
                (lean[:, None] - self.table.leans).abs().argmin(1),
                torch.from_numpy(reward[own]) / self.reward_scale,
                self.config.gamma * torch.from_numpy(~ruined[own]).float(),
                here,
                stay,
                (probs * q).sum(0),
            )
        )

    def _to_env(self, leans: NDArray[np.float32]) -> NDArray[Any]:
        if self.spec.choices:
            return (leans + self.table.flat).astype(np.int64)
        return leans[:, None].astype(np.float32)

    def _shown(self, rows: NDArray[np.float32], leans: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.column_stack([rows, leans]).astype(np.float32)

    def _x(self, rows: Tensor) -> Tensor:
        """Returns what networks are given for rows (..., width + 1, batch) whose last number is the lean in force."""
        seen = self._inputs(rows[..., :-1, :].mT)
        return torch.cat([seen, rows[..., -1:, :].mT / self.table.reach], -1).mT

    def _inputs(self, rows: Tensor) -> Tensor:
        return self.observations.normalised(rows, self.config.observation_clip, self.config.normalise_observations)


def _uniform(random: np.random.Generator, lanes: int) -> Tensor:
    return torch.from_numpy(random.random(lanes, np.float32))
