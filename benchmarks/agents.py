"""PPO on the known-optimum markets, and how fast it is.

    python benchmarks/agents.py [--seeds N] [--steps N] [--runs N] [--threads N]

For each market: the score of each seed on fresh paths (interquartile mean and worst), the turnover of both modes, and
the steps per second of the learning. Then the speed on `VectorMarket` with 24 columns, the median of ``--runs`` runs
of one process, compilation left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from regimen.agents import PPOConfig
from regimen.envs import VectorMarket
from regimen.proving import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.seeding import generator
from regimen.simulators import Ar1Config, HysteresisConfig, MartingaleConfig, OrnsteinUhlenbeckConfig

LEVELS = (-1.0, 0.0, 1.0)
MARKETS: list[tuple[PlayableMarket, dict[str, Any]]] = [
    (MartingaleConfig(), {"gamma": 0.9, "gae_lambda": 0.5}),
    (Ar1Config(), {}),
    (OrnsteinUhlenbeckConfig(), {}),
    (HysteresisConfig(cost=1.0), {}),
]


def middle(scores: list[float]) -> float:
    """Returns the interquartile mean; of fewer than four scores, the mean."""
    cut = len(scores) // 4
    return float(np.mean(sorted(scores)[cut : len(scores) - cut]))


def learned(
    market: PlayableMarket, numbers: dict[str, Any], steps: int, seed: int, threads: int
) -> tuple[Evaluation, Evaluation, float]:
    """Returns both evaluations and the steps per second."""
    env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), 512, levels=LEVELS)
    agent = PPOConfig(threads=threads, **numbers).build(env, seed)
    start = time.perf_counter()
    done = agent.learn(env, steps)[-1].steps
    rate = done / (time.perf_counter() - start)
    sure, drawn = (evaluate(agent, market, 999, deterministic=mode, bars=2000) for mode in (True, False))
    return sure, drawn, rate


def scores(steps: int, seeds: int, threads: int) -> None:
    """Prints the table of the markets."""
    print(f"{steps:,} steps, {seeds} seeds, 512 lanes; score of the deterministic mode unless it says drawn")
    print(f"{'market':<12}{'IQM':>8}{'worst':>8}{'drawn':>8}{'worst':>8}{'turnover':>10}{'drawn':>9}{'steps/s':>10}")
    for market, numbers in MARKETS:
        runs = [learned(market, numbers, steps, seed, threads) for seed in range(seeds)]
        sure, drawn = [run[0].score for run in runs], [run[1].score for run in runs]
        turned = [max(run[mode].turnover for run in runs) for mode in (0, 1)]
        rate = statistics.median(run[2] for run in runs)
        print(
            f"{market.kind:<12}{middle(sure):>8.4f}{min(sure):>8.4f}{middle(drawn):>8.4f}{min(drawn):>8.4f}"
            f"{turned[0]:>10.5f}{turned[1]:>9.5f}{rate:>10,.0f}",
            flush=True,
        )


def speed(runs: int, threads: int) -> None:
    """Prints the end-to-end speed of learning on both environments, with the config's four epochs."""
    market = HysteresisConfig()
    path = market.simulate(100_000, seed=1)
    columns = generator(0, "benchmark").standard_normal((100_000, 1, 21))
    for name, env in (
        ("known market, 2 columns", KnownMarketEnv(market, path, 2048)),
        ("VectorMarket, 24 columns", VectorMarket(path.bars, columns, n_envs=2048, episode_length=256)),
    ):
        for activation in ("tanh", "relu"):
            config = PPOConfig(threads=threads, activation=activation, minibatch_size=4096)
            rates = []
            for _ in range(runs + 1):
                agent = config.build(env)
                start = time.perf_counter()
                done = agent.learn(env, 4 * 32 * 2048)[-1].steps
                rates.append(done / (time.perf_counter() - start))
            print(f"{name}, {activation}, 64×64, 4 epochs: {statistics.median(rates[1:]):,.0f} steps/s", flush=True)


def main() -> None:
    """Runs both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    speed(chosen.runs, chosen.threads)
    if chosen.seeds:
        scores(chosen.steps, chosen.seeds, chosen.threads)


if __name__ == "__main__":
    main()
