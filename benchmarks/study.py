"""What each ingredient is worth out of sample: every one alone and all together, on four markets, paired over windows.

Run ``regimen bench study -- --data ../shared/data [--runs FOLDER] [--seeds 8] [--markets btc sol eurusd sp500]
[--only NAME ...] [--against mlp] [--by-year] [--write docs/study.md] [--overrides KEY=VALUE ...]``.

Each cell is one ``regimen train`` in the folder ``--runs``, with ``--seeds`` seeds; a cell whose finished run lies
there already is not trained again, so an interrupted study goes on. All runs of a market share one trial ledger: its
deflated Sharpe ratios count them all. Forecasts are scored on the test spans, by the policy of each window and seed;
the standard error is that of the paired difference to ``--against`` over windows, each the mean of its seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MARKETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "btc": (
        "BTC 1 h, 2017-2022, spot",
        (
            "data.path={data}/crypto/btcusdt-1h-binance-spot.parquet",
            "labels={kind: fixed_horizon, horizon: 12, dead_band: 0.25}",
            "splits={train: 2y, test: 3mo}",
            "market={rebalance: on_change, costs: {commission_bps: 5.0, half_spread_bps: 1.0, borrow_annual: 0.05}}",
        ),
    ),
    "sol": (
        "SOL perpetual 1 h, 2024-2025, with funding",
        (
            "data.path={data}/crypto/solusdt-1h-binance-perp.parquet",
            "data.extras={funding_rate: {data}/funding/solusdt-perp-funding-8h-binance.parquet}",
            "labels={kind: fixed_horizon, horizon: 12, dead_band: 0.25}",
            "splits={train: 1y, test: 1mo}",
            "market={rebalance: on_change, costs: {venue: binance-perp}}",
        ),
    ),
    "eurusd": (
        "EURUSD 1 h, 2010-2018",
        (
            "data.path={data}/fx/eurusd-1h-oanda-bidask.parquet",
            "labels={kind: fixed_horizon, horizon: 12, dead_band: 0.25}",
            "splits={train: 2y, test: 6mo}",
            "market={rebalance: on_change, costs: {venue: ib-fx}}",
        ),
    ),
    "sp500": (
        "S&P 500 members, daily, 33 symbols, 2001-2021",
        (
            "data.path={data}/panel/sp500-daily-panel-2001-2021.parquet",
            "data.repairs={nan_rows: drop, ohlc: widen}",
            "labels={kind: fixed_horizon, horizon: 5, dead_band: 0.25}",
            "splits={train: 5y, test: 1y}",
            "market={rebalance: on_change, costs: {commission_bps: 1.0, half_spread_bps: 1.0, borrow_annual: 0.005}}",
        ),
    ),
}
LOOP = "training={epochs: 20, patience: 4, batch_size: 1024}"
SIZE = "exposure={dead_band: 0.05, scale: 2.0}"
MLP = "model={kind: baseline}"
TWO = "[{kind: logistic}, {kind: baseline}]"
MOVING = "[{kind: online_logistic}, {kind: online_logistic, half_life: 5000}, {kind: online_net}]"
THREE = "[{kind: logistic}, {kind: lightgbm}, {kind: baseline}]"
STILL = "{kind: baseline, hidden: [64, 32]}"
TUNED = "{kind: online_net, start: training}"
ADAPTED = "{kind: online_net, start: training, mode: adapt, every: 4, steps: 5, shots: 20, learning_rate: 0.1}"
MAML = (
    "training.recipes=[{kind: maml, inner_rate: 0.1, queries: 30, bars: 80, tasks_per_batch: 8, first_order: true, "
    "steps_per_epoch: 100}]"
)
INGREDIENTS: dict[str, tuple[str, ...]] = {
    "logistic": ("model={kind: logistic}", "calibration=none"),
    "forest": ("model={kind: forest}", "calibration=none"),
    "lightgbm": ("model={kind: lightgbm}", "calibration=none"),
    "mlp": (MLP, "calibration=none"),
    "mlp, temperature": (MLP,),
    "mlp, vector": (MLP, "calibration={kind: vector}"),
    "mlp, isotonic": (MLP, "calibration={kind: isotonic}"),
    "mlp, five seeds": ("model={kind: ensemble, members: [{kind: baseline}], seeds: 5, combine: mean}",),
    "two, mean of three seeds": (f"model={{kind: ensemble, members: {TWO}, combine: mean, seeds: 3}}",),
    "three, mean": (f"model={{kind: ensemble, members: {THREE}, combine: mean}}",),
    "three, stack": (f"model={{kind: ensemble, members: {THREE}, combine: stack}}",),
    "three, hedge": (f"model={{kind: ensemble, members: {THREE}, combine: hedge}}",),
    "mlp, uniqueness": (MLP, "labels.weights={uniqueness: true}"),
    "mlp, half-life 1y": (MLP, "labels.weights={half_life: 1y}"),
    "mlp, labels after costs": (MLP, "labels.costs=round_trip"),
    "mlp, half Kelly": (MLP, "exposure={kind: kelly, fraction: 0.5, shrink: true}"),
    "mlp, no-trade band": (MLP, "band={kind: no_trade, width: optimal}"),
    "mlp, sized by width": (MLP, "intervals={kind: conformal, coverage: 0.9, size_by: width}"),
    "mlp, novelty gate": (MLP, "novelty={kind: mahalanobis, level: 0.01}"),
    "mlp, resampled bars": (MLP, "augment=[{kind: block_bootstrap}]"),
    "mlp, crises": (MLP, "augment=[{kind: crisis}]"),
    "mlp, counterfactuals": (MLP, "augment=[{kind: causal, factor: 1}]"),
    "all": (
        f"model={{kind: ensemble, members: {THREE}, combine: mean, seeds: 2}}",
        "labels.weights={uniqueness: true}",
        "labels.costs=round_trip",
        "exposure={kind: kelly, fraction: 0.5, shrink: true}",
        "band={kind: no_trade, width: optimal}",
        "intervals={kind: conformal, coverage: 0.9, size_by: width}",
        "novelty={kind: mahalanobis, level: 0.01}",
    ),
    "online logistic": ("model={kind: online_logistic}",),
    "online logistic, forgetting": ("model={kind: online_logistic, half_life: 5000}",),
    "online forest": ("model={kind: online_forest}",),
    "online net": ("model={kind: online_net}",),
    "tft": ("model={kind: tft, context: 16, width: 8}", "features.calendar=[0, 1, 4, 24]"),
    "moving, hedge": (f"model={{kind: ensemble, members: {MOVING}, combine: hedge}}",),
    "fixed and moving, hedge": (f"model={{kind: ensemble, members: {THREE[:-1]}, {MOVING[1:]}, combine: hedge}}",),
    "net, still": (f"model={STILL}",),
    "net, fine-tuned": (f"model={TUNED}",),
    "net, adapted": (f"model={ADAPTED}", MAML),
    "net, all three, hedge": (
        f"model={{kind: ensemble, members: [{STILL}, {TUNED}, {ADAPTED}], combine: hedge}}",
        MAML,
    ),
}


@dataclass(frozen=True)
class Cell:
    """One ingredient on one market.

    Attributes:
        skill: (window,) log-loss skill over the prior of the training rows, mean over seeds, nats.
        brier: Brier skill.
        error: expected calibration error, class-wise.
        turnover, sharpe: interquartile means over seeds, after costs.
        interval: of that Sharpe ratio over seeds; of the bootstrap with one seed.
        dsr: deflated by all trials on the market.
        seconds: processor time of the run.
        years: of each calendar year, the mean skill of the windows that begin in it, nats, and the net return.
    """

    skill: tuple[float, ...]
    brier: float
    error: float
    turnover: float
    sharpe: float
    interval: tuple[float, float]
    dsr: float
    seconds: float
    years: dict[str, tuple[float, float]]


def _loop(ingredient: str, epochs: int) -> list[str]:
    """Returns the settings of the training loop, for what learns by it."""
    alone = ("forest", "lightgbm", "moving, hedge")
    return [] if ingredient in alone or ingredient.startswith("online") else [LOOP, f"training.epochs={epochs}"]


def _named(market: str, ingredient: str) -> str:
    return f"{market}-{ingredient}".replace(",", "").replace(" ", "-")


def _of_children() -> float:
    """Returns the processor time of the finished runs, which other work on the machine does not lengthen, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _trained(name: str, words: Sequence[str], runs: Path, compute: str) -> tuple[Path, float]:
    """Returns the finished run of a cell, trained now where there is none, and its processor time, s."""
    times = runs / "seconds.json"
    seconds = json.loads(times.read_text()) if times.exists() else {}
    for manifest in runs.glob("*/manifest.json"):
        values = json.loads(manifest.read_text())
        if values["name"] == name and values["status"] == "finished":
            return manifest.parent, float(seconds.get(name, math.nan))
    empty = runs / "study.yaml"
    runs.mkdir(parents=True, exist_ok=True)
    empty.write_text("{}\n")
    began = _of_children()
    regimen = [sys.executable, "-c", "from regimen.cli import main; main()", "train", str(empty), "--runs", str(runs)]
    regimen += ["--compute", compute]
    subprocess.run([*regimen, "--json", f"name={name}", *words], check=True, stdout=subprocess.DEVNULL)
    times.write_text(json.dumps(seconds | {name: _of_children() - began}, indent=1))
    return _trained(name, words, runs, compute)


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _cell(run: Path, seconds: float) -> Cell:
    from regimen.metrics import brier_skill, expected_calibration_error, log_loss_skill
    from regimen.records import find_run
    from regimen.runs.ablation import Scored
    from regimen.runs.prepare import prepare

    directory = find_run(str(run), run.parent)
    scored = Scored(directory, prepare(directory.located_config()))
    by_window: dict[int, list[float]] = {}
    brier, error = [], []
    seeds = scored.config.all_seeds if scored.says_probabilities else ()  # a mixture of exposures says none
    for seed in seeds:
        for window in scored.prepared.windows:
            forecasts = scored.forecasts(seed, window, window.test)
            if not len(forecasts.y):  # the end of the data, where no label is due
                continue
            prior = scored.prior(window)
            by_window.setdefault(window.number, []).append(log_loss_skill(*forecasts, prior))
            brier.append(brier_skill(*forecasts, prior))
            error.append(expected_calibration_error(*forecasts))
    judgement = json.loads((run / "judgement.json").read_text())
    row = next(each for each in judgement["rows"] if each["name"] == "policy")
    sharpe, interval, turnover = row["sharpe"], row["sharpe_interval"], row["turnover"]
    if judgement.get("seeds"):
        summary = judgement["seeds"]["sharpe"]
        sharpe, interval = summary["iqm"], (summary["low"], summary["high"])
        turnover = float(np.mean([each["turnover"] for each in judgement["seeds"]["rows"]]))
    skills = {number: float(np.mean(values)) for number, values in sorted(by_window.items())}
    return Cell(
        tuple(skills.values()),
        float(np.mean(brier)) if brier else math.nan,
        float(np.mean(error)) if error else math.nan,
        turnover,
        sharpe if sharpe is not None else 0.0,
        (_known(interval[0]), _known(interval[1])),
        _known(row["dsr"]),
        seconds,
        _years(judgement, skills),
    )


