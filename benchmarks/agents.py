"""Times PPO from end to end: environment, networks, advantages and four epochs of updates.

Run ``python benchmarks/agents.py [--runs K] [--threads N] [--json]``. Two hidden layers of 64, 2,048 lanes of 32 steps
to a rollout, minibatches of 4,096, on `VectorMarket` with 24 columns (21 features and the account's 3). Beside it, in
the same process and in turn, where they are installed: Stable-Baselines3's PPO on the same lanes with the same
numbers; and a common setting of tutorials (8 environments, 2,048 steps, minibatches of 64, 10 epochs, layers of 256,
256 and 128 with rectifiers), by Stable-Baselines3 on gym-trading-env and by Regimen on `VectorMarket`. One run of each
is made first and not counted. How good the agents are is what ``regimen prove`` measures.
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
from typing import Any

import torch
from numpy.typing import NDArray

from regimen.agents import PPOConfig
from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.envs.blocks import processors
from regimen.seeding import generator
from regimen.simulators import HysteresisConfig

BARS = 100_000
LANES, STEPS = 2048, 32
COMMON = {"lanes": 8, "steps": 2048, "minibatch": 64, "epochs": 10}
WIDE = (256, 256, 128)
Learn = Callable[[], int]
"""Learns for a while and returns the environment steps that it made."""


def peer(module: str) -> Any:
    """Returns a module, None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def regimen_ppo(env: VectorMarket, config: PPOConfig, rollouts: int) -> Learn:
    """Returns what learns with `PPO` for so many rollouts."""
    steps = rollouts * config.rollout_steps * env.n_envs
    return lambda: config.build(env).learn(env, steps)[-1].steps


def peer_ppo(env: Any, rollouts: int, steps: int, numbers: dict[str, Any], threads: int) -> Learn:
    """Returns what learns with Stable-Baselines3's PPO for so many rollouts of so many steps a lane."""
    algorithm = importlib.import_module("stable_baselines3").PPO
    total = rollouts * steps * env.num_envs

    def learn() -> int:
        torch.set_num_threads(threads)
        agent = algorithm("MlpPolicy", env, n_steps=steps, device="cpu", **numbers)
        return int(agent.learn(total).num_timesteps)

    return learn


def gym_trading_lanes(bars: Bars, columns: NDArray[Any]) -> Any:
    """Returns eight gym-trading-env behind Stable-Baselines3's interface; both must be installed."""
    environments = importlib.import_module("gym_trading_env.environments")
    vec_env = importlib.import_module("stable_baselines3.common.vec_env")
    frame = bars.window(0, 20_000).to_frame().set_index("timestamp")[["open", "high", "low", "close", "volume"]]
    frame.index = frame.index.tz_localize(None)
    for k in range(columns.shape[2]):
        frame[f"feature_{k}"] = columns[: len(frame), 0, k]

    def one() -> Any:
        return environments.TradingEnv(
            df=frame, positions=[-1, 0, 1], trading_fees=1e-4, borrow_interest_rate=1e-6, verbose=0
        )

    return vec_env.DummyVecEnv([one] * COMMON["lanes"])


def contestants(threads: int) -> dict[str, Learn]:
    """Returns what is measured, by name; says in a sentence what is not installed."""
    bars = HysteresisConfig().simulate(BARS, seed=1).bars
    columns = generator(0, "benchmark").standard_normal((BARS, 1, 21))
    env = VectorMarket(bars, columns, n_envs=LANES, episode_length=256)
    few = VectorMarket(bars, columns, n_envs=COMMON["lanes"], episode_length=256)
    same = PPOConfig(threads=threads, rollout_steps=STEPS, minibatch_size=4096)
    common = PPOConfig(
        threads=threads,
        rollout_steps=COMMON["steps"],
        minibatch_size=COMMON["minibatch"],
        epochs=COMMON["epochs"],
        hidden=WIDE,
        activation="relu",
    )
    found = {
        "Regimen PPO, tanh": regimen_ppo(env, same, 4),
        "Regimen PPO, relu": regimen_ppo(env, same.model_copy(update={"activation": "relu"}), 4),
    }
    if peer("stable_baselines3") is None:
        print("stable_baselines3 is not installed: no peer is measured")
    else:
        from regimen.envs.adapters.sb3 import MarketVecEnv

        numbers: dict[str, Any] = {"batch_size": 4096, "n_epochs": same.epochs}
        numbers["policy_kwargs"] = {"net_arch": list(same.hidden), "activation_fn": torch.nn.Tanh}
        found["Stable-Baselines3 PPO, tanh"] = peer_ppo(MarketVecEnv(env), 2, STEPS, numbers, threads)
    found["common setting: Regimen PPO on VectorMarket"] = regimen_ppo(few, common, 1)
    if peer("gym_trading_env") is None or peer("stable_baselines3") is None:
        print("gym_trading_env or stable_baselines3 is not installed: the common setting is measured without them")
    else:
        numbers = {"batch_size": common.minibatch_size, "n_epochs": common.epochs}
        numbers["policy_kwargs"] = {"net_arch": list(WIDE), "activation_fn": torch.nn.ReLU}
        lanes = gym_trading_lanes(bars, columns)
        name = "common setting: Stable-Baselines3 PPO on gym-trading-env"
        found[name] = peer_ppo(lanes, 1, COMMON["steps"], numbers, threads)
    return found


def measure(runs: int, threads: int) -> dict[str, list[float]]:
    """Returns steps a second by name, one number a run; all are measured in turn."""
    found: dict[str, list[float]] = {}
    entries = contestants(threads)
    for run in range(runs + 1):
        for name, learn in entries.items():
            begin = time.perf_counter()
            rate = learn() / (time.perf_counter() - begin)
            if run:
                found.setdefault(name, []).append(rate)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table, or JSON with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="at least 5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    found = measure(max(5, options.runs), options.threads)
    if options.json:
        print(json.dumps(found))
        return 0
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{processors()} processors, {options.threads} threads, load {load:.1f}; learning from end to end,")
    print("environment steps a second, median (lowest to highest)")
    for name, values in found.items():
        print(f"{statistics.median(values):12,.0f}  ({min(values):,.0f} to {max(values):,.0f})  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
