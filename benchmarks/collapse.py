"""Which agents still trade where plain ones give up: markets with a known optimum, one setting for all of them.

Run ``regimen bench collapse -- [--agents ppo sac ppo+icm ...] [--markets NAME ...] [--seeds 10] [--steps 100000]
[--overrides KEY=VALUE ...] [--write FILE.md]``.

Every agent has the defaults of its config on every market, but for the overrides, learns from the same number of
environment steps on 64 lanes (the evolution strategy, whose steps cost next to nothing, from 80 times as many on
1,040), and is scored on fresh paths against the best policy: 1 is the optimum, 0 is staying out, so what loses by
trading is below 0. An agent has *given up* in a seed if it trades less than a tenth of what the best policy trades and
earns less than half of what that earns; it has *lost* if it trades and ends below staying out. On the martingale
staying out is right, and scores nothing: its column is the turnover over that of chance. ``+`` adds a method, as in
``regimen prove``. Each agent sees the signal and its position, and chooses of −1, 0 and 1, on the *smooth* market any
position.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.agents.config import agent_configs
from regimen.metrics import iqm_interval
from regimen.proving import Arena, Experiment, PlayableMarket, walk
from regimen.proving.additions import with_additions
from regimen.proving.evaluation import Walk
from regimen.proving.known_market import KnownMarketEnv
from regimen.seeding import generator
from regimen.settings import apply_overrides
from regimen.simulators import (
    GarleanuPedersenConfig,
    HysteresisConfig,
    MartingaleConfig,
    OrnsteinUhlenbeckConfig,
    Quotes,
    Simulation,
)

Floats = NDArray[np.float64]

MARKETS: dict[str, Arena] = {
    each.name: each
    for each in (
        Arena("plain", HysteresisConfig(cost=1.0), ()),
        Arena("costly", HysteresisConfig(cost=20.0), ()),
        Arena("patient", HysteresisConfig(cost=50.0, phi=0.995), ()),
        Arena("faint", HysteresisConfig(cost=1.0, noise=10.0), ()),
        Arena("crowded", HysteresisConfig(cost=1.0, noise=3.0, quotes=Quotes(decoys=40)), ()),
        Arena("tiny", OrnsteinUhlenbeckConfig(deviation=1e-4), ()),
        Arena("smooth", GarleanuPedersenConfig(), (), levels=None, reach=3.5),
        Arena("martingale", MartingaleConfig(), ()),
    )
}
"""*plain*: a signal, a cost of one; *costly*: of twenty, so that chance pays 545 times what can be earned; *patient*:
a signal that lasts for 200 bars, a cost of fifty; *faint*: noise hides all but 1 % of the variance; *crowded*: forty
columns of noise beside a signal of 10 %; *tiny*: rewards of a ten-thousandth; *smooth*: any position, a cost that
grows with the square of a trade; *martingale*: nothing to earn."""
AGENTS = ("ppo", "ppo+icm", "ppo+rnd", "ppo+shaped", "vtrace", "es", "sac", "sac+icm", "mosac")
"""Asked for unless told otherwise."""


@dataclass(frozen=True)
class Ran:
    """One seed of an agent on a market: score, turnover over the best policy's, processor seconds of learning."""

    score: float
    turnover: float
    seconds: float

    @property
    def gave_up(self) -> bool:
        """Trades next to nothing and earns less than half."""
        return self.turnover < 0.1 and self.score < 0.5

    @property
    def lost(self) -> bool:
        """Trades, and staying out would have been better."""
        return not self.gave_up and self.score < 0.0


def experiment(name: str, market: str, steps: int, overrides: Sequence[str] = ()) -> Experiment:
    """Returns an agent with the defaults of its config, but for overrides, on a market; ``+`` adds methods."""
    kind = name.partition("+")[0]
    configs: dict[str, Any] = {each.model_fields["kind"].default: each for each in agent_configs()}
    if kind not in configs:
        raise SystemExit(f"--agents: must begin with one of {', '.join(configs)}, not {name}")
    lanes, steps = (1040, 80 * steps) if kind == "es" else (64, steps)
    config = configs[kind](**apply_overrides({}, overrides))
    plain = Experiment(MARKETS[market], config, steps, lanes=lanes, walks=512, walk_bars=1000)
    return with_additions((plain,), name)[0] if "+" in name else plain


def run(one: Experiment, seed: int) -> Ran:
    """Trains one seed and scores it in both modes."""
    began = time.process_time()
    arena = one.arena
    path = arena.market.simulate(one.bars, int(generator(seed, "collapse", "path").integers(2**62)))
    env: Any = KnownMarketEnv(
        arena.market, path, one.lanes, levels=arena.levels, reach=arena.reach, episode_length=one.episode_length
    )
    agent = one.agent.build(env, seed)
    for wrapper in getattr(one, "wrappers", ()):
        env = wrapper.wrap(env)
    agent.learn(env, one.steps)
    spent = time.process_time() - began
    walked = walk(agent, arena.market, 0, levels=arena.levels, paths=one.walks, bars=one.walk_bars)
    turnover = float(np.abs(walked.positions - walked.before()).mean())
    return Ran(score(walked), turnover / reference(walked.market, walked.simulations).turnover, spent)


