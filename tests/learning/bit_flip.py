"""Bits that are to be flipped into a pattern, one a step; only the whole pattern pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regimen.envs import EnvSpec, GoalSpace
from regimen.seeding import generator_state, restore_generator


class BitFlip:
    """As many steps as bits; every step costs 1 but the one that completes the pattern (Andrychowicz et al. 2017)."""

    def __init__(self, bits: int, lanes: int) -> None:
        self.bits, self.n_envs = bits, lanes
        now, goal = (tuple(f"{name}{k}" for k in range(bits)) for name in ("bit", "goal"))
        self.spec = EnvSpec(columns=now + goal, choices=bits, goal=GoalSpace(goal=goal, achieved=now, ends=True))
        self.seen = np.zeros((lanes, 2 * bits), np.float32)
        self.left = np.full(lanes, bits)
        self.random = np.random.default_rng(0)

    def _begin(self, lanes: np.ndarray) -> None:
        self.seen[lanes] = self.random.integers(0, 2, (len(lanes), 2 * self.bits))
        self.left[lanes] = self.bits

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        del starts
        self.random = np.random.default_rng(seed)
        self._begin(np.arange(self.n_envs))
        return self.seen, {}

    def step(self, actions: np.ndarray) -> Any:
        lanes = np.arange(self.n_envs)
        self.seen[lanes, actions] = 1.0 - self.seen[lanes, actions]
        self.left -= 1
        solved = (self.seen[:, : self.bits] == self.seen[:, self.bits :]).all(1)
        cut, final = (self.left == 0) & ~solved, self.seen.copy()
        self._begin(np.flatnonzero(solved | cut))
        return self.seen, np.where(solved, 0.0, -1.0), solved, cut, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"seen": self.seen.copy(), "left": self.left.copy(), "random": generator_state(self.random)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.seen, self.left = state["seen"].copy(), state["left"].copy()
        self.random = restore_generator(state["random"])


def share_solved(agent: Any, bits: int, episodes: int) -> float:
    """Returns the share of episodes, one in each lane, in which the most probable actions reach the goal."""
    env = BitFlip(bits, episodes)
    seen, _ = env.reset(seed=7)
    done, won = np.zeros(episodes, np.bool_), np.zeros(episodes, np.bool_)
    for _ in range(bits):
        seen, _, solved, cut, _ = env.step(agent.predict(seen)[0])
        won |= solved & ~done
        done |= solved | cut
    return float(won.mean())
