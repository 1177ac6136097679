"""What a second actor is worth: where the environment is the slow part, and where the learner is.

    python benchmarks/vtrace.py [--rounds N] [--milliseconds MS] [--compute]

*Slow*: lanes around single environments of Gymnasium, each of which takes a millisecond for a step, asleep, or at work
with ``--compute``. *Fast*: the lanes of a known market. The same agent with the same two actors, in this process and
in two of their own, and two actors in one process of their own; the hash of the weights is the same in every line of a
kind. The times begin after the first two rounds, when every process has been started.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from regimen.agents import VTraceConfig
from regimen.envs import EnvSpec, VectorEnv
from regimen.learning import Iteration
from regimen.proving import KnownMarketEnv
from regimen.simulators import HysteresisConfig


class Slow(gymnasium.Env[NDArray[np.float32], np.int64]):
    """A random walk whose side is to be guessed; a step takes its time."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, seconds: float, works: bool) -> None:
        self.seconds, self.works = seconds, works
        self.steps, self.place = 0, 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins anew."""
        super().reset(seed=seed, options=options)
        self.steps, self.place = 0, 0.0
        return self.seen(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Walks on, towards 0 more often than not."""
        begun = time.perf_counter()
        up = float(np.sin(12.9898 * (self.steps + 78.233 * self.place)) * 43758.5453 % 1.0 > 0.5 + 0.2 * self.place)
        self.place = float(np.clip(self.place + (0.5 if up else -0.5), -2.0, 2.0))
        self.steps += 1
        if not self.works:
            time.sleep(self.seconds)
        while self.works and time.perf_counter() - begun < self.seconds:
            pass
        return self.seen(), 1.0 if action == up else -1.0, False, self.steps % 50 == 0, {}

    def seen(self) -> NDArray[np.float32]:
        """What is shown."""
        return np.array([self.place], np.float32)


class GymnasiumLanes:
    """Single environments side by side, stepped one after the other."""

    def __init__(self, recipe: SlowRecipe, lanes: int, seed: int) -> None:
        self.recipe, self.n_envs = recipe, lanes
        self.spec = EnvSpec(columns=("place",), choices=2)
        self._envs = [Slow(recipe.seconds, recipe.works) for _ in range(lanes)]
        self.reset(seed)

    def reset(self, seed: int | None = None, starts: object = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins every lane, each at a step of its own."""
        del starts
        for lane, env in enumerate(self._envs):
            env.reset(seed=seed)
            env.steps = lane + (seed or 0) % 50
        return self._seen(), {}

    def step(self, actions: NDArray[Any]) -> Any:
        """Steps every lane; an episode that was cut begins anew."""
        stepped = [env.step(action) for env, action in zip(self._envs, actions, strict=True)]
        final = self._seen()
        truncated = np.array([each[3] for each in stepped])
        for lane in np.flatnonzero(truncated):
            self._envs[lane].reset()
        rewards = np.array([each[1] for each in stepped])
        return self._seen(), rewards, np.zeros(self.n_envs, np.bool_), truncated, {"final_observation": final}

    def state(self) -> dict[str, NDArray[Any]]:
        """All that changes."""
        return {"lanes": np.array([(env.steps, env.place) for env in self._envs])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        for env, (steps, place) in zip(self._envs, state["lanes"], strict=True):
            env.steps, env.place = int(steps), float(place)

    def _seen(self) -> NDArray[np.float32]:
        return np.stack([env.seen() for env in self._envs])


@dataclass(frozen=True)
class SlowRecipe:
    """What the slow lanes are made of."""

    seconds: float
    works: bool

    def build(self, lanes: int, seed: int = 0) -> GymnasiumLanes:
        """Returns so many lanes."""
        return GymnasiumLanes(self, lanes, seed)


def timed(env: VectorEnv, config: VTraceConfig, rounds: int) -> tuple[float, str]:
    """Returns steps a second after the first two rounds, and a hash of the weights."""
    agent: Any = config.build(env)
    marks: list[tuple[float, int]] = []

    def watch(iteration: Iteration) -> None:
        marks.append((time.perf_counter(), iteration.steps))

    agent.learn(env, rounds * config.rollout_steps * env.n_envs, watch)
    seconds, steps = (last - first for first, last in zip(marks[1], marks[-1], strict=True))
    weights = b"".join(parameter.detach().numpy().tobytes() for parameter in agent.network.parameters())
    return steps / seconds, hashlib.sha256(weights).hexdigest()[:12]


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--milliseconds", type=float, default=1.0)
    parser.add_argument("--compute", action="store_true")
    chosen = parser.parse_args()
    market = HysteresisConfig(cost=1.0)
    slow = SlowRecipe(chosen.milliseconds / 1000.0, chosen.compute).build(16)
    kinds: dict[str, VectorEnv] = {"slow": slow, "fast": KnownMarketEnv(market, market.simulate(50_000, seed=1), 128)}
    print(f"{'environment':<13}{'compute':<14}{'steps/s':>10}{'times':>7}  weights")
    for name, env in kinds.items():
        alone = 0.0
        for compute in ("local", "processes:1", "processes:2"):
            config = VTraceConfig(actors=2, lag=1, compute=compute, minibatch_size=512)
            speed, weights = timed(env, config, chosen.rounds)
            alone = alone or speed
            print(f"{name:<13}{compute:<14}{speed:>10,.0f}{speed / alone:>7.2f}  {weights}", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from vtrace import main as importable  # what processes are sent must stand in a module

    importable()
