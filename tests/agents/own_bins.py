"""An agent of somebody's own, for the tests: what a column says is worth is a mean of rewards by bins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


class Bins:
    """Takes the choice that paid best in the bin of the first column."""

    def __init__(self, spec: Any, seed: int, bins: int = 6) -> None:
        self.random, self.low = np.random.default_rng(seed), spec.low
        self.choices = spec.choices or 3
        self.continuous = spec.choices is None
        self.paid = np.zeros((2, bins, self.choices))
        self.edges = np.linspace(-0.1, 0.1, bins - 1)

    def learn(self, env: Any, steps: int, report: Any) -> None:
        seen, _ = env.reset(seed=int(self.random.integers(2**31)))
        for done in range(env.n_envs, steps + env.n_envs, env.n_envs):
            place = np.digitize(seen.reshape(env.n_envs, -1)[:, 0], self.edges)
            choice = self.random.integers(0, self.choices, env.n_envs)
            seen, reward, *_ = env.step(self._actions(choice))
            np.add.at(self.paid[0], (place, choice), reward)
            np.add.at(self.paid[1], (place, choice), 1.0)
            if done % (20 * env.n_envs) == 0:
                report(min(done, steps), reward=float(reward.mean()), loss=0.5)

    def predict(self, observation: np.ndarray, state: Any, deterministic: bool) -> Any:
        del deterministic  # it answers alike in both modes
        place = np.digitize(observation[:, 0], self.edges)
        best = (self.paid[0] / np.maximum(self.paid[1], 1.0))[place].argmax(axis=1)
        memory = np.zeros((len(observation), 2)) if state is None else state
        return self._actions(best), memory + 1.0

    def save(self, folder: Path) -> None:
        np.save(folder / "paid.npy", self.paid)

    def load(self, folder: Path) -> None:
        self.paid = np.load(folder / "paid.npy")

    def _actions(self, choice: np.ndarray) -> np.ndarray:
        return (choice - 1.0)[:, None].astype(np.float32) if self.continuous else choice


class Again(Bins):
    """Is loaded by a class method, which makes another object."""

    @classmethod
    def load(cls, folder: Path) -> Any:  # type: ignore[override]
        spec = type("Spec", (), {"low": -1.0, "choices": 3})
        made = cls(spec, 0)
        made.paid = np.load(folder / "paid.npy")
        return made
