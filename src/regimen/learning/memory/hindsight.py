"""Hindsight replay: whole episodes in a ring, drawn with goals that were reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regimen.envs import EnvSpec
from regimen.errors import RunError
from regimen.learning.memory.config import HindsightConfig
from regimen.learning.memory.luck import Luck
from regimen.learning.memory.memory import Transitions, as_transitions
from regimen.learning.memory.replay_buffer import ReplayBuffer
from regimen.stateful import below

Places = NDArray[np.int64]


@final
class HindsightReplay:
    """A ring of steps of all lanes, and where their episodes begin and end.

    A draw is a copy: goals are changed in it, in s and in s′, and rewards are paid anew for them, while what is stored
    stays as it was. What was achieved is read after the step. Where episodes are still under way, *future* and
    *episode* know what was achieved so far, and *final* leaves the goal as it is.

    Beside the rows of a `ReplayBuffer` each transition has two integers of eight bytes.

    Args:
        config: strategy and share.
        spec: columns and actions of lanes with a goal.
        capacity: transitions, rounded up to whole steps of all lanes.
        seed: of the networks of the correction.

    Attributes:
        ring: rows of transitions, the lanes of a step side by side; None before lanes are known.
        luck: what the correction has learned of luck, or None.
    """

    def __init__(self, config: HindsightConfig, spec: EnvSpec, capacity: int, seed: int) -> None:
        assert spec.goal is not None
        self.config, self._space, self._width, self._capacity = config, spec.goal, spec.width, capacity
        self._size = 1 if spec.choices else spec.size
        self._goal, self._achieved = (
            np.array([spec.columns.index(name) for name in names]) for names in (spec.goal.goal, spec.goal.achieved)
        )
        self.luck = Luck(spec, seed) if config.correction else None
        self.ring: ReplayBuffer | None = None
        self._lanes, self._steps, self._step = 0, 0, 0

    @property
    def filled(self) -> int:
        """Transitions that it holds."""
        return 0 if self.ring is None else self.ring.filled

    def begin(self, lanes: int) -> None:
        """Makes room for lanes, or ends the episodes that were under way.

        Raises:
            RunError: other lanes than before.
        """
        if self.ring is None:
            self._open(lanes)
        elif lanes != self._lanes:
            raise RunError("env", f"must have {self._lanes} lanes: hindsight keeps the episodes of each", lanes)
        self._end(np.arange(lanes))

    def _open(self, lanes: int) -> None:
        self._lanes, self._steps = lanes, -(-self._capacity // lanes)
        self.ring = ReplayBuffer(self._steps * lanes, self._width, self._size)
        self._first = np.zeros((self._steps, lanes), np.int64)  # the step at which the episode began
        self._after = np.zeros((self._steps, lanes), np.int64)  # the step after its last; 0 while it is under way
        self._began = np.zeros(lanes, np.int64)

    def add(
        self,
        observations: NDArray[Any],
        successors: NDArray[Any],
        actions: NDArray[Any],
        rewards: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """Writes one transition of every lane; see `ReplayBuffer.add`. An episode ends where either flag is set."""
        assert self.ring is not None, "begin comes first"
        self.ring.add(observations, successors, actions, rewards, terminated)
        row = self._step % self._steps
        self._first[row], self._after[row] = self._began, 0
        self._step += 1
        self._end(np.flatnonzero(terminated | truncated))

    def _end(self, lanes: Places) -> None:
        for lane in lanes:
            steps = np.arange(max(self._began[lane], self._step - self._steps), self._step)
            self._after[steps % self._steps, lane] = self._step
        self._began[lanes] = self._step

    def sample(self, random: np.random.Generator, updates: int, batch: int) -> Transitions:
        """Draws transitions uniformly, with replacement, a ``fraction`` of them with goals in hindsight; copies."""
        assert self.ring is not None, "begin comes first"
        rows, goals, chosen = self._drawn(random, updates * batch)
        if self.luck is not None:
            others = self._goals(*self._places(random, updates * batch))
            rows, goals = self.luck.corrected(random, updates, rows, goals, others, chosen)
        self._relabel(rows, goals, chosen)
        return as_transitions(torch.from_numpy(rows), self._width, updates, batch)

    def _drawn(
        self, random: np.random.Generator, count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Returns copies of rows, a goal in hindsight for each (row, goal), and which rows are to get theirs (row,)."""
        assert self.ring is not None
        step, lane = self._places(random, count)
        row = step % self._steps
        after = self._after[row, lane]
        under_way = after == 0
        after = np.where(under_way, self._step, after)
        chosen = random.random(count) < self.config.fraction
        if self.config.strategy == "future":
            reached = random.integers(step, after)
        elif self.config.strategy == "episode":
            oldest = self._step - self.ring.filled // self._lanes
            reached = random.integers(np.maximum(self._first[row, lane], oldest), after)
        else:
            reached, chosen = after - 1, chosen & ~under_way
        return self.ring.rows[row * self._lanes + lane], self._goals(reached, lane), chosen

    def _places(self, random: np.random.Generator, count: int) -> tuple[Places, Places]:
        """Returns steps and lanes (count,) of transitions, drawn uniformly."""
        oldest = self._step - self.filled // self._lanes
        return random.integers(oldest, self._step, count), random.integers(0, self._lanes, count)

    def _goals(self, step: Places, lane: Places) -> NDArray[np.float32]:
        """Returns what was achieved (row, goal) after steps of lanes."""
        assert self.ring is not None
        place = (step % self._steps) * self._lanes + lane
        reached: NDArray[np.float32] = self.ring.rows[place[:, None], self._width + self._achieved]
        return reached

    def _relabel(self, rows: NDArray[np.float32], goals: NDArray[np.float32], chosen: NDArray[np.bool_]) -> None:
        """Gives the chosen rows their goals in hindsight, in both observations, and pays them for these."""
        space, width = self._space, self._width
        achieved = rows[:, width + self._achieved]
        before, now = space.met(achieved, rows[:, width + self._goal]), space.met(achieved, goals)
        rows[chosen, -2] += (space.pay(now) - space.pay(before))[chosen]
        if space.ends:
            ruined = (rows[:, -1] > 0.5) & ~before
            rows[chosen, -1] = (ruined | now)[chosen]
        for start in (0, width):
            rows[np.ix_(chosen, start + self._goal)] = goals[chosen]

    def state(self) -> dict[str, Tensor]:
        """Returns the rows that are filled, without a copy, their episodes, and what was learned of luck."""
        if self.ring is None:
            return {}
        kept = slice(0, self.ring.filled // self._lanes)
        luck = {} if self.luck is None else self.luck.state()
        return {
            **{f"ring/{name}": tensor for name, tensor in self.ring.state().items()},
            **{f"luck/{name}": tensor for name, tensor in luck.items()},
            "first": torch.from_numpy(self._first[kept]),
            "after": torch.from_numpy(self._after[kept]),
            "began": torch.from_numpy(self._began),
            "step": torch.tensor(self._step),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state` of a memory of the same config, spec and capacity."""
        self._open(len(state["began"]))
        assert self.ring is not None
        self.ring.restore({name: state[f"ring/{name}"] for name in ("rows", "next")})
        kept = slice(0, self.ring.filled // self._lanes)
        self._first[kept], self._after[kept] = state["first"].numpy(), state["after"].numpy()
        self._began[:], self._step = state["began"].numpy(), int(state["step"])
        if self.luck is not None:
            self.luck.restore(below(state, "luck/"))
