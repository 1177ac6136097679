"""SAC beside Stable-Baselines3's, in one process, on markets whose best policy is known.

    python benchmarks/sac.py [--runs N] [--seeds N] [--steps N] [--speed-steps N]

Speed: environment steps per second of learning, end to end, once every network is being updated: medians of ``--runs``
short runs of each, taken in turn; beside the wall clock the processor's time, which a busy machine lengthens less.
Score: share of the known optimum on fresh paths after ``--steps`` environment steps, each seed's, deterministic and
drawn. Both have networks of 64×64, batches of 256, one thread and γ = 0.95; theirs has its defaults otherwise (one
lane, one update a step), ours those of `SACConfig`, on 32 lanes. Without Stable-Baselines3 its half is left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from regimen.agents.sac.config import SACConfig
from regimen.proving import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import GarleanuPedersenConfig, OrnsteinUhlenbeckConfig

MARKETS: list[tuple[PlayableMarket, float]] = [(OrnsteinUhlenbeckConfig(), 1.0), (GarleanuPedersenConfig(), 2.0)]
GAMMA = 0.95
LANES = 32
Learn = Callable[[int], Any]


def lanes(market: PlayableMarket, reach: float, seed: int, number: int) -> KnownMarketEnv:
    """Returns the market with positions in [−reach, reach]."""
    return KnownMarketEnv(market, market.simulate(200_000, seed=100 + seed), number, levels=None, reach=reach)


def ours(env: KnownMarketEnv, seed: int) -> tuple[Any, Learn]:
    """Returns our agent, and what lets it learn for so many steps."""
    agent = SACConfig(gamma=GAMMA, rollout_steps=8).build(env, seed)
    return agent, lambda steps: agent.learn(env, steps)


def theirs(env: KnownMarketEnv, seed: int) -> tuple[Any, Learn]:
    """Returns Stable-Baselines3's agent, and what lets it learn for so many steps."""
    import torch
    from gymnasium.spaces import Box
    from stable_baselines3 import SAC
    from stable_baselines3.common.vec_env import VecEnv

    class Lanes(VecEnv):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            spec = env.spec
            bounds = Box(spec.low, spec.high, (1,), np.float32)
            super().__init__(env.n_envs, Box(-np.inf, np.inf, (spec.width,), np.float32), bounds)

        def reset(self) -> Any:
            return env.reset(seed=seed)[0].copy()

        def step_async(self, actions: Any) -> None:
            self.actions = actions

        def step_wait(self) -> Any:
            seen, reward, terminated, truncated, info = env.step(self.actions)
            infos: list[dict[str, Any]] = [{} for _ in range(env.n_envs)]
            for lane in np.flatnonzero(truncated):
                last = info["final_observation"][lane].copy()
                infos[lane] = {"terminal_observation": last, "TimeLimit.truncated": True}
            return seen.copy(), reward.astype(np.float32), terminated | truncated, infos

        def close(self) -> None:
            pass

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:  # noqa: ARG002
            return [None for _ in self._get_indices(indices)]

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError

        def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> Any:
            raise NotImplementedError

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:  # noqa: ARG002
            return [False for _ in self._get_indices(indices)]

    torch.set_num_threads(1)
    agent = SAC("MlpPolicy", Lanes(), gamma=GAMMA, policy_kwargs={"net_arch": [64, 64]}, seed=seed, device="cpu")
    return agent, lambda steps: agent.learn(steps, reset_num_timesteps=False)


def timed(learn: Learn, steps: int) -> tuple[float, float]:
    """Returns steps per second of the wall clock and of the processor."""
    wall, busy = time.perf_counter(), time.process_time()
    learn(steps)
    return steps / (time.perf_counter() - wall), steps / (time.process_time() - busy)


def speed(runs: int, steps: int, peer: bool) -> None:
    """Prints the speed of both; theirs makes a twentieth of the steps in a run."""
    market, reach = MARKETS[1]
    (_, learn), size = ours(lanes(market, reach, 0, LANES), 0), 8 * LANES
    steps = -(-steps // size) * size
    learn(2048)
    found: dict[str, list[tuple[float, float]]] = {"regimen": []}
    if peer:
        found["stable-baselines3"] = []
        _, peer_learn = theirs(lanes(market, reach, 0, 1), 0)
        peer_learn(300)
    for _ in range(runs):
        found["regimen"].append(timed(learn, steps))
        if peer:
            found["stable-baselines3"].append(timed(peer_learn, steps // 20))
    print(f"steps per second, median of {runs} runs of {steps:,} ({steps // 20:,} of stable-baselines3)")
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    for name, (wall, busy) in medians.items():
        print(f"{name:<20}{wall:>10,.0f} wall {busy:>10,.0f} processor", flush=True)
    if peer:
        ratios = [mine / other for mine, other in zip(*medians.values(), strict=True)]
        print(f"{'ratio':<20}{ratios[0]:>10.1f} wall {ratios[1]:>10.1f} processor", flush=True)


def scores(steps: int, seeds: int, peer: bool) -> None:
    """Prints both scores of each seed after the same number of environment steps."""
    print(f"\nscore after {steps:,} environment steps, {seeds} seeds: mean, worst")
    print(f"{'market':<20}{'agent':<20}{'deterministic':>20}{'drawn':>20}")
    for market, reach in MARKETS:
        for name, build, number in (("regimen", ours, LANES), ("stable-baselines3", theirs, 1)):
            if name != "regimen" and not peer:
                continue
            rows: list[list[Evaluation]] = []
            for seed in range(seeds):
                agent, learn = build(lanes(market, reach, seed, number), seed)
                learn(steps)
                modes = (True, False)
                rows.append(
                    [evaluate(agent, market, 999, deterministic=mode, levels=None, bars=1000) for mode in modes]
                )
            told = [[row[mode].score for row in rows] for mode in (0, 1)]
            columns = "".join(f"{np.mean(each):>12.4f}{min(each):>8.4f}" for each in told)
            print(f"{market.kind:<20}{name:<20}{columns}", flush=True)


def main() -> None:
    """Runs both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--speed-steps", type=int, default=20_000)
    chosen = parser.parse_args()
    peer = find_spec("stable_baselines3") is not None
    if not peer:
        print("stable-baselines3 is not installed: its half is left out")
    speed(chosen.runs, chosen.speed_steps, peer)
    if chosen.seeds:
        scores(chosen.steps, chosen.seeds, peer)


if __name__ == "__main__":
    main()
