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
    "stack": (f"model={{kind: ensemble, combine: {{kind: stack, folds: 2}}, members: [{{kind: baseline}}, "
              f"{{kind: cnn, {WINDOWED}}}]}}",),
    "hedge": ("model={kind: ensemble, combine: hedge, members: [{kind: baseline}, {kind: logistic}]}",),
}  # fmt: skip
YAML = """
data: {{path: {path}}}
labels: {{kind: fixed_horizon, horizon: 4, volatility_bars: 20}}
splits: {{train: {train}, test: {test}}}
training: {{epochs: 1, patience: null}}
exposure: {{dead_band: 0.01, volatility_target: 0.3}}
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
        config = load_config(folder / "run.yaml", KINDS[kind])
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


def main() -> None:
    """Prints the table, a row when it is measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--bars", type=int, default=12_000)
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    given = parser.parse_args()
    path = RegimeMarketConfig().simulate(given.bars, 7).bars
    columns = {name: getattr(path, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    bars = pd.DataFrame({"timestamp": pd.to_datetime(path.time, utc=True), **columns})
    print("| kind | rows | exposure | details | same actions | drift | bundle | open | decision | 99th percentile |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind in given.kinds:
        print(row(kind, bars, given.decisions), flush=True)


if __name__ == "__main__":
    main()
