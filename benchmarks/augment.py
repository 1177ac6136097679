"""How finished runs of one market do in crises that none of them has seen: forecasts and money after costs.

Run ``regimen bench augment -- RUN [RUN ...] [--runs FOLDER] [--draws 2] [--seed 0]``.

In each test span one crisis of each template and draw takes the place of real bars (`regimen.augment.scenarios`), the
same for all runs. The policy of that window decides on it from its first bar to its last: the log loss of its forecasts
there, as skill over the prior of the training rows, and what its account is worth at the end. Runs are compared with
the first one, paired over windows; a window is the mean of its crises and of the run's seeds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regimen.augment import scenarios
from regimen.metrics import class_prior, log_loss_skill
from regimen.records import RunDirectory, find_run
from regimen.runs import load_policy
from regimen.runs.families.calibrated_rule import probabilities_of
from regimen.runs.prepare import Prepared, history_of, labelled, prepare, seen
from regimen.splits import Window

PAST = 1500
"""Real bars before a test span, so that features are known."""


def crises_of(
    directory: RunDirectory, prepared: Prepared, window: Window, draws: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Returns, by template, (crisis and seed of the run, 2): skill of the forecasts, and return after costs."""
    config, bars = prepared.config, prepared.bars
    first = max(0, window.test.start - PAST)
    part = bars.window(first, window.test.stop)
    prior = class_prior(window.train.take(prepared.labels.y).astype(np.int64))
    rows: dict[str, list[tuple[float, float]]] = {}
    for scenario in scenarios(part, seed + window.number, draws=draws, first=window.test.start - first):
        frame = prepared.features.compute(seen(scenario.bars))
        history = history_of(config, scenario.bars, frame)
        y = labelled(config, scenario.bars).y[scenario.start : scenario.stop].astype(np.int64)
        for run_seed in config.all_seeds:
            home = directory if run_seed == config.seed else directory.seed(run_seed)
            policy = load_policy(home.window(window.number), config, prepared.features.hash)
            said = probabilities_of(policy, history, scenario.start, scenario.stop)
            known = np.isfinite(said).all(axis=2) & (y >= 0)
            ledger = config.market.build().backtest(
                scenario.bars, policy, scenario.start, scenario.stop, features=frame, volatility=history.volatility
            )
            money = float(ledger.equity[-1] / ledger.equity[0] - 1.0)
            skill = log_loss_skill(said[known], y[known], prior) if known.any() else math.nan
            rows.setdefault(scenario.name, []).append((skill, money))
    return {name: np.array(each) for name, each in rows.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one table for each template, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="+", help="the first is the one that others are compared with")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    tables: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for run in given.run:
        directory = find_run(run, given.runs)
        prepared = prepare(directory.located_config())
        for window in prepared.windows:
            crises = crises_of(directory, prepared, window, given.draws, given.seed)
            for template, rows in {**crises, "all": np.concatenate(list(crises.values()))}.items():
                tables.setdefault(template, {}).setdefault(run, []).append(np.nanmean(rows, axis=0))
    names = {run: find_run(run, given.runs).located_config().name for run in given.run}
    for template, by_run in tables.items():
        print(f"\n{template}: {len(by_run[given.run[0]])} windows, {given.draws} draws in each")
        print("| run | skill × 10⁴ | to the first (se) | return after costs | to the first (se) |")
        print("|---|---:|---:|---:|---:|")
        base = np.array(by_run[given.run[0]])
        for run, rows in by_run.items():
            own = np.array(rows)
            apart = own - base
            error = apart.std(axis=0, ddof=1) / math.sqrt(len(apart))
            mean, gap = own.mean(axis=0), apart.mean(axis=0)
            print(
                f"| {names[run]} | {1e4 * mean[0]:.0f} | {1e4 * gap[0]:+.0f} ({1e4 * error[0]:.0f}) |"
                f" {100 * mean[1]:+.2f} % | {100 * gap[1]:+.2f} ({100 * error[1]:.2f}) |"
            )


if __name__ == "__main__":
    main()
