"""What each method of robust training is worth: each alone and all that go together, on simulated and on real markets.

Run ``regimen bench ablation -- [--data ../shared/data] [--markets flip regimes crises btc sol sp500] [--seeds 8]
[--only NAME ...] [--epochs 10] [--runs FOLDER] [--write FILE.md] [--overrides KEY=VALUE ...]``.

Every run is one of ``regimen train`` in a folder for its market, counted there in one trial ledger, with the same
seeds; what is finished is not trained again, so an interrupted study goes on. Methods that exclude each other cannot
be in one config: here each is compared with the base alone, and ``together`` is one method more. Simulated markets
need no data; beside them stands the ceiling, what one who knows the truth is right about, and the share of it that is
reached: (accuracy − majority) / (ceiling − majority). On the flip market, whose rule changes its sign from stretch to
stretch, the nets also adapt: five steps of gradient descent on the first rows of each stretch of the test span, and
then they are asked about its last rows.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from regimen.labels import label
from regimen.numerals import number
from regimen.policies import CalibratedClassifier, ClassifierPolicy
from regimen.predictors import TorchPredictor
from regimen.records import RunConfig, resolve
from regimen.reporting.ablation import Ablation, Column, markdown, write
from regimen.runs.ablation import MEASURES, Measure, PlannedArm, Scored, ablate_arms
from regimen.settings import apply_overrides
from regimen.simulators import FlipMarketConfig, Regime, RegimeMarketConfig, Simulation
from regimen.splits import Window
from regimen.work import Compute, Mapper

BARS, LONG = 9_400, 200_000
"""Of a simulated market, and of the path that its ceiling is counted on."""
SHOTS, QUERIES, STEPS, RATE = (0, 5, 10, 20, 40), 20, 5, 0.1
"""Rows that are adapted to, rows at the end of a stretch that are asked about, steps and rate of the adaptation."""
HOURLY = "market={rebalance: on_change, costs: {commission_bps: 1.0, half_spread_bps: 0.5}}"
SMALL = (
    "features={kind: standard, columns: [return_1, return_5, return_20, trend_60, "
    "rsi_centred_14, volatility_5_20, volume_1_20, efficiency_20]}",
    "splits={train: 3000, test: 900}",
    "model={kind: baseline, hidden: [32]}",
    "training={batch_size: 128}",
    HOURLY,
)
NET = ("model={kind: baseline}", "training={learning_rate: 0.0005}", "market.rebalance=on_change")
BARRIERS = "labels={kind: triple_barrier}"


def _crises() -> RegimeMarketConfig:
    """The regime market with crises that come four times as often and last twice as long."""
    standard = RegimeMarketConfig()
    regimes = tuple(
        regime.model_copy(update={"duration": 30.0}) if regime.name == "crisis" else regime
        for regime in standard.regimes
    )
    return RegimeMarketConfig(regimes=regimes, exits=tuple(_towards(row, regimes) for row in standard.exits))


def _towards(row: Sequence[float], regimes: Sequence[Regime]) -> tuple[float, ...]:
    """A row of exits whose chance of a crisis is four times as high."""
    crisis = [regime.name for regime in regimes].index("crisis")
    chance = min(4.0 * row[crisis], 0.5)
    rest = sum(row) - row[crisis]
    return tuple(chance if k == crisis else each * (1.0 - chance) / rest for k, each in enumerate(row))


@dataclass(frozen=True)
class Place:
    """A market of the study: a title, the settings of its runs, and where its bars are from."""

    title: str
    words: tuple[str, ...]
    simulated: Callable[[int, int], Simulation] | None = None
    bars: int = BARS


PLACES: dict[str, Place] = {
    "flip": Place(
        "The flip market",
        (
            "features={kind: standard, columns: [return_1]}",
            "labels={kind: fixed_horizon, horizon: 1, dead_band: 0.0}",
            "training={allow_missing_classes: true, learning_rate: 0.003}",
            "splits={train: 40000, test: 8000}",  # of few stretches the rules are learned by heart
            "model={kind: baseline, hidden: [32, 32]}",
            HOURLY,
        ),
        FlipMarketConfig().simulate,
        72_400,
    ),
    "regimes": Place("The regime market", (BARRIERS, *SMALL), RegimeMarketConfig().simulate),
    "crises": Place("A market of crises", (BARRIERS, *SMALL), _crises().simulate),
    "btc": Place(
        "BTC 1 h, 2017-2022, spot",
        (
            "data.path={data}/crypto/btcusdt-1h-binance-spot.parquet",
            "labels={kind: fixed_horizon, horizon: 12, dead_band: 0.25}",
            "splits={train: 2y, test: 6mo}",
            "market={costs: {commission_bps: 5.0, half_spread_bps: 1.0, borrow_annual: 0.05}}",
            *NET,
        ),
    ),
    "sol": Place(
        "SOL perpetual 1 h, 2024-2025, with funding",
        (
            "data.path={data}/crypto/solusdt-1h-binance-perp.parquet",
            "data.extras={funding_rate: {data}/funding/solusdt-perp-funding-8h-binance.parquet}",
            "labels={kind: fixed_horizon, horizon: 12, dead_band: 0.25}",
            "splits={train: 1y, test: 1mo}",
            "market={costs: {venue: binance-perp}}",
            *NET,
        ),
    ),
    "sp500": Place(
        "S&P 500 members, daily, 33 symbols, 2001-2021",
        (
            "data.path={data}/panel/sp500-daily-panel-2001-2021.parquet",
            "data.repairs={nan_rows: drop, ohlc: widen}",
            "labels={kind: fixed_horizon, horizon: 5, dead_band: 0.25}",
            "splits={train: 5y, test: 2y}",
            "market={costs: {commission_bps: 1.0, half_spread_bps: 1.0, borrow_annual: 0.005}}",
            *NET,
        ),
    ),
}
MAML = "kind: maml, inner_rate: 0.1, shots: 20, queries: 30, tasks_per_batch: 8, bars: 80, steps_per_epoch: 100"
METHODS: dict[str, tuple[str, ...]] = {
    "curriculum": ("training.recipes=[{kind: curriculum}]",),
    "self-paced": ("training.recipes=[{kind: self_paced}]",),
    "balanced": ("training.recipes=[{kind: balanced}]",),
    "jitter": ("training.recipes=[{kind: jitter, sigma: 0.1}]",),
    "mixup": ("training.recipes=[{kind: mixup}]",),
    "label smoothing": ("training.recipes=[{kind: label_smoothing, epsilon: 0.1}]",),
    "FGSM": ("training.recipes=[{kind: fgsm}]",),
    "PGD": ("training.recipes=[{kind: pgd}]",),
    "TRADES": ("training.recipes=[{kind: trades}]",),
    "trading loss": ("training.recipes=[{kind: trading_loss}]",),
    "MAML": (f"training.recipes=[{{{MAML}}}]",),
    "first-order MAML": (f"training.recipes=[{{{MAML}, first_order: true}}]",),
    "crises": ("augment=[{kind: crisis}]",),
    "crises, hindsight": ("augment=[{kind: crisis, hindsight: true}]",),
    "causal": ("augment=[{kind: causal}]",),
    "block bootstrap": ("augment=[{kind: block_bootstrap}]",),
    "TabDDPM": ("augment=[{kind: tabddpm}]",),
    "TimeGAN": ("augment=[{kind: timegan}]",),
    "RevIN": ("model.normalise=revin",),
    "FAN": ("model.normalise=fan",),
    "multi-task": ("model={kind: multitask}",),
    "Kalman filter": ("preprocess=[{kind: kalman}]",),
    "consensus": ("preprocess=[{kind: consensus}]",),
    "running scaler": ("preprocess=[{kind: running}]",),
    "uniqueness": ("labels.weights={uniqueness: true}",),
    "snapshots": ("training.snapshots=3",),
    "together": (
        "training.recipes=[{kind: curriculum}, {kind: jitter, sigma: 0.1}, {kind: trades}]",
        "augment=[{kind: crisis}]",
        "preprocess=[{kind: kalman}, {kind: running}]",
        "labels.weights={uniqueness: true}",
    ),
}
"""The settings that each method is, beside the base; those of a new method are one line more."""
NEEDS_CONTEXT = ("TimeGAN", "RevIN", "FAN", "multi-task")
"""Methods of nets that see several rows: with ``--overrides "model={kind: cnn}"``."""
USUAL = tuple(name for name in METHODS if name not in NEEDS_CONTEXT)


@dataclass(frozen=True)
class Ceiling:
    """What is right of a simulated market's labels.

    Attributes:
        majority: share of the class that is most frequent.
        known: share that one is right about who knows the regime of the bar.
    """

    majority: float
    known: float

    @classmethod
    def of(cls, place: Place, config: RunConfig) -> Ceiling:
        """Counts it on a long path."""
        assert place.simulated is not None
        path = place.simulated(LONG, 3)
        y = label(config.labels, path.bars).y[:, 0]
        sign = np.zeros(len(y), np.int64)
        if "stretch" in path.truth:  # what the rule of a stretch says of the next return depends on the last one too
            sign = (np.asarray(path.truth["returns"]) > 0.0).astype(np.int64)
        cases = 2 * np.asarray(path.truth["regime"], np.int64) + sign
        known = y >= 0
        counts = np.array([np.bincount(y[known & (cases == case)], minlength=3) for case in np.unique(cases)])
        return cls(float(counts.sum(axis=0).max() / counts.sum()), float(counts.max(axis=1).sum() / counts.sum()))

    def share(self, accuracy: float) -> float:
        """Returns (accuracy − majority) / (ceiling − majority)."""
        return (accuracy - self.majority) / (self.known - self.majority)


def _config(words: Sequence[str]) -> RunConfig:
    return resolve(apply_overrides({"tracking": None}, words))


def _bars(name: str, place: Place, bars: int, runs: Path) -> list[str]:
    """Writes the bars of a simulated market; returns where they are."""
    if place.simulated is None:
        return []
    path = runs / f"{name}-{bars}.parquet"
    if not path.exists():
        runs.mkdir(parents=True, exist_ok=True)
        place.simulated(bars, 0).bars.write(path)
    return [f"data.path={path}"]


def _arms(name: str, words: Sequence[str], chosen: Sequence[str], own: Sequence[str]) -> list[PlannedArm]:
    """The base, and each method beside it; what was asked for on the command line is in all."""
    arms = [PlannedArm("base", "", _config([*words, *own, f"name={name}-base"]))]
    for method in chosen:
        settings = [*words, *own, *METHODS[method], f"name={name}-{method.replace(',', '').replace(' ', '-')}"]
        arms.append(PlannedArm("alone", method, _config(settings)))
    return arms


def _ceiling(ablation: Ablation, ceiling: Ceiling) -> list[str]:
    """The table of the shares of the ceiling."""
    lines = [
        f"Majority {100 * ceiling.majority:.1f} %, ceiling {100 * ceiling.known:.1f} %.",
        "",
        "| methods | accuracy, % | share of the ceiling |",
        "|---|--:|--:|",
    ]
    for arm in ablation.arms:
        accuracy = ablation.level_of(arm, "accuracy").estimate
        share = ceiling.share(accuracy / 100.0) if math.isfinite(accuracy) else math.nan
        lines.append(f"| {arm.label} | {accuracy:.2f} | {number(share, plus=True)} |")
    return [*lines, ""]


def adapted(shots: int) -> Measure:
    """Returns the accuracy on the last rows of the stretches of a test span, after adapting to their first rows."""
    title = f"accuracy after {shots} rows, %"
    note = f"on the last {QUERIES} bars of each stretch, after {STEPS} steps on its first {shots}"
    return Measure(Column(f"adapted_{shots}", title, 1, 2, note), partial(_after, shots))


def _after(shots: int, scored: Scored, seed: int, window: Window) -> float:
    inner, sight = scored.seen(seed, window)
    assert isinstance(inner, ClassifierPolicy)
    assert inner.scaler is not None
    net: Any = inner.classifier.below if isinstance(inner.classifier, CalibratedClassifier) else inner.classifier
    place = scored.folder(seed, window).path / "unadapted"
    net = TorchPredictor.load(place) if place.exists() else net
    x = torch.from_numpy(np.asarray(inner.scaler.transform(sight.features[:, 0], inner.scaler.names), np.float32))
    y = torch.from_numpy(scored.prepared.labels.y[:, 0].astype(np.int64))
    length, right = FlipMarketConfig().length, []
    for start in range(-(-window.test.start // length) * length, window.test.stop - length, length):
        module = deepcopy(net.module).eval()
        for _ in range(STEPS if shots else 0):
            rows = slice(start, start + shots)
            loss = functional.cross_entropy(module(x[rows]), y[rows])
            gradients = torch.autograd.grad(loss, list(module.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(module.parameters(), gradients, strict=True):
                    weight -= RATE * gradient
        asked = slice(start + length - 1 - QUERIES, start + length - 1)  # the last bar's return is the next stretch's
        with torch.no_grad():
            right.append(float((module(x[asked]).argmax(1) == y[asked]).double().mean()))
    return 100.0 * float(np.mean(right))


def _adaptation(ablation: Ablation) -> list[str]:
    """The table of what a few rows of a stretch are worth, and how many it takes."""
    best = 100.0 * FlipMarketConfig().accuracy
    enough = 50.0 + 0.75 * (best - 50.0)
    lines = [
        f"Accuracy in a stretch after {STEPS} steps on so many of its rows, best possible {best:.2f} %; adaptation "
        f"samples: rows after which three quarters of the way there are gone, {enough:.1f} %.",
        "",
        f"| methods | {' | '.join(str(shots) for shots in SHOTS)} | adaptation samples |",
        "|---|" + "--:|" * (len(SHOTS) + 1),
    ]
    for arm in ablation.arms:
        levels = [ablation.level_of(arm, f"adapted_{shots}").estimate for shots in SHOTS]
        few = next((str(shots) for shots, level in zip(SHOTS, levels, strict=True) if level >= enough), None)
        shown = " | ".join(f"{level:.1f}" for level in levels)
        lines.append(f"| {arm.label} | {shown} | {few or f'more than {SHOTS[-1]}'} |")
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is missing, prints the tables, and writes them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the market data, for real markets")
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--markets", nargs="+", default=["flip", "regimes", "crises"], choices=list(PLACES))
    parser.add_argument("--only", nargs="+", default=list(USUAL), choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--bars", type=int, help="of a simulated market")
    parser.add_argument("--by", help="measure that decides")
    parser.add_argument("--write", type=Path, help="a file of Markdown")
    parser.add_argument("--compute", default="local", help="local, processes:N, ray or ray://HOST:PORT")
    parser.add_argument("--overrides", nargs="*", default=[], metavar="KEY=VALUE", help="given to every run")
    given = parser.parse_args(arguments)
    with Compute.parse(given.compute).mapper() as mapper:
        text = tables(parser, given, mapper)
    print("\n".join(text))
    if given.write is not None:
        given.write.write_text("\n".join(text) + "\n", encoding="utf-8")


def tables(parser: argparse.ArgumentParser, given: argparse.Namespace, mapper: Mapper) -> list[str]:
    """Trains what is missing on each market and returns the lines of its tables."""
    text: list[str] = []
    for name in given.markets:
        place, home = PLACES[name], given.runs / name
        if place.simulated is None and given.data is None:
            parser.error(f"--data is required for {name}")
        words = [word.replace("{data}", str(given.data)) for word in place.words]
        words += [*_bars(name, place, given.bars or place.bars, given.runs), f"training.epochs={given.epochs}"]
        own = [f"seeds={given.seeds}", "training.patience=4", *given.overrides]
        arms = _arms(name, words, given.only, own)

        def tell(done: int, total: int, message: str, name: str = name) -> None:
            print(f"{name} {done}/{total} {message}", file=sys.stderr, flush=True)

        measures = (*MEASURES, *(adapted(shots) for shots in SHOTS)) if name == "flip" else MEASURES
        ablation = ablate_arms(name, arms, home, tell, by=given.by, measures=measures, mapper=mapper)
        write(ablation, home / "ablation.html")
        text += [f"## {place.title}", "", markdown(ablation), ""]
        if place.simulated is not None:
            text += _ceiling(ablation, Ceiling.of(place, arms[0].config))
        if name == "flip":
            text += _adaptation(ablation)
    return text


if __name__ == "__main__":
    main()
