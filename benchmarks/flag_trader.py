"""FLAG-TRADER beside agents of its size: is the transformer worth it?

    python benchmarks/flag_trader.py [--steps N] [--seeds N] [--btc FILE] [--btc-steps N] [--full] [--json]

Four agents learn from the same number of environment steps on markets whose best policy is known: FLAG-TRADER, reduced
to a size that a CPU trains in minutes (its frozen blocks are random, not pretrained); PPO with a perceptron of about
16,000 weights; PPO with a perceptron of as many weights as FLAG-TRADER trains; and PPO with a small LSTM, which has a
memory as FLAG-TRADER has. Weights are those of the policy, without critics. On the hidden regime no agent sees its
position, which would be a memory. Scores are shares of the optimum on fresh paths, deterministic, the mean over seeds
and each seed's; seconds are of one fit on one thread.

With ``--btc`` the same agents learn from the first walk-forward window of hourly bars as ``examples/`` has it, with its
costs; told is the annual Sharpe ratio, after costs, of the half year behind it. With ``--full`` one update of the whole
size (88 million weights, context 256, two windows) is timed, and the process's peak memory told.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from regimen.agents import FlagTraderConfig, PPOConfig, RecurrentPPOConfig
from regimen.agents.flag_trader.network import count_parameters
from regimen.envs import EnvSpec, spec_of
from regimen.learning import AgentSettings
from regimen.proving import KnownMarketEnv, evaluate
from regimen.simulators import Ar1Config, HiddenRegimeConfig

EXAMPLE = Path(__file__).parents[1] / "examples" / "flag-trader-btc-1h.yaml"
FLAG, SIXTEEN, MATCHED, LSTM = "FLAG-TRADER", "PPO, 16 k", "PPO, matched", "PPO, LSTM"
SIZES: dict[str, Any] = {"width": 32, "layers": 2, "heads": 4, "hidden": 128, "context": 32, "rank": 16}
HORIZON: dict[str, dict[str, float]] = {
    "ar1": {"gamma": 0.0, "gae_lambda": 0.5},
    "hidden": {"gamma": 0.9, "gae_lambda": 0.5},
}


@dataclass(frozen=True)
class Row:
    """One agent on one market.

    Attributes:
        market: name.
        agent: name.
        weights: of the policy that learn.
        frozen: of the policy that do not.
        scores: of the seeds: share of the optimum, or annual Sharpe ratio.
        seconds: median of one fit.
    """

    market: str
    agent: str
    weights: int
    frozen: int
    scores: list[float]
    seconds: float

    @property
    def error(self) -> float:
        """Standard error of the mean score over the seeds; NaN for one."""
        return statistics.stdev(self.scores) / math.sqrt(len(self.scores)) if len(self.scores) > 1 else math.nan


def perceptron_weights(spec: EnvSpec, width: int) -> int:
    """Returns the weights of a policy with two hidden layers."""
    return (spec.width + 1) * width + (width + 1) * width + (width + 1) * int(spec.choices or spec.size)


def matched(spec: EnvSpec, weights: int) -> int:
    """Returns the width with which a perceptron comes closest to so many weights."""
    return min(range(4, 2000), key=lambda width: abs(perceptron_weights(spec, width) - weights))


def contestants(spec: EnvSpec, flag: FlagTraderConfig, shared: dict[str, Any]) -> dict[str, tuple[AgentSettings, int]]:
    """Returns the agents' configs and their policies' weights that learn, by name."""
    _, trained, _ = count_parameters(flag.build(spec).network)
    found: dict[str, tuple[AgentSettings, int]] = {FLAG: (flag, trained)}
    for name, weights in ((SIXTEEN, 16_000), (MATCHED, trained)):
        width = matched(spec, weights)
        config = PPOConfig(hidden=(width, width), minibatch_size=1024, **shared)
        found[name] = (config, perceptron_weights(spec, width))
    lstm = RecurrentPPOConfig(hidden=32, layers=1, head=32, rollout_steps=32, sequence_length=32, **shared)
    network = lstm.build(spec).network
    critic = sum(each.numel() for each in network.heads.critic.parameters())
    found[LSTM] = (lstm, sum(each.numel() for each in network.parameters()) - critic)
    return found


def frozen_of(agent: Any) -> int:
    """Returns the policy's weights that do not learn."""
    if not isinstance(agent.config, FlagTraderConfig):
        return 0
    total, trained, _ = count_parameters(agent.network)
    return total - trained


def known_market(name: str, steps: int, seeds: int) -> list[Row]:
    """Returns the scores of all agents on a market whose optimum is known."""
    market = {"ar1": Ar1Config(), "hidden": HiddenRegimeConfig()}[name]
    shown, shared = name != "hidden", HORIZON[name]
    flag = FlagTraderConfig(**SIZES, rollout_steps=32, minibatch_windows=32, learning_rate=3e-3, **shared)
    paths = [market.simulate(200_000, seed=100 + seed) for seed in range(seeds)]
    rows = []
    for agent_name, (config, weights) in contestants(
        spec_of(KnownMarketEnv(market, paths[0], 2, show_position=shown)), flag, shared
    ).items():
        scores, seconds, frozen = [], [], 0
        for seed, path in enumerate(paths):
            env = KnownMarketEnv(market, path, 128, show_position=shown)
            agent = config.build(env, seed)
            start = time.perf_counter()
            agent.learn(env, steps)
            seconds.append(time.perf_counter() - start)
            found = evaluate(agent, market, seed=999, paths=32, bars=1000, show_position=shown)
            scores.append(found.value / found.optimum)
            frozen = frozen_of(agent)
        rows.append(Row(name, agent_name, weights, frozen, scores, statistics.median(seconds)))
        tell(rows[-1])
    return rows


