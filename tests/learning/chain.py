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
    that no policy drifts there by itself, whatever the last bits of a machine. At the first state a television
    shows columns of noise.
    """

    def __init__(
        self,
        length: int = 60,
        ruin: int | None = None,
        noise: int = 0,
        states: int = STATES,
        lanes: int = LANES,
        cost: float = 0.01,
    ) -> None:
        self.length, self.ruin, self.noise, self.states, self.cost = length, ruin, noise, states, cost
        self.columns = tuple(f"s{k}" for k in range(states))
        televised = tuple(f"noise{k}" for k in range(noise))
        self.n_envs, self.spec = lanes, EnvSpec(columns=self.columns + televised, choices=2)
        self.random = np.random.default_rng(0)
        self.at, self.age, self.visits = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), 0

    def reset(self, seed: int | None = None, starts: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        del seed, starts
        self.at[:], self.age[:] = 0, 0
        return self.shown(), {}

    def shown(self) -> np.ndarray:
        noise = self.random.standard_normal((self.n_envs, self.noise)) * (self.at == 0)[:, None]
        return np.concatenate([np.eye(self.states)[self.at], noise], 1).astype(np.float32)

    def step(self, actions: np.ndarray) -> Any:
        self.at = np.clip(self.at + np.where(actions == 1, 1, -1), 0, self.states - 1)
        self.age += 1
        goal = self.at == self.states - 1
        self.visits += int(goal.sum())
        ruined, final = self.at == (self.states if self.ruin is None else self.ruin), self.shown()
        cut = (self.age == self.length) & ~ruined
        self.at[cut | ruined], self.age[cut | ruined] = 0, 0
        return self.shown(), goal - self.cost * (actions == 1), ruined, cut, {"final_observation": final}

    def state(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy(), "age": self.age.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.at, self.age = state["at"].copy(), state["age"].copy()
