"""Times environment steps with every cost on, 20 feature columns and random actions.

Run ``python benchmarks/envs.py [--runs K] [--seconds S] [--threads N] [--json]``. Beside the environments, in the
same process and in turn: a bare numba loop over the same lanes with one proportional cost, which is the floor; and,
where they are installed, Stable-Baselines3's `DummyVecEnv` over single environments, its `VecEnv` over the lanes, and
gym-trading-env on the bars and columns of the single environment, with fees and interest only. Steps of a panel count
one per lane, whatever its symbols.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.envs import OBJECTIVES, MarketEnv, ObjectivesConfig, VectorEnv, VectorMarket
from regimen.envs.blocks import processors
from regimen.jit import jit_uncached

sys.path.insert(0, str(Path(__file__).parent))
from execution import make_bars, make_market

Floats = NDArray[np.float64]
COLUMNS = 20
BARS = 200_000
SHORT = 20_000
EPISODE = 1000
ACTIONS = 16
GYM_TRADING_ENV = "gym-trading-env from Python"
DUMMY = "64 gymnasium.Env behind SB3's DummyVecEnv"
BEHIND_SB3 = "64 lanes of VectorMarket on one thread behind SB3's VecEnv"
PEERS = {GYM_TRADING_ENV: "gym-trading-env", DUMMY: "stable-baselines3", BEHIND_SB3: "stable-baselines3"}


@jit_uncached
def bare_lanes(
    bars: NDArray[np.int64],
    opens: Floats,
    closes: Floats,
    features: NDArray[np.float32],
    actions: Floats,
    cost: float,
    cash: Floats,
    units: Floats,
    observation: NDArray[np.float32],
    reward: Floats,
) -> None:
    """Steps every lane with one proportional cost and copies its feature row: what no environment can do without."""
    for n in range(len(bars)):
        t = bars[n]
        before = cash[n] + units[n] * closes[t]
        t = t + 1 if t + 2 < len(opens) else 0
        goal = actions[n, 0] * (cash[n] + units[n] * opens[t]) / opens[t]
        cash[n] -= (goal - units[n]) * opens[t] + abs(goal - units[n]) * opens[t] * cost
        units[n] = goal
        reward[n] = (cash[n] + units[n] * closes[t]) / before - 1.0
        for f in range(features.shape[1]):
            observation[n, f] = features[t, f]
        bars[n] = t


def steps_a_second(work: Callable[[int], None], steps: int, seconds: float) -> float:
    """Returns steps a second of ``work(k)``, which makes so many, called for about so long."""
    calls, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(8):
            work(calls)
            calls += 1
    return steps * calls / (time.perf_counter() - begin)


def vector(
    lanes: int, symbols: int, threads: int | None, bars: Bars, objectives: ObjectivesConfig | None = None
) -> Callable[[int], None]:
    """Returns a function that steps all lanes once; paid in objectives where there are some."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((*bars.shape, COLUMNS)).astype(np.float32)
    env: VectorEnv
    env = VectorMarket(bars, features, n_envs=lanes, market=make_market(), episode_length=EPISODE, threads=threads)
    env = env if objectives is None else objectives.wrap(env)
    actions = rng.uniform(-1.0, 1.0, (ACTIONS, lanes, symbols)).astype(np.float32)
    env.reset(0)
    env.step(actions[0])

    def work(k: int) -> None:
        env.step(actions[k % ACTIONS])

    return work


def one_env(bars: Bars) -> MarketEnv:
    """Returns one `gymnasium.Env` on the first bars."""
    part = bars.window(0, SHORT)
    return MarketEnv(part, columns_of(part)[:, None], market=make_market(), episode_length=EPISODE)


def columns_of(bars: Bars) -> Floats:
    """Returns the feature columns of bars (time, feature): random numbers, always the same."""
    return np.random.default_rng(0).standard_normal((len(bars), COLUMNS))


def single(bars: Bars) -> Callable[[int], None]:
    """Returns a function that steps one `gymnasium.Env`, and resets it when its episode is over."""
    env = one_env(bars)
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (1024, 1)).astype(np.float32)
    env.reset(seed=0)

    def work(k: int) -> None:
        _, _, terminated, truncated, _ = env.step(actions[k % 1024])
        if terminated or truncated:
            env.reset()

    return work


def sb3_dummy(bars: Bars, number: int) -> Callable[[int], None] | None:
    """Returns a function that steps single environments behind SB3's `DummyVecEnv`, None where it is not installed."""
    try:
        vec_env = importlib.import_module("stable_baselines3.common.vec_env")
    except ImportError:
        return None
    env: Any = vec_env.DummyVecEnv([lambda: one_env(bars)] * number)
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (ACTIONS, number, 1)).astype(np.float32)
    env.seed(0)
    env.reset()

    def work(k: int) -> None:
        env.step(actions[k % ACTIONS])

    return work


