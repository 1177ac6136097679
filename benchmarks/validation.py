"""How long it takes to say what a result is worth: intervals, the probability of overfitting, and judging a long one.

    python benchmarks/validation.py [--only intervals pbo judge folds] [--runs 3] [--data PATH]

Ten thousand block-bootstrap Sharpe ratios of 2,500 days; CSCV with 16 blocks and 500 strategies, with the noise
beside it; and the whole judgement of 1,050,395 one-minute bars, on the processors that there are (their number is
shown). ``--data`` is a file of such bars, of Bitcoin for example; without it they are simulated. Best of the runs,
after one that compiles. And, when it is asked for by name, ``folds``: ``regimen validate`` of a perceptron on 20,000
bars of noise, 10 folds of which 2 are held out, in two processes, once.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from regimen import metrics
from regimen.bars import Bars
from regimen.execution import Costs, Ledger, MarketConfig
from regimen.judging import Trials, judge
from regimen.processors import processors

BARS = 1_050_395


def best(function: Callable[[], object], runs: int) -> tuple[float, float]:
    """Returns the seconds on the clock of the fastest run, and its processor seconds."""
    function()
    times = []
    for _ in range(runs):
        clock, used = time.perf_counter(), time.process_time()
        function()
        times.append((time.perf_counter() - clock, time.process_time() - used))
    return min(times)


def minutes(path: str | None) -> Bars:
    """Returns the bars of a file, or as many of a random walk."""
    if path is not None:
        return Bars.read(path)
    random = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 8e-4, BARS)))
    opens = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opens, close) * 1.0002, np.minimum(opens, close) * 0.9998
    stamps = np.datetime64("2021-01-01", "ns") + np.arange(BARS) * np.timedelta64(60, "s")
    return Bars.from_arrays(stamps, open=opens, high=high, low=low, close=close, volume=np.full(BARS, 1e6))


def traded(bars: Bars) -> Ledger:
    """Returns the ledger of a policy that holds long, flat or short for a few hours each."""
    held = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], len(bars) // 300 + 1)
    targets = np.repeat(held, 300)[: len(bars), None]
    return MarketConfig(costs=Costs(commission_bps=1.0, half_spread_bps=0.5)).build().backtest(bars, targets)


def validated(compute: str = "processes:2") -> tuple[float, float]:
    """Returns the seconds on the clock of a combinatorial cross-validation, and processor seconds with its workers'."""
    from regimen.records import RunConfig
    from regimen.runs import start, validate_run
    from regimen.work import Compute

    def used() -> float:
        each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in each)

    def silent(_done: int, _total: int, _message: str) -> None:
        pass

    stamps = np.datetime64("2021-01-01", "ns") + np.arange(20_000) * np.timedelta64(3600, "s")
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.005, len(stamps))))
    opens = np.concatenate([[100.0], close[:-1]])
    prices = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    bars = Bars.from_arrays(stamps, **prices, volume=np.full(len(close), 1e6))
    with TemporaryDirectory() as folder:
        config = RunConfig.model_validate({"data": bars, "splits": {"test": "50%"}, "tracking": "none"})
        run = start(config, Path(folder), silent)[0]
        clock, before = time.perf_counter(), used()
        validate_run(run, silent, folds=10, tested=2, compute=Compute.parse(compute))
        return time.perf_counter() - clock, used() - before


def main() -> None:
    """Prints a line for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=("intervals", "pbo", "judge", "folds"), default=("intervals", "pbo", "judge")
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", default=None, help="a file of about a million bars")
    asked = parser.parse_args()
    random = np.random.default_rng(0)
    print(f"{processors()} processors\n")
    print(f"{'':<58}{'clock':>9}{'processor':>11}{'aim':>8}")

    def line(name: str, function: Callable[[], object], aim: str, runs: int) -> None:
        clock, used = best(function, runs)
        print(f"{name:<58}{clock:>7.2f} s{used:>9.2f} s{aim:>8}", flush=True)

    if "intervals" in asked.only:
        days = random.normal(4e-4, 0.01, 2500)
        draws = lambda: metrics.sharpe_interval(days, 252.0, draws=10_000)  # noqa: E731
        line("10,000 block-bootstrap Sharpe ratios of 2,500 days", draws, "<= 1 s", asked.runs)
    if "pbo" in asked.only:
        panel = random.normal(0.0, 0.01, (2500, 500))
        line("CSCV, 16 blocks, 500 strategies, 2,500 days", lambda: metrics.pbo(panel, draws=0), "<= 5 s", asked.runs)
        line("the same with 200 sets of noise beside it", lambda: metrics.pbo(panel), "<= 5 s", asked.runs)
    if "judge" in asked.only:
        ledger = traded(minutes(asked.data))
        trials = Trials(14, 3e-4)
        line(f"judging {len(ledger):,} bars", lambda: judge(ledger, trials), "<= 3 s", asked.runs)
    if "folds" in asked.only:
        clock, used = validated()
        name = "regimen validate, 20,000 bars, 10 folds, 2 held out"
        print(f"{name:<58}{clock:>7.2f} s{used:>9.2f} s{'<= 180 s':>8}", flush=True)


if __name__ == "__main__":
    main()
