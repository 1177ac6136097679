"""A model that learns on, in the live engine: it learns from its own stream of labels, and decides as in a backtest."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal
from tests.live.accounts import events, setup_of, walk

from regimen.bundle.assembly import as_it_is
from regimen.features import FeatureSet
from regimen.labels import FixedHorizonConfig, LabelStep
from regimen.live import Engine
from regimen.policies import ExposureConfig, targets
from regimen.policies.online import NEVER, Carried, OnlinePolicy, StreamCalibrationConfig
from regimen.predictors import OnlineLogisticConfig

FIRST = 60


def test_it_decides_as_in_a_backtest_and_keeps_what_it_learned_in_its_memory() -> None:
    bars = walk(symbols=2, holes=True)
    features = FeatureSet.standard().select(columns=["return_1", "return_5"])
    learner = OnlineLogisticConfig(learning_rate=0.1).build(2, schema=features.hash)
    carried = Carried(learner, StreamCalibrationConfig().build(), NEVER, np.empty(0, np.int64), np.empty((0, 2, 3)))
    step = LabelStep.of(FixedHorizonConfig(horizon=3, dead_band=0.2, volatility_bars=10))
    policy = OnlinePolicy(carried, step, ExposureConfig(dead_band=0.0, scale=5.0))
    setup = setup_of(bars, policy=as_it_is(policy, 1.0), features=features)
    history = setup.market.build().history(bars, features.compute(bars))
    wanted = targets(policy, history, FIRST, len(bars))
    assert np.abs(np.nan_to_num(wanted)).max() > 0.05
    engine = Engine(setup)
    state, aims = engine.initial(), []
    for number, event in enumerate(events(bars, FIRST)):
        if number == 200:  # as after a crash: another process, from the same state
            engine = Engine(setup)
        stepped = engine.step(state, event)
        state = stepped.state
        aims.append([each.target for each in stepped.answer.symbols])
    assert_array_equal(np.array(aims[FIRST:], np.float64), wanted)
    learned = state.policy[0, -42 - learner.numbers.size : -42]
    assert_array_equal(learned, policy.carried_to(history, len(bars)).learner.numbers)  # type: ignore[attr-defined]
    assert np.abs(learned).max() > 0.0