def _years(judgement: Mapping[str, Any], skills: Mapping[int, float]) -> dict[str, tuple[float, float]]:
    begun = [window["start"][:4] for window in judgement["windows"]]
    years: dict[str, tuple[float, float]] = {}
    for period in judgement["periods"]:  # years, or months where there are few
        year = period["start"][:4]
        own = [skill for number, skill in skills.items() if begun[number] == year]
        grown = (1.0 + years.get(year, (0.0, 0.0))[1]) * (1.0 + period["total_return"])
        years[year] = (float(np.mean(own)) if own else math.nan, grown - 1.0)
    return years


def _by_year(market: str, cells: dict[str, Cell], base: str) -> Iterator[str]:
    """Yields skill, what it is above the base's, and net return of every calendar year in Markdown."""
    years = sorted({year for cell in cells.values() for year in cell.years})
    against = cells[base].years if base in cells else {}
    yield f"Skill × 10⁴ of the windows that begin in a year (less that of {base}), and the net return of the year"
    yield f"(first seed): {market}."
    yield ""
    yield f"| ingredient | {' | '.join(years)} |"
    yield "|---|" + "---:|" * len(years)
    for name, cell in cells.items():
        shown = []
        for year in years:
            skill, paid = cell.years.get(year, (math.nan, math.nan))
            apart = skill - against.get(year, (math.nan, math.nan))[0]
            above = "" if name == base or math.isnan(apart) else f" ({1e4 * apart:+.0f})"
            forecast = "" if math.isnan(skill) else f"{1e4 * skill:.0f}{above}, "
            shown.append(f"{forecast}{100 * paid:+.1f} %".replace("-", "−"))
        yield f"| {' | '.join([name, *shown])} |"
    yield ""


