"""A replay through the engine has the bits of a backtest, and a step depends on its arguments alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.live.accounts import WIDE, events, setup_of, walk

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.live import Engine, LiveState, OperatorEvent, Stepped
from regimen.live.memory import LiveMemory
from regimen.monitoring import (
    MARKET_COLUMNS,
    DriftConfig,
    DriftReference,
    SequentialVerdict,
    SequentialVerdictConfig,
    Watch,
    market_columns,
)
from regimen.policies import targets
from regimen.safeguards import SafeguardsConfig, guarded

FIRST = 60


def replayed(engine: Engine, bars: Bars, watched: int = FIRST) -> list[Stepped]:
    """Returns what each bar led to."""
    state, steps = engine.initial(), []
    for event in events(bars, watched):
        steps.append(engine.step(state, event))
        state = steps[-1].state
    return steps


def aims(steps: list[Stepped], name: str = "target") -> Any:
    return np.array([[getattr(each, name) for each in step.answer.symbols] for step in steps], np.float64)


@pytest.mark.parametrize(("symbols", "holes"), [(1, False), (3, True)])
def test_orders_and_equity_are_those_of_the_backtest(symbols: int, holes: bool) -> None:
    bars = walk(symbols=symbols, holes=holes)
    setup = setup_of(bars)
    steps = replayed(Engine(setup), bars)[FIRST:]
    market = setup.market.build()
    history = market.history(bars, setup.features.compute(bars))
    wanted = targets(setup.policy, history, FIRST, len(bars))
    assert np.abs(np.nan_to_num(wanted)).sum() > 10.0
    assert_array_equal(aims(steps), wanted)
    rows = np.full(bars.shape, np.nan)
    rows[FIRST:] = wanted
    ledger = market.backtest(bars, rows, FIRST, len(bars))
    assert_array_equal([step.answer.equity for step in steps], np.asarray(ledger.equity))


@pytest.mark.parametrize("limits", [SafeguardsConfig(), SafeguardsConfig(position=0.3, trades=5, daily_loss=0.005)])
def test_behind_safeguards_they_are_those_of_the_guarded_backtest(limits: SafeguardsConfig) -> None:
    bars = walk(symbols=2, holes=True, seed=3)
    setup = setup_of(bars, limits)
    steps = replayed(Engine(setup), bars)[FIRST:]
    market = setup.market.build()
    wanted = targets(setup.policy, market.history(bars, setup.features.compute(bars)), FIRST, len(bars))
    confidence = np.array([[each.confidence for each in step.answer.symbols] for step in steps], np.float64)
    rows, sure = np.full(bars.shape, np.nan), np.full(bars.shape, np.nan)
    rows[FIRST:], sure[FIRST:] = wanted, confidence
    absent = limits.model_copy(update={"operator": "absent"})
    ledger, record = guarded(market, bars, rows, absent, FIRST, len(bars), sure)
    assert record.acted.any()
    assert_array_equal(aims(steps), record.allowed)
    assert_array_equal([step.answer.equity for step in steps], np.asarray(ledger.equity))


def test_a_step_depends_on_its_arguments_alone() -> None:
    bars = walk(200, symbols=2)
    setup = setup_of(bars, WIDE)
    engine = Engine(setup)
    steps = replayed(engine, bars)
    feed = events(bars, FIRST)
    again = [engine.step(steps[t - 1].state, feed[t]) for t in (150, 90, 199, 61)]
    for t, step in zip((150, 90, 199, 61), again, strict=True):
        assert step.answer == steps[t].answer
        assert step.state.content() == steps[t].state.content()
    other = Engine(setup).step(LiveState.read(steps[120].state.content()), feed[121])
    assert other.state.content() == steps[121].state.content()


def test_a_bar_that_is_refused_changes_nothing() -> None:
    bars = walk(100)
    engine = Engine(setup_of(bars))
    steps = replayed(engine, bars)
    feed = events(bars, FIRST)
    torn = feed[99]._replace(rows=np.where(np.arange(5)[:, None] == 1, 1.0, feed[99].rows))
    with pytest.raises(DataError, match="high"):
        engine.step(steps[98].state, torn)
    with pytest.raises(DataError, match="must be after the last bar"):
        engine.step(steps[98].state, feed[98])
    assert engine.step(steps[98].state, feed[99]).answer == steps[99].answer


def test_an_operator_takes_back_what_has_not_fallen_due() -> None:
    bars = walk(200, seed=5)
    engine = Engine(setup_of(bars, WIDE))
    steps, feed = replayed(engine, bars), events(bars, FIRST)
    flips = [
        t
        for t in range(100, 199)
        if steps[t].effects.orders and aims([steps[t]])[0, 0] * aims([steps[t - 1]])[0, 0] < 0
    ]
    t = flips[0]
    before = steps[t].answer
    halted = engine.step(steps[t].state, OperatorEvent("halt", "anna", "news", feed[t].at + 1))
    assert halted.answer.mode == engine.mode(halted.state) == "halted"
    assert [notice.level for notice in halted.effects.notices] == ["critical"]
    after = engine.step(halted.state, feed[t + 1])
    # Of the order that would have turned the position round the half that closes it was filled.
    assert before.symbols[0].exposure != 0.0
    assert halted.state.targets.tolist() == [0.0]
    assert (after.answer.symbols[0].exposure, after.answer.mode) == (0.0, "halted")
    on = engine.step(after.state, OperatorEvent("resume", "anna", "", feed[t + 1].at + 1))
    assert engine.step(on.state, feed[t + 2]).answer.mode == "active"


def test_an_operator_takes_back_new_risk_before_it_is_filled() -> None:
    bars = walk(200, seed=5)
    engine = Engine(setup_of(bars, WIDE))
    steps, feed = replayed(engine, bars), events(bars, FIRST)
    t = next(t for t in range(FIRST, 200) if steps[t].effects.orders)
    reduced = engine.step(steps[t].state, OperatorEvent("reduce", "anna", "", feed[t].at + 1))
    after = engine.step(reduced.state, feed[t + 1])
    assert after.answer.symbols[0].exposure == 0.0
    assert np.isnan(reduced.state.targets).all()  # nothing has ever been aimed at


def test_an_account_without_safeguards_hears_no_operator() -> None:
    engine = Engine(setup_of(walk(10)))
    with pytest.raises(DataError, match="needs safeguards"):
        engine.step(engine.initial(), OperatorEvent("halt", "", "", 0))


def test_a_volatility_that_triples_rings_and_stops_new_risk() -> None:
    calm = walk(7000, seed=7)
    quiet = setup_of(calm)
    features = quiet.features.compute(calm).values
    previous = np.vstack([calm.close[:1], calm.close[:-1]])
    market = market_columns(previous, calm.high, calm.low, calm.close)
    rows = np.concatenate([features, market], axis=2).reshape(len(calm), -1)
    names = (*quiet.features.names, *MARKET_COLUMNS)
    reference = DriftReference.of(rows[FIRST:], names, DriftConfig(), calm.periods_per_year)
    again, wild = walk(1200, seed=8), walk(1200, seed=8, sigma=0.03)
    limits = WIDE.model_copy(update={"price_band": None})
    for bars, rings in ((again, False), (wild, True)):
        steps = replayed(Engine(setup_of(bars, limits, watch=Watch(reference))), bars)
        assert any("drift" in step.answer.alarms for step in steps) is rings
        assert (steps[-1].answer.mode == "reducing") is rings
        assert any(notice.name == "drift" for step in steps for notice in step.effects.notices) is rings


def test_a_bundle_without_splits_has_its_returns_watched() -> None:
    bars = walk(90)
    setup = setup_of(bars)
    names = (*setup.features.names, *MARKET_COLUMNS)
    rows = np.abs(np.random.default_rng(0).standard_normal((100, len(names))))
    watched = setup_of(bars, WIDE, watch=Watch(DriftReference.of(rows, names, DriftConfig(window=8))))
    engine = Engine(watched)
    start = engine.initial()
    begun = start.memory.arrays() | {"first": np.ones(1)}  # as a bundle's start has it; there is no factor
    state = start._replace(memory=LiveMemory.of(begun))
    for event in events(bars, FIRST):
        state = engine.step(state, event).state
    counts = state.memory["watch/drift/current"] + state.memory["watch/drift/earlier"].sum(axis=0)
    assert counts[:, -1].tolist() == [0] * len(names)


def test_an_account_that_contradicts_its_backtest_is_halted_until_an_operator_resumes() -> None:
    bars = walk(24 * 120, seed=11)
    claim = SequentialVerdictConfig(claimed=12.0, volatility=0.1, days_per_year=365.0, half_life=20.0)
    setup = setup_of(bars, WIDE, watch=Watch(verdict=SequentialVerdict(claim)))
    steps = replayed(Engine(setup), bars)
    first = next(k for k, step in enumerate(steps) if "verdict" in step.answer.alarms)
    assert [step.answer.mode for step in steps[first - 1 : first + 1]] == ["active", "halted"]
    assert {step.answer.mode for step in steps[first:]} == {"halted"}
    assert "contradict the backtest" in steps[first].effects.notices[0].text
    # By a second path: the returns of whole days, each from the last close of one to that of the next.
    equity = np.array([step.answer.equity for step in steps[FIRST:first]])
    days = bars.time[FIRST:first].astype("datetime64[D]")
    closes = np.array([1e6, *(equity[days == day][-1] for day in np.unique(days))])
    verdict, memory = SequentialVerdict(claim), SequentialVerdict(claim).initial()
    for gained in closes[1:] / closes[:-1] - 1.0:
        assert not verdict.reading(memory).contradicts
        memory = verdict.observe(memory, gained)
    assert verdict.reading(memory).contradicts


def test_to_reduce_after_a_halt_brings_nothing_back() -> None:
    bars = walk(200, seed=5)
    engine = Engine(setup_of(bars, WIDE))
    steps, feed = replayed(engine, bars), events(bars, FIRST)
    at = feed[150].at
    halted = engine.step(steps[150].state, OperatorEvent("halt", "anna", "", at + 1))
    reduced = engine.step(halted.state, OperatorEvent("reduce", "bert", "", at + 2))
    assert reduced.answer.mode == "halted"
    after = engine.step(reduced.state, feed[151])
    assert (after.answer.mode, after.answer.symbols[0].target) == ("halted", 0.0)
    again = engine.step(after.state, OperatorEvent("reduce", "bert", "", feed[151].at + 1))
    assert again.answer.mode == "halted"
    assert engine.step(again.state, feed[152]).answer.mode == "halted"


@pytest.mark.parametrize("latency", [1, 3])
def test_a_reduction_on_its_way_passes_whatever_an_operator_says(latency: int) -> None:
    bars = walk(300, seed=5)
    plain = setup_of(bars, WIDE)
    engine = Engine(setup_of(bars, WIDE, market=plain.market.model_copy(update={"latency_bars": latency})))
    steps, feed = replayed(engine, bars), events(bars, FIRST)
    passed = 0
    for t in range(100, 299 - latency):
        last, now = aims([steps[t - 1]])[0, 0], aims([steps[t]])[0, 0]
        exposure, units = steps[t].answer.symbols[0].exposure, steps[t].state.units[0]
        if not (last * now < 0.0 and exposure * now < 0.0):
            continue  # else the policy turns round
        following = engine.step(steps[t].state, OperatorEvent("reduce", "anna", "", feed[t].at + 1))
        for k in range(1, latency + 1):
            following = engine.step(following.state, feed[t + k])
            assert following.answer.mode == "reducing"
            assert 0.0 <= following.state.units[0] / units <= 1.0
        assert following.answer.symbols[0].exposure == 0.0
        passed += 1
    assert passed > 5


@pytest.mark.parametrize("bars", [0, 90])
def test_warming_up_changes_nothing(bars: int) -> None:
    path = walk(100, symbols=2)
    engine, other = Engine(setup_of(path, WIDE)), Engine(setup_of(path, WIDE))
    state, same = engine.initial(), other.initial()
    for event in events(path)[:bars]:
        state, same = engine.step(state, event).state, other.step(same, event).state
    before = state.content()
    engine.warm(state)
    assert state.content() == before
    event = events(path)[bars]
    assert engine.step(state, event).state.content() == other.step(same, event).state.content()
