"""A run's saved policies, asked bar by bar without the bars that are to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from regimen.execution import Ledger, LiveAccount
from regimen.features import FeatureSet
from regimen.policies import decide
from regimen.records import RunDirectory
from regimen.records.layout import EXPOSURES
from regimen.runs.live.moments import moments
from regimen.runs.live.result import LiveCheck
from regimen.runs.prepare import Prepared, seen
from regimen.runs.window import load_policy, read_exposures

Floats = NDArray[np.float64]

SAMPLE = 64
"""Bars at which functions of a frame are computed anew from nothing but the bars up to there."""
_SHOWN = 500


def bar_by_bar(prepared: Prepared, directory: RunDirectory, tell: Callable[[int, int], None]) -> Iterator[LiveCheck]:
    """Replays a run: its decisions, one window after another, and the money of its account.

    Each window's policy watches all bars before its test span, decides in it, and sees nothing else; its targets must
    be those that the run wrote, bit for bit, and the equity of an account that steps along, that of the run's ledger.

    Args:
        prepared: of the run.
        directory: with its windows and its ledger.
        tell: progress: bars done, and in all.
    """
    bars, windows = prepared.bars, prepared.windows
    symbols = len(bars.symbols)
    policies = [load_policy(directory.window(w.number), prepared.config, prepared.features.hash) for w in windows]
    states = [policy.initial_state(symbols) for policy in policies]
    decided, equity = np.full(bars.shape, np.nan), np.full(len(bars), np.nan)
    account = LiveAccount(prepared.config.market, symbols)
    for t, moment in enumerate(moments(prepared)):
        if t % _SHOWN == 0:
            tell(t, len(bars))
        for number, (window, policy) in enumerate(zip(windows, policies, strict=True)):
            if t < window.test.start:
                states[number] = policy.watch(moment, states[number])
            elif t < window.test.stop:
                decided[t], states[number] = decide(policy, moment, states[number])
                account.step(moment.tape)
                account.decide(decided[t])
                equity[t] = account.equity
    for window in windows:
        start, stop = window.test.start, min(window.test.stop, len(bars) - 1)  # the last bar's decision never fills
        rows = (window.test.stop - start, symbols)
        written = read_exposures(directory.window(window.number) / EXPOSURES, rows)
        assert written is not None  # of a finished run
        apart = ~_same(written[: stop - start], decided[start:stop]).all(axis=1)
        yield _check(f"window {window.number + 1}, decisions", prepared, start + np.flatnonzero(apart), stop - start)
    begin, end = prepared.span
    apart = ~_same(Ledger.read(directory.path / "ledger").equity, equity[begin:end])
    yield _check("account, equity", prepared, begin + np.flatnonzero(apart), end - begin)


def known_in_time(prepared: Prepared, tell: Callable[[int, int], None]) -> Iterator[LiveCheck]:
    """Computes columns that are functions of a whole frame from the bars up to some bar, and compares its row.

    At `SAMPLE` bars of the traded span, odd and even ones alike; each sees a frame of its own, which ends there.
    """
    functions, bars = prepared.features.functions, prepared.bars
    if not functions:
        return
    begin, end = prepared.span
    places = np.unique(np.linspace(begin, end - 1, min(SAMPLE, end - begin)).astype(np.int64))
    own = FeatureSet(functions).unexamined()
    names = [name for name in own.names if name in prepared.frame.names]
    columns = [prepared.frame.names.index(name) for name in names]
    mine = [own.names.index(name) for name in names]
    apart = []
    for number, t in enumerate(places):
        tell(number, len(places))
        row = own.compute(seen(bars.window(0, int(t) + 1))).values[-1][:, mine]
        if not np.allclose(row, prepared.frame.values[t][:, columns], rtol=1e-9, atol=1e-12, equal_nan=True):
            apart.append(int(t))
    yield _check("functions of a frame", prepared, np.array(apart, np.int64), len(places))


def _same(left: Floats, right: Floats) -> NDArray[np.bool_]:
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))


def _check(name: str, prepared: Prepared, apart: NDArray[np.int64], compared: int) -> LiveCheck:
    first = "" if not len(apart) else str(prepared.bars.time[apart[0]])[:19]
    return LiveCheck(name, compared, len(apart), first)
