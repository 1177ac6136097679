"""Nothing that happens breaks the guard's promises: random bars, accounts, alarms and operators, one after another.

Promised are: no risk is added while reducing or halted, nothing but an operator's ``resume`` unlatches, no target
exceeds its limit, a reducing target always passes, and none crosses zero while new risk is not let through.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.markets import bars_of

from regimen.bars import Calendar
from regimen.execution import Market, MarketConfig
from regimen.safeguards import Guard, Ruling, SafeguardsConfig, Sighting, guarded

HOUR = 3_600_000_000_000
RANK = {"active": 0, "reducing": 1, "halted": 2}
ON = np.ones(1, np.bool_)


class Witness:
    """Remembers by itself what a guard of one symbol let through, and says which promise a ruling breaks."""

    def __init__(self, config: SafeguardsConfig, every_bar: bool = False) -> None:
        self.config, self.every_bar = config, every_bar
        self.mode, self.last = "active", float("nan")

    def broken(self, seen: Sighting, ruling: Ruling) -> str | None:
        exposure, wanted, allowed = float(seen.exposures[0]), float(seen.wanted[0]), float(ruling.allowed[0])
        mode, last = ruling.mode, self.last
        if seen.operator != "resume" and RANK[mode] < RANK[self.mode]:
            return f"{self.mode} became {mode} without an operator"
        if self.config.position is not None and abs(allowed) > self.config.position:
            return f"{allowed} is beyond the limit"
        latched = mode != "active"
        # What the account trades towards: the target, or the last one where an order waits or is made at every bar.
        goes_on = bool(seen.waiting[0]) or self.every_bar
        aim = allowed if allowed == allowed else last if goes_on else exposure
        if latched and seen.waiting[0] and allowed != allowed and last == last and last != 0.0:
            return f"an order to {last}, sized at another price, goes on from {exposure}"
        if latched and aim == aim:
            if aim * exposure < 0.0:
                return f"{exposure} crosses zero to {aim}"
            if abs(aim) > abs(exposure):
                return f"{exposure} grows to {aim}"
        if wanted == wanted and wanted * exposure >= 0.0 and abs(wanted) < abs(exposure):
            goal = allowed if allowed == allowed else last
            if not (goal == goal and abs(goal) <= abs(wanted) and goal * exposure >= 0.0):
                return f"{exposure} may not be reduced to {wanted}, but {goal}"
        self.mode = mode
        self.last = allowed if allowed == allowed else last
        return None


class GuardMachine(RuleBasedStateMachine):
    """Bars of one symbol whose account, prices, alarms and operator are whatever hypothesis thinks of."""

    @initialize(
        hold=st.booleans(),
        every_bar=st.booleans(),
        position=st.sampled_from([None, 0.1, 0.5]),
        loss=st.sampled_from([None, 0.02]),
    )
    def open(self, hold: bool, every_bar: bool, position: float | None, loss: float | None) -> None:
        self.config = SafeguardsConfig(
            position=position, daily_loss=loss, trades=5, collapse_bars=20, halted="hold" if hold else "close"
        )
        market = MarketConfig(rebalance="every_bar" if every_bar else "on_change")
        self.guard = Guard(self.config, market, symbols=1, bar_length=HOUR, calendar=Calendar("24/7"))
        self.state, self.hour, self.equity = self.guard.initial(1e6), 480_000, 1e6
        self.witness, self.problem = Witness(self.config, every_bar), None

    @rule(
        exposure=st.floats(-1.5, 1.5),
        wanted=st.one_of(st.just(float("nan")), st.floats(-1.5, 1.5), st.sampled_from([0.0, 0.1, -0.1])),
        change=st.floats(-0.03, 0.03),
        confidence=st.one_of(st.just(float("nan")), st.floats(0.0, 1.0)),
        move=st.floats(-0.3, 0.3),
        waiting=st.booleans(),
        late=st.sampled_from([0, HOUR]),
        hours=st.sampled_from([1, 1, 1, 7, 30]),
        alarms=st.sampled_from([(), (), (), ("drift",), ("collapse",)]),
        operator=st.sampled_from([None, None, None, "resume", "resume", "halt", "reduce"]),
    )
    def bar(
        self,
        exposure: float,
        wanted: float,
        change: float,
        confidence: float,
        move: float,
        waiting: bool,
        late: int,
        hours: int,
        alarms: tuple[str, ...],
        operator: Any,
    ) -> None:
        self.hour += hours
        self.equity *= 1.0 + change
        seen = Sighting(
            time=self.hour * HOUR,
            equity=self.equity,
            exposures=np.array([exposure]),
            wanted=np.array([wanted]),
            confidence=np.array([confidence]),
            close=np.array([100.0 * (1.0 + move)]),
            previous=np.array([100.0]),
            present=ON,
            waiting=np.array([waiting]),
            at=self.hour * HOUR + late,
            alarms=alarms,
            operator=operator,
        )
        ruling = self.guard.check(self.state, seen)
        self.problem = self.witness.broken(seen, ruling)
        self.state = ruling.state

    @invariant()
    def every_promise_is_kept(self) -> None:
        assert getattr(self, "problem", None) is None, self.problem


TestGuardMachine = GuardMachine.TestCase
TestGuardMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def drive(steps: int, seed: int, **fields: Any) -> dict[str, int]:
    """Shows a guard random bars one after another; returns how many were decided in each mode.

    Raises:
        AssertionError: a promise is broken; it names the step.
    """
    rng = np.random.default_rng(seed)
    every_bar = fields.pop("every_bar", False)
    config = SafeguardsConfig(collapse_bars=60, **fields)
    market = MarketConfig(rebalance="every_bar" if every_bar else "on_change")
    guard = Guard(config, market, symbols=1, bar_length=HOUR, calendar=Calendar("24/7"))
    state, witness = guard.initial(1e6), Witness(config, every_bar)
    exposures, changes = rng.uniform(-1.5, 1.5, (steps, 1)), rng.normal(0.0, 0.003, steps)
    wanted = np.where(rng.random((steps, 1)) < 0.2, np.nan, rng.uniform(-1.5, 1.5, (steps, 1)))
    near = rng.random((steps, 1)) < 0.4
    wanted = np.where(near, exposures * rng.uniform(-1.0, 1.0, (steps, 1)), wanted)
    confidence, closes = rng.uniform(0.3, 1.0, (steps, 1)), 100.0 * np.exp(rng.normal(0.0, 0.08, (steps, 1)))
    waiting, late = rng.random((steps, 1)) < 0.3, (rng.random(steps) < 0.05) * HOUR
    hours = np.cumsum(rng.choice([1, 1, 1, 1, 1, 1, 1, 1, 9], steps)) + 480_000
    words = rng.choice([None, "resume", "reduce", "halt"], steps, p=[0.984, 0.01, 0.003, 0.003]).tolist()
    alarms = [("drift",) if ring else () for ring in rng.random(steps) < 0.002]
    previous, equity, modes = np.array([100.0]), 1e6, {"active": 0, "reducing": 0, "halted": 0}
    for k in range(steps):
        equity = max(equity * (1.0 + float(changes[k])), 1.0)
        time = int(hours[k]) * HOUR
        seen = Sighting(
            time, equity, exposures[k], wanted[k], confidence[k], closes[k], previous, ON, waiting[k],
            time + int(late[k]), alarms[k], words[k],
        )  # fmt: skip
        ruling = guard.check(state, seen)
        state = ruling.state
        problem = witness.broken(seen, ruling)
        assert problem is None, f"step {k}: {problem}"
        modes[ruling.mode] += 1
    return modes


@pytest.mark.parametrize("fields", [{}, {"position": None, "halted": "hold"}, {"every_bar": True, "position": None}])
def test_random_bars_break_no_promise(fields: dict[str, Any]) -> None:
    modes = drive(4000, 7, **fields)
    assert min(modes.values()) > 400  # the promises were put to the test


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fields", [{}, {"position": None, "halted": "hold"}, {"every_bar": True, "position": None}])
def test_a_million_random_bars_break_no_promise(fields: dict[str, Any], seed: int) -> None:
    modes = drive(84_000, seed, **fields)
    assert sum(modes.values()) * 12 >= 1_000_000


def gap_market(seed: int, length: int = 600) -> Any:
    """Bars whose opens lie far from the closes before them, up to a half, and whose volume is small."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, length)))
    opens = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.choice([0.0, 0.0, 0.0, -0.5, 0.4], length))
    return bars_of(close, opens, step="1h", volume=rng.uniform(10.0, 400.0, length))