def sb3_lanes(bars: Bars, number: int) -> Callable[[int], None] | None:
    """Returns a function that steps lanes behind SB3's `VecEnv`, None where it is not installed."""
    try:
        adapter = importlib.import_module("regimen.envs.adapters.sb3")
    except ImportError:
        return None
    part = bars.window(0, SHORT)
    features = columns_of(part)[:, None]
    lanes = VectorMarket(part, features, n_envs=number, market=make_market(), episode_length=EPISODE, threads=1)
    env: Any = adapter.MarketVecEnv(lanes)
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (ACTIONS, number, 1)).astype(np.float32)
    env.seed(0)
    env.reset()

    def work(k: int) -> None:
        env.step(actions[k % ACTIONS])

    return work


def bare(lanes: int, bars: Bars) -> Callable[[int], None]:
    """Returns a function that steps all lanes of the bare loop once, on one thread."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((len(bars), COLUMNS)).astype(np.float32)
    opens, closes = bars.open[:, 0].copy(), bars.close[:, 0].copy()
    at = rng.integers(0, len(bars) - 2, lanes)
    cash, units, reward = np.full(lanes, 1e6), np.zeros(lanes), np.zeros(lanes)
    observation = np.zeros((lanes, COLUMNS), np.float32)
    actions = rng.uniform(-1.0, 1.0, (ACTIONS, lanes, 1))

    def work(k: int) -> None:
        bare_lanes(at, opens, closes, features, actions[k % ACTIONS], 1.5e-4, cash, units, observation, reward)

    work(0)
    return work


def gym_trading_env(bars: Bars) -> Callable[[int], None] | None:
    """Returns a function that steps gym-trading-env once, None where it is not installed."""
    try:
        environments = importlib.import_module("gym_trading_env.environments")
    except ImportError:
        return None
    part = bars.window(0, SHORT)
    frame = part.to_frame().set_index("timestamp")[["open", "high", "low", "close", "volume"]]
    frame.index = frame.index.tz_localize(None)
    for k, column in enumerate(columns_of(part).T):
        frame[f"feature_{k}"] = column
    env: Any = environments.TradingEnv(
        df=frame,
        positions=[-1, 0, 1],
        trading_fees=1e-4,
        borrow_interest_rate=1e-6,
        max_episode_duration=EPISODE,
        verbose=0,
    )
    actions = np.random.default_rng(1).integers(0, 3, 1024)
    env.reset(seed=0)

    def work(k: int) -> None:
        _, _, done, truncated, _ = env.step(int(actions[k % 1024]))
        if done or truncated:
            env.reset()

    return work


def measure(runs: int, seconds: float, threads: int | None) -> dict[str, list[float]]:
    """Returns steps a second by name, one number a run; all are measured in turn."""
    minutes, panel = make_bars(BARS), make_bars(20_000, 30)
    works: dict[str, tuple[Callable[[int], None] | None, int]] = {
        "VectorMarket, N = 4096, S = 1": (vector(4096, 1, threads, minutes), 4096),
        "the same on one thread": (vector(4096, 1, 1, minutes), 4096),
        "the same on one thread, paid in six objectives": (
            vector(4096, 1, 1, minutes, ObjectivesConfig(names=OBJECTIVES)),
            4096,
        ),
        "bare numba loop on one thread, one proportional cost": (bare(4096, minutes), 4096),
        "VectorMarket, N = 1024, S = 30": (vector(1024, 30, threads, panel), 1024),
        "one gymnasium.Env from Python": (single(minutes), 1),
        GYM_TRADING_ENV: (gym_trading_env(minutes), 1),
        DUMMY: (sb3_dummy(minutes, 64), 64),
        BEHIND_SB3: (sb3_lanes(minutes, 64), 64),
    }
    found: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, (work, steps) in works.items():
            if work is not None:
                found.setdefault(name, []).append(steps_a_second(work, steps, seconds))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table, or JSON with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each run")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    found = measure(max(5, options.runs), options.seconds, options.threads)
    if options.json:
        print(json.dumps(found))
        return 0
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{processors()} processors, load {load:.1f}; steps a second, median (lowest to highest)")
    for name, values in found.items():
        print(f"{statistics.median(values):14,.0f}  ({min(values):,.0f} to {max(values):,.0f})  {name}")
    for name, package in PEERS.items():
        if name not in found:
            print(f"left out, {package} is not installed: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
