"""How many environment steps an evolution strategy makes a second of processor time, and how far that takes it.

    python benchmarks/evolution.py [--seeds N] [--generations N]

128 members and their parent on 4,128 lanes, one thread; learning whole: networks, environment, update. Each seed has a
path of its own, of the markets of `regimen prove`; the score is the share of the known optimum on fresh paths. The last
line is `VectorMarket`, with its account and its costs, in the place of a known market.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from regimen.agents import ESConfig
from regimen.envs import VectorEnv, VectorMarket
from regimen.proving import KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import HysteresisConfig, OrnsteinUhlenbeckConfig

MARKETS: tuple[PlayableMarket, ...] = (OrnsteinUhlenbeckConfig(), HysteresisConfig(cost=1.0))
CONFIG = ESConfig(population=128)
LANES = 4128
GENERATION = LANES * CONFIG.rollout_steps


def timed(env: VectorEnv, seed: int, generations: int) -> tuple[object, int, float]:
    """Returns the agent, its steps, and the processor's seconds of learning; one generation before is not counted."""
    CONFIG.build(env, seed).learn(env, 1)
    agent = CONFIG.build(env, seed)
    begun = time.process_time()
    steps = agent.learn(env, generations * GENERATION)[-1].steps
    return agent, steps, time.process_time() - begun


def main() -> None:
    """Prints a line for each seed of each market."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=120)
    chosen = parser.parse_args()
    print(f"{'market':<20}{'seed':>5}{'steps':>10}{'seconds':>9}{'M steps/s':>11}{'score':>8}")
    for market in MARKETS:
        for seed in range(chosen.seeds):
            env = KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), LANES)
            agent, steps, seconds = timed(env, seed, chosen.generations)
            score = evaluate(agent, market, 999, bars=1000).score  # type: ignore[arg-type]
            row = f"{market.kind:<20}{seed:>5}{steps / 1e6:>8.1f} M{seconds:>9.1f}{steps / seconds / 1e6:>11.2f}"
            print(f"{row}{score:>8.4f}", flush=True)
    bars = MARKETS[0].simulate(60_000, seed=1).bars
    features = np.random.default_rng(0).normal(size=(60_000, 3)).astype(np.float32)
    account = VectorMarket(bars, features, n_envs=LANES, episode_length=256, actions="levels", threads=1)
    _, steps, seconds = timed(account, 0, 20)
    print(f"{'VectorMarket':<20}{'':>5}{steps / 1e6:>8.1f} M{seconds:>9.1f}{steps / seconds / 1e6:>11.2f}")


if __name__ == "__main__":
    main()