def _lines(market: str, cells: dict[str, Cell], base: str) -> Iterator[str]:
    """Yields the table of a market in Markdown."""
    windows = max((len(cell.skill) for cell in cells.values()), default=0)
    yield f"## {MARKETS[market][0]}"
    yield ""
    yield f"{windows} windows. Skill: log loss of the prior less that of the forecasts, × 10⁴, above 0 is better."
    yield ""
    heads = (
        f"ingredient | skill | to {base} (se) | Brier skill | calibration error | turnover a year | Sharpe [95 %] | DSR"
        " | s"
    )
    yield f"| {heads} |"
    yield "|---|" + "---:|" * heads.count("|")
    against = cells.get(base)
    for name, cell in cells.items():
        skill, paired = "", ""
        if cell.skill:
            skill = f"{1e4 * np.mean(cell.skill):.1f}"
            if against is not None and len(against.skill) == len(cell.skill) > 1:
                apart = 1e4 * (np.array(cell.skill) - np.array(against.skill))
                paired = f"{apart.mean():+.1f} ({apart.std(ddof=1) / math.sqrt(len(apart)):.1f})"
        low, high = cell.interval
        shown = [
            name,
            skill,
            paired,
            "" if math.isnan(cell.brier) else f"{100 * cell.brier:+.2f} %",
            "" if math.isnan(cell.error) else f"{cell.error:.3f}",
            f"{cell.turnover:.0f}",
            f"{cell.sharpe:.2f} [{low:.2f}, {high:.2f}]",
            f"{cell.dsr:.3f}",
            "" if math.isnan(cell.seconds) else f"{cell.seconds:.0f}",
        ]
        yield f"| {' | '.join([shown[0], *(cell.replace('-', '−') for cell in shown[1:])])} |"
    yield ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is missing, prints the tables, and writes them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the market data")
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--markets", nargs="+", default=list(MARKETS), choices=list(MARKETS))
    parser.add_argument("--only", nargs="+", default=list(INGREDIENTS), help="names of ingredients")
    parser.add_argument("--against", default="mlp", help="the ingredient that the others are compared with")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--by-year", action="store_true", help="a second table: each calendar year by itself")
    parser.add_argument("--write", type=Path, help="a file of Markdown")
    parser.add_argument("--compute", default="local", help="local, processes:N, ray or ray://HOST:PORT")
    parser.add_argument("--overrides", nargs="*", default=[], metavar="KEY=VALUE", help="given to every run")
    given = parser.parse_args(arguments)
    text: list[str] = []
    for market in given.markets:
        cells = {}
        place = [word.replace("{data}", str(given.data)) for word in MARKETS[market][1]]
        for name in given.only:
            settings = [
                *place,
                SIZE,
                *_loop(name, given.epochs),
                f"seeds={given.seeds}",
                *INGREDIENTS[name],
                *given.overrides,
            ]
            run, seconds = _trained(_named(market, name), settings, given.runs / market, given.compute)
            cells[name] = _cell(run, seconds)
            print(f"{market} {name}: {1e4 * np.mean(cells[name].skill or [math.nan]):.1f}", file=sys.stderr, flush=True)
        text += _lines(market, cells, given.against)
        if given.by_year:
            text += _by_year(MARKETS[market][0], cells, given.against)
    print("\n".join(text))
    if given.write is not None:
        given.write.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