def first_window(file: Path, seeds: int, steps: int) -> list[Row]:
    """Returns the annual Sharpe ratios of all agents, after costs, behind the first window of hourly bars."""
    from regimen.records.config import load_config
    from regimen.runs.families.agent import fit
    from regimen.runs.families.lanes import learning_env
    from regimen.runs.prepare import prepare
    from regimen.runs.selection import sharpe_after_costs

    config = load_config(EXAMPLE, [f"data.path={file}", f"environment.steps={steps}"])
    prepared = prepare(config)
    window = prepared.windows[0]
    flag = config.model
    assert isinstance(flag, FlagTraderConfig)
    names = ("gamma", "gae_lambda", "entropy_coefficient")
    shared = {name: getattr(flag, name) for name in names}
    rows = []
    for name, (agent, weights) in contestants(spec_of(learning_env(prepared, window)), flag, shared).items():
        own = replace(prepared, config=config.model_copy(update={"model": agent}))
        scores, seconds, frozen = [], [], 0
        for seed in range(seeds):
            start = time.perf_counter()
            found = fit(own, window, seed)
            seconds.append(time.perf_counter() - start)
            scores.append(sharpe_after_costs(own, window.test, found.policy))
            frozen = frozen_of(found.model)
        rows.append(Row("btc", name, weights, frozen, scores, statistics.median(seconds)))
        tell(rows[-1])
    return rows


def tell(row: Row) -> None:
    """Prints a row as soon as it is known."""
    mean = statistics.mean(row.scores)
    each = ", ".join(f"{score:.3f}" for score in row.scores)
    print(
        f"| {row.market} | {row.agent} | {row.weights:,} | {row.frozen:,} | {mean:.3f} ({each}) | {row.seconds:.0f} |",
        flush=True,
    )


def verdict(rows: list[Row]) -> str:
    """Returns in a sentence whether FLAG-TRADER was worth it on a market: by two standard errors over the seeds."""
    by_name = {row.agent: row for row in rows}
    flag = by_name.pop(FLAG)
    best = max(by_name.values(), key=lambda row: statistics.mean(row.scores))
    ahead = statistics.mean(flag.scores) - statistics.mean(best.scores)
    error = math.hypot(flag.error, best.error)
    if math.isnan(error):
        judged = f"not judged on {flag.market} by one seed; beside {best.agent}"
    elif ahead <= 2.0 * error:
        word = "behind" if ahead < -2.0 * error else "within two standard errors of"
        judged = f"not worth it on {flag.market}: {word} {best.agent}"
    else:
        judged = f"worth it on {flag.market}: ahead of {best.agent}"
    plain = max((by_name[name] for name in (SIXTEEN, MATCHED)), key=lambda row: statistics.mean(row.scores))
    over = statistics.mean(flag.scores) - statistics.mean(plain.scores)
    return (
        f"FLAG-TRADER (random blocks) is {judged} ({ahead:+.3f} ± {error:.3f}), at {flag.seconds / best.seconds:.0f} "
        f"times its seconds; against the better perceptron: {over:+.3f}."
    )


def full_size() -> None:
    """Prints what one update of the whole size takes on this machine's CPU."""
    market = HiddenRegimeConfig()
    env = KnownMarketEnv(market, market.simulate(3000, seed=1), 2, episode_length=256)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    agent = FlagTraderConfig(rollout_steps=256, epochs=1, minibatch_windows=2, device="cpu").build(env)
    spans: list[tuple[int, float]] = []
    gradient = agent.updates.gradient

    def timed(windows: Any, batch: Any, chosen: Any) -> Any:
        start = time.perf_counter()
        found = gradient(windows, batch, chosen)
        spans.append((int(windows.lengths[chosen].sum()), time.perf_counter() - start))
        return found

    agent.updates.gradient = timed  # type: ignore[method-assign]
    agent.learn(env, 512)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    told = ", ".join(f"{seconds:.1f} s for {steps} observations" for steps, seconds in spans)
    print(f"whole size, gradients of two windows: {told}; peak memory {peak / 1024:,.0f} MiB above the libraries'")


def main() -> None:
    """Runs the ablation and prints its table."""
    parser = argparse.ArgumentParser(description="FLAG-TRADER beside agents of its size")
    parser.add_argument("--steps", type=int, default=200_000, help="environment steps of every fit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--btc", type=Path, help="hourly bars for the real window")
    parser.add_argument("--btc-steps", type=int, default=50_000, help="environment steps of every fit on it")
    parser.add_argument("--full", action="store_true", help="time one update of the whole size")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print("| market | agent | weights that learn | frozen | score (each seed) | seconds |")
    print("|---|---|---|---|---|---|")
    tables = [known_market(name, given.steps, given.seeds) for name in ("ar1", "hidden")]
    if given.btc is not None:
        tables.append(first_window(given.btc, given.seeds, given.btc_steps))
    for rows in tables:
        print(verdict(rows))
    if given.full:
        full_size()
    if given.json:
        json.dump([asdict(row) for rows in tables for row in rows], sys.stdout)
        print()


if __name__ == "__main__":
    main()
