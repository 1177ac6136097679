"""The step called by others: many accounts in a compiled loop, and a GPU kernel under numba's simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from regimen.bars import Bars
from regimen.execution import Costs, Market, advance, open_account
from regimen.execution.account import Rules
from regimen.execution.columns import ACCOUNT_COLUMNS, EQUITY, POSITION_COLUMNS
from regimen.execution.replay import replay
from regimen.jit import jit_uncached
from regimen.scan.digest import code_digest, python_function

ACCOUNTS, LENGTH, SYMBOLS = 16, 40, 3


def market_and_bars() -> tuple[Market, Bars, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    shape = (120, SYMBOLS)
    close = 100.0 * np.exp(np.cumsum(0.05 * rng.standard_normal(shape), axis=0))
    start = close * np.exp(0.01 * rng.standard_normal(shape))
    start[rng.random(shape) < 0.05] = np.nan
    start[90:, 2] = np.nan  # it ends
    bars = Bars.from_arrays(
        np.datetime64("2020-01-01") + np.arange(120),
        open=start,
        high=np.fmax(start, close),
        low=np.fmin(start, close),
        close=close,
        volume=rng.uniform(1e3, 1e5, shape),
        symbols=("A", "B", "C"),
        extras={
            "funding_rate": np.where(rng.random(shape) < 0.3, 1e-3, np.nan),
            "adjustment": np.cumprod(np.where(rng.random(shape) < 0.02, 2.0, 1.0), axis=0),
        },
        checked=False,
    )
    market = Market(
        costs=Costs(commission_fixed=1.0, impact_coefficient=1.0, borrow_annual=0.1, financing_annual=0.1),
        participation_cap=0.1,
        lot_size=0.5,
        leverage=3.0,
        intrabar_margin=True,
    )
    starts = rng.integers(0, len(bars) - LENGTH, ACCOUNTS)
    actions = rng.normal(0.0, 1.0, (LENGTH, ACCOUNTS, SYMBOLS))
    return market, bars, starts, actions


@jit_uncached
def _step_all(k, starts, tape, actions, rules, account, positions):  # type: ignore[no-untyped-def]
    for n in range(len(starts)):
        row = n if k > 0 else -1
        advance(n, starts[n] + k, row, tape, actions, rules, account, positions, None, 0)


def expected(market: Market, bars: Bars, starts: np.ndarray, actions: np.ndarray) -> np.ndarray:
    equity = np.empty((LENGTH, ACCOUNTS))
    for n, start in enumerate(starts):
        targets = np.full(bars.shape, np.nan)
        targets[start : start + LENGTH] = actions[:, n]
        equity[:, n] = market.backtest(bars, targets, int(start), int(start) + LENGTH).equity
    return equity


def test_many_accounts_give_the_bits_of_their_backtests() -> None:
    market, bars, starts, actions = market_and_bars()
    tape, rules = market.tape(bars), market.rules()
    account, positions = (
        np.empty((ACCOUNTS, ACCOUNT_COLUMNS)),
        np.empty((ACCOUNTS, SYMBOLS, POSITION_COLUMNS)),
    )
    for n in range(ACCOUNTS):
        open_account(n, market.config.initial_cash, account, positions)
    equity = np.empty((LENGTH, ACCOUNTS))
    for k in range(LENGTH):
        decided = actions[k - 1] if k else actions[0]
        _step_all(k, starts, tape, decided, rules, account, positions)
        equity[k] = account[:, EQUITY]
    np.testing.assert_array_equal(equity, expected(market, bars, starts, actions))


KERNEL = """
import sys
import numpy as np
from numba import cuda
from regimen.execution import Tape, advance
from regimen.execution.columns import EQUITY
from regimen.execution.account import Rules

given = np.load(sys.argv[1])
rules = Rules(*given["rules"])
tape = Tape(*(given[name] for name in Tape._fields))
account, positions = given["account"].copy(), given["positions"].copy()


@cuda.jit
def step_all(k, starts, tape, decided, rules, account, positions):
    n = cuda.grid(1)
    if n < starts.shape[0]:
        row = n if k > 0 else -1
        advance(n, starts[n] + k, row, tape, decided, rules, account, positions, None, 0)


equity = np.empty(given["actions"].shape[:2])
for k in range(len(equity)):
    decided = given["actions"][max(k - 1, 0)]
    step_all[4, 4](k, given["starts"], tape, decided, rules, account, positions)
    equity[k] = account[:, EQUITY]
np.save(sys.argv[2], equity)
"""


def test_a_cuda_kernel_gives_the_same_bits_in_the_simulator(tmp_path: Path) -> None:
    market, bars, starts, actions = market_and_bars()
    tape, rules = market.tape(bars), market.rules()
    account, positions = (
        np.empty((ACCOUNTS, ACCOUNT_COLUMNS)),
        np.empty((ACCOUNTS, SYMBOLS, POSITION_COLUMNS)),
    )
    for n in range(ACCOUNTS):
        open_account(n, market.config.initial_cash, account, positions)
    np.savez(
        tmp_path / "given.npz",
        rules=np.array(Rules(*rules)),
        starts=starts,
        actions=actions,
        account=account,
        positions=positions,
        **tape._asdict(),
    )
    # The simulator runs a kernel as Python, and so must what the kernel calls.
    simulator = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", KERNEL, str(tmp_path / "given.npz"), str(tmp_path / "equity.npy")]
    subprocess.run(command, check=True, env={**os.environ, **simulator}, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "equity.npy"), expected(market, bars, starts, actions))


def test_the_loop_of_a_backtest_carries_the_digest_of_the_step() -> None:
    """numba compares the constants of a closure with its cache; among them must be a digest of all that is called."""
    loop, step = python_function(replay), python_function(advance)
    assert loop is not None
    assert step is not None
    cells = loop.__closure__ or ()
    digest = int(code_digest(advance, loaded=True)[:12], 16)
    assert [cell.cell_contents for cell in cells] == [digest] != [0]
    known = step.__globals__["room"]
    try:
        step.__globals__["room"] = jit_uncached(lambda n: n)
        assert int(code_digest(advance, loaded=True)[:12], 16) != digest
    finally:
        step.__globals__["room"] = known
