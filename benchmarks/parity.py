"""How far the graph of every kind of model is from the policy that was trained, and how long a decision takes.

    python benchmarks/parity.py [--bars N] [--kinds KIND ...] [--decisions N]

A market is simulated, a model of each kind is trained on its first 1,500 hourly bars for an epoch or two, and exported:
the export itself asks both on the last 10,000 bars, in one, two and 37 rows at once and each from its own state.
A decision is timed in process, on bars one after the other, with everything that stands around the graph; what is
counted is processor time, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from regimen.bundle import open_bundle
from regimen.records import load_config
from regimen.runs import export_run, start
from regimen.runs.prepare import prepare
from regimen.simulators import RegimeMarketConfig

TRAIN = 1_500
WINDOWED = "context: 32"
KINDS = {
    "logistic": ("model={kind: logistic}",),
    "baseline": ("model={kind: baseline}",),
    "baseline, around it all": (
        "model={kind: baseline}",
        "preprocess=[{kind: running}]",
        "intervals={size_by: width}",
        "novelty={level: 0.05}",
        "band={}",
    ),
    "baseline, kelly": ("model={kind: baseline}", "exposure={kind: kelly, shrink: false}", "calibration.kind=isotonic"),
    "cnn": (f"model={{kind: cnn, {WINDOWED}}}",),
    "lstm": (f"model={{kind: lstm, {WINDOWED}}}",),
    "hybrid": (f"model={{kind: hybrid, {WINDOWED}}}",),
    "hybrid, 3 networks": (f"model={{kind: hybrid, {WINDOWED}, members: 3}}",),
    "multitask": (f"model={{kind: multitask, {WINDOWED}}}",),
    "tft": (f"model={{kind: tft, {WINDOWED}}}", "features.calendar=[0, 1, 4, 24]"),
    "stack": (f"model={{kind: ensemble, combine: {{kind: stack, folds: 2}}, members: [{{kind: baseline}}, "
              f"{{kind: cnn, {WINDOWED}}}]}}",),
    "hedge": ("model={kind: ensemble, combine: hedge, members: [{kind: baseline}, {kind: logistic}]}",),
}  # fmt: skip
LEVELS = "environment={steps: 4096, n_envs: 32, episode_length: 128}"
CONTINUOUS = LEVELS.replace("128", "128, actions: {kind: continuous, dead_band: 0.1}")
VERBS = LEVELS.replace("128", "128, context: 4, actions: {kind: verbs}")
EPISODES = "dataset: {behaviour: expert, epsilon: 0.5}, updates: 200"
AGENTS = {
    "ppo": ("model={kind: ppo, rollout_steps: 32, minibatch_size: 256}", LEVELS),
    "ppo, verbs": ("model={kind: ppo, rollout_steps: 32, minibatch_size: 256}", VERBS),
    "ppo, continuous": ("model={kind: ppo, rollout_steps: 32, minibatch_size: 256}", CONTINUOUS),
    "ppo-lstm": ("model={kind: recurrent_ppo, rollout_steps: 64, minibatch_size: 256}", LEVELS),
    "ppo-lstm, auxiliary": (
        "model={kind: recurrent_ppo, rollout_steps: 64, minibatch_size: 256, "
        "auxiliary: {tasks: [return, volatility], weight: 0.1}}",
        LEVELS,
    ),
    "cloned": ("model={kind: cloned, rollout_steps: 32}", LEVELS),
    "sac": ("model={kind: sac, warmup_steps: 1024}", CONTINUOUS),
    "mosac": ("model={kind: mosac, warmup_steps: 1024}", LEVELS),
    "options": ("model={kind: options, warmup_steps: 1024}", LEVELS),
    "cql": (f"model={{kind: cql, {EPISODES}}}", LEVELS),
    "cgdt": (f"model={{kind: cgdt, context: 16, width: 32, layers: 2, heads: 4, hidden: 64, {EPISODES}}}", LEVELS),
    "flag-trader": (
        "model={kind: flag_trader, width: 32, layers: 2, heads: 4, hidden: 128, context: 32, rank: 8, "
        "rollout_steps: 32}",
        LEVELS,
    ),
    "vtrace": ("model={kind: vtrace, rollout_steps: 32, minibatch_size: 256}", LEVELS),
    "hybrid-es": ("model={kind: hybrid_es, warmup_steps: 1024}", CONTINUOUS),
    "es": ("model={kind: es, population: 16}", CONTINUOUS),
    "analytic": ("model={kind: analytic, horizon: 32}", CONTINUOUS.replace(", dead_band: 0.1", "")),
    "sb3, dqn": ("model={kind: sb3, algorithm: dqn, parameters: {learning_starts: 1000}}", LEVELS),
    "sb3, td3": ("model={kind: sb3, algorithm: td3, parameters: {learning_starts: 1000}}", CONTINUOUS),
    "sb3, ddpg": ("model={kind: sb3, algorithm: ddpg, parameters: {learning_starts: 1000}}", CONTINUOUS),
    "sb3, sac": ("model={kind: sb3, algorithm: sac, parameters: {learning_starts: 1000}}", CONTINUOUS),
    "sb3, a2c": ("model={kind: sb3, algorithm: a2c}", LEVELS),
    "sb3, trpo": ("model={kind: sb3, algorithm: trpo, parameters: {n_steps: 64}}", LEVELS),
    "sb3, qrdqn": ("model={kind: sb3, algorithm: qrdqn, parameters: {learning_starts: 1000}}", LEVELS),
    "sb3, tqc": ("model={kind: sb3, algorithm: tqc, parameters: {learning_starts: 1000}}", CONTINUOUS),
}  # fmt: skip
"""Nets of the default sizes, but for the transformers; trpo, qrdqn and tqc need sb3-contrib."""
SUPERVISED = ("training={epochs: 1, patience: null}", "exposure={dead_band: 0.01, volatility_target: 0.3}")
YAML = """
data: {{path: {path}}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: {train}, test: {test}}}
judge: {{bootstrap_draws: 100, random_controls: 20}}
tracking: none
"""


def row(kind: str, bars: pd.DataFrame, decisions: int) -> str:
    """Trains, exports and times one kind; returns its row of the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bars.to_parquet(folder / "bars.parquet")
        text = YAML.format(path=folder / "bars.parquet", train=TRAIN, test=len(bars) - TRAIN)
        (folder / "run.yaml").write_text(text)
        config = load_config(folder / "run.yaml", AGENTS[kind] if kind in AGENTS else (*SUPERVISED, *KINDS[kind]))
        directory, _ = start(config, folder / "runs", lambda *_: None)
        exported = export_run(directory, folder / "bundle", lambda *_: None)
        parity = exported.bundle.manifest.parity
        began = time.perf_counter()
        bundle = open_bundle(folder / "bundle")
        opened = time.perf_counter() - began
        history = prepare(directory.located_config()).history
        state, times = bundle.policy.initial_state(1), []
        for t in range(len(bars) - decisions, len(bars)):
            moment = history.at(t)
            began = time.thread_time()
            state = bundle.policy.decided(moment, state).state
            times.append(1e6 * (time.thread_time() - began))
        half, most = np.percentile(times, [50, 99])
        return (
            f"| {kind} | {parity.observations:,} | {parity.exposure:.0e} | {parity.details:.0e} | "
            f"{100.0 * parity.same_actions:g} % | {parity.drift:.0e} | {exported.size / 1e6:.1f} MB | "
            f"{1e3 * opened:.0f} ms | {half:.0f} µs | {most:.0f} µs |"
        )


def bars_of(data: Path | None, count: int) -> pd.DataFrame:
    """Returns so many bars of one symbol: the newest of a file, or simulated ones."""
    if data is not None:
        return pd.read_parquet(data).tail(count)
    path = RegimeMarketConfig().simulate(count, 7).bars
    columns = {name: getattr(path, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"timestamp": pd.to_datetime(path.time, utc=True), **columns})


def main() -> None:
    """Prints the table, a row when it is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--bars", type=int, default=12_000)
    parser.add_argument("--data", type=Path, help="bars of a Parquet file, the newest ones, in place of simulated ones")
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, *AGENTS], default=[*KINDS, *AGENTS])
    given = parser.parse_args()
    bars = bars_of(given.data, given.bars)
    print("| kind | rows | exposure | details | same actions | drift | bundle | open | decision | 99th percentile |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind in given.kinds:
        print(row(kind, bars, given.decisions), flush=True)


if __name__ == "__main__":
    main()