class Reference(NamedTuple):
    """Of what a market's baseline and its best policy come to on some paths.

    Attributes:
        base, best: mean reward per bar.
        luck: mean expected return of the paths, which a constant position of 1 earns.
        turnover: mean |Δx| per bar of the best policy; on a martingale, of random sides.
    """

    base: float
    best: float
    luck: float
    turnover: float


@lru_cache(maxsize=2)
def reference(market: PlayableMarket, simulations: tuple[Simulation, ...]) -> Reference:
    """Returns what stands beside an agent on some paths."""
    best = np.column_stack([market.optimal(each) for each in simulations])
    bare = [market.baselines(each, path)[market.reference] for path, each in enumerate(simulations)]
    others = np.column_stack(bare) if isinstance(market, MartingaleConfig) else best
    luck = float(np.mean([each.expected[:-1].mean() for each in simulations]))
    base = float(
        np.mean([market.rewards(each, rows, True).mean() for each, rows in zip(simulations, bare, strict=True)])
    )
    return Reference(
        base, earned(market, simulations, best, luck), luck, float(np.abs(np.diff(others, axis=0, prepend=0.0)).mean())
    )


def earned(market: PlayableMarket, simulations: Sequence[Simulation], positions: Floats, luck: float) -> float:
    """Returns the mean reward per bar of positions (time, path), less the luck that a constant position shares.

    Paths whose signal happens to be above its mean of 0 pay whoever stays long; at high costs that is as much as the
    best policy earns. So the mean position times the paths' mean expected return is taken off.
    """
    paid = [market.rewards(each, positions[:, path], True).mean() for path, each in enumerate(simulations)]
    return float(np.mean(paid) - positions.mean() * luck)


def score(walked: Walk) -> float:
    """Returns (J − J_base)/(J* − J_base) on the same paths, each less the luck of the paths."""
    beside = reference(walked.market, walked.simulations)
    own = earned(walked.market, walked.simulations, walked.positions, beside.luck)
    return (own - beside.base) / (beside.best - beside.base)


def cell(market: str, runs: Sequence[Ran]) -> str:
    """Returns the IQM of the score with its interval, and how many seeds gave up or lost."""
    if market == "martingale":
        return f"{np.mean([each.turnover for each in runs]):.3f}"
    scores = iqm_interval(np.array([each.score for each in runs]))
    gave_up, lost = sum(each.gave_up for each in runs), sum(each.lost for each in runs)
    fate = "".join(f", {count} {what}" for count, what in ((gave_up, "gave up"), (lost, "lost")) if count)
    if math.isnan(scores.estimate):
        return "–"
    interval = "" if math.isnan(scores.low) else f" [{scores.low:.2f}, {scores.high:.2f}]"
    return f"{scores.estimate:.2f}{interval}{fate}".replace("-", "−")


def table(markets: Sequence[str], rows: dict[str, list[list[Ran]]]) -> str:
    """Returns the table of agents by markets, in Markdown."""
    lines = [
        "| agent | " + " | ".join(markets) + " | gave up | lost | s |",
        "|---|" + "---|" * len(markets) + "---:|---:|---:|",
    ]
    for name, cells in rows.items():
        traded = [each for market, runs in zip(markets, cells, strict=True) if market != "martingale" for each in runs]
        words = [cell(market, runs) for market, runs in zip(markets, cells, strict=True)]
        seconds = np.mean([each.seconds for runs in cells for each in runs])
        totals = (
            f"{sum(each.gave_up for each in traded)}/{len(traded)} | {sum(each.lost for each in traded)}/{len(traded)}"
        )
        lines.append(f"| `{name}` | " + " | ".join(words) + f" | {totals} | {seconds:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Runs agents on markets and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", nargs="+", default=list(AGENTS), metavar="NAME")
    parser.add_argument("--markets", nargs="+", default=list(MARKETS), choices=list(MARKETS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed; the others follow")
    parser.add_argument("--steps", type=int, default=100_000, help="environment steps of every agent")
    parser.add_argument("--overrides", nargs="*", default=[], metavar="KEY=VALUE", help="in place of defaults")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    args = parser.parse_args()
    rows: dict[str, list[list[Ran]]] = {}
    for name in args.agents:
        rows[name] = []
        for market in args.markets:
            one = experiment(name, market, args.steps, args.overrides)
            rows[name].append([run(one, seed) for seed in range(args.first, args.first + args.seeds)])
            print(f"{name} on {market}: {cell(market, rows[name][-1])}", flush=True)
        print(table(args.markets, {name: rows[name]}).splitlines()[-1], flush=True)
    text = table(args.markets, rows)
    print("\n" + text)
    if args.write:
        args.write.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
