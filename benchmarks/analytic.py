"""How long the analytic agent and PPO take to 95 % of a known optimum, side by side, one thread each.

    python benchmarks/analytic.py [--seeds N] [--markets NAME ...] [--bars N] [--whole] [--btc PATH]

Both learn on the same path of each market; after every iteration (of the analytic agent: every eighth) the best action
trades fresh paths. That evaluation, simulation and compilation are left out of the seconds. PPO has the settings
and steps that `regimen prove` gives it, 512 lanes, and three levels where the best position is at a bound; the analytic
agent has its defaults, 8 lanes and a continuous position everywhere. Reached: a score of 0.95; on the martingale a
turnover of at most 1 % of a random trader's. PPO stops there unless ``--whole``. Medians over seeds; processor seconds
hardly depend on what else the machine does. ``--btc`` adds a smoke check on real hourly bars: in-sample it must beat
flat and holding.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from regimen.agents import PPOConfig
from regimen.agents.analytic.config import AnalyticConfig
from regimen.bars import Bars
from regimen.envs import VectorMarket
from regimen.execution import Costs, MarketConfig
from regimen.features import FeatureSet
from regimen.learning import Iteration
from regimen.proving import Evaluation, KnownMarketEnv, PlayableMarket, evaluate
from regimen.simulators import (
    Ar1Config,
    GarleanuPedersenConfig,
    HysteresisConfig,
    KellyConfig,
    MartingaleConfig,
    OrnsteinUhlenbeckConfig,
)

LEVELS = (-1.0, 0.0, 1.0)
SHORT = PPOConfig(gamma=0.9, gae_lambda=0.5)
RANDOM_TURNOVER = 8.0 / 9.0


@dataclass(frozen=True)
class Contest:
    """A market, and what PPO is given there."""

    market: PlayableMarket
    ppo: PPOConfig
    steps: int
    levels: tuple[float, ...] | None = LEVELS
    reach: float = 1.0


CONTESTS = {
    "martingale": Contest(MartingaleConfig(), SHORT, 1_500_000),
    "ar1": Contest(Ar1Config(), SHORT, 1_500_000),
    "ou": Contest(OrnsteinUhlenbeckConfig(), SHORT, 1_500_000),
    "hysteresis": Contest(HysteresisConfig(cost=1.0), PPOConfig(), 1_000_000),
    "garleanu_pedersen": Contest(GarleanuPedersenConfig(), PPOConfig(), 2_000_000, None, 3.5),
    "kelly": Contest(KellyConfig(chance=0.6), SHORT, 2_000_000, None, 0.8),
}
ANALYTIC_STEPS = 250_000


class Stopped(Exception):
    """The score is reached."""


@dataclass
class Watch:
    """Evaluates after every few iterations and keeps what the learning alone took."""

    judge: Callable[[], Evaluation]
    good: Callable[[Evaluation], bool]
    every: int
    stops: bool
    wall: float = 0.0
    cpu: float = 0.0
    reached: tuple[float, float, int] = (math.inf, math.inf, 0)
    last: list[Evaluation] = field(default_factory=list)

    def start(self) -> None:
        """Starts both clocks."""
        self._marks = time.perf_counter(), time.process_time()

    def __call__(self, iteration: Iteration) -> None:
        """Stops the clocks, evaluates where it is due, and starts them."""
        wall, cpu = self._marks
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        if iteration.iteration % self.every == 0 or iteration.steps >= iteration.total:
            self.last = [self.judge()]
            if self.good(self.last[0]) and math.isinf(self.reached[0]):
                self.reached = self.wall, self.cpu, iteration.steps
                if self.stops:
                    raise Stopped
        self.start()


def good(contest: Contest) -> Callable[[Evaluation], bool]:
    """Returns what counts as reached."""
    if isinstance(contest.market, MartingaleConfig):
        return lambda found: found.turnover <= 0.01 * RANDOM_TURNOVER
    return lambda found: found.score >= 0.95


def contend(contest: Contest, kind: str, seed: int, bars: int, whole: bool, steps: int | None = None) -> Watch:
    """Lets one agent learn once."""
    analytic = kind == "analytic"
    levels = None if analytic else contest.levels
    path = contest.market.simulate(bars, seed=100 + seed)
    env = KnownMarketEnv(contest.market, path, 8 if analytic else 512, levels=levels, reach=contest.reach)
    agent = AnalyticConfig().build(env, seed) if analytic else contest.ppo.build(env, seed)
    watch = Watch(
        lambda: evaluate(agent, contest.market, 999, levels=levels, paths=32, bars=300),
        good(contest),
        8 if analytic else 1,  # 8,192 and 16,384 steps
        not (whole or analytic),
    )
    watch.start()
    with contextlib.suppress(Stopped):
        agent.learn(env, steps or (ANALYTIC_STEPS if analytic else contest.steps), watch)
    return watch


def compare(names: list[str], seeds: int, bars: int, whole: bool) -> None:
    """Prints the table."""
    print(f"to 95 % of the optimum, medians of {seeds} seeds, one thread, paths of {bars:,} bars")
    print(f"{'':<28}{'reached':>8}{'wall s':>9}{'cpu s':>8}{'steps':>11}{'final':>8}{'turnover':>10}{'all s':>9}")
    for name in names:
        contest, took = CONTESTS[name], {}
        for kind in ("ppo", "analytic"):
            contend(contest, kind, 0, 10_000, whole, 20_000)
        runs: dict[str, list[Watch]] = {"ppo": [], "analytic": []}
        for seed in range(seeds):
            for kind, watches in runs.items():  # in turn, so that a busy machine is busy for both
                watches.append(contend(contest, kind, seed, bars, whole))
        for kind, watches in runs.items():
            wall, cpu, steps = (statistics.median(watch.reached[k] for watch in watches) for k in range(3))
            took[kind] = cpu
            reached = sum(math.isfinite(watch.reached[0]) for watch in watches)
            final = statistics.median(watch.last[0].score for watch in watches)
            turnover = statistics.median(watch.last[0].turnover for watch in watches)
            spent = statistics.median(watch.cpu for watch in watches)
            print(
                f"{name:<18}{kind:<10}{f'{reached}/{seeds}':>8}{wall:>9.2f}{cpu:>8.2f}{steps:>11,.0f}{final:>8.3f}"
                f"{turnover:>10.5f}{spent:>9.2f}",
                flush=True,
            )
        print(f"{'':<18}PPO's processor seconds over the analytic agent's: {took['ppo'] / took['analytic']:.1f}")


def growth(agent: Any, env: VectorMarket) -> tuple[float, float]:
    """Returns log growth and mean turnover per bar of one account from the first bar of an environment to its last."""
    seen, info = env.reset()
    logs, turned = [], []
    while True:
        seen, reward, terminated, truncated, info = env.step(agent.predict(seen)[0])
        logs.append(float(reward[0]))
        turned.append(float(info["turnover"][0]))
        if terminated[0] or truncated[0]:
            return float(np.sum(logs)), float(np.mean(turned))


def real(path: Path) -> None:
    """Prints what the agent does on real hourly bars, in and out of sample."""
    bars = Bars.read(path)
    frame = FeatureSet.standard().compute(bars)
    market = MarketConfig(costs=Costs(commission_bps=5.0, half_spread_bps=1.0, impact_coefficient=0.5))
    cut, stop = 25_000, 35_000
    spans = {"in-sample": (0, cut), "after it": (cut, stop)}
    print(f"\n{path.name}: log growth (turnover per bar), bars 0 to {cut:,} learned from, {cut:,} to {stop:,} not")
    for name, config in (
        ("64×64", AnalyticConfig()),
        ("64×64, weight decay 1", AnalyticConfig(weight_decay=1.0)),
        ("linear", AnalyticConfig(hidden=())),
    ):
        train = VectorMarket(bars, frame, n_envs=64, stop=cut, market=market, threads=1)
        agent = config.build(train, seed=0)
        start = time.process_time()
        agent.learn(train, 2_000_000)
        took = time.process_time() - start
        told = []
        for label, (first, last) in spans.items():
            one = VectorMarket(bars, frame, n_envs=1, start=first, stop=last, random_start=False, market=market)
            found, turned = growth(agent, one)
            told.append(f"{label} {found:+.3f} ({turned:.4f})")
        print(f"{name:<24}{'  '.join(told)}  learned in {took:.0f} cpu s", flush=True)

    class Holds:
        def predict(self, seen: Any) -> tuple[Any, None]:
            return np.ones((len(seen), 1), np.float32), None

    told = []
    for label, (first, last) in spans.items():
        one = VectorMarket(bars, frame, n_envs=1, start=first, stop=last, random_start=False, market=market)
        told.append(f"{label} {growth(Holds(), one)[0]:+.3f}")
    print(f"{'buy and hold':<24}{'  '.join(told)}")


def main() -> None:
    """Runs the table, and the real bars where they are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--markets", nargs="*", default=list(CONTESTS), choices=list(CONTESTS))
    parser.add_argument("--bars", type=int, default=200_000)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--btc", type=Path, default=None)
    chosen = parser.parse_args()
    if chosen.markets and chosen.seeds:
        compare(chosen.markets, chosen.seeds, chosen.bars, chosen.whole)
    if chosen.btc is not None:
        real(chosen.btc)


if __name__ == "__main__":
    main()
