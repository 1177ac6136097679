"""A chain whose end alone pays, for what explores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regimen.envs import EnvSpec

STATES, LANES = 40, 8


class Chain:
    """Left or right along a chain from its first state; the goal is the last, and an episode too short for chance.

    A step to the right costs a little, as in Osband's deep sea: what is paid on the way leads away from the goal, so
    that no policy drifts there by itself, whatever the last bits of a machine. Columns of noise show what nobody moves.
    """

    def __init__(self, length: int = 60, ruin: int = STATES, noise: int = 0) -> None:
        self.length, self.ruin, self.noise = length, ruin, noise
        self.columns = tuple(f"s{k}" for k in range(STATES))
        televised = tuple(f"noise{k}" for k in range(noise))
        self.n_envs, self.spec = LANES, EnvSpec(columns=self.columns + televised, choices=2)
        self.random = np.random.default_rng(0)
        self.at, self.age, self.visits = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64), 0

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        del seed, starts
        self.at[:], self.age[:] = 0, 0
        return self.shown(), {}

    def shown(self) -> np.ndarray:
        noise = self.random.standard_normal((LANES, self.noise)) if self.noise else np.empty((LANES, 0))
        return np.concatenate([np.eye(STATES)[self.at], noise], 1).astype(np.float32)

    def step(self, actions: np.ndarray) -> Any:
        self.at = np.clip(self.at + np.where(actions == 1, 1, -1), 0, STATES - 1)
        self.age += 1
        goal = self.at == STATES - 1
        self.visits += int(goal.sum())
        ruined, final = self.at == self.ruin, self.shown()
        cut = (self.age == self.length) & ~ruined
        self.at[cut | ruined], self.age[cut | ruined] = 0, 0
        return self.shown(), goal - 0.01 * (actions == 1), ruined, cut, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy(), "age": self.age.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.at, self.age = state["at"].copy(), state["age"].copy()