@pytest.mark.parametrize("market", [{}, {"participation_cap": 0.5}, {"rebalance": "every_bar"}, {"lot_size": 7.0}])
def test_no_gap_between_decision_and_fill_carries_a_position_across_zero(market: dict[str, Any]) -> None:
    """A fill is ``target × equity / open`` of a positive equity and open: it has the sign of its target, or is 0."""
    config = SafeguardsConfig(
        position=None, daily_loss=0.01, drawdown=0.9, drawdown_warning=None, price_band=None, collapse=None,
        operator="absent",
    )  # fmt: skip
    reducing = 0
    for seed in range(20):
        bars = gap_market(seed)
        rng = np.random.default_rng(seed + 100)
        targets = np.repeat(rng.uniform(-0.9, 0.9, 300), 2)[:, None]
        ledger, record = guarded(Market(initial_cash=1e4, **market), bars, targets, config)
        latched = np.flatnonzero(record.modes[:-1] > 0)
        before, after = ledger.units[latched, 0], ledger.units[latched + 1, 0]
        assert (before * after >= 0.0).all()
        # What is filled is the target at most, as a share of the equity; or, where volume lets only a part of it
        # through, fewer units than before.
        worth = np.abs(after) * bars.open[latched + 1, 0]
        at_open = ledger.cash[latched] + before * bars.open[latched + 1, 0]
        within = worth <= np.abs(ledger.exposure[latched, 0]) * at_open * (1.0 + 1e-9)
        assert (within | (np.abs(after) < np.abs(before)) | (after == before)).all()
        still = after == before
        reducing += int((~still).sum())
    assert reducing > 20


def test_a_flip_that_waits_for_volume_ends_at_zero() -> None:
    """+1 to −1 through bars that let a fifth through: when trading is reduced on the way, the position stops at 0."""
    close = np.full(60, 100.0)
    close[32:] = 104.0  # a short of .5 loses more than 1 % here
    bars = bars_of(close, close, step="1h", volume=np.full(60, 100.0))
    targets = np.where(np.arange(60) < 15, 1.0, -1.0)[:, None]
    config = SafeguardsConfig(
        position=None, daily_loss=0.01, price_band=None, collapse=None, confidence=None, operator="absent"
    )
    market = Market(initial_cash=1e4, participation_cap=0.1)
    ledger, record = guarded(market, bars, targets, config)
    first = int(np.flatnonzero(record.modes == 1)[0])
    assert ledger.units[first, 0] < 0.0
    assert ledger.units.min() == ledger.units[first, 0]  # the rest of the order did not fill
    free = market.backtest(bars, targets)
    assert free.units.min() < ledger.units.min()
