"""What a bonus for what is new costs, and what a draw with goals in hindsight costs.

    python benchmarks/exploration.py [--runs N] [--steps N]

Bonus: environment steps per second of the processor's time, end to end, of SAC and PPO on a known market with three
levels, without a bonus and with each: medians of ``--runs`` runs taken in turn, one thread. SAC has 32 lanes and its
default networks and batches, PPO 128 lanes. Beside it the bytes that a bonus keeps, and those that a full replay keeps.
Hindsight: milliseconds of the processor's time for a draw of 256 transitions of 32 lanes and 30 columns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from regimen.agents import PPOConfig, SACConfig
from regimen.envs import EnvSpec, GoalSpace
from regimen.learning import BonusConfig, HindsightConfig, ICMConfig, Memory, ReplayBuffer, RNDConfig
from regimen.proving import KnownMarketEnv
from regimen.simulators import OrnsteinUhlenbeckConfig

BONUSES: dict[str, BonusConfig | None] = {"none": None, "rnd": RNDConfig(), "icm": ICMConfig()}
AGENTS: dict[str, tuple[Any, int]] = {
    "sac": (SACConfig(gamma=0.95, rollout_steps=8, warmup_steps=256), 32),
    "ppo": (PPOConfig(minibatch_size=1024), 128),
}


def pace(config: Any, lanes: int, steps: int) -> tuple[float, int]:
    """Returns environment steps per second of processor time, and the bytes that the bonus keeps."""
    market = OrnsteinUhlenbeckConfig()
    env = KnownMarketEnv(market, market.simulate(20_000, seed=1), lanes)
    agent = config.build(env, 0)
    agent.learn(env, 1024)
    start = time.process_time()
    agent.learn(env, steps)
    spent = time.process_time() - start
    kept = {} if agent.bonus is None else agent.bonus.state()
    return steps / spent, sum(tensor.numel() * tensor.element_size() for tensor in kept.values())


def bonuses(runs: int, steps: int) -> None:
    """Prints what each bonus costs each agent."""
    paces: dict[tuple[str, str], list[float]] = {(agent, bonus): [] for agent in AGENTS for bonus in BONUSES}
    kept: dict[tuple[str, str], int] = {}
    for _ in range(runs):
        for agent, bonus in paces:
            config, lanes = AGENTS[agent]
            speed, size = pace(config.model_copy(update={"bonus": BONUSES[bonus]}), lanes, steps)
            paces[agent, bonus].append(speed)
            kept[agent, bonus] = size
    print(f"{'agent':<8}{'bonus':<8}{'steps/s of processor':>22}{'of none':>10}{'kept, KiB':>12}")
    for agent, bonus in paces:
        speed = statistics.median(paces[agent, bonus])
        share = speed / statistics.median(paces[agent, "none"])
        print(f"{agent:<8}{bonus:<8}{speed:>22,.0f}{share:>10.2f}{kept[agent, bonus] / 1024:>12.0f}")
    rows = AGENTS["sac"][0].capacity * 4 * (2 * 2 + 3)
    print(f"a full replay of SAC keeps {rows / 1024:,.0f} KiB there")


def draws(runs: int) -> None:
    """Prints what a draw costs each memory."""
    lanes, bits = 32, 15
    now, goal = (tuple(f"{name}{k}" for k in range(bits)) for name in ("bit", "goal"))
    spec = EnvSpec(columns=now + goal, choices=bits, goal=GoalSpace(goal=goal, achieved=now, ends=True))
    memories: dict[str, Memory] = {
        "uniform": ReplayBuffer(320_000, spec.width, 1),
        "hindsight": HindsightConfig().build(spec, 320_000, 0),
        "corrected": HindsightConfig(correction=True).build(spec, 320_000, 0),
    }
    random = np.random.default_rng(0)
    print(f"\n{'memory':<12}{'a draw of 256, ms':>20}")
    for name, memory in memories.items():
        memory.begin(lanes)
        for t in range(2000):
            seen, after = random.integers(0, 2, (2, lanes, spec.width))
            actions, ended = random.integers(0, bits, (lanes, 1)), np.full(lanes, t % bits == bits - 1)
            memory.add(seen, after, actions, np.full(lanes, -1.0), np.zeros(lanes, np.bool_), ended)
        times = []
        for _ in range(20 * runs):
            start = time.process_time()
            memory.sample(random, 1, 256)
            times.append(time.process_time() - start)
        print(f"{name:<12}{1e3 * statistics.median(times):>20.2f}", flush=True)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    chosen = parser.parse_args()
    draws(chosen.runs)
    bonuses(chosen.runs, chosen.steps)


if __name__ == "__main__":
    main()
